import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Create } from "../../src/endpoint/DedicatedEndpoint.ts"
import type { EndpointError } from "../../src/endpoint/EndpointError.ts"
import * as EndpointsApi from "../../src/endpoint/EndpointsApi.ts"
import * as Hub from "../../src/hub/Hub.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../hub/World.ts"

const name = { name: "llm", namespace: "org" }

const setup = (options: World.Options & { readonly token?: string | false } = {}) =>
  Effect.gen(function*() {
    const world = yield* World.make(options)
    const token = options.token ?? World.token
    const api = yield* EndpointsApi.make({ token }).pipe(
      Effect.provide(Layer.provideMerge(Hub.layer({ token }), world.layer))
    )
    return { ...world, api }
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, EndpointError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

const create: Create = {
  name: "new",
  type: "private",
  provider: { vendor: "aws", region: "us-east-1" },
  compute: {
    accelerator: "gpu",
    instanceType: "nvidia-a10g",
    instanceSize: "x1",
    scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }
  },
  model: { repository: "org/m", framework: "pytorch", image: { vLLM: {} } }
}

describe("EndpointsApi", () => {
  it.effect("lists all pages", () =>
    Effect.gen(function*() {
      const names = Array.from({ length: 45 }, (_, n) => `org/e${n}`)
      const { api, endpoints } = yield* setup({
        endpoints: { endpoints: Object.fromEntries(names.map((name) => [name, {}])) }
      })
      const listed = yield* Stream.runCollect(api.list({ namespace: "org" }))
      assert.deepStrictEqual(listed.map(({ name }) => `org/${name}`), names)
      assert.lengthOf(yield* endpoints.api.received, 3)
    }))

  it.effect("asks for no more pages than are read", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({
        endpoints: { pageSize: 1, endpoints: { "org/a": {}, "org/b": {}, "org/c": {} } }
      })
      yield* Stream.runCollect(Stream.take(api.list({ namespace: "org" }), 1))
      assert.isAtMost((yield* endpoints.api.received).length, 2)
    }))

  it.effect("lists by a part of the name", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoints: { endpoints: { "org/aa": {}, "org/ab": {}, "org/c": {} } } })
      const listed = yield* Stream.runCollect(api.list({ namespace: "org", search: "a" }))
      assert.deepStrictEqual(listed.map(({ name }) => name), ["aa", "ab"])
    }))

  it.effect("takes the namespace from the owner of the token", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoints: { endpoints: { "ada/llm": {} } } })
      assert.strictEqual((yield* api.get({ name: "llm" })).status.state, "running")
    }))

  it.effect("asks for a namespace when the owner is an organisation", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ token: "hf_org" })
      assert.include((yield* reasonOf(api.get({ name: "llm" }))).message, "Cannot determine default namespace")
    }))

  it.effect("creates, changes, pauses, resumes, scales to zero and deletes", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup()
      const at = { name: "new", namespace: "org" }
      assert.strictEqual((yield* api.create(create, { namespace: "org" })).status.state, "pending")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* api.get(at)).status.state, "running")
      assert.strictEqual((yield* api.update(at, { model: { repository: "org/n" } })).model.repository, "org/n")
      assert.strictEqual((yield* api.pause(at)).status.state, "paused")
      assert.strictEqual((yield* api.resume(at)).status.state, "pending")
      assert.strictEqual((yield* api.scaleToZero(at)).status.state, "scaledToZero")
      yield* api.delete(at)
      assert.strictEqual((yield* reasonOf(api.get(at)))._tag, "NotFound")
      assert.isUndefined(yield* endpoints.state("org/new"))
    }))

  it.effect("takes an endpoint that runs already, or is being resumed, for resumed", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        endpoints: { endpoints: { "org/llm": { state: "running" }, "org/other": { state: "paused" } } }
      })
      assert.strictEqual((yield* api.resume(name)).status.state, "running")
      yield* api.resume({ ...name, name: "other" })
      assert.strictEqual((yield* api.resume({ ...name, name: "other" })).status.state, "pending")
    }))

  it.effect("refuses a wrong definition before sending it", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup()
      const scaling = { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 5 }
      const reason = yield* reasonOf(
        api.create({ ...create, compute: { ...create.compute, scaling } }, { namespace: "org" })
      )
      assert.strictEqual(reason._tag, "InvalidConfig")
      assert.include(reason.message, "scaleToZeroTimeout")
      assert.lengthOf(yield* endpoints.api.received, 0)
    }))

  it.effect("lets no name become another path", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup()
      for (
        const at of [{ name: "../x", namespace: "org" }, { name: "x", namespace: "a/b" }, {
          name: "x?y",
          namespace: "org"
        }]
      ) {
        assert.strictEqual((yield* reasonOf(api.get(at)))._tag, "InvalidConfig")
      }
      assert.lengthOf(yield* endpoints.api.received, 0)
    }))

  it.effect("says that the token is missing, wrong, or may not do it", () =>
    Effect.gen(function*() {
      const endpoints = { endpoints: { "org/llm": { state: "paused" } }, readers: ["hf_reader"] }
      const of = (token: string | false) =>
        Effect.flatMap(setup({ endpoints, token }), ({ api }) => reasonOf(api.pause(name)))
      assert.strictEqual((yield* of(false))._tag, "MissingToken")
      assert.strictEqual((yield* of("hf_wrong"))._tag, "Unauthorized")
      const forbidden = yield* of("hf_reader")
      assert.strictEqual(forbidden._tag, "Forbidden")
      assert.include(forbidden.message, "inference.endpoints.write")
      assert.include(forbidden.message, "fNiXJx")
    }))

  it.effect("says that a namespace cannot pay", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoints: { broke: ["org"] } })
      assert.strictEqual((yield* reasonOf(api.create(create, { namespace: "org" })))._tag, "PaymentRequired")
    }))

  it.effect("keeps states and fields that are new", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        endpoints: { endpoints: { "org/llm": { state: "hibernating", definition: { brandNew: { deep: [1] } } } } }
      })
      assert.strictEqual((yield* api.get(name)).status.state, "hibernating")
    }))

  it.effect("repeats a read that failed in passing, and waits as told", () =>
    Effect.gen(function*() {
      const real = yield* World.make({ endpoints: { endpoints: { "org/llm": {} } } })
      const handler = yield* Double.stumbling([
        Double.plain(500),
        Double.plain(429, "", { "retry-after": "20" })
      ], real.endpoints.api.handler)
      const { api } = yield* setup({ hosts: { "api.endpoints.huggingface.cloud": handler } })
      const fiber = yield* Effect.forkChild(api.get(name))
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).name, "llm")
    }))

  it.effect("does not wait longer than a minute for a read", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        hosts: {
          "api.endpoints.huggingface.cloud": () => Effect.succeed(Double.plain(429, "", { "retry-after": "300" }))
        }
      })
      const error = yield* Effect.flip(api.get(name))
      assert.strictEqual(error.retryAfter === undefined ? 0 : Duration.toSeconds(error.retryAfter), 300)
    }))

  it.effect("names the field that it does not understand", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        hosts: { "api.endpoints.huggingface.cloud": () => Effect.succeed(Double.json(200, { name: "llm", model: {} })) }
      })
      const reason = yield* reasonOf(api.get(name))
      assert.strictEqual(reason._tag, "InvalidResponse")
      assert.include(reason.message, "repository")
    }))
})
