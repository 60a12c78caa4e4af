/** A client that leaves: the engine stops, in whatever window that is. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Http from "node:http"
import * as Serving from "../../src/cli/input/Port.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as Proxy from "../../src/proxy/Proxy.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { Platform } from "../../src/simulator/Platform.ts"
import * as SimulatorServer from "../../src/simulator/SimulatorServer.ts"
import * as World from "../World.ts"
import * as Port from "./Port.ts"
import { dedicated, world } from "./Service.ts"

/** The port on a socket, before a simulated server on a socket that is slow. */
const sockets = (firstToken: number) =>
  Layer.unwrap(Effect.map(SimulatorServer.SimulatorServer, ({ url }) =>
    Proxy.layer({ model: "m" }).pipe(
      Layer.provide(InferenceEndpointsLLM.layer({ baseUrl: url, engine: "tgi", client: { retry: Retry.none } })),
      Layer.provide(NodeTransport.layer)
    ))).pipe(
      Layer.provideMerge(SimulatorServer.layer({ latency: { firstToken, perToken: 60_000 } }))
    )

/** Sends a request and gives what hangs up; the response is read, so that its end is seen. */
const asking = Effect.fnUntraced(function*(body: object) {
  const { app } = yield* Proxy.Proxy
  const { port } = yield* Serving.serve(app, { host: "127.0.0.1", port: 0 })
  const request = Http.request({
    host: "127.0.0.1",
    port,
    method: "POST",
    path: "/v1/chat/completions",
    agent: false
  })
  const first = new Promise<void>((resolve) =>
    request.on("response", (response) => response.once("data", () => resolve()).on("error", () => undefined))
  )
  request.on("error", () => undefined)
  request.end(JSON.stringify({ model: "m", messages: [Port.message], ...body }))
  return { first, hangUp: Effect.sync(() => void request.destroy()) }
})

const arrived = Effect.flatMap(
  Simulator.Simulator,
  ({ journal }) => journal.wait(({ request }) => request.method === "POST")
)

const cancelled = Effect.flatMap(
  Simulator.Simulator,
  ({ journal }) => journal.wait(({ outcome, request }) => request.method === "POST" && outcome === "cancelled")
)

describe("a client that hangs up closes the connection to the engine", () => {
  it.live("before the first byte of a stream", () =>
    Effect.gen(function*() {
      const { hangUp } = yield* asking({ stream: true })
      yield* arrived
      yield* hangUp
      assert.strictEqual((yield* cancelled).outcome, "cancelled")
    }).pipe(Effect.scoped, Effect.provide(sockets(60_000))))

  it.live("in the middle of a stream", () =>
    Effect.gen(function*() {
      const { first, hangUp } = yield* asking({ stream: true })
      yield* Effect.promise(() => first)
      yield* hangUp
      assert.strictEqual((yield* cancelled).outcome, "cancelled")
    }).pipe(Effect.scoped, Effect.provide(sockets(0))))

  it.live("in a whole response", () =>
    Effect.gen(function*() {
      const { hangUp } = yield* asking({})
      yield* arrived
      yield* hangUp
      assert.strictEqual((yield* cancelled).outcome, "cancelled")
    }).pipe(Effect.scoped, Effect.provide(sockets(60_000))))
})

describe("a client that leaves", () => {
  it.effect("while the endpoint wakes asks nothing of it when it is awake", () =>
    Effect.gen(function*() {
      const { endpoints, server } = yield* Platform
      const leaving = yield* Effect.forkChild(Port.chat())
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.interrupt(leaving)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* endpoints.state("my/llm"), "running")
      const asked = (yield* server.journal.entries).filter(({ request }) => request.method === "POST")
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(dedicated({
      endpoints: { endpoints: { "my/llm": { state: "paused", pending: 30_000, initializing: 30_000 } } }
    }))))

  it.effect("between two attempts is not tried again for", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.rateLimited({ retryAfter: 30 }), { times: 4 })
      const leaving = yield* Effect.forkChild(Port.chat({ stream: true }))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.interrupt(leaving)
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf(yield* World.bodies, 1)
    }).pipe(world({ service: { client: {} } })))
})
