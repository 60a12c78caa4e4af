import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Notice from "../../src/cli/terminal/Notice.ts"

/** What is said on standard error while an effect runs. */
const heard = <A>(self: Effect.Effect<A>, quiet = false) =>
  Effect.gen(function*() {
    const lines: Array<unknown> = []
    const fiber = yield* self.pipe(
      Effect.provideService(Console.Console, {
        ...globalThis.console,
        error: (...line: ReadonlyArray<unknown>) => void lines.push(...line)
      }),
      Effect.provideService(Notice.Quiet, quiet),
      Effect.forkChild
    )
    return { fiber, lines }
  })

const slow = Notice.whileWaiting("waiting for it")(Effect.sleep("3 seconds"))

describe("a notice", () => {
  it.effect("comes after a second of waiting, once", () =>
    Effect.gen(function*() {
      const { fiber, lines } = yield* heard(slow)
      yield* TestClock.adjust("900 millis")
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(lines, ["waiting for it"])
    }))

  it.effect("is left out where it shall be quiet", () =>
    Effect.gen(function*() {
      const { fiber, lines } = yield* heard(slow, true)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("never holds up what is done sooner", () =>
    Effect.gen(function*() {
      for (const combine of [Notice.whileWaiting("waiting for it"), Notice.unlessHeard]) {
        // the clock stands still
        assert.strictEqual(yield* combine(Effect.succeed(1)), 1)
      }
    }))
})
