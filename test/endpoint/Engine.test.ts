import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Redacted, Schema } from "effect"
import * as Engine from "../../src/endpoint/address/Engine.ts"
import * as EngineProbe from "../../src/endpoint/address/EngineProbe.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import type * as Exchange from "../../src/simulator/wire/Exchange.ts"

const tgiInfo = {
  router: "text-generation-router",
  model_id: "org/m",
  version: "3.3.7",
  max_concurrent_requests: 128,
  max_best_of: 2,
  max_stop_sequences: 4,
  max_input_tokens: 1000,
  max_total_tokens: 2000,
  max_client_batch_size: 4
}

const models = (owned_by: string, more: object = {}) => ({
  object: "list",
  data: [{ id: "org/m", object: "model", owned_by, ...more }]
})

const servers = {
  tgi: { "/v1/models": models("org/m"), "/info": tgiInfo },
  vllm: { "/v1/models": models("vllm", { root: "org/m", max_model_len: 4096 }), "/version": { version: "0.21.0" } },
  sglang: { "/v1/models": models("sglang", { max_model_len: 4096 }), "/get_server_info": { version: "0.5.1" } },
  llamacpp: {
    "/v1/models": models("llamacpp", { meta: { n_ctx_train: 8192 } }),
    "/props": { build_info: "b1234", total_slots: 4, default_generation_settings: { n_ctx: 2048 } }
  },
  tei: {
    "/info": {
      model_id: "org/e",
      model_type: { embedding: {} },
      max_input_length: 512,
      max_batch_tokens: 1,
      auto_truncate: true
    }
  },
  bareTgi: { "/info": tgiInfo },
  bareVllm: { "/version": { version: "0.1" } },
  unknown: { "/v1/models": models("somebody") },
  hfServe: { "/v1/models": models("org"), "/openapi.json": { info: { title: "Hugging Face Serve API" } } },
  transformers: { "/v1/models": models("local", { created: 0, status: { value: "loaded" } }) },
  bareTransformers: { "/openapi.json": { info: { title: "FastAPI" }, paths: { "/load_model": {} } } },
  balancedSglang: {
    "/v1/models": models("local"),
    "/get_server_info": { router_manager: true, workers_count: 1 },
    "/get_model_info": { model_path: "/m", served_model_name: "org/m" }
  },
  balancedVllm: {
    "/v1/models": { data: [{ id: "unknown", owned_by: "local" }] },
    "/get_server_info": { router_manager: true, workers_count: 1 },
    "/v1/completions": {
      error: { message: "The model `unknown` does not exist. Valid aliases: org/m, lora.", type: "NotFoundError" }
    }
  },
  llamaRouter: {
    "/v1/models": {
      data: [{ id: "a", owned_by: "llamacpp", status: { value: "unloaded" } }, { id: "b", owned_by: "llamacpp" }]
    },
    "/props": { role: "router", build_info: "b7000", default_generation_settings: { params: null, n_ctx: 0 } }
  },
  silent: {}
} satisfies Record<string, Record<string, unknown>>

const ask = (
  routes: Readonly<Record<string, unknown>>,
  options: Partial<EngineProbe.Options> = {},
  fallback: () => Exchange.Response = () => Double.plain(404, "Not Found")
) =>
  Effect.gen(function*() {
    const server = yield* Double.make((request) => {
      const body = routes[request.url.pathname]
      return Effect.sync(() => body === undefined ? fallback() : Double.json(200, body))
    })
    const engine = EngineProbe.detect(Double.client({ "host.example": server.handler }), {
      url: new URL("https://host.example"),
      search: "",
      token: undefined,
      ...options
    })
    return { engine, server }
  })

const detected = (...args: Parameters<typeof ask>) => Effect.flatMap(ask(...args), ({ engine }) => engine)

describe("EngineProbe.detect", () => {
  it.effect.each([[[], ""], [[1], "<s>"], [undefined, "<s>"]] as const)(
    "knows by an empty text whether llama.cpp adds the BOS that it tells: %j, so %j",
    ([tokens, bosToken]) =>
      Effect.gen(function*() {
        const props = { ...servers.llamacpp["/props"], bos_token: "<s>" }
        const routes = {
          ...servers.llamacpp,
          "/props": props,
          ...(tokens !== undefined && { "/tokenize": { tokens } })
        }
        assert.strictEqual((yield* detected(routes)).bosToken, bosToken)
      })
  )

  it.effect("knows TGI with its version and limits", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detected(servers.tgi), {
        kind: "tgi",
        version: "3.3.7",
        modelName: "org/m",
        limits: {
          maxConcurrentRequests: 128,
          maxBestOf: 2,
          maxStopSequences: 4,
          maxInputTokens: 1000,
          maxTotalTokens: 2000,
          maxClientBatchSize: 4
        },
        source: "info"
      })
    }))

  it.effect.each(
    [
      ["vllm", "0.21.0", 4096],
      ["sglang", "0.5.1", 4096],
      ["llamacpp", "b1234", 2048]
    ] as const
  )("knows %s by the owner of its model", ([kind, version, contextLength]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detected(servers[kind]), {
        kind,
        version,
        modelName: "org/m",
        limits: { contextLength },
        source: "models"
      })
    }))

  it.effect("knows engines that list no models by their own routes", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* detected(servers.bareTgi)).kind, "tgi")
      assert.deepStrictEqual(yield* detected(servers.bareVllm), { kind: "vllm", version: "0.1", source: "route" })
    }))

  it.effect("knows the router by the providers of its models, and takes no model of theirs for its own", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detected({ "/v1/models": models("org", { providers: [] }) }), {
        kind: "router",
        source: "models"
      })
    }))

  it.effect.each(
    [
      ["hfServe", "hf-serve", "route"],
      ["transformers", "transformers", "models"],
      ["bareTransformers", "transformers", "route"],
      ["balancedSglang", "sglang", "route"],
      ["balancedVllm", "vllm", "route"]
    ] as const
  )("knows %s, by what it says of itself or passes on", ([server, kind, source]) =>
    Effect.gen(function*() {
      const engine = yield* detected(servers[server])
      assert.deepStrictEqual([engine.kind, engine.source], [kind, source])
      if (server !== "bareTransformers") assert.strictEqual(engine.modelName, "org/m")
    }))

  it.effect("asks for the model where a server of llama.cpp has several, and takes the one that was chosen", () =>
    Effect.gen(function*() {
      const reason = yield* Effect.flip(detected(servers.llamaRouter))
      assert.strictEqual(reason._tag, "InvalidConfig")
      assert.include(reason.message, "set modelName to one of them: a, b")
      assert.deepStrictEqual(yield* detected(servers.llamaRouter, { modelName: "b" }), {
        kind: "llamacpp",
        version: "b7000",
        modelName: "b",
        source: "models"
      })
    }))

  it.effect("speaks the plain dialect with what it does not know", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* detected(servers.unknown), {
        kind: "openai",
        modelName: "org/m",
        source: "assumed"
      })
      assert.deepStrictEqual(yield* detected(servers.silent), { kind: "openai", source: "assumed" })
    }))

  it.effect("refuses a server that embeds", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(detected(servers.tei)))._tag, "TaskMismatch")
      assert.strictEqual((yield* Effect.flip(detected(servers.silent, { image: { tei: {} } })))._tag, "TaskMismatch")
    }))

  it.effect("knows hf-serve by its image", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* detected(servers.unknown, { image: { hfServe: {} } })).kind, "hf-serve")
    }))

  it.effect("believes the control plane before the server", () =>
    Effect.gen(function*() {
      const engine = yield* detected(servers.unknown, { image: { vLLM: {} } })
      assert.strictEqual(engine.kind, "vllm")
      assert.strictEqual(engine.source, "image")
      assert.strictEqual(engine.modelName, "org/m")
    }))

  it.effect("believes the caller before everybody", () =>
    Effect.gen(function*() {
      const engine = yield* detected(servers.tgi, { image: { tgi: {} }, override: "sglang" })
      assert.strictEqual(engine.kind, "sglang")
      assert.strictEqual(engine.source, "override")
    }))

  it.effect("asks no route that the answers before made needless", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* ask(servers.tgi)
      yield* engine
      assert.deepStrictEqual((yield* server.received).map(({ url }) => url.pathname), ["/v1/models", "/info"])
    }))

  it.effect("asks nothing where the caller names the engine and its limits, and the model where that counts", () =>
    Effect.gen(function*() {
      const limits = { maxTotalTokens: 4096 }
      const asked = Effect.fnUntraced(function*(options: Partial<EngineProbe.Options>) {
        const { engine, server } = yield* ask(servers.unknown, options)
        return [yield* engine, (yield* server.received).length] as const
      })
      assert.deepStrictEqual(yield* asked({ override: "tgi", limits }), [
        { kind: "tgi", limits, source: "override" },
        0
      ])
      assert.deepStrictEqual(yield* asked({ override: "vllm", limits, modelName: "org/m" }), [
        { kind: "vllm", modelName: "org/m", limits, source: "override" },
        0
      ])
      // what only the server knows: the name of its model, and whether it puts a token before a prompt
      assert.isAbove((yield* asked({ override: "vllm", limits }))[1], 0)
      assert.isAbove((yield* asked({ override: "llamacpp", limits, modelName: "org/m" }))[1], 0)
    }))

  it.effect("takes the caller's limits before the server's", () =>
    Effect.gen(function*() {
      const { limits } = yield* detected(servers.tgi, { limits: { maxTotalTokens: 7 } })
      assert.strictEqual(limits?.maxTotalTokens, 7)
    }))

  it.effect.each(
    [["tgi", "/info"], ["vllm", "/version"], ["sglang", "/server_info"], ["llamacpp", "/props"]] as const
  )(
    "asks %s, where it is named, all at once",
    ([override, path]) =>
      Effect.gen(function*() {
        const both = yield* Latch.make(false)
        const paths: Array<string> = []
        const routes: Readonly<Record<string, unknown>> = servers[override]
        const server = yield* Double.make((request) => {
          paths.push(request.url.pathname)
          // neither question is answered before the other one has come
          if (paths.includes("/v1/models") && paths.includes(path)) both.openUnsafe()
          const body = routes[request.url.pathname]
          return Effect.as(both.await, body === undefined ? Double.plain(404, "Not Found") : Double.json(200, body))
        })
        const engine = yield* EngineProbe.detect(Double.client({ "host.example": server.handler }), {
          url: new URL("https://host.example"),
          search: "",
          token: undefined,
          override
        })
        assert.strictEqual(engine.kind, override)
      })
  )

  it.effect.each(
    [
      ["Unauthorized", 401, "bad token"],
      ["Forbidden", 403, "not yours"],
      ["Paused", 400, "Endpoint is paused"]
    ] as const
  )(
    "says %s though the engine is named, and does not wait for the other responses",
    ([tag, status, detail]) =>
      Effect.gen(function*() {
        const server = yield* Double.make(({ url }) =>
          url.pathname === "/v1/models" ? Effect.succeed(Double.plain(status, detail)) : Effect.never
        )
        const error = yield* Effect.flip(EngineProbe.detect(Double.client({ "host.example": server.handler }), {
          url: new URL("https://host.example"),
          search: "",
          token: undefined,
          override: "tgi"
        }))
        assert.strictEqual(error._tag, tag)
      })
  )

  it.effect("asks below the root, with the query and the token", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* ask({}, {
        url: new URL("https://host.example/deep/"),
        search: "?key=1",
        token: Redacted.make("secret")
      })
      yield* engine
      const [first] = yield* server.received
      assert.strictEqual(first?.url.href, "https://host.example/deep/v1/models?key=1")
      assert.strictEqual(first?.headers["authorization"], "Bearer secret")
    }))

  it.effect.each(
    [[401, "Unauthorized"], [403, "Forbidden"], [429, "Unreachable"], [502, "Unreachable"], [
      503,
      "Unreachable"
    ]] as const
  )(
    "does not guess when the answer is %s",
    ([status, tag]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(detected({}, {}, () => Double.plain(status)))
        assert.strictEqual(error._tag, tag)
      })
  )

  it.effect("does not guess when nobody answers", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(detected({}, { url: new URL("https://nowhere.example"), retry: Retry.none }))
      assert.strictEqual(error._tag, "Unreachable")
    }))

  it.effect("sees through the 400 of a paused endpoint", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        detected({}, {}, () =>
          Double.json(400, { error: "Bad Request: The endpoint is paused, ask a maintainer to restart it" }))
      )
      assert.strictEqual(error._tag, "Paused")
    }))
})

describe("Engine", () => {
  it("knows the images of the control plane", () => {
    for (
      const [image, kind] of [
        [{ tgi: {} }, "tgi"],
        [{ tgiNeuron: {} }, "tgi"],
        [{ vLLM: {} }, "vllm"],
        [{ vLLMNeuron: {} }, "vllm"],
        [{ sGLang: {} }, "sglang"],
        [{ llamacpp: {} }, "llamacpp"],
        [{ tei: {} }, "tei"],
        [{ custom: { url: "ghcr.io/huggingface/text-generation-inference:3.0" } }, "tgi"],
        [{ custom: { url: "vllm/vllm-openai:v0.9" } }, "vllm"],
        [{ custom: { url: "ghcr.io/ggml-org/llama.cpp:server" } }, "llamacpp"],
        [{ custom: { url: "me/mine" } }, undefined],
        [{ huggingface: {} }, undefined],
        [{ brandNew: null }, undefined],
        [{ constructor: {} }, undefined],
        [{}, undefined],
        [undefined, undefined]
      ] as const
    ) assert.strictEqual(Engine.fromImage(image), kind, JSON.stringify(image))
  })

  it("reads the limits of old TGI", () => {
    const { max_input_tokens, ...old } = tgiInfo
    assert.strictEqual(Engine.fromInfo({ ...old, max_input_length: max_input_tokens })?.limits?.maxInputTokens, 1000)
  })

  it.prop("reads any body without throwing", [Schema.Json], ([body]) => {
    Engine.fromModels(body)
    Engine.fromInfo(body)
    Engine.fromProps(body)
    Engine.fromVersion("vllm")(body)
    return true
  })

  it("is told the BOS of llama.cpp, and that it has none", () => {
    const seen = ["<s>", ""].map((bos_token) => Engine.fromProps({ total_slots: 1, bos_token })?.bosToken)
    assert.deepStrictEqual(seen, ["<s>", ""])
  })

  it.prop("survives JSON", [Engine.Engine], ([engine]) => {
    const codec = Schema.fromJsonString(Engine.Engine)
    return Schema.toEquivalence(Engine.Engine)(Schema.decodeSync(codec)(Schema.encodeSync(codec)(engine)), engine)
  })
})
