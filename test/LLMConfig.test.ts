import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Schema } from "effect"
import { InferenceEndpointsLLM, LLMConfig } from "../src/index.ts"
import { Simulator } from "../src/simulator/index.ts"

describe("the configuration as data", () => {
  it.effect.prop("comes back from JSON text as it was", [LLMConfig.LLMConfig], ([config]) =>
    Effect.gen(function*() {
      const json: unknown = JSON.parse(JSON.stringify(LLMConfig.encode(config)))
      const again = yield* LLMConfig.decode(json)
      assert.isTrue(Schema.toEquivalence(LLMConfig.LLMConfig)(again, config))
    }), { arbitrary: { runs: 60 } })

  it.effect("keeps a seed beyond a number", () =>
    Effect.gen(function*() {
      const config = yield* LLMConfig.decode({
        baseUrl: "http://localhost",
        generationOptions: { seed: "18446744073709551615" }
      })
      assert.strictEqual(config.generationOptions?.seed, 2n ** 64n - 1n)
      assert.deepStrictEqual(yield* LLMConfig.decode(LLMConfig.encode(config)), config)
    }))

  it.effect("says where it is wrong", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        LLMConfig.decode({ baseUrl: "http://localhost", generationOptions: { topP: 2 } })
      )
      assert.strictEqual(error.reason._tag, "InvalidConfig")
      assert.include(error.message, "topP")
    }))
})

describe("a number that is given as text", () => {
  for (
    const [path, config] of [
      ["maxNewTokens", { generationOptions: { maxNewTokens: "7" } }],
      ["temperature", { generationOptions: { temperature: "0.5" } }],
      ["5", { generationOptions: { logitBias: { 5: "1" } } }],
      ["concurrency", { concurrency: "4" }],
      ["waitTimeout", { waitTimeout: "300" }]
    ] as const
  ) {
    it.effect(`at ${path} says that a number was expected`, () =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(LLMConfig.decode({ baseUrl: "http://localhost", ...config }))
        assert.include(message, "Expected number")
        assert.include(message, path)
        assert.notInclude(message, "Infinity")
      }))
  }
})

const dump = {
  use_magpie_template: true,
  magpie_pre_query_template: "llama3",
  generation_kwargs: { max_new_tokens: 256, temperature: 0.7, stop_sequences: ["a"], top_k: null, num_generations: 2 },
  use_offline_batch_generation: false,
  offline_batch_generation_block_until_done: null,
  jobs_ids: null,
  structured_output: { format: "regex", schema: "[0-9]+", whitespace_pattern: null },
  model_id: null,
  endpoint_name: "my-endpoint",
  endpoint_namespace: "my-org",
  base_url: null,
  tokenizer_id: "meta-llama/Meta-Llama-3-8B-Instruct",
  model_display_name: "llama",
  type_info: { module: "distilabel.models.llms.huggingface.inference_endpoints", name: "InferenceEndpointsLLM" }
}

describe("a dump of the Python original", () => {
  it.effect("decodes into the same service", () =>
    Effect.gen(function*() {
      const config = yield* LLMConfig.decodePython(dump)
      assert.deepStrictEqual(
        config,
        yield* LLMConfig.decode({
          endpointName: "my-endpoint",
          endpointNamespace: "my-org",
          tokenizerId: "meta-llama/Meta-Llama-3-8B-Instruct",
          modelDisplayName: "llama",
          useMagpieTemplate: true,
          magpiePreQueryTemplate: "llama3",
          structuredOutput: { format: "regex", schema: "[0-9]+" },
          generationOptions: { maxNewTokens: 256, temperature: 0.7, stopSequences: ["a"] },
          numGenerations: 2
        })
      )
    }))

  it.effect("with an option that has no counterpart is refused by its name", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(LLMConfig.decodePython({ ...dump, generation_kwargs: { beam_width: 3 } }))
      assert.include(error.message, "beam_width")
    }))

  it.effect("that is none is refused", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(LLMConfig.decodePython("x"))).reason._tag, "InvalidConfig")
    }))
})

/** The fingerprint of a service, as text. */
const fingerprintOf = (options: InferenceEndpointsLLM.LayerOptions) =>
  Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, ({ fingerprint }) => JSON.stringify(fingerprint)).pipe(
    Effect.provide(InferenceEndpointsLLM.layer(options).pipe(Layer.provide(Simulator.layer({}))))
  )

const environment = (values: Readonly<Record<string, string>>) =>
  ConfigProvider.layer(ConfigProvider.fromUnknown(values))

describe("layers", () => {
  const name = Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, ({ displayName }) => displayName)

  it.effect("from Config read every option where it is said", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* name, "mine")
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layerConfig({
        baseUrl: Config.String("URL"),
        modelDisplayName: Config.String("NAME"),
        apiKey: Config.succeed(false as const)
      }).pipe(
        Layer.provide(Simulator.layer({})),
        Layer.provide(environment({ URL: "http://localhost:1", NAME: "mine" }))
      )
    )))

  it.effect("from the environment alone need no option", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* name, "from outside")
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layerEnv().pipe(
        Layer.provide(Simulator.layer({})),
        Layer.provide(environment({
          INFERENCE_BASE_URL: "http://localhost:1",
          INFERENCE_MODEL_DISPLAY_NAME: "from outside"
        }))
      )
    )))

  it.effect("the fingerprint holds what answers depend on, and no token", () =>
    Effect.gen(function*() {
      const options = { baseUrl: "http://localhost:1", apiKey: "hf_verysecret" } as const
      const plain = yield* fingerprintOf(options)
      assert.notInclude(plain, "hf_verysecret")
      assert.strictEqual(plain, yield* fingerprintOf({ ...options, apiKey: "hf_another" }))
      const others = [
        { ...options, baseUrl: "http://localhost:2" },
        { ...options, chatTemplate: "{{ messages }}" },
        { ...options, generationOptions: { temperature: 0.5 } },
        { ...options, structuredOutput: { format: "regex", schema: "a" } }
      ] as const
      for (const other of others) assert.notStrictEqual(yield* fingerprintOf(other), plain)
    }))
})
