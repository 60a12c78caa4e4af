import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import * as EndpointsApi from "../../src/simulator/platform/EndpointsApi.ts"
import * as Lifecycle from "../../src/simulator/platform/Lifecycle.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

const gate = "https://org-llm.us-east-1.aws.endpoints.huggingface.cloud"

const Shown = Schema.Struct({ status: Schema.Struct({ state: Schema.String, url: Schema.optionalKey(Schema.String) }) })

const setup = (endpoint: Lifecycle.Options = {}, options: EndpointsApi.Options = {}) =>
  Effect.gen(function*() {
    const service = yield* EndpointsApi.make({ endpoints: { "org/llm": endpoint }, ...options })
    const client = Double.client(service.handlers)
    const call = (method: "GET" | "POST", path: string, token = "hf_ada") =>
      client.execute(
        HttpClientRequest.make(method)(`https://${EndpointsApi.hosts.api}/v2/endpoint/${path}`).pipe(
          HttpClientRequest.bearerToken(token)
        )
      )
    const enter = (headers: Record<string, string> = { authorization: "Bearer hf_ada" }) =>
      client.execute(HttpClientRequest.setHeaders(HttpClientRequest.get(`${gate}/health`), headers))
    const shown = Effect.flatMap(call("GET", "org/llm"), ({ json }) =>
      Effect.flatMap(json, Schema.decodeUnknownEffect(Shown)))
    const state = Effect.map(shown, ({ status }) =>
      status.state)
    return { ...service, call, enter, shown, now: state }
  })

describe("a simulated dedicated endpoint", () => {
  it.effect("goes from paused over pending and initializing to running", () =>
    Effect.gen(function*() {
      const { call, now } = yield* setup({ state: "paused", pending: 10_000, initializing: 20_000 })
      assert.strictEqual(yield* now, "paused")
      yield* call("POST", "org/llm/resume")
      assert.strictEqual(yield* now, "pending")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* now, "initializing")
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* now, "running")
    }))

  it.effect("is still shown as paused for a while when it lags", () =>
    Effect.gen(function*() {
      const { call, now } = yield* setup({ state: "paused", lag: 5000 })
      yield* call("POST", "org/llm/resume")
      assert.strictEqual(yield* now, "paused")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* now, "pending")
    }))

  it.effect("ends in the outcome that it was given", () =>
    Effect.gen(function*() {
      const { now } = yield* setup({ state: "initializing", outcome: "failed" })
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* now, "failed")
    }))

  it.effect("keeps its address while it is paused, and has none before it was deployed", () =>
    Effect.gen(function*() {
      const paused = yield* setup({ state: "paused" })
      assert.strictEqual((yield* paused.shown).status.url, gate)
      const pending = yield* setup({ state: "pending" })
      assert.isUndefined((yield* pending.shown).status.url)
    }))

  it.effect("refuses a resume when it runs, with 400, and when it is being resumed, with 409", () =>
    Effect.gen(function*() {
      const { call } = yield* setup()
      const again = yield* call("POST", "org/llm/resume")
      assert.strictEqual(again.status, 400)
      assert.include(yield* again.text, "already running")
      yield* call("POST", "org/llm/pause")
      assert.strictEqual((yield* call("POST", "org/llm/resume")).status, 200)
      assert.strictEqual((yield* call("POST", "org/llm/resume")).status, 409)
    }))

  it.effect("does nothing for who has no token, and only shows itself to a reader", () =>
    Effect.gen(function*() {
      const { call } = yield* setup({}, { tokens: ["hf_ada"], readers: ["hf_reader"] })
      assert.strictEqual((yield* call("GET", "org/llm", "hf_bob")).status, 401)
      assert.strictEqual((yield* call("GET", "org/llm", "hf_reader")).status, 200)
      assert.strictEqual((yield* call("POST", "org/llm/pause", "hf_reader")).status, 403)
    }))

  it.effect("sleeps when no request came for as long as it is told, and wakes by the next", () =>
    Effect.gen(function*() {
      const { enter, now } = yield* setup({ idle: 60_000, pending: 1000, initializing: 1000 })
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual((yield* enter()).status, 200)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* now, "running")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* now, "scaledToZero")
      assert.strictEqual((yield* enter()).status, 503)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* enter()).status, 200)
    }))

  it.effect("does not show the secrets of its definition", () =>
    Effect.gen(function*() {
      const { call } = yield* setup({ definition: { model: { repository: "org/m", secrets: { KEY: "value" } } } })
      assert.notInclude(yield* (yield* call("GET", "org/llm")).text, "value")
    }))

  it.prop(
    "never leaves running by itself",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 ** 9 }))],
    ([now]) => Lifecycle.state(Lifecycle.make("org/llm", {}, 0), now) === "running"
  )
})

describe("the gateway", () => {
  it.effect("answers 503 without a replica, and 400 when paused", () =>
    Effect.gen(function*() {
      const { call, enter } = yield* setup({ state: "initializing" })
      const starting = yield* enter()
      assert.strictEqual(starting.status, 503)
      assert.deepInclude(yield* starting.json, { code: "SERVICE_UNAVAILABLE" })
      assert.notProperty(starting.headers, "retry-after")
      yield* call("POST", "org/llm/pause")
      assert.strictEqual((yield* enter()).status, 400)
    }))

  it.effect("wakes what is scaled to zero, but not for who has no token", () =>
    Effect.gen(function*() {
      const { enter, now } = yield* setup({ state: "scaledToZero" })
      assert.strictEqual((yield* enter({})).status, 401)
      assert.strictEqual(yield* now, "scaledToZero")
      assert.strictEqual((yield* enter()).status, 503)
      assert.strictEqual(yield* now, "pending")
    }))

  it.effect("holds a request until there is a replica", () =>
    Effect.gen(function*() {
      const { enter } = yield* setup({ state: "scaledToZero", pending: 10_000, initializing: 10_000 })
      const fiber = yield* Effect.forkChild(
        Effect.timed(enter({ authorization: "Bearer hf_ada", "x-scale-up-timeout": "60" }))
      )
      yield* TestClock.adjust("1 minute")
      const [time, response] = yield* Fiber.join(fiber)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(Duration.toSeconds(time), 20)
    }))

  it.effect("gives up holding when the time is over", () =>
    Effect.gen(function*() {
      const { enter } = yield* setup({ state: "scaledToZero" })
      const fiber = yield* Effect.forkChild(enter({ authorization: "Bearer hf_ada", "x-scale-up-timeout": "5" }))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 503)
    }))

  it.effect("lets everybody in where the endpoint is public", () =>
    Effect.gen(function*() {
      const { enter } = yield* setup({ type: "public" })
      assert.strictEqual((yield* enter({})).status, 200)
    }))
})
