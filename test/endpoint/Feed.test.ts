import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Feed from "../../src/endpoint/Feed.ts"

describe("a feed", () => {
  it.effect("tells a listener the last few first, and then what comes, until it ends", () =>
    Effect.gen(function*() {
      const feed = Feed.make<number>({ kept: 8, replayed: 2 })
      for (const event of [1, 2, 3]) feed.publish(event)
      const heard = yield* Effect.forkChild(Stream.runCollect(feed.stream), { startImmediately: true })
      yield* Effect.yieldNow
      feed.publish(4)
      yield* Effect.yieldNow
      feed.publish(5)
      feed.end()
      assert.deepStrictEqual(yield* Fiber.join(heard), [2, 3, 4, 5])
    }))

  it.effect("wakes listeners that listen again at once, each once for an event", () =>
    Effect.gen(function*() {
      const feed = Feed.make<number>({ kept: 8, replayed: 2 })
      const listen = Effect.forkChild(Stream.runCollect(feed.stream), { startImmediately: true })
      const listeners = [yield* listen, yield* listen]
      yield* Effect.yieldNow
      feed.publish(1)
      yield* Effect.yieldNow
      feed.publish(2)
      feed.end()
      for (const fiber of listeners) assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2])
    }))

  it.effect("keeps so many for one that is slow", () =>
    Effect.gen(function*() {
      const feed = Feed.make<number>({ kept: 3, replayed: 9 })
      for (const event of [1, 2, 3, 4, 5]) feed.publish(event)
      feed.end()
      assert.deepStrictEqual(yield* Stream.runCollect(feed.stream), [3, 4, 5])
    }))
})
