import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FinishReason from "../../src/protocol/FinishReason.ts"
import * as Recording from "../wire/Recording.ts"

const finishing = {
  stop: ["stop", "eos", "eos_token", "end_turn", "end_of_turn", "stop_token", "complete", "completed", "done"],
  length: [
    "length",
    "max_tokens",
    "max_length",
    "max_output_tokens",
    "max_new_tokens",
    "model_length",
    "model_context_window_exceeded"
  ],
  stop_sequence: ["stop_sequence", "stop_str"],
  tool_calls: ["tool_calls", "tool_call", "tool_use", "function_call"],
  content_filter: [
    "content_filter",
    "content_filtered",
    "safety",
    "sensitive",
    "refusal",
    "recitation",
    "blocklist",
    "prohibited_content",
    "error_toxic"
  ]
} as const

const failing = [
  "abort",
  "aborted",
  "error",
  "cancelled",
  "canceled",
  "timeout",
  "network_error",
  "insufficient_system_resource",
  "malformed_function_call"
]

/** The recording of a response, ended by another word. */
const endedBy = (name: string, word: string) =>
  Recording.response(
    name,
    Recording.text(name).replaceAll(`"finish_reason":"stop"`, `"finish_reason":"${word}"`)
      .replaceAll(`"finish_reason": "stop"`, `"finish_reason": "${word}"`)
  )

const routes = [["chat", "chat"], ["completion", "completion"]] as const

const forms = routes.flatMap(([route, name]) =>
  (["sse", "json"] as const).map((form) => ({
    name: `${name}.${form}`,
    route,
    delivery: form === "sse" ? "stream" as const : "unary" as const
  }))
)

describe("a word for why a generation ended", () => {
  for (const { delivery, name, route } of forms) {
    const heard = (word: string) => Recording.heard(() => endedBy(name, word), { route, delivery })

    describe(`in ${name}`, () => {
      it.effect.each(
        Object.entries(finishing).flatMap(([meaning, words]) => words.map((word) => [word, meaning] as const))
      )(
        "%s means %s, and stays readable",
        ([word, meaning]) =>
          Effect.gen(function*() {
            const { generation } = yield* heard(word)
            assert.strictEqual(generation?.finishReason, meaning)
            assert.strictEqual(generation?.rawFinishReason, word)
            assert.strictEqual(generation?.text, "Hello there")
          })
      )

      it.effect.each(failing)("%s is a failure with what had arrived", (word) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(Recording.told(yield* heard(word)), ["GenerationFailed", "refused", "Hello there"])
        }))

      it.effect("that nobody knows is kept as it is", () =>
        Effect.gen(function*() {
          const { generation } = yield* heard("moon_phase")
          assert.deepStrictEqual([generation?.finishReason, generation?.rawFinishReason], ["moon_phase", "moon_phase"])
        }))
    })
  }

  it.each(["EOS", "MAX_TOKENS", "Stop_Sequence", "FUNCTION_CALL", "SAFETY", "ERROR"])(
    "is read in any case: %s",
    (word) => assert.strictEqual(FinishReason.read(word), FinishReason.read(word.toLowerCase()) ?? "missing")
  )
})
