import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Scope } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { Lock } from "../../src/batch/index.ts"
import * as Bench from "./Bench.ts"

const on = (host: string, pid: number, alive = true) =>
  Effect.provideService(Lock.Processes, { pid, host, isAlive: () => alive })

const lockOf = Effect.map(Bench.files, ({ output }) => `${output}.lock`)

const age = (path: string, seconds: number) => {
  const then = Date.now() / 1000 - seconds
  utimesSync(path, then, then)
}

/** Holds the lock until the scope of the test ends, or the effect that it gives is run. */
const hold = Effect.fnUntraced(function*(path: string) {
  const scope = yield* Scope.make()
  const lost = yield* Scope.provide(Lock.acquire(path), scope)
  return { lost, release: Scope.close(scope, Exit.void) }
})

/** When a process began: field 22 of proc(5), counted after the name in parentheses; nothing where there is no `/proc`. */
const began = (pid: number): string | undefined =>
  existsSync(`/proc/${pid}/stat`)
    ? /\)(?: \S+){19} (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]
    : undefined

const written = (pid: number) => JSON.stringify({ pid, started: "2026-01-01T00:00:00.000Z", nonce: String(pid) })

describe("a lock", () => {
  it.effect("says whose it is, and when that process began", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* hold(path)
      const own = JSON.parse(readFileSync(path, "utf8"))
      assert.deepStrictEqual([own.pid, own.born], [process.pid, began(process.pid)])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of another host is not judged by a process id of this one", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* on("one", 41)(hold(path))
      // here no process 41 lives
      const refused = yield* Effect.flip(on("two", 42, false)(hold(path)))
      assert.strictEqual(refused.reason._tag, "Locked")
      assert.include(refused.message, "process 41 on one")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of another host whose process has the id of this one is not taken for its own", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* on("one", 7)(hold(path))
      assert.strictEqual((yield* Effect.flip(on("two", 7)(hold(path)))).reason._tag, "Locked")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of another host that nobody has touched for two minutes is taken over, and its owner stops", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      const first = yield* on("one", 41)(hold(path))
      age(path, 100)
      assert.strictEqual((yield* Effect.flip(on("two", 42)(hold(path)))).reason._tag, "Locked")
      age(path, 130)
      yield* on("two", 42)(hold(path))
      const lost = yield* Effect.forkChild(Effect.flip(first.lost))
      yield* TestClock.adjust("21 seconds")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      assert.strictEqual((yield* Fiber.join(lost)).reason._tag, "Locked")
      // what the first one leaves behind is not the second one's lock
      yield* first.release
      assert.isTrue(existsSync(path))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("whose process id belongs to a later process is taken over", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* hold(path)
      const own = JSON.parse(readFileSync(path, "utf8"))
      const other = own.pid === 1 ? 2 : 1
      // process 1 lives, and began at another time than the lock says
      writeFileSync(path, JSON.stringify({ ...own, pid: other, born: "12345", nonce: "x" }))
      yield* hold(path)
      assert.strictEqual(JSON.parse(readFileSync(path, "utf8")).pid, own.pid)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("whose process lives, and began when the lock says, is respected", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* on("here", process.ppid)(hold(path))
      const refused = yield* Effect.flip(on("here", process.pid)(hold(path)))
      assert.strictEqual(refused.reason._tag, "Locked")
      assert.include(refused.message, `process ${process.ppid} since`)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of an earlier process that had the id of this one is taken over, and that of this one is not", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      // in a container every process may be number 1
      writeFileSync(path, JSON.stringify({ pid: 1, started: "2026-01-01T00:00:00.000Z", nonce: "x" }))
      yield* on("here", 1)(hold(path))
      assert.strictEqual((yield* Effect.flip(on("here", 1)(hold(path)))).reason._tag, "Locked")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is touched every twenty seconds, which shows other hosts that its owner lives", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      yield* hold(path)
      for (const now of [20_000, 40_000]) {
        yield* TestClock.adjust("20 seconds")
        for (let turn = 0; turn < 500 && statSync(path).mtimeMs !== now; turn++) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        assert.strictEqual(statSync(path).mtimeMs, now)
      }
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that another run took over at the same moment is left to it", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      writeFileSync(path, written(41))
      // between the look at the lock of a dead process and its removal, process 42 has done the same, and holds it
      const fs = yield* FileSystem.FileSystem
      let moved = false
      const racing = FileSystem.make({
        ...fs,
        rename: (from, to) => {
          if (!moved) writeFileSync(path, written(42))
          moved = true
          return fs.rename(from, to)
        }
      })
      const refused = yield* Effect.flip(hold(path)).pipe(
        Effect.provideService(Lock.Processes, { pid: 1, host: "here", isAlive: (pid) => pid === 42 }),
        Effect.provideService(FileSystem.FileSystem, racing)
      )
      assert.include(refused.message, "process 42")
      assert.strictEqual(readFileSync(path, "utf8"), written(42))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of a process that lives, which version 0.1.0 wrote, is respected", () =>
    Effect.gen(function*() {
      const path = yield* lockOf
      writeFileSync(path, JSON.stringify({ pid: 99, started: "2026-01-01T00:00:00.000Z", nonce: "x" }))
      assert.strictEqual((yield* Effect.flip(on("here", 1)(hold(path)))).reason._tag, "Locked")
      yield* on("here", 1, false)(hold(path))
    }).pipe(Effect.provide(Bench.Node)))
})
