import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Schema } from "effect"
import * as InferenceError from "../src/InferenceError.ts"

const answer = { status: 429, description: "words of the server" }
const reasons: ReadonlyArray<readonly [InferenceError.Reason, retryable: boolean, ending: InferenceError.Ending]> = [
  [new InferenceError.InvalidRequest({ issues: [{ path: ["topP"], message: "topP is wrong" }] }), false, "unsent"],
  [new InferenceError.Rejected(answer), false, "refused"],
  [new InferenceError.Unauthorized(answer), false, "refused"],
  [new InferenceError.Forbidden(answer), false, "refused"],
  [new InferenceError.PaymentRequired(answer), false, "refused"],
  [new InferenceError.NotFound(answer), false, "refused"],
  [new InferenceError.RateLimited({ ...answer, retryAfter: Duration.seconds(9) }), true, "refused"],
  [new InferenceError.Overloaded(answer), true, "refused"],
  [new InferenceError.Loading(answer), true, "refused"],
  [new InferenceError.Asleep(answer), true, "refused"],
  [new InferenceError.Paused(answer), false, "refused"],
  [new InferenceError.GenerationFailed({ ...answer, retryable: true }), true, "refused"],
  [new InferenceError.GenerationFailed({ ...answer, retryable: false }), false, "refused"],
  [new InferenceError.InvalidToolCall({ ...answer, text: "{}" }), false, "refused"],
  [new InferenceError.Fatal({ description: "the connection was reset" }), false, "refused"],
  [new InferenceError.Transport({ description: "the connection was reset", retryable: true }), true, "cut"],
  [new InferenceError.Timeout({ phase: "idle", after: Duration.seconds(60) }), true, "stalled"],
  [new InferenceError.Timeout({ phase: "total", after: Duration.minutes(10) }), false, "stalled"],
  [new InferenceError.StreamInterrupted({ description: "no end mark" }), true, "cut"],
  [new InferenceError.EmptyResponse({ description: "an end mark alone" }), true, "cut"],
  [new InferenceError.InvalidResponse({ description: "no JSON" }), false, "refused"]
]

const errorOf = (reason: InferenceError.Reason) =>
  new InferenceError.InferenceError({ method: "POST /generate", reason, attempts: 3, requestId: "r-1" })

describe("InferenceError", () => {
  const json = Schema.toCodecJson(InferenceError.InferenceError)

  for (const [reason, retryable, ending] of reasons) {
    const name = `${reason._tag}${retryable ? "" : ", final"}`
    it(`${name}: knows whether another try may help and how it ended`, () =>
      assert.deepStrictEqual([errorOf(reason).isRetryable, errorOf(reason).ending], [retryable, ending]))

    it(`${name}: says where, what, how often and which request`, () => {
      const { message } = errorOf(reason)
      assert.match(message, /^POST \/generate: .{15,} \[3 attempts\] \[request r-1\]$/)
      assert.include(message, reason.message)
    })

    it(`${name}: survives JSON`, () => {
      const text = JSON.stringify(Schema.encodeSync(json)(errorOf(reason)))
      const again = Schema.decodeUnknownSync(json)(JSON.parse(text))
      assert.strictEqual(again.message, errorOf(reason).message)
      assert.strictEqual(again.isRetryable, retryable)
    })
  }

  it("there is a case above for every reason", () =>
    assert.strictEqual(new Set(reasons.map(([{ _tag }]) => _tag)).size, InferenceError.Reason.members.length))

  it("tells when to come back, where the server said so", () => {
    const [limited] = reasons.flatMap(([reason]) => reason._tag === "RateLimited" ? [errorOf(reason)] : [])
    assert.deepStrictEqual(limited?.retryAfter, Duration.seconds(9))
    assert.include(limited?.message, "after 9 s")
  })

  it.effect("is caught by its stage and by its reason", () =>
    Effect.gen(function*() {
      const failing = Effect.fail(errorOf(new InferenceError.Overloaded(answer)))
      const caught = yield* Effect.catchReason(failing, "InferenceError", "Overloaded", ({ status }) =>
        Effect.succeed(status))
      assert.strictEqual(caught, 429)
    }))

  it("shows the server's words when it is printed", () =>
    assert.include(Cause.pretty(Cause.fail(errorOf(new InferenceError.Paused(answer)))), "words of the server"))
})
