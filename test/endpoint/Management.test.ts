/** Which calls to the management API are made again, and what is known after one whose response was lost. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import { HttpClient, HttpClientError } from "effect/http"
import { TestClock } from "effect/testing"
import * as EndpointsApi from "../../src/endpoint/dedicated/EndpointsApi.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as Hub from "../../src/hub/Hub.ts"
import * as World from "../hub/World.ts"

const name = { name: "llm", namespace: "org" }

const { create } = World

type Fate = "its response" | "it on the way"

/**
 * A platform that loses the first request of a method, or the response to it, and counts the requests of that method. It
 * may be out of reach from then on.
 */
const losing = (method: string, what: Fate, state: "paused" | "running" = "paused", gone = false) =>
  Effect.gen(function*() {
    const world = yield* World.make({ endpoints: { endpoints: { "org/llm": { state } } } })
    let sent = 0
    const client = HttpClient.make((request) =>
      Effect.suspend(() => {
        const lost = new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, cause: { code: "ECONNRESET" } })
        })
        if (request.method !== method || !request.url.includes("/endpoint/org") || ++sent > 1) {
          return gone && sent > 0 ? Effect.fail(lost) : world.client.execute(request)
        }
        return what === "its response"
          ? Effect.andThen(world.client.execute(request), Effect.fail(lost))
          : Effect.fail(lost)
      })
    )
    const api = yield* EndpointsApi.make({ token: World.token }).pipe(
      Effect.provide(
        Layer.provideMerge(Hub.layer({ token: World.token }), Layer.succeed(HttpClient.HttpClient, client))
      )
    )
    return { api, sent: () => sent, world }
  })

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("a call that is made once", () => {
  it.effect("create: one that was taken up although its response was lost gives the endpoint", () =>
    Effect.gen(function*() {
      const { api, sent } = yield* losing("POST", "its response")
      const made = yield* soon(api.create(create, { namespace: "org" }))
      assert.deepStrictEqual([made.name, made.model.repository, sent()], ["new", "org/m", 1])
    }))

  it.effect("create: one that was lost itself says that nothing was created", () =>
    Effect.gen(function*() {
      const { api, sent } = yield* losing("POST", "it on the way")
      const error = yield* soon(Effect.flip(api.create(create, { namespace: "org" })))
      assert.deepStrictEqual([error.reason._tag, sent()], ["Unreachable", 1])
      assert.include(error.message, "was not accepted")
    }))

  it.effect("create: another endpoint of that name is not taken for the one that was asked for", () =>
    Effect.gen(function*() {
      const { api } = yield* losing("POST", "it on the way")
      const error = yield* soon(
        Effect.flip(api.create({ ...create, name: "llm", model: { ...create.model, repository: "org/other" } }, {
          namespace: "org"
        }))
      )
      assert.strictEqual(error.reason._tag, "Unreachable")
    }))

  it.effect.each(["its response", "it on the way"] as const)(
    "delete: sent once, where %s is lost",
    (what) =>
      Effect.gen(function*() {
        const { api, sent } = yield* losing("DELETE", what)
        const exit = yield* soon(Effect.exit(api.delete(name)))
        assert.deepStrictEqual([exit._tag, sent()], [what === "its response" ? "Success" : "Failure", 1])
      })
  )

  it.effect.each(["its response", "it on the way"] as const)(
    "resume: sent once, where %s is lost",
    (what) =>
      Effect.gen(function*() {
        const { api, sent } = yield* losing("POST", what)
        const exit = yield* soon(Effect.exit(api.resume(name)))
        assert.deepStrictEqual([exit._tag, sent()], [what === "its response" ? "Success" : "Failure", 1])
      })
  )
})

describe("a call that is made once, after which nothing can be read", () => {
  it.effect.each(
    [
      ["create", "POST", (api: EndpointsApi.EndpointsApi["Service"]) => api.create(create, { namespace: "org" })],
      ["resume", "POST", (api: EndpointsApi.EndpointsApi["Service"]) => api.resume(name)],
      ["delete", "DELETE", (api: EndpointsApi.EndpointsApi["Service"]) => api.delete(name)]
    ] as const
  )("%s: fails, and says that it is not known whether it was accepted", ([, method, call]) =>
    Effect.gen(function*() {
      const { api, sent } = yield* losing(method, "its response", "paused", true)
      const exit = yield* soon(Effect.exit(call(api)))
      assert.strictEqual(sent(), 1)
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "success", "It is not known whether")
    }))
})

describe("a call that comes to the same when it is made twice", () => {
  it.effect.each(
    [
      ["update", "PUT", (api: EndpointsApi.EndpointsApi["Service"]) => api.update(name, { tags: ["a"] })],
      ["pause", "POST", (api: EndpointsApi.EndpointsApi["Service"]) => api.pause(name)],
      ["scaleToZero", "POST", (api: EndpointsApi.EndpointsApi["Service"]) => api.scaleToZero(name)],
      ["get", "GET", (api: EndpointsApi.EndpointsApi["Service"]) => api.get(name)]
    ] as const
  )("%s is made again", ([, method, call]) =>
    Effect.gen(function*() {
      for (const what of ["its response", "it on the way"] as const) {
        const { api, sent } = yield* losing(method, what, "running")
        yield* soon(call(api))
        assert.strictEqual(sent(), 2)
      }
    }))

  it.effect("is made once where the policy says so", () =>
    Effect.gen(function*() {
      const { api, sent } = yield* losing("GET", "it on the way")
      yield* Effect.flip(Effect.provideService(api.get(name), Retry.CurrentPolicy, Retry.none))
      assert.strictEqual(sent(), 1)
    }))
})
