import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ChatTemplate, HuggingFaceJinja, InferenceEndpointsLLM, type Message } from "../../src/index.ts"
import { Platform, Simulator } from "../../src/simulator/index.ts"
import * as World from "../World.ts"

const chatml =
  "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
const special = { bos_token: "<s>" }

const system: Message.Message = { role: "system", content: "S" }
const user: Message.Message = { role: "user", content: "U" }
const assistant: Message.Message = { role: "assistant", content: "A" }

/** The body of the last request that generates, and where it went. */
const sent = Effect.map(
  Effect.flatMap(Simulator.Simulator, ({ journal }) => journal.entries),
  (entries) => {
    const last = entries.filter(({ request }) => request.method === "POST").at(-1)?.request
    const body = last?.json
    return {
      path: last?.path,
      prompt: typeof body === "object" && body !== null && "inputs" in body ? body.inputs : undefined
    }
  }
)

const server = (options: InferenceEndpointsLLM.Options) =>
  InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, ...options }).pipe(
    Layer.provideMerge(Simulator.layer({}))
  )

const prompted = (
  input: Message.Input,
  call: Parameters<InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]["generate"]>[1] = {}
) =>
  Effect.gen(function*() {
    yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate(input, { maxNewTokens: 1, ...call })
    return yield* sent
  })

/** What the last request that generates said of its prompt, by the names of the completions route. */
const completed = Effect.map(
  Effect.flatMap(Simulator.Simulator, ({ journal }) => journal.entries),
  (entries) => {
    const { add_special_tokens, prompt } = {
      add_special_tokens: undefined,
      prompt: undefined,
      ...Object(entries.filter(({ request }) => request.method === "POST").at(-1)?.request.json)
    }
    return { prompt, add_special_tokens }
  }
)

const behind = (engine: "llamacpp" | "vllm", options: InferenceEndpointsLLM.Options) =>
  InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, ...options }).pipe(
    Layer.provideMerge(Simulator.layer({ engine }))
  )

describe("the service's template", () => {
  const dump = "{{ messages[0] | tojson }}"

  it.effect("follows the version of transformers that is named", () =>
    Effect.gen(function*() {
      yield* prompted([{ role: "assistant", content: null, tool_calls: [] }])
      assert.include(String((yield* completed).prompt), "\"content\": null")
    }).pipe(Effect.provide(behind("vllm", { chatTemplate: dump, compatibility: "5.22.2" }))))

  it.effect("makes control tokens in a user's words plain text where that is asked for", () =>
    Effect.gen(function*() {
      yield* prompted("a<|im_end|>")
      const { prompt } = yield* completed
      assert.strictEqual(prompt, "a<\u200b|im_end|><|im_end|>")
    }).pipe(
      Effect.provide(behind("vllm", {
        chatTemplate: "{{ messages[0].content }}<|im_end|>",
        sanitizeControlTokens: true
      }))
    ))

  it.effect("runs on the engine of the context", () =>
    Effect.gen(function*() {
      yield* prompted("U")
      // what the other engine is known by: it prints a list as JSON
      assert.strictEqual((yield* completed).prompt, "[\"U\"]")
    }).pipe(
      Effect.provide(
        behind("vllm", { chatTemplate: "{{ [messages[0].content] }}" }).pipe(Layer.provide(HuggingFaceJinja.layer))
      )
    ))
})

describe("with a template", () => {
  const layer = server({ chatTemplate: chatml, specialTokens: special, bos: "strip" })

  it.effect("messages are rendered here and sent raw, without the BOS that the server adds", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* prompted([system, user]), {
        path: "/generate",
        prompt: "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n"
      })
    }).pipe(Effect.provide(layer)))

  it.effect("the BOS stays where the caller keeps it", () =>
    Effect.gen(function*() {
      const { prompt } = yield* prompted("U")
      assert.strictEqual(prompt, "<s><|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n")
    }).pipe(Effect.provide(server({ chatTemplate: chatml, specialTokens: special, bos: "keep" }))))

  it.effect("raw text is sent as it is", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* prompted({ raw: "once" })).prompt, "once")
    }).pipe(Effect.provide(layer)))

  it.effect("a last message is continued where that is asked for", () =>
    Effect.gen(function*() {
      const { prompt } = yield* prompted([user, assistant], { continueFinalMessage: true })
      assert.strictEqual(prompt, "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA")
    }).pipe(Effect.provide(layer)))

  it.effect("variables of the template reach it", () =>
    Effect.gen(function*() {
      const { prompt } = yield* prompted("U", { templateVariables: { mood: "gay" } })
      assert.strictEqual(prompt, "gay U")
    }).pipe(Effect.provide(server({ chatTemplate: "{{ mood }} {{ messages[0].content }}" }))))

  it.effect("what a template raises fails the call, with its words and before any request", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(prompted("U"))
      assert.isTrue(error._tag === "TemplateError" && error.reason._tag === "Raised")
      assert.include(error.message, "roles must alternate")
      assert.isUndefined((yield* sent).path)
    }).pipe(Effect.provide(server({ chatTemplate: "{{ raise_exception('roles must alternate') }}" }))))
})

describe("a template that is given as text", () => {
  const text = "<|begin_of_text|>{{ messages[0].content }}"
  const promptOf = (engine: "tgi" | "vllm" | "sglang" | "llamacpp", options: InferenceEndpointsLLM.Options = {}) =>
    Effect.gen(function*() {
      yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate("U", { maxNewTokens: 1 })
      const entries = yield* Effect.flatMap(Simulator.Simulator, ({ journal }) => journal.entries)
      const body = entries.filter(({ request }) => request.method === "POST").at(-1)?.request.json
      return body as { readonly inputs?: string; readonly prompt?: string; readonly add_special_tokens?: boolean }
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, chatTemplate: text, ...options })
        .pipe(
          Layer.provideMerge(Simulator.layer({ engine }))
        )
    ))

  it.effect("does not double the BOS on engines that add one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* promptOf("tgi")).inputs, "U")
      assert.strictEqual((yield* promptOf("sglang")).prompt, "U")
      assert.strictEqual((yield* promptOf("llamacpp")).prompt, "U")
      const own = { chatTemplate: "[B]{{ messages[0].content }}", specialTokens: { bos_token: "[B]" } }
      assert.strictEqual((yield* promptOf("tgi", own)).inputs, "U")
    }))

  it.effect("reaches vLLM whole, which is told to add nothing", () =>
    Effect.gen(function*() {
      const { add_special_tokens, prompt } = yield* promptOf("vllm")
      assert.deepStrictEqual([prompt, add_special_tokens], ["<|begin_of_text|>U", false])
    }))

  it.effect("loses the BOS that llama.cpp says it adds, whatever that is", () =>
    Effect.gen(function*() {
      yield* prompted("U")
      assert.strictEqual((yield* completed).prompt, "U")
    }).pipe(Effect.provide(
      World.layer({
        engine: "llamacpp",
        service: { chatTemplate: "[X]" },
        target: { engine: { kind: "llamacpp", source: "route", bosToken: "[X]" } }
      }).pipe(Layer.provide(ChatTemplate.layerText({ template: "[X]{{ messages[0].content }}" })))
    )))

  it.effect.each([["", "<s>U"], ["[X]", "U"], ["<s>", "U"]] as const)(
    "keeps its BOS only where llama.cpp says that it adds none: %j, so %s",
    ([bosToken, expected]) =>
      Effect.gen(function*() {
        yield* prompted("U")
        assert.strictEqual((yield* completed).prompt, expected)
      }).pipe(Effect.provide(
        World.layer({
          engine: "llamacpp",
          service: { chatTemplate: "<s>" },
          target: { engine: { kind: "llamacpp", source: "route", bosToken } }
        }).pipe(Layer.provide(ChatTemplate.layerText({ template: "<s>{{ messages[0].content }}" })))
      ))
  )

  it.effect("keeps its BOS where the caller says so", () =>
    Effect.gen(function*() {
      const { add_special_tokens, prompt } = yield* promptOf("vllm", { bos: "keep" })
      assert.deepStrictEqual([prompt, add_special_tokens], ["<|begin_of_text|>U", undefined])
      assert.strictEqual((yield* promptOf("tgi", { bos: "keep" })).inputs, "<|begin_of_text|>U")
    }))
})

const broken = (options: InferenceEndpointsLLM.Options) =>
  Effect.flip(Effect.provide(InferenceEndpointsLLM.InferenceEndpointsLLM, server(options)))

describe("Magpie", () => {
  const layer = server({
    chatTemplate: chatml,
    specialTokens: special,
    bos: "strip",
    useMagpieTemplate: true,
    magpiePreQueryTemplate: "qwen2"
  })
  const preQuery = "<|im_start|>user\n"

  it.effect("generates from nothing: the pre-query template is all there is", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* prompted([])).prompt, preQuery)
    }).pipe(Effect.provide(layer)))

  it.effect("follows a conversation that does not end with the user, after the assistant's header", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        (yield* prompted([system])).prompt,
        `<|im_start|>system\nS<|im_end|>\n<|im_start|>assistant\n${preQuery}`
      )
    }).pipe(Effect.provide(layer)))

  it.effect("leaves a conversation alone that ends with the user", () =>
    Effect.gen(function*() {
      assert.isFalse(String((yield* prompted([user])).prompt).endsWith(preQuery))
    }).pipe(Effect.provide(layer)))

  it.effect("without a template is refused when the service is made", () =>
    Effect.gen(function*() {
      const error = yield* broken({ useMagpieTemplate: true, magpiePreQueryTemplate: "qwen2" })
      assert.isTrue(error._tag === "EndpointError" && error.reason._tag === "InvalidConfig")
      assert.include(error.message, "tokenizerId")
    }))

  it.effect("without a pre-query template is refused when the service is made", () =>
    Effect.gen(function*() {
      const error = yield* broken({ useMagpieTemplate: true, chatTemplate: chatml })
      assert.include(error.message, "magpiePreQueryTemplate")
    }))
})

const posted = (of: "server" | "provider") =>
  Effect.map(
    Effect.flatMap(Platform.Platform, (platform) => platform[of].journal.entries),
    (entries) => entries.filter(({ request }) => request.method === "POST").map(({ request }) => request)
  )

describe("a tokenizer of the Hub", () => {
  const repo = {
    commit: "0".repeat(40),
    files: {
      "tokenizer_config.json": JSON.stringify({ chat_template: chatml, bos_token: "<s>", add_bos_token: true })
    },
    info: {
      pipeline_tag: "text-generation",
      inferenceProviderMapping: { together: { status: "live", providerId: "org/model", task: "conversational" } }
    }
  } as const
  const hub = { users: { hf_example: { name: "ada" } }, repos: { "org/model": repo } } as const
  const HuggingFace = Platform.layer({
    hub,
    router: { models: { "org/model": [{ provider: "together" }] } },
    endpoints: { endpoints: { "my-org/my-endpoint": { state: "running" } } }
  })
  it.effect("renders the prompts of a dedicated endpoint; one BOS is left to the server that adds it", () =>
    Effect.gen(function*() {
      yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate([user], { topK: 5, maxNewTokens: 1 })
      const [request] = yield* posted("server")
      assert.strictEqual(request?.path, "/generate")
      assert.deepInclude(request?.json, { inputs: "<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n" })
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layer({
        endpointName: "my-endpoint",
        endpointNamespace: "my-org",
        apiKey: "hf_example",
        tokenizerId: "org/model"
      }).pipe(Layer.provideMerge(HuggingFace))
    )))

  const serverless = (options: InferenceEndpointsLLM.Options) =>
    InferenceEndpointsLLM.layer({ modelId: "org/model", apiKey: "hf_example", ...options }).pipe(
      Layer.provideMerge(HuggingFace)
    )
  const structuredOutput = {
    format: "json",
    schema: { type: "object", properties: { a: { type: "boolean" } } }
  } as const

  it.effect("that only the structured output asked for changes nothing for a call that lifts it", () =>
    Effect.gen(function*() {
      const { generate } = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
      yield* generate([user], { maxNewTokens: 20 })
      yield* generate([user], { maxNewTokens: 1, structuredOutput: false })
      const [constrained, free] = yield* posted("provider")
      assert.strictEqual(constrained?.path, "/v1/chat/completions")
      assert.deepInclude(constrained?.json, { messages: [user] })
      assert.strictEqual(free?.path, "/v1/chat/completions")
      assert.deepInclude(free?.json, { messages: [user] })
    }).pipe(Effect.provide(serverless({ structuredOutput }))))

  it.effect("that was asked for by name is not left aside in silence", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate([user], { maxNewTokens: 20 })
      )
      assert.isTrue(error._tag === "StructuredOutputError" && error.reason._tag === "UnsupportedSchema")
    }).pipe(Effect.provide(serverless({ structuredOutput, tokenizerId: "org/model" }))))

  it.effect("that has no template fails the call and says what to do", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate([user]))
      assert.isTrue(error._tag === "TemplateError" && error.reason._tag === "NotFound")
    }).pipe(Effect.provide(serverless({ tokenizerId: "org/nowhere" }))))
})

const repoOf = (mapping: Readonly<Record<string, { readonly task: string; readonly status?: string }>>) => ({
  commit: "0".repeat(40),
  files: {},
  info: {
    inferenceProviderMapping: Object.fromEntries(
      Object.entries(mapping).map(([provider, offer]) => [
        provider,
        { status: "live", providerId: `${provider}/Its-Name`, ...offer }
      ])
    )
  }
})

describe("a raw prompt on the router", () => {
  const repos = {
    "org/chat": repoOf({ groq: { task: "conversational" }, together: { task: "conversational" } }),
    "org/text": repoOf({ novita: { task: "text-generation" } }),
    "org/both": repoOf({ together: { task: "conversational" }, deepinfra: { task: "text-generation" } }),
    "org/own": repoOf({ "hf-inference": { task: "text-generation" } }),
    "org/none": repoOf({ groq: { task: "conversational" } })
  }
  const models = Object.fromEntries(Object.keys(repos).map((id) => [id, [{ provider: "groq" }]]))
  const platform = Platform.layer({ hub: { users: { hf_example: { name: "ada" } }, repos }, router: { models } })

  /** Where the last request that generates went at the router, and under which name. */
  const asked = (modelId: string, input: Message.Input, options: InferenceEndpointsLLM.Options = {}) =>
    Effect.gen(function*() {
      yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate(input, { maxNewTokens: 1 })
      const received = yield* Effect.flatMap(Platform.Platform, ({ router }) => router.received)
      const last = received.filter(({ method }) => method === "POST").at(-1)
      const { model } = JSON.parse(last?.body ?? "{}")
      return [last?.url.pathname, model]
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layer({ modelId, apiKey: "hf_example", ...options }).pipe(Layer.provideMerge(platform))
    ))

  const routes: ReadonlyArray<readonly [modelId: string, path: string, model: string]> = [
    ["org/chat", "/together/v1/completions", "together/Its-Name"],
    ["org/text", "/novita/v3/openai/completions", "novita/Its-Name"],
    ["org/both", "/deepinfra/v1/openai/completions", "deepinfra/Its-Name"]
  ]
  for (const [modelId, path, model] of routes) {
    it.effect(`of ${modelId} goes to ${path}, under the provider's own name of the model`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* asked(modelId, { raw: "once" }), [path, model])
      }))
  }

  it.effect.each(["unary", "stream"] as const)(
    "goes to hf-inference in the native form, asked for as %s",
    (delivery) =>
      Effect.gen(function*() {
        const call = { maxNewTokens: 3, seed: 1, delivery }
        const { generations } = yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate(
          { raw: "once" },
          call
        )
        const last = (yield* Effect.flatMap(Platform.Platform, ({ router }) => router.received)).at(-1)
        assert.strictEqual(last?.url.pathname, "/hf-inference/models/org/own")
        assert.deepStrictEqual<unknown>(JSON.parse(last?.body ?? ""), {
          inputs: "once",
          parameters: { max_new_tokens: 3, seed: 1, details: true },
          ...(delivery === "stream" && { stream: true })
        })
        assert.strictEqual(generations[0]?.finishReason, "length")
        assert.strictEqual(generations[0]?.statistics.outputTokens, 3)
      }).pipe(Effect.provide(
        InferenceEndpointsLLM.layer({ modelId: "org/own", apiKey: "hf_example" }).pipe(Layer.provideMerge(platform))
      ))
  )

  it.effect("changes nothing for messages, which go to the router itself", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* asked("org/both", [user]), ["/v1/chat/completions", "org/both"])
    }))

  it.effect("is what a template makes too", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* asked("org/both", [user], { chatTemplate: chatml }), [
        "/deepinfra/v1/openai/completions",
        "deepinfra/Its-Name"
      ])
    }))

  it.effect("is not sent where no provider takes it, and messages not where none takes those", () =>
    Effect.gen(function*() {
      const raw = yield* Effect.flip(asked("org/none", { raw: "once" }))
      assert.isTrue(raw._tag === "InferenceError" && raw.reason._tag === "InvalidRequest")
      assert.include(raw.message, "no provider of org/none takes raw prompts")
      const messages = yield* Effect.flip(asked("org/text", [user]))
      assert.isTrue(messages._tag === "InferenceError" && messages.reason._tag === "InvalidRequest")
      assert.include(messages.message, "take raw prompts only: set tokenizerId")
    }))

  it.effect("an unknown model is what the router says of it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.gen(function*() {
          yield* (yield* InferenceEndpointsLLM.InferenceEndpointsLLM).generate("U", { maxNewTokens: 1 })
        }).pipe(Effect.provide(
          InferenceEndpointsLLM.layer({ modelId: "org/chat", apiKey: "hf_example" }).pipe(
            Layer.provide(
              Platform.layer({ hub: { users: { hf_example: { name: "ada" } }, repos }, router: { models: {} } })
            )
          )
        ))
      )
      assert.isTrue(error._tag === "InferenceError" && error.reason._tag === "NotFound")
      assert.include(error.message, "not supported by any provider")
    }))
})
