import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Line from "../../src/batch/rows/Line.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { Fault } from "../../src/simulator/index.ts"
import * as Bench from "../batch/Bench.ts"
import { directory, ids, readLines, run, start, world } from "./Command.ts"

const lines = (from: number, to: number): string =>
  Array.from(
    { length: to - from },
    (_, row) =>
      `${Line.output({ id: `row-${from + row}`, index: row }, { generations: [Bench.generation("x".repeat(200))] })}\n`
  )
    .join("")

/** Waits until the file is there. */
const there = (path: string): Effect.Effect<void> =>
  Effect.suspend(() => existsSync(path) ? Effect.void : Effect.delay(there(path), 1))

const ROWS = 60_000

describe("batch merge", () => {
  it.live("that is killed leaves no target, and can be run again", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const [a, b, target] = ["a", "b", "both"].map((name) => join(path, `${name}.jsonl`))
      if (a === undefined || b === undefined || target === undefined) return
      writeFileSync(a, lines(0, ROWS))
      writeFileSync(b, lines(ROWS, 2 * ROWS))
      const args = ["batch", "merge", a, b, "-o", target]
      const running = yield* start(args)
      yield* there(`${target}.tmp`)
      running.child.kill("SIGKILL")
      yield* running.ended
      assert.isFalse(existsSync(target))
      const again = yield* run(args)
      assert.strictEqual(again.code, 0, again.stderr)
      assert.strictEqual(readFileSync(target, "utf8").split("\n").length - 1, 2 * ROWS)
    }), 60_000)
})

describe("batch", () => {
  it.live("retry does the failed rows again, by the name of the output alone", () =>
    Effect.gen(function*() {
      const place = yield* world(6, 1)
      yield* place.simulator.fail(Fault.status(422, "{\"error\":\"no\",\"error_type\":\"validation\"}"), {
        when: ({ body }) => body.includes("question 3 ?")
      })
      const first = yield* run(place.args())
      assert.strictEqual(first.code, 1, first.stderr)
      assert.deepStrictEqual(ids(place.errors), ["row-3"])
      const again = yield* run(["batch", "retry", place.output])
      assert.strictEqual(again.code, 0, again.stderr)
      assert.lengthOf(readLines(place.output), 6)
      const asked = yield* place.asked
      assert.deepStrictEqual([...asked.values()].toSorted(), [1, 1, 1, 1, 1, 2])
    }).pipe(Effect.provide(SimulatorServer.layer({}))))

  it.live("that stops says why, though it is to be quiet", () =>
    Effect.gen(function*() {
      const place = yield* world(2, 1)
      yield* place.simulator.fail(Fault.status(401, "{}"), { times: 9 })
      const { code, stderr } = yield* run(place.args("--quiet"))
      assert.strictEqual(code, 3)
      assert.match(stderr, /^stopped: .*401/)
    }).pipe(Effect.provide(SimulatorServer.layer({}))))

  it.live("retry of a file that no batch wrote is refused", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const { code, stderr } = yield* run(["batch", "retry", join(path, "none.jsonl")])
      assert.strictEqual(code, 2)
      assert.include(stderr, "none.jsonl")
    }))

  it.live("reads a pipe, and watch says how far it is", () =>
    Effect.gen(function*() {
      const place = yield* world(5, 2)
      const [, , , ...rest] = place.args()
      const { code, stderr } = yield* run(["batch", "run", "-", ...rest], { stdin: readFileSync(place.input) })
      assert.strictEqual(code, 0, stderr)
      assert.lengthOf(readLines(place.output), 5)
      const watched = yield* run(["batch", "watch", place.output, "--once"])
      assert.include(watched.stdout, "5 of 5 rows done")
      const page = yield* run(["batch", "watch", place.output, "--web", "--once"])
      assert.match(page.stdout, /^http:\/\/127\.0\.0\.1:\d+\/\n$/)
    }).pipe(Effect.provide(SimulatorServer.layer({}))))

  it.live.each(
    [
      [["--decide", "a,b"], "--question"],
      [["--decide", "a,b", "--question", "q", "--embed"], "cannot be combined"],
      [["--decide", "a", "--question", "q"], "two labels"]
    ] as const
  )("run %j is refused before anything is sent", ([flags, word]) =>
    Effect.gen(function*() {
      const place = yield* world(1, 1)
      const { code, stderr } = yield* run(place.args(...flags))
      assert.strictEqual(code, 2, stderr)
      assert.include(stderr, word)
      assert.strictEqual((yield* place.asked).size, 0)
    }).pipe(Effect.provide(SimulatorServer.layer({}))))
})

describe("migrate", () => {
  it.live("prints the command and the configuration, and what the original dropped", () =>
    Effect.gen(function*() {
      const path = join(yield* directory, "pipeline.yaml")
      writeFileSync(
        path,
        "base_url: http://h\ngeneration_kwargs:\n  max_new_tokens: 5\n  top_k: 3\ntype_info:\n  name: InferenceEndpointsLLM\n"
      )
      const { code, stderr, stdout } = yield* run(["migrate", path])
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, "batch run '<input>' -o responses.jsonl --base-url http://h")
      assert.include(stderr, "top_k was dropped")
    }))
})

describe("a batch that was started with other options", () => {
  it.live("is refused with the names that --continue takes", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const { url } = yield* SimulatorServer.SimulatorServer
      const input = join(path, "rows.jsonl")
      writeFileSync(input, `${JSON.stringify({ id: "a", prompt: "Hello" })}\n`)
      const args = ["batch", "run", input, "-o", join(path, "out.jsonl"), "-u", url, "--quiet"]
      assert.strictEqual((yield* run([...args, "--max-new-tokens", "4"])).code, 0)
      const refused = yield* run([...args, "--max-new-tokens", "8"])
      assert.strictEqual(refused.code, 2)
      assert.include(refused.stderr, "options.maxNewTokens was 4 and is 8")
      assert.include(refused.stderr, "--continue options.maxNewTokens")
      const accepted = yield* run([...args, "--max-new-tokens", "8", "--continue", "options.maxNewTokens"])
      assert.strictEqual(accepted.code, 0, accepted.stderr)
    }).pipe(Effect.provide(SimulatorServer.layer({}))))
})
