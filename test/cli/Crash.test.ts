import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { SimulatorServer } from "../../src/node/index.ts"
import { Fault } from "../../src/simulator/index.ts"
import { allIds, ids, readLines, repeated, run, start, world, writeRows, written } from "./Command.ts"

const ROWS = 80
const CONCURRENCY = 8

const server = () => SimulatorServer.layer({ latency: { headers: "20 millis" } })

/** Kills a run when so many lines are written, then runs it to its end. */
const killed = Effect.fnUntraced(function*(signal: NodeJS.Signals, lines: number, ...flags: ReadonlyArray<string>) {
  const place = yield* world(ROWS, CONCURRENCY)
  const running = yield* start(place.args(...flags))
  yield* written(place.output, lines)
  running.child.kill(signal)
  const ended = yield* running.ended
  const between = readLines(place.output).length
  const again = yield* run(place.args())
  return { place, ended, between, again, asked: yield* place.asked }
})

describe("a batch that is killed", () => {
  it.live.each([1, 7, 20, 45, 70])(
    "with SIGKILL after %d lines loses no row, doubles none, repeats what was under way",
    (lines) =>
      Effect.gen(function*() {
        const { again, asked, ended, place } = yield* killed("SIGKILL", lines)
        assert.strictEqual(ended.signal, "SIGKILL")
        assert.strictEqual(again.code, 0, again.stderr)
        assert.deepStrictEqual(ids(place.output), allIds(ROWS))
        assert.isAtMost(repeated(asked), CONCURRENCY)
      }).pipe(Effect.provide(server()))
  )

  it.live.each([["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const)(
    "with %s says that it waits for the rows in flight, ends them, and exits %d",
    ([signal, code]) =>
      Effect.gen(function*() {
        const { again, asked, between, ended, place } = yield* killed(signal, 10)
        assert.strictEqual(ended.code, code, ended.stderr)
        assert.isBelow(between, ROWS)
        assert.include(ended.stderr, "rows in flight. Interrupt again")
        assert.include(ended.stderr, "interrupted")
        assert.strictEqual(again.code, 0, again.stderr)
        assert.deepStrictEqual(ids(place.output), allIds(ROWS))
        assert.strictEqual(repeated(asked), 0)
      }).pipe(Effect.provide(server()))
  )

  it.live("with a second SIGINT ends at once, and goes on later", () =>
    Effect.gen(function*() {
      const place = yield* world(12, 4)
      yield* place.simulator.fail(Fault.stall(1), { times: 4 })
      const running = yield* start(place.args("--drain", "600"))
      yield* Effect.all(Array.from({ length: 4 }, (_, i) =>
        place.simulator.journal.wait(({ request }) =>
          request.method === "POST" && request.body.includes(`question ${i} ?`)
        )))
      running.child.kill("SIGINT")
      yield* Effect.sleep(100)
      running.child.kill("SIGINT")
      const ended = yield* running.ended
      assert.strictEqual(ended.code, 130)
      const again = yield* run(place.args())
      assert.strictEqual(again.code, 0, again.stderr)
      assert.deepStrictEqual(ids(place.output), allIds(12))
    }).pipe(Effect.provide(server())))
})

describe("a disk that is full", () => {
  it.live("stops the batch with exit code 3 and whole lines, and a later run completes it", () =>
    Effect.gen(function*() {
      const place = yield* world(60, 4)
      // a limit on the size of a file makes a write fail half way, as a full disk does, and needs no rights
      const full = yield* run(place.args(), { fileBlocks: 8 })
      assert.strictEqual(full.code, 3, full.stderr)
      assert.include(full.stderr, "stopped")
      assert.isTrue(readFileSync(place.output, "utf8").endsWith("}\n"))
      const again = yield* run(place.args())
      assert.strictEqual(again.code, 0, again.stderr)
      assert.deepStrictEqual(ids(place.output), allIds(60))
      // rows whose answer found no room: those under way
      assert.isAtMost(repeated(yield* place.asked), 4)
    }).pipe(Effect.provide(server())))
})

describe("a batch that is run again", () => {
  it.live("sends nothing when it was finished", () =>
    Effect.gen(function*() {
      const place = yield* world(10, 4)
      yield* run(place.args())
      yield* place.simulator.journal.clear
      const before = readFileSync(place.output, "utf8")
      const again = yield* run(place.args("--json"))
      assert.strictEqual(again.code, 0)
      assert.strictEqual((yield* place.simulator.journal.totals).received, 0)
      assert.strictEqual(readFileSync(place.output, "utf8"), before)
      assert.strictEqual(JSON.parse(again.stdout).rows.doneNow, 0)
    }).pipe(Effect.provide(server())))

  it.live("with another input or other options is refused with what changed; force starts anew", () =>
    Effect.gen(function*() {
      const place = yield* world(10, 4)
      yield* run(place.args())
      const options = yield* run(place.args("--temperature", "0.5"))
      assert.strictEqual(options.code, 2)
      assert.include(options.stderr, "options.temperature was not set and is 0.5")
      writeRows(place.input, 9)
      appendFileSync(place.input, "{\"id\":\"row-9\",\"prompt\":\"another question\"}\n")
      const input = yield* run(place.args())
      assert.strictEqual(input.code, 2)
      assert.include(input.stderr, "the input had 10 rows")
      appendFileSync(place.input, "{\"id\":\"row-10\",\"prompt\":\"question 10 ?\"}\n")
      const forced = yield* run(place.args("--force"))
      assert.strictEqual(forced.code, 0, forced.stderr)
      assert.deepStrictEqual(ids(place.output), allIds(11))
      assert.lengthOf(readLines(`${place.output}.old`), 10)
    }).pipe(Effect.provide(server())))

  it.live("beside another run on the same output is refused; a dead run's lock is taken over", () =>
    Effect.gen(function*() {
      const place = yield* world(24, 4)
      const first = yield* start(place.args())
      yield* written(place.output, 3)
      const second = yield* run(place.args())
      assert.strictEqual(second.code, 2)
      assert.include(second.stderr, `process ${first.child.pid}`)
      first.child.kill("SIGKILL")
      yield* first.ended
      assert.isTrue(existsSync(`${place.output}.lock`))
      const third = yield* run(place.args())
      assert.strictEqual(third.code, 0, third.stderr)
      assert.deepStrictEqual(ids(place.output), allIds(24))
      assert.isFalse(existsSync(`${place.output}.lock`))
    }).pipe(Effect.provide(SimulatorServer.layer({ latency: { headers: "1500 millis" } }))))
})

describe("the exit code", () => {
  it.live("is 1 when rows failed, which are done again on request", () =>
    Effect.gen(function*() {
      const place = yield* world(10, 4)
      const body = JSON.stringify({ error: "Input validation error: no", error_type: "validation" })
      yield* place.simulator.fail(Fault.status(422, body), {
        times: 1,
        when: ({ body, method }) => method === "POST" && body.includes("question 3 ?")
      })
      const failed = yield* run(place.args())
      assert.strictEqual(failed.code, 1, failed.stderr)
      assert.deepStrictEqual(ids(place.errors), ["row-3"])
      assert.deepStrictEqual(ids(place.output, place.errors), allIds(10))
      assert.deepInclude(readLines(place.errors)[0]?.error, {
        stage: "InferenceError",
        reason: "Rejected",
        attempts: 1
      })
      const again = yield* run(place.args("--retry-failed"))
      assert.strictEqual(again.code, 0, again.stderr)
      assert.deepStrictEqual(ids(place.output), allIds(10))
      assert.deepStrictEqual(ids(place.errors), [])
    }).pipe(Effect.provide(server())))

  it.live("is 2 for a usage error, a bad line and a doubled id, before anything is sent", () =>
    Effect.gen(function*() {
      const place = yield* world(3, 1)
      const usage = yield* run(["batch", "run", place.input])
      assert.strictEqual(usage.code, 2)
      appendFileSync(place.input, "{not json\n")
      const line = yield* run(place.args())
      assert.strictEqual(line.code, 2)
      assert.include(line.stderr, "line 4: is not a JSON object")
      writeRows(place.input, 3)
      appendFileSync(place.input, "{\"id\":\"row-1\",\"prompt\":\"x\"}\n")
      const doubled = yield* run(place.args())
      assert.strictEqual(doubled.code, 2)
      assert.include(doubled.stderr, "line 4: its id \"row-1\" is also that of line 2")
      assert.strictEqual((yield* place.asked).size, 0)
    }).pipe(Effect.provide(server())))

  it.live("is 3 when the endpoint refuses everyone, with every row pending", () =>
    Effect.gen(function*() {
      const place = yield* world(3, 1)
      yield* place.simulator.fail(Fault.status(401, "{\"error\":\"no\"}"), { times: 100, when: () => true })
      const stopped = yield* run(place.args())
      assert.strictEqual(stopped.code, 3, stopped.stderr)
      assert.deepStrictEqual(ids(place.output, place.errors), [])
    }).pipe(Effect.provide(server())))
})
