import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Result } from "effect"
import type { HttpClientRequest } from "effect/http"
import * as TestClock from "effect/testing/TestClock"
import * as Retry from "../../src/http/Retry.ts"
import type { InferenceError } from "../../src/InferenceError.ts"
import * as Wire from "./Wire.ts"

const answer = () => Wire.json({ generated_text: "fine" })

const isPoison = (request: HttpClientRequest.HttpClientRequest): boolean =>
  request.body._tag === "Uint8Array" && new TextDecoder().decode(request.body.body).includes("poison")

/** Runs calls on one client with the standard policy, on virtual time. */
const running = <A>(wire: Wire.Wire, calls: (client: Client) => Effect.Effect<A, InferenceError>) =>
  Effect.gen(function*() {
    const client = yield* Wire.client({ retry: Retry.standard })
    const fiber = yield* Effect.forkChild(Effect.result(calls(client)))
    for (let i = 0; i < 300; i++) yield* TestClock.adjust("100 millis")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(wire.layer))

type Client = Effect.Success<ReturnType<typeof Wire.client>>

const once = (client: Client) => Effect.provideService(client.generate(Wire.prompt), Retry.CurrentPolicy, Retry.none)

const failureOf = (result: Result.Result<unknown, InferenceError>) =>
  Result.isFailure(result) ? result.failure.reason._tag : undefined

describe("a body whose connection broke off without a response", () => {
  it.effect("is sent again only when the health route has responded", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth === 1 ? Wire.nested("ECONNRESET") : answer(), {
        health: (nth) => nth < 3 ? Wire.nested("ECONNREFUSED") : new Response(null)
      })
      const result = yield* running(wire, (client) => client.generate(Wire.prompt))
      assert.deepStrictEqual([result._tag, wire.requests.length, wire.probes()], ["Success", 2, 3])
    }))

  it.effect("is not sent again while the health route does not respond", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.nested("ECONNRESET"), { health: () => Wire.nested("ECONNREFUSED") })
      const result = yield* running(wire, (client) => client.generate(Wire.prompt))
      assert.deepStrictEqual([failureOf(result), wire.requests.length, wire.probes()], ["Transport", 1, 3])
    }))

  it.effect("is sent again behind a server without a health route", () =>
    Effect.gen(function*() {
      for (const status of [404, 401]) {
        const wire = Wire.make((nth) => nth === 1 ? Wire.nested("ECONNRESET") : answer(), {
          health: () => new Response(null, { status })
        })
        assert.strictEqual((yield* running(wire, (client) => client.generate(Wire.prompt)))._tag, "Success")
      }
    }))

  it.effect("fails as the health route says, where that says more", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.nested("ECONNRESET"), {
        health: () => Wire.json({ error: "503 Service Unavailable", code: "SERVICE_UNAVAILABLE" }, { status: 503 })
      })
      const result = yield* running(wire, (client) => client.generate(Wire.prompt))
      assert.deepStrictEqual([failureOf(result), wire.requests.length], ["Asleep", 1])
    }))

  it.effect("is given up as Fatal after the second time, and names why", () =>
    Effect.gen(function*() {
      for (const code of ["ECONNRESET", "UND_ERR_SOCKET", "EPIPE"]) {
        const wire = Wire.make(() => Wire.nested(code))
        const result = yield* running(wire, (client) => client.generate(Wire.prompt))
        assert.deepStrictEqual([failureOf(result), wire.requests.length, wire.probes()], ["Fatal", 2, 1])
        assert.include(result._tag === "Failure" ? result.failure.message : "", "the server broke off this request (")
      }
    }))

  it.effect("is given up after one more, when the caller sends it again", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.nested("ECONNRESET"))
      const result = yield* running(wire, (client) =>
        Effect.andThen(Effect.result(client.generate(Wire.prompt)), client.generate(Wire.prompt)))
      assert.deepStrictEqual([failureOf(result), wire.requests.length], ["Fatal", 3])
    }))

  it.effect("is remembered from one call to the next", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.nested("ECONNRESET"))
      const result = yield* running(wire, (client) => Effect.andThen(Effect.result(once(client)), once(client)))
      assert.deepStrictEqual([failureOf(result), wire.requests.length], ["Fatal", 2])
    }))

  it.effect("is innocent again once it has a response", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth % 2 === 1 ? Wire.nested("ECONNRESET") : answer())
      const result = yield* running(wire, (client) =>
        Effect.all([client.generate(Wire.prompt), client.generate(Wire.prompt)], { concurrency: 1 }))
      assert.deepStrictEqual([result._tag, wire.requests.length], ["Success", 4])
    }))

  it.effect("does not take those down that were in flight with it", () =>
    Effect.gen(function*() {
      let crashes = 0
      let crashed = Deferred.makeUnsafe<void>()
      const crash = Effect.suspend(() => {
        crashes++
        const now = crashed
        crashed = Deferred.makeUnsafe()
        return Deferred.succeed(now, undefined)
      })
      // what is poison brings everything down that is in flight; the others take a while
      const wire = Wire.make((_, request) =>
        isPoison(request)
          ? Effect.as(Effect.andThen(Effect.sleep("10 millis"), crash), Wire.nested("ECONNRESET"))
          : Effect.race(
            Effect.as(Deferred.await(crashed), Wire.nested("ECONNRESET")),
            Effect.map(Effect.sleep("100 millis"), answer)
          )
      )
      const result = yield* running(wire, (client) =>
        Effect.all(
          [...Array(8).keys()].map((n) => Effect.result(client.generate({ inputs: n === 3 ? "poison" : `row ${n}` }))),
          { concurrency: "unbounded" }
        ))
      assert.strictEqual(result._tag, "Success")
      const tags = result._tag === "Success"
        ? result.success.map((one) => one._tag === "Success" ? "fine" : one.failure.reason._tag)
        : []
      assert.deepStrictEqual(tags, ["fine", "fine", "fine", "Fatal", "fine", "fine", "fine", "fine"])
      assert.isAtMost(crashes, 3)
    }))
})

const chat = (content: string, name = "walk") => ({
  messages: [{ role: "user" as const, content }],
  tools: [{ type: "function" as const, function: { name, parameters: { type: "object" } } }]
})
const reset = () => Wire.nested("ECONNRESET")
const fine = () => Wire.json({ choices: [{ message: { role: "assistant", content: "fine" }, finish_reason: "stop" }] })

const asked = (wire: Wire.Wire, contents: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const told = yield* running(wire, (client) =>
      Effect.forEach(contents, (content) => Effect.result(client.chat(chat(content)))))
    return told._tag === "Success" ? told.success.map(failureOf) : told.failure
  })

describe("tools that were in two fatal bodies", () => {
  it.effect("are not sent again with others, and the failure says why", () =>
    Effect.gen(function*() {
      const wire = Wire.make(reset)
      const told = yield* running(wire, (client) =>
        Effect.forEach(["a", "b", "c", "d"], (content) => Effect.result(client.chat(chat(content)))))
      const last = told._tag === "Success" ? told.success.at(-1) : undefined
      assert.strictEqual(wire.requests.length, 4)
      assert.match(
        last?._tag === "Failure" ? last.failure.message : "",
        /with the tools walk\) is not sent: 2 with the same tools/
      )
    }))

  it.effect("are sent again after five minutes", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth > 4 ? fine() : reset())
      const client = yield* Effect.provide(Wire.client({ retry: Retry.standard }), wire.layer)
      const asking = yield* Effect.forkChild(Effect.gen(function*() {
        for (const content of ["a", "b", "c"]) yield* Effect.result(client.chat(chat(content)))
        yield* Effect.sleep("5 minutes")
        return yield* client.chat(chat("d"))
      }))
      for (let i = 0; i < 100; i++) yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(asking)
      assert.strictEqual(wire.requests.length, 5)
    }))

  it.effect("are innocent again once one with them has a response", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth === 3 ? fine() : reset())
      assert.deepStrictEqual(
        yield* asked(wire, ["a", "b", "c", "d", "e"]),
        ["Fatal", undefined, "Fatal", "Fatal", "Fatal"]
      )
      // the first, third and fourth twice each, the second once, and the fifth not at all
      assert.strictEqual(wire.requests.length, 7)
    }))

  it.effect("do not keep others from being sent", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth > 4 ? fine() : reset())
      const told = yield* running(wire, (client) =>
        Effect.andThen(
          Effect.forEach(["a", "b"], (content) => Effect.result(client.chat(chat(content)))),
          client.chat(chat("c", "other"))
        ))
      assert.strictEqual(told._tag, "Success")
    }))
})

describe("what is remembered of broken connections", () => {
  it.effect("is bounded: after many others a body is sent again like a new one", () => {
    const wire = Wire.make((nth) => nth <= 300 ? Wire.nested("ECONNRESET") : answer())
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const bodies = Array.from({ length: 300 }, (_, at) => ({ inputs: `question ${at}` }))
      for (const body of bodies) yield* Effect.flip(client.generate(body))
      const probes = []
      for (const body of [bodies[0], bodies[299]]) {
        yield* client.generate(body ?? Wire.prompt)
        probes.push(wire.probes())
      }
      assert.deepStrictEqual(probes, [0, 1])
    }).pipe(Effect.provide(wire.layer))
  })
})

describe("what is no broken connection", () => {
  it.effect("needs no health check", () =>
    Effect.gen(function*() {
      for (const first of [() => Wire.nested("ECONNREFUSED"), () => new Response(null, { status: 502 })]) {
        const wire = Wire.make((nth) => nth === 1 ? first() : answer())
        const result = yield* running(wire, (client) => client.generate(Wire.prompt))
        assert.deepStrictEqual([result._tag, wire.probes()], ["Success", 0])
      }
    }))
})
