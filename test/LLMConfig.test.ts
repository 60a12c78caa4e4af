import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Schema, SchemaAST } from "effect"
import * as Yaml from "effect/encoding/Yaml"
import * as EndpointConfig from "../src/endpoint/EndpointConfig.ts"
import { GenerationOptions, InferenceEndpointsLLM, LLMConfig, Settings } from "../src/index.ts"
import * as PythonDump from "../src/PythonDump.ts"
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

describe("every option has a description, which help texts, docs and tools are made from", () => {
  const schemas = {
    EndpointConfig: EndpointConfig.EndpointConfig,
    GenerationOptions: GenerationOptions.GenerationOptions,
    LLMConfig: LLMConfig.LLMConfig,
    Settings: Settings.Settings
  }
  for (const [name, schema] of Object.entries(schemas)) {
    it(`in ${name}`, () => {
      const without = Object.entries<Schema.Top>(schema.fields)
        .filter(([, { ast }]) => !/^[A-Z`][^]*\.$/.test(SchemaAST.resolveDescription(ast) ?? ""))
        .map(([field]) => field)
      assert.deepStrictEqual(without, [])
    })
  }
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

  const none: ReadonlyArray<readonly [name: string, value: unknown, says: string]> = [
    ["a text", "x", "not an object"],
    ["a list", [dump], "not an object"],
    ["an empty object", {}, "names no model"],
    ["attributes that name no model", { generation_kwargs: { max_new_tokens: 1 } }, "names no model"],
    ["a dump of another class", { model: "gpt", type_info: { name: "OpenAILLM" } }, "but of OpenAILLM"],
    [
      "a pipeline without such a model",
      { pipeline: { steps: [{ step: { llm: { type_info: { name: "vLLM" } } } }] } },
      "not a dump"
    ]
  ]
  for (const [name, value, says] of none) {
    it.effect(`that is none is refused: ${name}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(LLMConfig.decodePython(value))
        assert.strictEqual(error.reason._tag, "InvalidConfig")
        assert.include(error.message, says)
      }))
  }

  const optionsOf = (kwargs: Record<string, unknown>, more: Record<string, unknown> = { tokenizer_id: null }) =>
    Effect.map(
      LLMConfig.decodePython({ ...dump, structured_output: null, ...more, generation_kwargs: kwargs }),
      ({ generationOptions }) => generationOptions
    )

  it.effect("has tools in OpenAI's form, and its own form of a choice", () =>
    Effect.gen(function*() {
      const f = { name: "f", description: "d", parameters: { type: "object" } }
      const options = yield* optionsOf({
        tools: [{ type: "function", function: f }, { ...f, name: "g" }],
        tool_choice: { function_name: "f" }
      })
      assert.deepStrictEqual(options, { tools: [f, { ...f, name: "g" }], toolChoice: { name: "f" } })
      assert.deepStrictEqual(yield* optionsOf({ tool_choice: "auto" }), { toolChoice: "auto" })
      const openAi = { type: "function", function: { name: "f" } }
      assert.deepStrictEqual(yield* optionsOf({ tool_choice: openAi }), { toolChoice: { name: "f" } })
    }))

  it.effect("has one stop sequence as a text, at most four, top_n_tokens, and a bias as a list", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* optionsOf({ stop_sequences: "END" }), { stopSequences: ["END"] })
      assert.deepStrictEqual(yield* optionsOf({ stop_sequences: ["a", "b", "c", "d", "e"] }), {
        stopSequences: ["a", "b", "c", "d"]
      })
      assert.deepStrictEqual(yield* optionsOf({ top_n_tokens: 3, logit_bias: [0, 1.5, 0, -2] }), {
        topNTokens: 3,
        logitBias: { 1: 1.5, 3: -2 }
      })
    }))

  it.effect("is greedy at a temperature of exactly 1 behind a tokenizer, as it is there", () =>
    Effect.gen(function*() {
      const raw = { tokenizer_id: "org/model" }
      assert.deepStrictEqual(yield* optionsOf({ temperature: 1.0 }, raw), { doSample: false })
      assert.deepStrictEqual(yield* optionsOf({ temperature: 1.0, do_sample: false }, raw), { doSample: false })
      assert.deepStrictEqual(yield* optionsOf({ temperature: 1.0, do_sample: true }, raw), {
        temperature: 1,
        doSample: true
      })
      assert.deepStrictEqual(yield* optionsOf({ temperature: 1.0, top_p: 0.9 }, raw), { temperature: 1, topP: 0.9 })
      assert.deepStrictEqual(yield* optionsOf({ temperature: 0.9 }, raw), { temperature: 0.9 })
      assert.deepStrictEqual(yield* optionsOf({ temperature: 1.0 }), { temperature: 1 })
    }))

  const pipeline = {
    distilabel: { version: "1.5.3" },
    pipeline: {
      name: "p",
      steps: [
        { step: { name: "load", type_info: { name: "LoadDataFromHub" } } },
        { step: { name: "generate", llm: dump, type_info: { name: "TextGeneration" } } }
      ],
      connections: [{ from: "load", to: ["generate"] }]
    }
  }

  it.effect("is found inside a whole pipeline, in YAML and in JSON", () =>
    Effect.gen(function*() {
      const want = yield* LLMConfig.decodePython(dump)
      assert.deepStrictEqual(yield* LLMConfig.decodePython(pipeline), want)
      assert.deepStrictEqual(yield* LLMConfig.decodePythonText(JSON.stringify(pipeline)), want)
      const yaml = `pipeline:
  name: p
  steps:
  - step:
      name: generate
      llm:
        model_id: org/model
        generation_kwargs:
          max_new_tokens: 5
        type_info:
          module: distilabel.models.llms.huggingface.inference_endpoints
          name: InferenceEndpointsLLM
`
      const config = yield* LLMConfig.decodePythonText(yaml)
      assert.deepInclude(config, { modelId: "org/model", generationOptions: { maxNewTokens: 5 } })
      assert.strictEqual((yield* Effect.flip(LLMConfig.decodePythonText("a: [1"))).reason._tag, "InvalidConfig")
    }))

  it.effect("is not guessed among several that differ", () =>
    Effect.gen(function*() {
      const two = { steps: [{ llm: dump }, { llm: { ...dump, endpoint_name: "other" } }] }
      assert.include((yield* Effect.flip(LLMConfig.decodePython(two))).message, "2 different models")
      assert.strictEqual(
        (yield* LLMConfig.decodePython({ steps: [{ llm: dump }, { llm: dump }] })).endpointName,
        "my-endpoint"
      )
    }))

  it.effect("comes back from ours as the same configuration, as an object, in JSON and in YAML", () =>
    Effect.gen(function*() {
      const config = yield* LLMConfig.decode({
        modelId: "org/model",
        tokenizerId: "org/model",
        modelDisplayName: "yes: \"#",
        useMagpieTemplate: false,
        structuredOutput: {
          format: "json",
          schema: { type: "object", properties: { "on": {}, "a b": { enum: [null, []] } } }
        },
        generationOptions: {
          maxNewTokens: 7,
          temperature: 0.3,
          stopSequences: ["\n", "- x"],
          tools: [{ name: "f", parameters: {} }],
          toolChoice: { name: "f" }
        },
        numGenerations: 3
      })
      assert.deepStrictEqual(yield* LLMConfig.decodePython(yield* LLMConfig.encodePython(config)), config)
      for (const format of ["json", "yaml"] as const) {
        const text = yield* LLMConfig.encodePythonText(config, format)
        assert.deepStrictEqual(yield* LLMConfig.decodePythonText(text), config)
      }
    }))

  it.effect("cannot hold what the original does not know, which is named", () =>
    Effect.gen(function*() {
      const config = yield* LLMConfig.decode({ modelId: "a/b", provider: "groq", generationOptions: { minP: 0.1 } })
      const { message } = yield* Effect.flip(LLMConfig.encodePython(config))
      assert.include(message, "provider, generationOptions.minP")
    }))

  it.prop("as YAML says what its JSON says", [Schema.Record(Schema.String, Schema.Json)], ([json]) => {
    assert.deepStrictEqual<unknown>(Yaml.parse(PythonDump.toYaml(json)), JSON.parse(JSON.stringify(json)))
  })
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
