import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { EndpointsApi, Hub, InferenceEndpointsLLM, Message } from "../../src/index.ts"
import { Platform, SamplePlatform, Simulator } from "../../src/simulator/index.ts"
import * as Port from "../../src/simulator/platform/Port.ts"

const origin = "http://127.0.0.1:8080"
const origins = Port.origins(origin)
const token = "hf_anybodys"
const hub = Hub.layer({ baseUrl: origin, token })

/** One client whose network is that port alone. */
const setup = (engine: "tgi" | "vllm" = "tgi") =>
  Effect.map(
    Platform.make({
      origins,
      hub: SamplePlatform.hub,
      router: SamplePlatform.router,
      endpoints: SamplePlatform.endpoints(engine, 20_000),
      server: { engine, modelId: SamplePlatform.model },
      provider: { modelId: SamplePlatform.model }
    }),
    (platform) => ({
      platform,
      client: Layer.succeed(HttpClient.HttpClient, Simulator.httpClient(Port.make(platform, origins)))
    })
  )

const say = (target: { readonly endpointName: string } | { readonly modelId: string }) =>
  Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.generate([Message.user("Hello")])).pipe(
    Effect.provide(
      InferenceEndpointsLLM.layer({
        apiKey: token,
        routerUrl: origin,
        managementUrl: `${origin}/v2`,
        ...target
      }).pipe(Layer.provide(hub))
    )
  )

describe("the whole platform on one port", () => {
  it.effect("wakes a sleeping endpoint and generates there, at an address on that port", () =>
    Effect.gen(function*() {
      const { client, platform } = yield* setup("vllm")
      const fiber = yield* Effect.forkChild(Effect.provide(say({ endpointName: "asleep" }), client))
      yield* TestClock.adjust("2 minutes")
      assert.lengthOf((yield* Fiber.join(fiber)).generations, 1)
      assert.strictEqual(yield* platform.endpoints.state("simulator/asleep"), "running")
    }))

  it.effect("generates by the router, as a model id is asked for", () =>
    Effect.gen(function*() {
      const { client, platform } = yield* setup()
      yield* Effect.provide(say({ modelId: SamplePlatform.model }), client)
      assert.isNotEmpty(yield* platform.router.received)
    }))

  it.effect("has the Hub, with large files on another name of it that gets no token", () =>
    Effect.gen(function*() {
      const { client, platform } = yield* setup()
      const file = yield* Effect.flatMap(
        Hub.Hub,
        (hub) => hub.file({ repo: SamplePlatform.model, path: "model.safetensors" })
      ).pipe(Effect.provide(Layer.provideMerge(hub, client)))
      assert.strictEqual(new TextDecoder().decode(file), "simulated weights")
      const [asked] = yield* platform.cdn.received
      assert.strictEqual(asked?.url.hostname, "localhost")
      assert.isUndefined(asked?.headers["authorization"])
    }))

  it.effect("starts the engine that the image of an endpoint names", () =>
    Effect.gen(function*() {
      const { client } = yield* setup("tgi")
      const owner = yield* Effect.gen(function*() {
        const api = yield* EndpointsApi.EndpointsApi
        const { name } = yield* api.deploy({ recipe: "simulated-soup-1" }, { namespace: "simulator" })
        yield* TestClock.adjust("1 minute")
        const { status } = yield* api.get({ name, namespace: "simulator" })
        const models = yield* HttpClient.execute(
          HttpClientRequest.get(`${status.url}/v1/models`).pipe(HttpClientRequest.bearerToken(token))
        )
        return yield* models.json
      }).pipe(
        Effect.provide(
          EndpointsApi.layer({ token, baseUrl: `${origin}/v2` }).pipe(
            Layer.provideMerge(hub),
            Layer.provideMerge(client)
          )
        )
      )
      assert.include(JSON.stringify(owner), "\"id\":\"org/model\"")
      assert.include(JSON.stringify(owner), "\"owned_by\":\"vllm\"")
    }))

  it("gives the storage no second name where the host has none", () => {
    assert.deepStrictEqual(Port.origins("http://localhost:1"), {
      origin: "http://localhost:1",
      storage: "http://127.0.0.1:1"
    })
    assert.deepStrictEqual(Port.origins("http://sim:1"), { origin: "http://sim:1", storage: "http://sim:1" })
  })

  it.effect("takes the token on the storage where it has the Hub's name, since clients send it there", () =>
    Effect.gen(function*() {
      const one = Port.origins("http://sim:1")
      const platform = yield* Platform.make({ origins: one, hub: SamplePlatform.hub })
      const client = Simulator.httpClient(Port.make(platform, one))
      const first = yield* client.get(`http://sim:1/${SamplePlatform.model}/resolve/main/model.safetensors`)
      const second = yield* client.execute(
        HttpClientRequest.get(String(first.headers.location)).pipe(HttpClientRequest.bearerToken(token))
      )
      assert.strictEqual(yield* second.text, "simulated weights")
    }))

  it.effect("has a page that says that it is a simulator, and where what is", () =>
    Effect.gen(function*() {
      const { platform } = yield* setup()
      const client = Simulator.httpClient(Port.make(platform, origins))
      const text = yield* Effect.flatMap(client.get(`${origin}/`), (response) => response.text)
      assert.include(text, "It is not a model")
      assert.include(text, `INFERENCE_MANAGEMENT_URL=${origin}/v2`)
      assert.strictEqual((yield* client.get(`${origin}/health`)).status, 200)
    }))
})
