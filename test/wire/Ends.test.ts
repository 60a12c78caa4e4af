import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"
import * as Wire from "../transport/Wire.ts"
import * as Recording from "./Recording.ts"

const deliveries = ["stream", "unary"] as const

describe("an end mark is not a generation", () => {
  const empty: ReadonlyArray<readonly [name: string, route: Recording.Route]> = [
    ["done-alone.sse", "chat"],
    ["done-alone.sse", "completion"],
    ["done-alone.sse", "native"],
    ["role-then-done.sse", "chat"],
    ["usage-then-done.sse", "chat"],
    ["usage-then-done.sse", "completion"],
    ["heartbeats-then-done.sse", "chat"],
    ["heartbeats-then-done.sse", "completion"],
    ["heartbeats-then-done.sse", "native"],
    ["no-choices.json", "chat"],
    ["empty-message.json", "chat"],
    ["no-completion-choices.json", "completion"]
  ]
  for (const [name, route] of empty) {
    for (const delivery of deliveries) {
      it.effect(`${name} on the ${route} route, asked for as ${delivery}, fails, and may be retried`, () =>
        Effect.gen(function*() {
          const heard = yield* Recording.play(name, { route, delivery })
          assert.deepStrictEqual(Recording.told(heard), ["EmptyResponse", "cut", undefined])
          assert.deepStrictEqual([heard.events, heard.error?.isRetryable], [[], true])
        }))
    }
  }

  for (const name of ["role-then-done.sse", "empty-message.json"]) {
    for (const delivery of deliveries) {
      it.effect(`${name}, asked for as ${delivery}, is asked for again, as nothing was delivered`, () =>
        Effect.gen(function*() {
          const wire = Wire.make((nth) => Recording.response(nth === 1 ? name : "chat.json"))
          const running = yield* Effect.forkChild(
            Recording.heard(() => Recording.response(name), { delivery, retry: Retry.standard }, wire)
          )
          yield* TestClock.adjust(Duration.seconds(30))
          const { generation } = yield* Fiber.join(running)
          assert.deepStrictEqual([generation?.text, generation?.statistics.attempts], ["Hello there", 2])
        }))
    }
  }

  for (const route of ["chat", "completion", "native"] as const) {
    for (const delivery of deliveries) {
      it.effect(`a body without a byte is none on the ${route} route, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const bodies = ["x.json", "x.sse"].map((name) => () => Recording.response(name, ""))
          for (const body of [...bodies, () => new Response(null), () => new Response(null, { status: 204 })]) {
            const heard = yield* Recording.heard(body, { route, delivery })
            assert.strictEqual(heard.error?.isRetryable, true)
            assert.include(["EmptyResponse", "StreamInterrupted", "Transport"], heard.error?.reason._tag)
          }
        }))

      it.effect(`JSON that ends in its middle was interrupted on the ${route} route, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const whole = Recording.text(`${route}.json`).trim()
          for (const at of [1, 10, Math.floor(whole.length / 2), whole.length - 1]) {
            const heard = yield* Recording.heard(() => Recording.response("x.json", whole.slice(0, at)), {
              route,
              delivery
            })
            assert.deepStrictEqual([heard.error?.reason._tag, heard.error?.isRetryable], ["StreamInterrupted", true])
          }
        }))
    }
  }

  it.effect("an empty text of the native route that says no reason is none either", () =>
    Effect.gen(function*() {
      for (const delivery of deliveries) {
        const heard = yield* Recording.heard(() => Recording.response("x.json", "{\"generated_text\":\"\"}"), {
          route: "native",
          delivery
        })
        assert.deepStrictEqual(Recording.told(heard), ["EmptyResponse", "cut", undefined])
      }
    }))

  it.effect("a model that ends at once has said nothing, which is an empty text", () =>
    Effect.gen(function*() {
      const body = Wire.chunk("", "stop") + Wire.done
      const { generation } = yield* Recording.heard(() => Recording.response("x.sse", body))
      assert.deepStrictEqual([generation?.text, generation?.finishReason], ["", "stop"])
    }))
})

describe("an end that says failure is a failure with what had arrived", () => {
  const failed: ReadonlyArray<readonly [name: string, route: Recording.Route]> = [
    ["abort.sse", "chat"],
    ["abort.json", "chat"],
    ["abort-completion.sse", "completion"],
    ["abort-completion.json", "completion"]
  ]
  for (const [name, route] of failed) {
    for (const delivery of deliveries) {
      it.effect(`${name} on the ${route} route, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const heard = yield* Recording.play(name, { route, delivery })
          assert.deepStrictEqual(Recording.told(heard), ["GenerationFailed", "refused", "half a text"])
          assert.match(heard.error?.message ?? "", /finish reason "(abort|error)"/)
          assert.notInclude(heard.events.map(({ _tag }) => _tag), "Finish")
        }))
    }
  }

  it.effect("one that comes before any text has delivered nothing, and is asked for again", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) =>
        nth === 1 ? Recording.response("x.sse", Wire.chunk("", "abort")) : Recording.response("chat.sse")
      )
      const running = yield* Effect.forkChild(
        Recording.heard(() => Recording.response("chat.sse"), { retry: Retry.standard }, wire)
      )
      yield* TestClock.adjust(Duration.seconds(30))
      assert.strictEqual((yield* Fiber.join(running)).generation?.text, "Hello there")
    }))
})

describe("a frame is a frame under any event name", () => {
  it.effect("that is not error, on the chat route", () =>
    Effect.gen(function*() {
      const { generation } = yield* Recording.play("named-events.sse")
      assert.deepStrictEqual([generation?.text, generation?.finishReason], ["Hello there", "stop"])
    }))

  it.effect("and on the native route", () =>
    Effect.gen(function*() {
      const { generation } = yield* Recording.play("named-tokens.sse", { route: "native" })
      assert.deepStrictEqual([generation?.text, generation?.finishReason], ["Hello there", "stop"])
    }))

  it.effect("error stays an error, though it looks like a frame", () =>
    Effect.gen(function*() {
      const body = `${Wire.chunk("a")}event: error\n${Wire.chunk("it broke")}`
      const heard = yield* Recording.heard(() => Recording.response("x.sse", body))
      assert.deepStrictEqual(Recording.told(heard), ["GenerationFailed", "refused", "a"])
    }))
})

for (const route of ["chat", "completion", "native"] as const) {
  for (const delivery of deliveries) {
    it.effect(`a stream whose events nobody understands is InvalidResponse on the ${route} route, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const heard = yield* Recording.play("unknown-events.sse", { route, delivery })
        assert.deepStrictEqual(Recording.told(heard), ["InvalidResponse", "refused", undefined])
      }))
  }
}

for (const delivery of deliveries) {
  it.effect(`text and the end mark without a finish reason, asked for as ${delivery}, is the text that ended unknown`, () =>
    Effect.gen(function*() {
      const { generation } = yield* Recording.play("no-finish-reason.sse", { delivery })
      assert.deepStrictEqual([generation?.text, generation?.finishReason], ["Hello there", "unknown"])
      assert.notProperty(generation, "rawFinishReason")
    }))
}
