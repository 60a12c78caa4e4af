import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as EndpointsApi from "../../src/endpoint/dedicated/EndpointsApi.ts"
import type { EndpointError } from "../../src/endpoint/EndpointError.ts"
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

const { create } = World

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

  it.effect("takes no other refusal of a resume for success", () =>
    Effect.gen(function*() {
      const real = yield* World.make({ endpoints: { endpoints: { "org/llm": { state: "paused" } } } })
      const { api } = yield* setup({
        hosts: {
          "api.endpoints.huggingface.cloud": (request) =>
            request.method === "POST"
              ? Effect.succeed(Double.json(400, { error: "Quota exceeded" }))
              : real.endpoints.api.handler(request)
        }
      })
      assert.strictEqual((yield* reasonOf(api.resume(name)))._tag, "Rejected")
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

  it.effect("changes what is sent and nothing beside it, at any depth", () =>
    Effect.gen(function*() {
      const definition = { model: { repository: "org/m", framework: "pytorch", image: { vLLM: {} } } }
      const { api } = yield* setup({ endpoints: { endpoints: { "org/llm": { definition } } } })
      const { model } = yield* api.get(name)
      const changed = yield* api.update(name, { model: { repository: "org/n" }, compute: { instanceSize: "x4" } })
      assert.deepStrictEqual(changed.model, { ...model, repository: "org/n" })
      assert.deepStrictEqual(changed.model.image, definition.model.image)
      assert.strictEqual(changed.compute?.accelerator, "gpu")
      assert.strictEqual(changed.compute?.instanceSize, "x4")
    }))

  it.effect("says that a name is taken", () =>
    Effect.gen(function*() {
      const { api } = yield* setup()
      yield* api.create(create, { namespace: "org" })
      const reason = yield* reasonOf(api.create(create, { namespace: "org" }))
      assert.strictEqual(reason._tag, "Rejected")
      assert.include(reason.message, "already exists")
    }))
})

describe("the hardware", () => {
  it.effect("is listed with vendor, region, price and quota, as create takes it", () =>
    Effect.gen(function*() {
      const { api } = yield* setup()
      const hardware = yield* api.hardware({ namespace: "org" })
      const [found] = hardware.filter(({ id }) => id === "aws-eu-west-1-nvidia-a10g-x4")
      assert.deepInclude(found, {
        vendor: "aws",
        region: "eu-west-1",
        accelerator: "gpu",
        instanceType: "nvidia-a10g",
        instanceSize: "x4",
        gpuMemoryGb: 96,
        pricePerHour: 4,
        quota: { maxAccelerators: 8, usedAccelerators: 1 }
      })
      assert.isTrue(hardware.some(({ status }) => status === "not_available"))
    }))
})

describe("the catalogue", () => {
  it.effect("lists models with their recipes, those that were asked for", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ token: false })
      const all = yield* api.catalogue()
      assert.deepStrictEqual(all.map(({ repoId }) => repoId), ["org/model", "org/embedder"])
      assert.deepStrictEqual((yield* api.catalogue({ engine: "tei" })).map(({ repoId }) => repoId), ["org/embedder"])
      assert.lengthOf(yield* api.catalogue({ limit: 1 }), 1)
    }))

  it.effect("deploys a model by a recipe of it, or the recipe that was named", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup()
      const at = { namespace: "org" }
      const first = yield* api.deploy({ repository: "org/model", accelerator: "cpu" }, { ...at, name: "small" })
      assert.strictEqual(first.name, "small")
      assert.property(first.model.image, "llamacpp")
      const second = yield* api.deploy({ recipe: "simulated-soup-2" }, at)
      assert.property(second.model.image, "sGLang")
      assert.strictEqual(yield* endpoints.state(`org/${second.name}`), "pending")
      assert.strictEqual((yield* reasonOf(api.deploy({ repository: "org/none" }, at)))._tag, "NotFound")
    }))

  it.effect("is deployed once, and the name tells whether it was when no response came", () =>
    Effect.gen(function*() {
      const real = yield* World.make()
      const host = "endpoints.huggingface.co"
      const { api } = yield* setup({
        hosts: {
          ...real.endpoints.handlers,
          [host]: (request) => Effect.as(real.endpoints.catalogue.handler(request), Double.plain(502))
        }
      })
      const made = yield* api.deploy({ repository: "org/model" }, { name: "llm", namespace: "org" })
      assert.strictEqual(made.status.state, "pending")
      assert.lengthOf(yield* real.endpoints.catalogue.received, 1)
    }))

  it.effect("is not taken to be deployed where the name is that of another model", () =>
    Effect.gen(function*() {
      const definition = { model: { repository: "org/other", framework: "pytorch", image: { vLLM: {} } } }
      const { api } = yield* setup({
        endpoints: { endpoints: { "org/llm": { definition } } },
        hosts: { "endpoints.huggingface.co": () => Effect.succeed(Double.plain(502)) }
      })
      const reason = yield* reasonOf(api.deploy({ repository: "org/model" }, { name: "llm", namespace: "org" }))
      assert.strictEqual(reason._tag, "Unreachable")
    }))

  it.effect("is not deployed without a token, and nothing is sent", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({ token: false })
      const reason = yield* reasonOf(api.deploy({ repository: "org/model" }, { name: "llm", namespace: "org" }))
      assert.strictEqual(reason._tag, "MissingToken")
      assert.lengthOf(yield* endpoints.catalogue.received, 0)
    }))

  it.effect("lets no name become another path", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup()
      for (const choice of [{ repository: "a/../b" }, { repository: "a/b/c" }, { recipe: "a/b" }, { recipe: "x?y" }]) {
        assert.strictEqual((yield* reasonOf(api.deploy(choice, { namespace: "org" })))._tag, "InvalidConfig")
      }
      assert.lengthOf(yield* endpoints.catalogue.received, 0)
    }))
})

describe("the logs", () => {
  const logs = ["INFO one", "INFO two"]

  it.effect("are the lines that the replica printed, or the last of them", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoints: { endpoints: { "org/llm": { logs } } } })
      const all = yield* Stream.runCollect(api.logs(name))
      assert.isTrue(all.at(-1)?.endsWith("INFO two"))
      assert.deepStrictEqual(yield* Stream.runCollect(api.logs(name, { tail: 2 })), all.slice(-2))
    }))

  it.effect("come as they are printed when they are followed, until the reader stops", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        endpoints: { endpoints: { "org/llm": { state: "initializing", initializing: 20_000, logs } } }
      })
      const fiber = yield* Effect.forkChild(
        Stream.runCollect(Stream.takeUntil(api.logs(name, { follow: true }), (line) => line.endsWith("INFO one")))
      )
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.isTrue((yield* Fiber.join(fiber)).some((line) => line.endsWith("INFO ready")))
    }))

  it.effect("hold no token that the server repeats", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({
        hosts: {
          "api.endpoints.huggingface.cloud": () => Effect.succeed(Double.plain(200, `token ${World.token} was used\n`))
        }
      })
      assert.notInclude((yield* Stream.runCollect(api.logs(name))).join(), World.token)
    }))

  it.effect("fail with a reason: no such endpoint, and after what passes by", () =>
    Effect.gen(function*() {
      const { api } = yield* setup()
      assert.strictEqual((yield* reasonOf(Stream.runCollect(api.logs(name))))._tag, "NotFound")
      const real = yield* World.make({ endpoints: { endpoints: { "org/llm": { logs } } } })
      const handler = yield* Double.stumbling([Double.plain(503)], real.endpoints.api.handler)
      const again = yield* setup({ hosts: { "api.endpoints.huggingface.cloud": handler } })
      const fiber = yield* Effect.forkChild(Stream.runCollect(again.api.logs(name)))
      yield* TestClock.adjust("1 minute")
      assert.isAtLeast((yield* Fiber.join(fiber)).length, 2)
    }))
})
