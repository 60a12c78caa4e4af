import { assert, describe, it, layer } from "@effect/vitest"
import { Config, ConfigProvider, Effect, ExecutionPlan, Layer, Schema, Stream } from "effect"
import { IdGenerator, LanguageModel, Model, Telemetry } from "effect/ai"
import { HuggingFaceLanguageModel } from "../../src/ai/index.ts"
import { InferenceEndpointsLLM, Retry } from "../../src/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Spans from "../Spans.ts"
import { address, handlers, lastRequest, live, Tools } from "./Weather.ts"

const simulator = Simulator.Simulator
const once = { client: { retry: Retry.none } }

layer(live({}, { config: { temperature: 0.5, seed: 1 } }))("options of a call", (it) => {
  it.effect("come from what the model was made with", () =>
    Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "hi" })
      const { seed, temperature } = yield* lastRequest
      assert.deepStrictEqual({ seed, temperature }, { seed: 1, temperature: 0.5 })
    }))

  it.effect("are overridden around an effect, the innermost first and the rest kept", () =>
    Effect.gen(function*() {
      yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
        HuggingFaceLanguageModel.withConfigOverride({ temperature: 0.9 }),
        HuggingFaceLanguageModel.withConfigOverride({ temperature: 0.1, maxNewTokens: 7 })
      )
      const { max_tokens, seed, temperature } = yield* lastRequest
      assert.deepStrictEqual({ max_tokens, seed, temperature }, { max_tokens: 7, seed: 1, temperature: 0.9 })
    }))

  it.effect("are overridden for a stream too", () =>
    Effect.gen(function*() {
      yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
        Stream.updateService(HuggingFaceLanguageModel.Config, (config) => ({ ...config, maxNewTokens: 3 })),
        Stream.runDrain
      )
      assert.strictEqual((yield* lastRequest).max_tokens, 3)
    }))

  it.effect("that are out of range fail before anything is sent", () =>
    Effect.gen(function*() {
      const { journal } = yield* simulator
      yield* journal.clear
      const error = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
        HuggingFaceLanguageModel.withConfigOverride({ temperature: -1 }),
        Effect.flip
      )
      assert.strictEqual(
        error.reason._tag === "InvalidRequestError" ? error.reason.parameter : undefined,
        "temperature"
      )
      assert.lengthOf(yield* journal.entries, 0)
    }))
})

const failing = (fault: Fault.Fault) =>
  Effect.gen(function*() {
    yield* (yield* simulator).fail(fault)
    return yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
  })

layer(live({}, once))("a failing server", (it) => {
  it.effect("that limits the rate says when to come back", () =>
    Effect.gen(function*() {
      const error = yield* failing(Fault.rateLimited({ retryAfter: 5 }))
      assert.strictEqual(error.reason._tag, "RateLimitError")
      assert.isDefined(error.retryAfter)
      assert.isTrue(error.isRetryable)
    }))

  it.effect("that refuses the request is told with its status", () =>
    Effect.gen(function*() {
      const { reason } = yield* failing(Fault.status(422, `{"error":"too long","error_type":"validation"}`))
      assert.strictEqual(reason._tag === "InvalidRequestError" ? reason.http?.response?.status : undefined, 422)
      assert.include(reason.message, "too long")
    }))

  it.effect("that does not listen is a network failure", () =>
    Effect.gen(function*() {
      const { reason } = yield* failing(Fault.refuse)
      assert.strictEqual(reason._tag, "NetworkError")
    }))

  it.effect("that crashes in the middle of a stream fails the stream", () =>
    Effect.gen(function*() {
      yield* (yield* simulator).fail(Fault.crash(2))
      const error = yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "hi" })))
      assert.include(["InternalProviderError", "InvalidRequestError"], error.reason._tag)
    }))
})

describe("an answer", () => {
  it.effect("without a finish reason is what was said, and ends unknown, whole and streamed", () =>
    Effect.gen(function*() {
      const whole = yield* LanguageModel.generateText({ prompt: "hi" })
      const streamed = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      const last = streamed.at(-1)
      assert.deepStrictEqual([whole.text, whole.finishReason], ["half", "unknown"])
      assert.strictEqual(last?.type === "finish" ? last.reason : undefined, "unknown")
    }).pipe(Effect.provide(
      HuggingFaceLanguageModel.layerWith().pipe(
        Layer.provide(InferenceEndpointsLLM.layerTest(() => ({ text: "half", finishReason: "unknown" })))
      )
    )))

  it.effect("whose stream ends before its finish is an error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "hi" })))
      assert.include(error.message, "without its last event")
    }).pipe(Effect.provide(
      HuggingFaceLanguageModel.layerWith().pipe(
        Layer.provide(Layer.mock(InferenceEndpointsLLM.InferenceEndpointsLLM, {
          displayName: Effect.succeed("m"),
          fingerprint: null,
          stream: () => Stream.succeed({ _tag: "Text", text: "half" })
        }))
      )
    )))

  it.effect("tells the model, the time and the statistics", () =>
    Effect.gen(function*() {
      const { content } = yield* LanguageModel.generateText({ prompt: "hi" })
      const [metadata] = content
      const finish = content.at(-1)
      assert.strictEqual(metadata?.type === "response-metadata" ? metadata.modelId : undefined, "simulator/vllm")
      assert.strictEqual(finish?.type === "finish" ? finish.metadata.huggingface?.attempts : undefined, 1)
    }).pipe(Effect.provide(live({ engine: "vllm" }))))
})

layer(live({}))("ids of calls", (it) => {
  it.effect("are nine letters and digits where the engine only counts, as Mistral's templates want them", () =>
    Effect.gen(function*() {
      yield* (yield* simulator).answer({ toolCalls: [{ name: "now", arguments: {} }] })
      const { toolCalls } = yield* LanguageModel.generateText({ prompt: "time?", toolkit: Tools })
      assert.match(toolCalls[0]?.id ?? "", /^[0-9A-Za-z]{9}$/)
    }))
})

it.effect("ids of calls come from the program's own generator where it has one", () =>
  Effect.gen(function*() {
    yield* (yield* simulator).answer({ toolCalls: [{ name: "now", arguments: {} }] })
    const { toolCalls } = yield* LanguageModel.generateText({ prompt: "time?", toolkit: Tools })
    assert.strictEqual(toolCalls[0]?.id, "mine")
  }).pipe(
    Effect.provide(
      live({}).pipe(Layer.provide(Layer.succeed(IdGenerator.IdGenerator, { generateId: () => Effect.succeed("mine") })))
    )
  ))

describe("telemetry", () => {
  const said = { text: "Hello there" }

  it.effect("of a generation is on the one span of effect/ai, with the request below it", () =>
    Effect.gen(function*() {
      const { layer, spans } = Spans.recorded()
      yield* Effect.gen(function*() {
        yield* (yield* simulator).answer(said, said)
        yield* LanguageModel.generateText({ prompt: "hi" })
        yield* Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))
      }).pipe(Effect.provide([live({ engine: "vllm" }, { config: { temperature: 0.5 } }), layer]))

      const counting = spans.filter(({ attributes }) => attributes.has("gen_ai.usage.output_tokens"))
      assert.deepStrictEqual(counting.map(({ name }) => name), [
        "LanguageModel.generateText",
        "LanguageModel.streamText"
      ])
      for (const { attributes, status } of counting) {
        assert.strictEqual(attributes.get("gen_ai.provider.name"), "huggingface")
        assert.strictEqual(attributes.get("gen_ai.operation.name"), "chat")
        assert.strictEqual(attributes.get("gen_ai.request.temperature"), 0.5)
        assert.strictEqual(attributes.get("gen_ai.response.model"), "simulator/vllm")
        assert.strictEqual(status._tag, "Ended")
      }
    }))

  it.effect("can be added to by the program", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
        Effect.provideService(Telemetry.CurrentSpanTransformer, ({ response }) => void seen.push(response.length))
      )
      assert.lengthOf(seen, 1)
    }).pipe(Effect.provide(live({}))))
})

const named = (server: Parameters<typeof Simulator.layer>[0]) =>
  HuggingFaceLanguageModel.model("small", { ...address, ...once }).pipe(Layer.provideMerge(Simulator.layer(server)))

describe("a model by name", () => {
  it.effect("says who provides it and how it is called", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Model.ProviderName, "huggingface")
      assert.strictEqual(yield* Model.ModelName, "small")
      assert.isNotEmpty((yield* LanguageModel.generateText({ prompt: "hi" })).text)
    }).pipe(Effect.provide(named({}))))

  it.effect("that names no endpoint fails every call, and its building never", () =>
    Effect.gen(function*() {
      const whole = yield* Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
      const streamed = yield* Effect.flip(Stream.runDrain(LanguageModel.streamText({ prompt: "hi" })))
      assert.deepStrictEqual([whole.reason._tag, streamed.reason._tag], ["InvalidRequestError", "InvalidRequestError"])
    }).pipe(Effect.provide(
      HuggingFaceLanguageModel.model("m", { baseUrl: "no url", apiKey: false }).pipe(Layer.provide(Simulator.layer()))
    )))

  it.effect("gives way to the next of a plan when it fails", () =>
    Effect.gen(function*() {
      const down = named({ faults: ({ method }) => method === "POST" ? [Fault.unavailable] : [] })
      const plan = ExecutionPlan.make(
        { provide: down, attempts: 2, while: (error: { readonly isRetryable: boolean }) => error.isRetryable },
        { provide: named({ script: () => ({ text: "from the second" }) }) }
      )
      const { text } = yield* Effect.withExecutionPlan(LanguageModel.generateText({ prompt: "hi" }), plan)
      assert.strictEqual(text, "from the second")
    }))
})

it.effect("a model from a configuration is at the address that it names", () =>
  Effect.gen(function*() {
    yield* LanguageModel.generateText({ prompt: "hi" })
    assert.strictEqual((yield* lastRequest).max_tokens, 5)
  }).pipe(Effect.provide(
    HuggingFaceLanguageModel.layerConfig(
      { baseUrl: Config.String("URL"), apiKey: Config.succeed(false) },
      { config: { maxNewTokens: 5 } }
    ).pipe(
      Layer.provideMerge(Simulator.layer()),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ URL: "http://simulator" })))
    )
  )))

it.effect("tools beside an object are refused on TGI, which takes only one of them", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(LanguageModel.generateObject({
      prompt: "hi",
      schema: Schema.Struct({ a: Schema.Boolean }),
      toolkit: Tools
    }))
    assert.strictEqual(error.reason._tag, "InvalidRequestError")
    assert.include(error.message, "tools")
  }).pipe(Effect.provide([live({}), handlers])))
