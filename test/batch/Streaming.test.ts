import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Streaming } from "../../src/batch/index.ts"
import * as Bench from "./Bench.ts"

const inputs = (count: number) => Stream.map(Stream.range(0, count - 1), (n) => ({ input: `question ${n}` }))

/** Later rows are faster. */
const backwards: Bench.Generate = (input, options) =>
  Effect.delay(Bench.echo(input, options), 1000 - Number(Bench.textOf(input).slice(9)))

const poison: Bench.Generate = (input, options) =>
  Bench.textOf(input).endsWith("3") ? Effect.fail(Bench.rejected()) : Bench.echo(input, options)

describe("Batch.stream", () => {
  it.effect("gives each input its id, its index and its generations", () =>
    Effect.gen(function*() {
      const outcomes = yield* Stream.runCollect(
        Streaming.stream(Stream.make({ id: "a", input: "x" }, { input: "y" }), Bench.echo, { ordered: true })
      )
      assert.deepStrictEqual(
        outcomes.map(({ id, index, result }) => [id, index, Result.getOrThrow(result)[0]?.text]),
        [["a", 0, "x"], ["1", 1, "y"]]
      )
    }))

  it.effect.each([["in the order of the inputs", true], ["as completed", false]] as const)(
    "gives outcomes %s",
    ([, ordered]) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          Stream.runCollect(Streaming.stream(inputs(20), backwards, { concurrency: 5, ordered }))
        )
        yield* TestClock.adjust("1 minute")
        const order = (yield* Fiber.join(fiber)).map(({ index }) => index)
        assert.deepStrictEqual(order.toSorted((a, b) => a - b), Bench.upTo(20))
        assert.strictEqual(order[0], ordered ? 0 : 4)
      })
  )

  it.effect("takes no more inputs than are under way, delivered or waiting for a reader", () =>
    Effect.gen(function*() {
      let taken = 0
      const lazily = Stream.fromPull(Effect.succeed(Effect.sync(() => [{ input: `${taken++}` }] as const)))
      const first = yield* Stream.runHead(Streaming.stream(lazily, Bench.echo, { concurrency: 4 }))
      assert.strictEqual(first._tag, "Some")
      assert.isAtMost(taken, 4 * 4)
    }))

  it.effect("keeps failures of rows as values, and fails with the first one on request", () =>
    Effect.gen(function*() {
      const outcomes = yield* Stream.runCollect(Streaming.stream(inputs(6), poison))
      assert.lengthOf(outcomes.filter(({ result }) => Result.isFailure(result)), 1)
      const error = yield* Effect.flip(Stream.runDrain(Streaming.stream(inputs(6), poison, { failFast: true })))
      assert.strictEqual(error._tag, "InferenceError")
    }))

  it.effect("interrupts what is under way when its reader leaves", () =>
    Effect.gen(function*() {
      let interrupted = 0
      yield* Stream.runHead(Streaming.stream(inputs(10), (input, options) =>
        Bench.textOf(input).endsWith("0")
          ? Bench.echo(input, options)
          : Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++)), { concurrency: 4 }))
      assert.isAtLeast(interrupted, 3)
    }))

  it.effect("passes the source's own failure on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Stream.runDrain(Streaming.stream(Stream.concat(inputs(2), Stream.fail("broken" as const)), Bench.echo))
      )
      assert.strictEqual(error, "broken")
    }))
})
