import { assert, describe, layer } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Chat, LanguageModel } from "effect/ai"
import { HuggingFaceLanguageModel } from "../../src/ai/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { engines, lastRequest, live, Tools } from "./Weather.ts"

const simulator = Simulator.Simulator

describe.each(engines)("on %s", (engine) => {
  layer(live({ engine }))("an answer", (it) => {
    it.effect("has text, finish and usage", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ text: "Hello there" })
        const { content, finishReason, text, usage } = yield* LanguageModel.generateText({ prompt: "hi" })
        assert.strictEqual(text, "Hello there")
        assert.strictEqual(finishReason, "stop")
        assert.isAbove(usage.inputTokens.total ?? 0, 0)
        assert.isAbove(usage.outputTokens.total ?? 0, 0)
        assert.deepStrictEqual(content.map(({ type }) => type), ["response-metadata", "text", "finish"])
      }))

    it.effect("streams the same in order", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ text: "Hello there" })
        const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
        assert.strictEqual(parts.map((part) => part.type === "text-delta" ? part.delta : "").join(""), "Hello there")
        assert.deepStrictEqual(parts.map(({ type }) => type).filter((type) => type !== "text-delta"), [
          "response-metadata",
          "text-start",
          "text-end",
          "finish"
        ])
      }))

    it.effect("that is cut is a failure which can be tried again, not a short answer", () =>
      Effect.gen(function*() {
        const { answer, fail } = yield* simulator
        yield* answer({ text: "one two three four five six" })
        yield* fail(Fault.cut(3))
        const seen: Array<string> = []
        const error = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
          Stream.runForEach(({ type }) => Effect.sync(() => seen.push(type))),
          Effect.flip
        )
        assert.strictEqual(error.reason._tag, "NetworkError")
        assert.isTrue(error.isRetryable)
        assert.include(seen, "text-delta")
        assert.notInclude(seen, "finish")
      }))

    it.effect("that the token limit cut says so", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ text: "one two three four five six" })
        const { finishReason } = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
          HuggingFaceLanguageModel.withConfigOverride({ maxNewTokens: 2 })
        )
        assert.strictEqual(finishReason, "length")
      }))
  })

  layer(live({ engine }, { splitReasoning: true }))("a model that thinks", (it) => {
    it.effect("gives its thinking apart from the text, and gets it back", () =>
      Effect.gen(function*() {
        const { answer } = yield* simulator
        yield* answer({ reasoning: "hm", text: "Yes" }, { text: "Still yes" })
        const chat = yield* Chat.empty
        const { reasoningText, text } = yield* chat.generateText({ prompt: "really?" })
        assert.strictEqual(reasoningText?.trim(), "hm")
        assert.strictEqual(text.trim(), "Yes")
        yield* chat.generateText({ prompt: "sure?" })
        const { messages } = yield* lastRequest
        assert.strictEqual(messages[1]?.reasoning_content?.trim(), "hm")
      }))

    it.effect("streams its thinking before the text", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ reasoning: "hm", text: "Yes" })
        const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "really?" }))
        const types = parts.map(({ type }) => type).filter((type) => !type.endsWith("-delta"))
        assert.deepStrictEqual(types, [
          "response-metadata",
          "reasoning-start",
          "reasoning-end",
          "text-start",
          "text-end",
          "finish"
        ])
      }))
  })

  layer(live({ engine }))("a conversation with tools", (it) => {
    it.effect("goes over several turns, each result under the id of its call", () =>
      Effect.gen(function*() {
        const { answer } = yield* simulator
        yield* answer(
          { toolCalls: [{ name: "weather", arguments: { city: "Rome", unit: null } }] },
          { toolCalls: [{ name: "now", arguments: {} }] },
          { text: "Mild at noon" }
        )
        const chat = yield* Chat.empty
        const first = yield* chat.generateText({ prompt: "weather in Rome?", toolkit: Tools })
        assert.deepStrictEqual(first.toolResults.map(({ result }) => result), [{ degrees: 4 }])
        assert.strictEqual(first.finishReason, "tool-calls")
        const second = yield* Stream.runCollect(chat.streamText({ prompt: [], toolkit: Tools }))
        assert.deepStrictEqual(second.flatMap((part) => part.type === "tool-result" ? [part.result] : []), ["noon"])
        assert.strictEqual(second.at(-1)?.type, "finish")
        const third = yield* chat.generateText({ prompt: [], toolkit: Tools })
        assert.strictEqual(third.text, "Mild at noon")

        const { messages } = yield* lastRequest
        assert.deepStrictEqual(messages.map(({ role }) => role), [
          "user",
          "assistant",
          "tool",
          "assistant",
          "tool"
        ])
        const [called, calledAgain] = messages.flatMap(({ tool_calls = [] }) => tool_calls.map(({ id }) => id))
        assert.deepStrictEqual([messages[2]?.tool_call_id, messages[4]?.tool_call_id], [called, calledAgain])
        assert.notStrictEqual(called, calledAgain)
        assert.strictEqual(messages[2]?.content, `{"degrees":4}`)
      }))

    it.effect("tells the model which tools there are and which to use", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ toolCalls: [{ name: "now", arguments: {} }] })
        yield* LanguageModel.generateText({ prompt: "time?", toolkit: Tools, toolChoice: { tool: "now" } })
        const { tool_choice, tools } = yield* lastRequest
        // llama.cpp ignores the name of a tool, so the named one alone is offered there
        const [offered, choice] = engine === "llamacpp"
          ? [["now"], "required"] as const
          : [["weather", "now"], { type: "function", function: { name: "now" } }] as const
        assert.deepStrictEqual<unknown>(tools?.map((tool) => tool.function.name), offered)
        assert.deepStrictEqual<unknown>(tool_choice, choice)
      }))

    it.effect("gives calls as they are where nobody is to answer them", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ toolCalls: [{ name: "weather", arguments: { city: "Oslo" } }] })
        const { toolCalls, toolResults } = yield* LanguageModel.generateText({
          prompt: "weather?",
          toolkit: Tools,
          disableToolCallResolution: true
        })
        assert.deepStrictEqual(toolCalls.map(({ name, params }) => [name, params]), [["weather", { city: "Oslo" }]])
        assert.lengthOf(toolResults, 0)
      }))
  })

  layer(live({ engine }))("an object", (it) => {
    const City = Schema.Struct({
      name: Schema.String,
      mayor: Schema.NullOr(Schema.String),
      twin: Schema.optional(Schema.String),
      since: Schema.Date
    })

    it.effect("is decoded, nullable fields to null and optional ones to nothing", () =>
      Effect.gen(function*() {
        const text = `{"name":"Rome","mayor":null,"twin":null,"since":"2026-01-02T00:00:00Z"}`
        yield* (yield* simulator).answer({ text })
        const { value } = yield* LanguageModel.generateObject({ prompt: "a city", schema: City })
        assert.strictEqual(value.name, "Rome")
        assert.isNull(value.mayor)
        assert.isUndefined(value.twin)
        assert.strictEqual(value.since.getUTCFullYear(), 2026)
      }))

    it.effect("is constrained by a grammar in the engine's own form", () =>
      Effect.gen(function*() {
        yield* LanguageModel.generateObject({ prompt: "a city", schema: Schema.Struct({ ok: Schema.Boolean }) })
        const { response_format } = yield* lastRequest
        assert.include(JSON.stringify(response_format), `"ok"`)
      }))

    it.effect("may have any name", () =>
      Effect.gen(function*() {
        const schema = Schema.Struct({ ok: Schema.Boolean })
        yield* LanguageModel.generateObject({ prompt: "a city", schema, objectName: "the city, in short" })
        assert.notInclude(JSON.stringify((yield* lastRequest).response_format), "the city, in short")
      }))

    it.effect("of a union comes out of the wrapper that an engine needs", () =>
      Effect.gen(function*() {
        const Shape = Schema.Union([
          Schema.Struct({ kind: Schema.tag("circle"), radius: Schema.Int }),
          Schema.Struct({ kind: Schema.tag("square"), side: Schema.Int })
        ])
        const { text, value } = yield* LanguageModel.generateObject({ prompt: "a shape", schema: Shape })
        assert.include(["circle", "square"], value.kind)
        assert.deepStrictEqual(JSON.parse(text), value)
      }))

    it.effect("that the token limit cut is an error with the text", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer({ text: `{"name":"Ro`, finish: "length" })
        const error = yield* Effect.flip(LanguageModel.generateObject({ prompt: "a city", schema: City }))
        assert.strictEqual(
          error.reason._tag === "StructuredOutputError" ? error.reason.responseText : undefined,
          `{"name":"Ro`
        )
        assert.include(error.message, "token limit")
      }))

    it.effect("is asked for anew with what was wrong, as often as the options say", () =>
      Effect.gen(function*() {
        const right = `{"name":"Rome","mayor":null,"since":"2026-01-02T00:00:00Z"}`
        yield* (yield* simulator).answer({ text: `{"name":1}` }, { text: right })
        const { value } = yield* LanguageModel.generateObject({ prompt: "a city", schema: City }).pipe(
          HuggingFaceLanguageModel.withConfigOverride({ retries: 1 })
        )
        assert.strictEqual(value.name, "Rome")
      }))
  })
})

describe.each(["vllm", "sglang"] as const)("on %s", (engine) => {
  layer(live({ engine }))("calls in one stream are told apart", (it) => {
    const cities = ["Rome", "Berlin"]

    it.effect.each(["usual", "index0", "index0Ids", "index0Whole", "noIndex", "noIndexWhole", "mixed"] as const)(
      "where they are numbered as %s",
      (shape) =>
        Effect.gen(function*() {
          const { answer, fail } = yield* simulator
          yield* answer({ toolCalls: cities.map((city) => ({ name: "weather", arguments: { city } })) })
          yield* fail(Fault.toolCalls(shape))
          const parts = yield* LanguageModel.streamText({ prompt: "go", toolkit: Tools }).pipe(
            Stream.runCollect,
            HuggingFaceLanguageModel.withConfigOverride({ parallelToolCalls: true })
          )
          const calls = parts.flatMap((part) => part.type === "tool-call" ? [part] : [])
          assert.deepStrictEqual<unknown>(calls.map(({ params }) => params), cities.map((city) => ({ city })))
          assert.lengthOf(new Set(calls.map(({ id }) => id)), 2)
          for (const { id, params } of calls) {
            const text = parts.map((part) => part.type === "tool-params-delta" && part.id === id ? part.delta : "")
              .join("")
            assert.deepStrictEqual<unknown>(JSON.parse(text), params)
          }
          const results = parts.flatMap((part) => part.type === "tool-result" ? [part.result] : [])
          assert.deepStrictEqual<unknown>(results, cities.map(({ length }) => ({ degrees: length })))
        })
    )
  })
})

describe.each(["vllm", "sglang", "llamacpp"] as const)("on %s", (engine) => {
  layer(live({ engine }))("several calls in one answer", (it) => {
    const answer = {
      toolCalls: [
        { name: "weather", arguments: { city: "Rome" } },
        { name: "weather", arguments: { city: "Berlin", unit: "F" } },
        { name: "now", arguments: {} }
      ]
    }

    it.effect("are all answered", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer(answer)
        const { toolResults } = yield* LanguageModel.generateText({ prompt: "go", toolkit: Tools }).pipe(
          HuggingFaceLanguageModel.withConfigOverride({ parallelToolCalls: true })
        )
        assert.deepStrictEqual(toolResults.map(({ result }) => result), [{ degrees: 4 }, { degrees: 12 }, "noon"])
      }))

    it.effect("are assembled by their index from a stream", () =>
      Effect.gen(function*() {
        yield* (yield* simulator).answer(answer)
        const parts = yield* LanguageModel.streamText({ prompt: "go", toolkit: Tools }).pipe(
          Stream.runCollect,
          HuggingFaceLanguageModel.withConfigOverride({ parallelToolCalls: true })
        )
        const calls = parts.flatMap((part) => part.type === "tool-call" ? [[part.name, part.params]] : [])
        assert.deepStrictEqual<unknown>(calls, [
          ["weather", { city: "Rome" }],
          ["weather", { city: "Berlin", unit: "F" }],
          ["now", {}]
        ])
        assert.lengthOf(parts.filter(({ type }) => type === "tool-result"), 3)
      }))
  })
})
