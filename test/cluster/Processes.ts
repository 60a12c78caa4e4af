/** Workers as processes of their own, against a simulated server and a database. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import type { Watch } from "../../src/cluster/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import { run, type Running, start } from "../cli/Command.ts"
import { allRows, type Place, place, readLines, rowsText } from "./Job.ts"

export interface World {
  readonly place: Place
  readonly database: string
  readonly job: ReadonlyArray<string>
  readonly simulator: Simulator.Simulator["Service"]
  /** Starts a worker; `more` are further flags. */
  readonly worker: (name: string, ...more: ReadonlyArray<string>) => ReturnType<typeof start>
  readonly watch: Effect.Effect<Watch.Status>
  /** How many requests were sent for generations. */
  readonly requests: Effect.Effect<number>
}

export const CONCURRENCY = 4

/** How a job is cut, and how many requests of a worker are in flight. */
export interface Cut {
  readonly shards: number
  readonly rows: number
  readonly concurrency: number
}

/** A job of shards of 20 rows each, split by the command. */
export const world = (database: string, shards: number, ...flags: ReadonlyArray<string>) =>
  worldOf(database, { shards, rows: 20, concurrency: CONCURRENCY }, ...flags)

export const worldOf = Effect.fnUntraced(function*(
  database: string,
  { concurrency, rows, shards }: Cut,
  ...flags: ReadonlyArray<string>
) {
  const simulator = yield* Simulator.Simulator
  const { url } = yield* SimulatorServer.SimulatorServer
  const made = yield* place
  writeFileSync(made.input, rowsText(shards * rows))
  const job = [
    "--job",
    "j",
    "--database",
    database,
    "--folder",
    made.folder,
    "--lease",
    "3",
    "--poll",
    "0.2",
    ...flags
  ]
  const split = yield* run(["batch", "split", made.input, "--rows", String(rows), ...job])
  if (split.code !== 0) return yield* Effect.die(split.stderr)
  const found: World = {
    place: made,
    database,
    job,
    simulator,
    worker: (name, ...more) =>
      start([
        "batch",
        "work",
        ...job,
        "--worker",
        name,
        "-u",
        url,
        "--concurrency",
        String(concurrency),
        "--max-new-tokens",
        "4",
        ...more
      ]),
    watch: Effect.map(
      run(["batch", "watch", "--once", "--json", ...job]),
      ({ stdout }): Watch.Status => JSON.parse(stdout)
    ),
    requests: Effect.map(
      simulator.journal.entries,
      (entries) => entries.filter(({ request }) => request.body.includes("question")).length
    )
  }
  return found
})

/** Waits until the simulator was asked so often. */
export const asked = (world: World, times: number): Effect.Effect<void> =>
  Effect.flatMap(world.requests, (requests) => requests >= times ? Effect.void : Effect.delay(asked(world, times), 10))

/** The collected output, and what it must be. */
export const collected = Effect.fnUntraced(function*({ job, place }: World, shards: number) {
  const ended = yield* run(["batch", "collect", "-o", place.output, ...job])
  return {
    ended,
    lines: ended.code === 0 ? readLines(place.output).map(({ id, index }) => ({ id, index })) : [],
    wanted: allRows(shards * 20),
    text: ended.code === 0 ? readFileSync(place.output, "utf8") : ""
  }
})

/** Waits until the process has said something on standard error. */
export const said = ({ child }: Running, words: RegExp): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let text = ""
    child.stderr?.on("data", (more) => {
      text += String(more)
      if (words.test(text)) resume(Effect.void)
    })
  })

/** A worker whose event loop is blocked beyond the lease: `begins` when it is, `ended` with what it said. */
export const blockedWorker = Effect.fnUntraced(function*(database: string, folder: string) {
  const script = new URL("./BlockedWorker.ts", import.meta.url).pathname
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [script, database, folder], { stdio: ["ignore", "pipe", "inherit"] })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )
  let text = ""
  child.stdout.setEncoding("utf8").on("data", (more) => text += more)
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()))
  return {
    begins: Effect.repeat(Effect.sleep("20 millis"), { until: () => text.includes("blocked") }),
    ended: Effect.map(Effect.promise(() => closed), () => ({ events: text.trim().split("\n") }))
  }
})
