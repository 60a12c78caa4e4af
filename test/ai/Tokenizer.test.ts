import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Prompt, Tokenizer } from "effect/ai"
import { HuggingFaceTokenizer } from "../../src/ai/index.ts"
import { Retry } from "../../src/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { address, engines } from "./Weather.ts"

const live = (engine: (typeof engines)[number], options: HuggingFaceTokenizer.Options = {}) =>
  HuggingFaceTokenizer.layer({ ...address, ...options }).pipe(Layer.provideMerge(Simulator.layer({ engine })))

const tokenize = (prompt: Prompt.RawInput) => Tokenizer.Tokenizer.use((tokenizer) => tokenizer.tokenize(prompt))

const conversation: Prompt.RawInput = [
  { role: "user", content: "one two" },
  { role: "assistant", content: "three four" },
  { role: "user", content: "five six" }
]

describe.each(engines)("on %s", (engine) => {
  layer(live(engine))("tokens of the text", (it) => {
    it.effect("are the server's, and the same for the same text", () =>
      Effect.gen(function*() {
        const tokens = yield* tokenize("hello there")
        assert.isTrue(tokens.length > 1 && tokens.every(Number.isInteger))
        assert.deepStrictEqual(yield* tokenize("hello there"), tokens)
        assert.notDeepEqual(yield* tokenize("hello you"), tokens)
      }))

    it.effect("are those of every engine with the same tokenizer, special tokens included", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* tokenize("hello there"),
          yield* Effect.provide(tokenize("hello there"), live("tgi"))
        )
      }))

    it.effect("of nothing are none, and nobody is asked", () =>
      Effect.gen(function*() {
        const { journal } = yield* Simulator.Simulator
        yield* journal.clear
        assert.deepStrictEqual(yield* tokenize(Prompt.empty), [])
        assert.lengthOf(yield* journal.entries, 0)
      }))

    it.effect("decide which messages are kept, the last ones first", () =>
      Effect.gen(function*() {
        const { tokenize, truncate } = yield* Tokenizer.Tokenizer
        const limit = (yield* tokenize(Prompt.fromMessages(Prompt.make(conversation).content.slice(1)))).length
        const kept = yield* truncate(conversation, limit)
        assert.deepStrictEqual(kept.content.map(({ role }) => role), ["assistant", "user"])
        assert.lengthOf((yield* truncate(conversation, 0)).content, 0)
      }))
  })

  layer(live(engine, { render: "chat" }))("tokens of the chat", (it) => {
    it.effect("count what the template adds", () =>
      Effect.gen(function*() {
        const rendered = yield* tokenize("hello there")
        const plain = yield* Effect.provide(tokenize("hello there"), live(engine))
        assert.isAbove(rendered.length, plain.length)
      }))
  })
})

layer(live("tgi", { client: { retry: Retry.none } }))("a tokenizer that fails", (it) => {
  it.effect("says what the server said", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.status(422, `{"error":"no tokenizer","error_type":"validation"}`))
      const error = yield* Effect.flip(tokenize("hi"))
      assert.strictEqual(error.reason._tag, "InvalidRequestError")
      assert.include(error.message, "HuggingFaceTokenizer.tokenize")
      assert.include(error.message, "no tokenizer")
    }))

  it.effect("because the endpoint fell asleep wakes it and asks again", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.unavailable)
      assert.isNotEmpty(yield* tokenize("hi"))
    }))

  it.effect("says so before asking where the prompt cannot be one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(tokenize([
        Prompt.userMessage({ content: [Prompt.filePart({ mediaType: "audio/wav", data: "AQID" })] })
      ]))
      assert.strictEqual(error.reason._tag, "InvalidUserInputError")
    }))
})

it.effect("an engine without a tokenizer is told so, not guessed at", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(tokenize("hi"))
    assert.include(error.message, "no route that tokenizes")
  }).pipe(
    Effect.provide(
      HuggingFaceTokenizer.layer({ ...address, engine: "openai" }).pipe(Layer.provide(Simulator.layer()))
    )
  ))
