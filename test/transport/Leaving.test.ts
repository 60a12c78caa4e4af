import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Wire from "./Wire.ts"

const open = () => {
  let cancelled = 0
  const wire = Wire.make(() =>
    Wire.events([Wire.token("a"), Wire.token("b")], { end: "open", onCancel: () => cancelled++ })
  )
  return { wire, cancelled: () => cancelled }
}

describe("a stream that is left", () => {
  it.effect("after enough was taken closes its request", () => {
    const { cancelled, wire } = open()
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      assert.lengthOf(yield* Stream.runCollect(Stream.take(client.generateStream(Wire.prompt), 1)), 1)
      assert.deepStrictEqual([cancelled(), wire.aborted], [1, [1]])
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("by an interrupt while it waits closes its request", () => {
    const { cancelled, wire } = open()
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const reached = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(
          client.generateStream(Wire.prompt),
          ({ token }) => token.text === "b" ? Deferred.succeed(reached, undefined) : Effect.void
        )
      )
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([cancelled(), wire.aborted], [1, [1]])
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("before the head closes its request", () => {
    const wire = Wire.make(() => "silence")
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const fiber = yield* Effect.forkChild(Stream.runDrain(client.generateStream(Wire.prompt)), {
        startImmediately: true
      })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(wire.aborted, [1])
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("by closing the scope of an opened stream closes its request", () => {
    const { cancelled, wire } = open()
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const scope = yield* Scope.make()
      yield* Scope.provide(client.openGenerate(Wire.prompt), scope)
      assert.strictEqual(cancelled(), 0)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([cancelled(), wire.aborted], [1, [1]])
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("closes no other request", () => {
    const { wire } = open()
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const scope = yield* Scope.make()
      yield* Scope.provide(client.openGenerate(Wire.prompt), scope)
      const other = yield* client.openGenerate(Wire.prompt)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(wire.aborted, [1])
      assert.lengthOf(yield* Stream.runCollect(Stream.take(other.frames, 2)), 2)
    }).pipe(Effect.scoped, Effect.provide(wire.layer))
  })
})

describe("a stream that is over", () => {
  it.effect("closes its request, though its scope lives on", () => {
    let cancelled = 0
    const wire = Wire.make(() =>
      Wire.events([Wire.token("a"), Wire.last("a")], { end: "open", onCancel: () => cancelled++ })
    )
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const { frames } = yield* client.openGenerate(Wire.prompt)
      const fiber = yield* Effect.forkChild(Stream.runDrain(frames), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([cancelled, wire.aborted], [1, [1]])
    }).pipe(Effect.scoped, Effect.provide(wire.layer))
  })

  it.effect("by a failure closes its request, though its scope lives on", () => {
    let cancelled = 0
    const wire = Wire.make(() =>
      Wire.events([Wire.token("a"), "data: {\"token\":1}\n\n"], { end: "open", onCancel: () => cancelled++ })
    )
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const { frames } = yield* client.openGenerate(Wire.prompt)
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(frames))).reason._tag, "InvalidResponse")
      assert.deepStrictEqual([cancelled, wire.aborted], [1, [1]])
    }).pipe(Effect.scoped, Effect.provide(wire.layer))
  })
})

describe("a whole answer that is left", () => {
  it.effect("closes its request", () => {
    const wire = Wire.make(() => "silence")
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const fiber = yield* Effect.forkChild(client.generate(Wire.prompt), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(wire.aborted, [1])
    }).pipe(Effect.provide(wire.layer))
  })
})
