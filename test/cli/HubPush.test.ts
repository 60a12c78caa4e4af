import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { FileBytes, Parquet } from "../../src/dataset/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import * as HubServer from "../dataset/HubServer.ts"
import { directory, readLines, run, start } from "./Command.ts"

const TOKEN = "hf_ada"
const REPO = "ada/chats"
const FILE = "data/train-00000-of-00001.parquet"
const LONG = { timeout: 120_000 }

const rowsText = (rows: number): string =>
  Array.from({ length: rows }, (_, at) => `${JSON.stringify({ id: at, text: `text ${at}`, score: at / 2 })}\n`).join("")

/** A Hub where Ada writes, a folder with rows, and the command as she runs it. */
const world = Effect.fnUntraced(function*(options: Partial<HubServer.Options> = {}) {
  const hub = yield* HubServer.make({ users: { [TOKEN]: { name: "ada" } }, ...options })
  const folder = yield* directory
  const rows = join(folder, "rows.jsonl")
  writeFileSync(rows, rowsText(30))
  const env = HubServer.environment(hub.url, TOKEN, folder)
  const commits = () => hub.datasets.get(REPO)?.commits ?? []
  return {
    folder,
    rows,
    commits,
    tree: () => [...commits().at(-1)?.files ?? []].map(([path, { oid }]) => `${path} ${oid}`).toSorted(),
    card: () => new TextDecoder().decode(commits().at(-1)?.files.get("README.md")?.bytes),
    writes: Effect.map(hub.hub.received, (all) => all.filter(({ method }) => method !== "GET" && method !== "HEAD")),
    puts: Effect.map(hub.cdn.received, (all) => all.filter(({ method }) => method === "PUT")),
    reads: Effect.map(hub.cdn.received, (all) => all.filter(({ method }) => method === "GET")),
    push: (...args: ReadonlyArray<string>) => run(["hub", "push", REPO, ...args], { env }),
    start: (...args: ReadonlyArray<string>) => start(["hub", "push", REPO, ...args], { env }),
    simulated: (...args: ReadonlyArray<string>) => run(args, { env })
  }
})

type World = Effect.Success<ReturnType<typeof world>>

const columnsOf = (world: World, path = FILE) =>
  Effect.flatMap(
    Parquet.open(FileBytes.memory(path, world.commits().at(-1)?.files.get(path)?.bytes ?? new Uint8Array())),
    (opened) =>
      Effect.map(Stream.runCollect(opened.stream()), (rows) => ({
        features: opened.features.map(({ name }) => name),
        rows
      }))
  )

describe("hub push", () => {
  it.live(
    "makes a data set of lines of JSON: files, columns, and a card with its licence and counts",
    () =>
      Effect.gen(function*() {
        const made = yield* world()
        const { code, stderr, stdout } = yield* made.push(
          made.rows,
          "--license",
          "cc-by-4.0",
          "--language",
          "en",
          "--yes",
          "--json"
        )
        assert.strictEqual(code, 0, stderr)
        assert.lengthOf(made.commits(), 2)
        const { features, rows } = yield* columnsOf(made)
        assert.deepStrictEqual(features, ["id", "text", "score"])
        assert.deepStrictEqual(rows[7], { id: 7, text: "text 7", score: 3.5 })
        assert.match(made.card(), /^---\nlicense: cc-by-4\.0\nlanguage:\n- en\n[^]*num_examples: 30\n/)
        const pushed: { readonly commits: ReadonlyArray<string>; readonly creates: boolean } = JSON.parse(stdout)
        assert.deepStrictEqual(pushed.commits, [made.commits().at(-1)?.oid ?? "?"])
        assert.isTrue(pushed.creates)
      }).pipe(Effect.scoped),
    LONG
  )

  it.live("sends nothing in a dry run, without a licence, or without leave", () =>
    Effect.gen(function*() {
      const made = yield* world()
      const dry = yield* made.push(made.rows, "--license", "mit", "--dry-run")
      assert.strictEqual(dry.code, 0, dry.stderr)
      assert.match(dry.stdout, /new {5} +data\/train-00000-of-00001\.parquet[^]*license: mit/)
      const unlicensed = yield* made.push(made.rows, "--yes")
      assert.strictEqual(unlicensed.code, 2)
      assert.match(unlicensed.stderr, /names no licence[^]*--license/)
      const unasked = yield* made.push(made.rows, "--license", "mit")
      assert.strictEqual(unasked.code, 2)
      assert.include(unasked.stderr, "pass --yes")
      assert.deepStrictEqual(yield* made.writes, [])
    }).pipe(Effect.scoped), LONG)

  it.live(
    "killed between upload and commit and repeated makes the same tree, one commit, and sends no bytes again",
    () =>
      Effect.gen(function*() {
        const whole = yield* world()
        const args = ["--license", "mit", "--yes"]
        assert.strictEqual((yield* whole.push(whole.rows, ...args)).code, 0)
        let kill: (() => void) | undefined
        let killed = false
        const stopped = yield* world({
          before: ({ url }) =>
            !killed && url.pathname.includes("/commit/")
              ? Effect.sync(() => {
                killed = true
                kill?.()
              }).pipe(Effect.andThen(Effect.never))
              : Effect.undefined
        })
        const running = yield* stopped.start(stopped.rows, ...args)
        kill = () => void running.child.kill("SIGKILL")
        const ended = yield* running.ended
        assert.strictEqual(ended.signal, "SIGKILL", ended.stderr)
        assert.lengthOf(stopped.commits(), 1)
        assert.lengthOf(yield* stopped.puts, 1)
        const again = yield* stopped.push(stopped.rows, ...args)
        assert.strictEqual(again.code, 0, again.stderr)
        assert.lengthOf(yield* stopped.puts, 1)
        assert.lengthOf(stopped.commits(), 2)
        assert.deepStrictEqual(stopped.tree(), whole.tree())
        const third = yield* stopped.push(stopped.rows, ...args)
        assert.include(third.stdout, "nothing has changed")
        assert.lengthOf(stopped.commits(), 2)
      }).pipe(Effect.scoped),
    LONG
  )

  it.live("takes several splits, and rows of a data set on the Hub", () =>
    Effect.gen(function*() {
      const made = yield* world()
      const other = join(made.folder, "other.jsonl")
      writeFileSync(other, rowsText(3))
      const twice = yield* made.push(made.rows, other, "--license", "mit", "--yes")
      assert.strictEqual(twice.code, 2)
      assert.match(twice.stderr, /the split train is given twice/)
      const first = yield* made.push(made.rows, `test=${other}`, "--license", "mit", "--yes")
      assert.strictEqual(first.code, 0, first.stderr)
      assert.match(made.card(), /split: train\n[^]*split: test\n/)
      const copy = yield* made.simulated(
        "hub",
        "push",
        "ada/copy",
        `hf://datasets/${REPO}`,
        "--license",
        "mit",
        "--yes"
      )
      assert.strictEqual(copy.code, 0, copy.stderr)
      assert.match(copy.stderr, /train: 30 rows[^]*test: 3 rows/)
    }).pipe(Effect.scoped), LONG)

  it.live(
    "makes what a batch can read again by its name: the file is fetched once, for looking through and for working",
    () =>
      Effect.gen(function*() {
        const made = yield* world()
        const { url } = yield* SimulatorServer.SimulatorServer
        const pushed = yield* made.push(made.rows, "--license", "mit", "--yes")
        assert.strictEqual(pushed.code, 0, pushed.stderr)
        const output = join(made.folder, "answers.jsonl")
        const flags = ["-o", output, "-u", url, "--template", "About {{ text }}", "--max-new-tokens", "4", "--quiet"]
        const batch = yield* made.simulated("batch", "run", `hf://datasets/${REPO}`, ...flags)
        assert.strictEqual(batch.code, 0, batch.stderr)
        assert.lengthOf(readLines(output), 30)
        const fetched = (yield* made.reads).filter(({ url }) => url.pathname.startsWith("/lfs/"))
        assert.lengthOf(fetched, 1)
      }).pipe(Effect.scoped, Effect.provide(SimulatorServer.layer())),
    LONG
  )

  it.live(
    "of a batch says in the card how it was made: model, engine, options, counts, tokens",
    () =>
      Effect.gen(function*() {
        const made = yield* world()
        const { url } = yield* SimulatorServer.SimulatorServer
        const output = join(made.folder, "out.jsonl")
        writeFileSync(made.rows, Array.from({ length: 5 }, (_, at) => `{"id":"${at}","topic":"t${at}"}\n`).join(""))
        const batch = yield* made.simulated(
          "batch",
          "run",
          made.rows,
          "-o",
          output,
          "-u",
          url,
          "--template",
          "Write about {{ topic }}.",
          "--max-new-tokens",
          "6",
          "--quiet"
        )
        assert.strictEqual(batch.code, 0, batch.stderr)
        const pushed = yield* made.push(
          output,
          "--license",
          "other",
          "--command",
          "inference-endpoints batch run …",
          "--yes"
        )
        assert.strictEqual(pushed.code, 0, pushed.stderr)
        for (
          const fact of [
            /\| model \| .*tgi 3/,
            /\| options \| .*maxNewTokens.*6/,
            "5 done, 0 failed",
            /tokens \| \d+ in, 30 out/,
            "Write about {{ topic }}.",
            "batch run …",
            "## Preview"
          ]
        ) {
          if (typeof fact === "string") assert.include(made.card(), fact)
          else assert.match(made.card(), fact)
        }
      }).pipe(Effect.scoped, Effect.provide(SimulatorServer.layer())),
    LONG
  )
})
