import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Duration, Effect, Exit, Fiber, Layer, Ref, Scope, Stream } from "effect"
import type { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as Endpoint from "../../src/endpoint/Endpoint.ts"
import type * as EndpointConfig from "../../src/endpoint/EndpointConfig.ts"
import type * as Lifecycle from "../../src/simulator/platform/Lifecycle.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../hub/World.ts"

const tgi: Double.Handler = (request) =>
  Effect.sync(() =>
    request.url.pathname.endsWith("/v1/models")
      ? Double.json(200, { data: [{ id: "/repository", owned_by: "/repository" }] })
      : request.url.pathname.endsWith("/info")
      ? Double.json(200, { router: "text-generation-router", model_id: "/repository", version: "3.3.7" })
      : Double.plain(200, "{}")
  )

const vllm: Double.Handler = (request) =>
  Effect.sync(() =>
    request.url.pathname.endsWith("/v1/models")
      ? Double.json(200, { data: [{ id: "org/model", owned_by: "vllm", max_model_len: 100 }] })
      : request.url.pathname === "/health"
      ? Double.plain(200)
      : Double.plain(404, "Not Found")
  )

const busy = Double.plain(503, "loading")

const world = (endpoint: Lifecycle.Options = {}, options: World.Options = {}) =>
  World.make({ endpoints: { endpoints: { "ada/llm": endpoint }, inner: () => tgi }, ...options })

/** Builds the service in a world for as long as the test runs. */
const build = (options: EndpointConfig.Options, given: { readonly layer: Layer.Layer<HttpClient.HttpClient> }) =>
  Layer.build(Endpoint.layer({ apiKey: World.token, ...options }).pipe(Layer.provide(given.layer))).pipe(
    Effect.map((context) => Context.get(context, Endpoint.Endpoint))
  )

const dedicated = (endpoint: Lifecycle.Options = {}, options: EndpointConfig.Options = { endpointName: "llm" }) =>
  Effect.gen(function*() {
    const given = yield* world(endpoint)
    return { ...given, endpoint: yield* build(options, given) }
  })

const later = <A, E>(effect: Effect.Effect<A, E>, time: Duration.Input = "10 minutes") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust(time)
    return yield* Fiber.join(fiber)
  })

const resumes = (received: ReadonlyArray<Double.Received>) =>
  received.filter(({ url }) => url.pathname.endsWith("/resume")).length

describe("a dedicated target", () => {
  it.effect("is found by its name and the owner of the token", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated()
      const target = yield* endpoint.target
      assert.strictEqual(target.kind, "dedicated")
      assert.strictEqual(target.url.href, "https://ada-llm.us-east-1.aws.endpoints.huggingface.cloud/")
      assert.strictEqual(target.engine.kind, "tgi")
      assert.strictEqual(target.engine.version, "3.3.7")
      assert.strictEqual(target.repository, "org/model")
      assert.strictEqual(target.modelName, "org/model")
    }))

  it.effect("is asked by the name that vLLM gives its model", () =>
    Effect.gen(function*() {
      const given = yield* world({}, {
        endpoints: {
          endpoints: {
            "ada/llm": { definition: { model: { repository: "org/other", framework: "custom", image: { vLLM: {} } } } }
          },
          inner: () => vllm
        }
      })
      const target = yield* (yield* build({ endpointName: "llm" }, given)).target
      assert.strictEqual(target.engine.kind, "vllm")
      assert.strictEqual(target.modelName, "org/model")
      assert.strictEqual(target.repository, "org/other")
    }))

  it.effect("is found although the next replica, which is asked for its engine, still starts", () =>
    Effect.gen(function*() {
      let looks = 0
      const starting: Double.Handler = (request) =>
        request.url.pathname === "/v1/models" && ++looks <= 2 ? Effect.succeed(busy) : tgi(request)
      const given = yield* world({}, { endpoints: { endpoints: { "ada/llm": {} }, inner: () => starting } })
      const target = yield* later((yield* build({ endpointName: "llm" }, given)).target)
      assert.deepStrictEqual([target.engine.kind, looks], ["tgi", 3])
    }))

  it.effect("lets the gateway hold requests while it wakes", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated()
      assert.deepStrictEqual((yield* endpoint.target).headers, { "x-scale-up-timeout": "50" })
    }))

  it.effect("asks nothing before it is needed", () =>
    Effect.gen(function*() {
      const { endpoints, hub } = yield* dedicated()
      assert.lengthOf([...yield* hub.received, ...yield* endpoints.api.received], 0)
    }))

  it.effect("is resolved once for all who want it", () =>
    Effect.gen(function*() {
      const { endpoint, endpoints } = yield* dedicated({ state: "paused" })
      yield* later(Effect.all(Array.from({ length: 20 }, () => endpoint.target), { concurrency: "unbounded" }))
      const before = (yield* endpoints.api.received).length
      yield* endpoint.target
      assert.lengthOf(yield* endpoints.api.received, before)
      assert.strictEqual(resumes(yield* endpoints.api.received), 1)
    }))

  it.effect("is tried again after a failure", () =>
    Effect.gen(function*() {
      const { endpoint, endpoints } = yield* dedicated({ state: "failed" })
      assert.strictEqual((yield* Effect.flip(endpoint.target)).reason._tag, "Failed")
      yield* endpoints.set("ada/llm", "running")
      assert.strictEqual((yield* endpoint.target).kind, "dedicated")
    }))

  it.effect("is resolved for the others when the first who asked goes away", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated({ state: "paused" })
      const first = yield* Effect.forkChild(endpoint.target)
      const second = yield* Effect.forkChild(endpoint.target)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* Fiber.join(second)).kind, "dedicated")
    }))

  it.effect("is looked at again by refresh", () =>
    Effect.gen(function*() {
      const engine = yield* Ref.make(tgi)
      const given = yield* world({}, {
        endpoints: {
          endpoints: {
            "ada/llm": { definition: { model: { repository: "org/model", image: { custom: { url: "mine" } } } } }
          },
          inner: () => (request) => Effect.flatMap(Ref.get(engine), (handler) => handler(request))
        }
      })
      const endpoint = yield* build({ endpointName: "llm" }, given)
      assert.strictEqual((yield* endpoint.target).engine.kind, "tgi")
      yield* Ref.set(engine, vllm)
      assert.strictEqual((yield* endpoint.target).engine.kind, "tgi")
      assert.strictEqual((yield* endpoint.refresh).engine.kind, "vllm")
      assert.strictEqual((yield* endpoint.target).engine.kind, "vllm")
    }))

  it.effect("needs a token", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated({}, { endpointName: "llm", endpointNamespace: "ada", apiKey: false })
      assert.strictEqual((yield* Effect.flip(endpoint.target)).reason._tag, "MissingToken")
    }))

  it.effect("that does not exist is named", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated({}, { endpointName: "nothing" })
      const error = yield* Effect.flip(endpoint.target)
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.include(error.message, "ada/nothing")
    }))
})

describe("revive", () => {
  it.effect("brings back an endpoint that fell asleep, once for all who need it", () =>
    Effect.gen(function*() {
      const { endpoint, endpoints } = yield* dedicated()
      yield* endpoint.target
      yield* endpoints.set("ada/llm", "scaledToZero")
      const targets = yield* later(
        Effect.all(Array.from({ length: 20 }, () => endpoint.revive("Asleep")), { concurrency: "unbounded" })
      )
      assert.lengthOf(targets, 20)
      assert.strictEqual(yield* endpoints.state("ada/llm"), "running")
      assert.isAtMost((yield* endpoints.api.received).length, 20)
    }))

  it.effect("brings back an endpoint that was paused", () =>
    Effect.gen(function*() {
      const { endpoint, endpoints } = yield* dedicated()
      yield* endpoint.target
      yield* endpoints.set("ada/llm", "paused")
      yield* later(Effect.all([endpoint.revive("Paused"), endpoint.revive("Paused")], { concurrency: 2 }))
      assert.strictEqual(yield* endpoints.state("ada/llm"), "running")
      assert.strictEqual(resumes(yield* endpoints.api.received), 1)
    }))

  it.effect("is over at once for who comes late", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated()
      assert.strictEqual((yield* endpoint.revive("Asleep")).kind, "dedicated")
    }))

  it.effect("fails when nothing brings it back", () =>
    Effect.gen(function*() {
      const { endpoint, endpoints } = yield* dedicated()
      yield* endpoint.target
      yield* endpoints.set("ada/llm", "failed", "quota")
      assert.strictEqual((yield* Effect.flip(endpoint.revive("Asleep"))).reason._tag, "Failed")
    }))

  it.effect("cannot resume what is known by its URL alone", () =>
    Effect.gen(function*() {
      const given = yield* world({ state: "paused" })
      const endpoint = yield* build({ baseUrl: "https://ada-llm.us-east-1.aws.endpoints.huggingface.cloud" }, given)
      assert.strictEqual((yield* Effect.flip(endpoint.revive("Paused"))).reason._tag, "Paused")
    }))
})

describe("progress", () => {
  it.effect("tells what happens while waiting", () =>
    Effect.gen(function*() {
      const { endpoint } = yield* dedicated({ state: "paused", pending: 30_000 })
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(endpoint.progress, 4)))
      yield* later(endpoint.target)
      const progress = yield* Fiber.join(seen)
      assert.deepStrictEqual(progress.slice(0, 3).map(({ action, state }) => [state, action]), [
        ["paused", "Resumed"],
        ["pending", "Checked"],
        ["pending", "Checked"]
      ])
      assert.isTrue(progress.every(({ subject }) => subject === "ada/llm"))
      assert.isAbove(Duration.toSeconds(progress[3]?.elapsed ?? Duration.zero), 0)
    }))

  it.effect("gives who listens late the last of it first, to each listener, and ends with its layer", () =>
    Effect.gen(function*() {
      const layers = yield* Scope.make()
      const { endpoint } = yield* Scope.provide(dedicated({ state: "paused", pending: 5000 }), layers)
      yield* later(endpoint.target)
      const listen = Effect.forkChild(Stream.runCollect(endpoint.progress), { startImmediately: true })
      const listeners = [yield* listen, yield* listen] as const
      yield* later(endpoint.refresh)
      yield* Scope.close(layers, Exit.void)
      const [one, other] = [yield* Fiber.join(listeners[0]), yield* Fiber.join(listeners[1])]
      assert.strictEqual(one[0]?.action, "Resumed")
      assert.strictEqual(one.at(-1)?.action, "Ready")
      assert.deepStrictEqual(other, one)
    }))
})

describe("a base URL", () => {
  const local = { "localhost:8080": tgi }

  it.effect("is used as it is, without asking Hugging Face", () =>
    Effect.gen(function*() {
      const given = yield* world({}, { hosts: local })
      const endpoint = yield* build({ baseUrl: "http://localhost:8080/v1/chat/completions?x=1" }, given)
      const target = yield* endpoint.target
      assert.strictEqual(target.kind, "url")
      assert.strictEqual(target.url.href, "http://localhost:8080/")
      assert.strictEqual(target.search, "?x=1")
      assert.strictEqual(target.engine.kind, "tgi")
      assert.lengthOf([...yield* given.hub.received, ...yield* given.endpoints.api.received], 0)
    }))

  it.effect("takes the name of the model from the server", () =>
    Effect.gen(function*() {
      const given = yield* world({}, { hosts: { "localhost:8080": vllm } })
      const target = yield* (yield* build({ baseUrl: "http://localhost:8080" }, given)).target
      assert.strictEqual(target.modelName, "org/model")
      assert.strictEqual(target.repository, "org/model")
    }))

  it.effect("of a dedicated endpoint wakes it", () =>
    Effect.gen(function*() {
      const given = yield* world({ state: "scaledToZero" })
      const endpoint = yield* build({ baseUrl: "https://ada-llm.us-east-1.aws.endpoints.huggingface.cloud/v1" }, given)
      assert.strictEqual((yield* later(endpoint.target)).engine.kind, "tgi")
      assert.lengthOf(yield* given.endpoints.api.received, 0)
    }))

  it.effect("of a server that is loading is waited for", () =>
    Effect.gen(function*() {
      const handler = yield* Double.stumbling([busy, busy, busy, busy, busy], tgi)
      const endpoint = yield* build(
        { baseUrl: "https://host.example" },
        yield* world({}, { hosts: { "host.example": handler } })
      )
      assert.strictEqual((yield* later(endpoint.target)).engine.kind, "tgi")
    }))

  it.effect("where nobody answers fails after three tries", () =>
    Effect.gen(function*() {
      const endpoint = yield* build({ baseUrl: "https://nowhere.example/?key=secret" }, yield* world())
      const [time, error] = yield* later(Effect.timed(Effect.flip(endpoint.target)))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.include(error.message, "cannot be reached: check the address")
      assert.notInclude(error.message, "secret")
      assert.isBelow(Duration.toSeconds(time), 30)
    }))

  it.effect("that loads its model is said to be not ready, and not to be out of reach", () =>
    Effect.gen(function*() {
      const hosts = { "host.example": () => Effect.succeed(Double.plain(503, "Loading model")) }
      const endpoint = yield* build({ baseUrl: "https://host.example", waitTimeout: 0 }, yield* world({}, { hosts }))
      const error = yield* later(Effect.flip(endpoint.target))
      assert.include(error.message, "is not ready, status 503: wait for it")
    }))

  it.effect("that refuses the token says so at once", () =>
    Effect.gen(function*() {
      const hosts = { "host.example": () => Effect.succeed(Double.json(401, { error: "Unauthorized" })) }
      const endpoint = yield* build({ baseUrl: "https://host.example" }, yield* world({}, { hosts }))
      assert.strictEqual((yield* Effect.flip(endpoint.target)).reason._tag, "Unauthorized")
    }))

  it.effect("keeps a chat route that is elsewhere", () =>
    Effect.gen(function*() {
      const given = yield* world({}, { hosts: { "host.example": vllm } })
      const endpoint = yield* build({ baseUrl: "https://host.example/v4/chat/completions" }, given)
      assert.strictEqual((yield* endpoint.target).chatUrl?.href, "https://host.example/v4/chat/completions")
    }))
})

describe("displayName", () => {
  it.effect.each(
    [
      [{ endpointName: "llm", modelDisplayName: "Mine" }, "Mine"],
      [{ endpointName: "llm" }, "org/model"],
      [{ modelId: "org/m" }, "org/m"],
      [{ baseUrl: "https://host.example/v1?key=secret" }, "https://host.example"]
    ] as const
  )("follows its rule (%#)", ([options, name]) =>
    Effect.gen(function*() {
      const endpoint = yield* build(options, yield* world())
      assert.strictEqual(yield* endpoint.displayName, name)
    }))
})

const targetOf = <E>(
  layer: Layer.Layer<Endpoint.Endpoint, E, HttpClient.HttpClient>,
  variables: Record<string, string>
) =>
  Effect.gen(function*() {
    const given = yield* world()
    const all = Layer.provide(
      layer,
      Layer.merge(given.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: variables })))
    )
    return yield* Endpoint.Endpoint.use(({ target }) => target).pipe(Effect.provide(all))
  })

describe("the layers", () => {
  it.effect("take every option from a Config", () =>
    Effect.gen(function*() {
      const layer = Endpoint.layerConfig({
        endpointName: Config.String("NAME"),
        apiKey: Config.Redacted("KEY"),
        waitTimeout: Config.Duration("WAIT")
      })
      const target = yield* targetOf(layer, { NAME: "llm", KEY: World.token, WAIT: "1 minute" })
      assert.strictEqual(target.kind, "dedicated")
    }))

  it.effect("take everything from the environment", () =>
    Effect.gen(function*() {
      const target = yield* targetOf(Endpoint.layerEnv, {
        INFERENCE_ENDPOINT_NAME: "llm",
        INFERENCE_ENDPOINT_NAMESPACE: "ada",
        HF_TOKEN: World.token
      })
      assert.strictEqual(target.repository, "org/model")
    }))

  it.effect("fail when they are built with a configuration that cannot be", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        targetOf(Endpoint.layer<EndpointConfig.Options>({ modelId: "m", endpointName: "e" }), {})
      )
      assert.strictEqual(error.reason._tag, "InvalidConfig")
    }))
})

const advised = (error: { readonly reason: { readonly _tag: string }; readonly message: string }) => [
  error.reason._tag,
  error.message.includes("keep its scope open")
]

describe("a service whose layer has ended", () => {
  it.effect("fails who uses it then", () =>
    Effect.gen(function*() {
      const given = yield* world()
      const endpoint = yield* Effect.scoped(build({ endpointName: "llm" }, given))
      const uses = [endpoint.target, endpoint.refresh, endpoint.revive("Asleep")]
      const errors = yield* Effect.forEach(uses, Effect.flip)
      assert.deepStrictEqual(errors.map(advised), uses.map(() => ["InvalidConfig", true]))
    }))

  it.effect("fails who waited for it until then", () =>
    Effect.gen(function*() {
      const given = yield* world({ state: "paused" })
      const waiting = yield* Effect.scoped(Effect.gen(function*() {
        const endpoint = yield* build({ endpointName: "llm" }, given)
        const fiber = yield* Effect.forkDetach(Effect.flip(endpoint.target), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        return fiber
      }))
      assert.deepStrictEqual(advised(yield* Fiber.join(waiting)), ["InvalidConfig", true])
    }))
})
