import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as SimulatorServer from "../../src/simulator/SimulatorServer.ts"

const live = { excludeTestServices: true }

const open = (path: string, body: object) =>
  Effect.gen(function*() {
    const { url } = yield* SimulatorServer.SimulatorServer
    return yield* HttpClientRequest.post(url + path).pipe(HttpClientRequest.bodyJsonUnsafe(body), HttpClient.execute)
  }).pipe(Effect.provide(FetchHttpClient.layer))

const stream = { inputs: "x", parameters: { max_new_tokens: 4 } }

layer(SimulatorServer.layer(), live)("a simulated server on a socket", (it) => {
  it.effect("answers as it does in the process", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const socket = yield* Effect.flatMap(open("/generate_stream", stream), (response) => response.text)
      const inside = yield* HttpClientRequest.post("http://simulator/generate_stream").pipe(
        HttpClientRequest.bodyJsonUnsafe(stream),
        Simulator.httpClient(simulator.handle).execute,
        Effect.flatMap((response) => response.text)
      )
      assert.strictEqual(socket, inside)
    }))

  it.effect.each([["reset", Fault.reset(1)], ["fin", Fault.fin(1)], ["short", Fault.short(1)]] as const)(
    "breaks the connection in the middle of a body: %s",
    ([, fault]) =>
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        for (const path of ["/generate_stream", "/generate"]) {
          yield* simulator.fail(fault)
          const error = yield* Effect.flatMap(open(path, stream), (response) => response.text).pipe(Effect.flip)
          assert.strictEqual(error.reason._tag, "DecodeError")
        }
      })
  )

  it.effect("hears a client hang up, and stops", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.stall(1))
      const response = yield* open("/generate_stream", stream)
      yield* Stream.runDrain(Stream.take(response.stream, 1))
      const entry = yield* simulator.journal.wait((entry) => entry.outcome === "cancelled")
      assert.strictEqual(entry.tokens, 1)
      assert.strictEqual(yield* simulator.permits, 0)
    }))

  it.effect("sends a body of another size than a chunk whole", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const text = "word ".repeat(1000)
      yield* simulator.answer({ text })
      const response = yield* open("/generate", { inputs: "x", parameters: { max_new_tokens: 2000 } })
      assert.propertyVal(yield* response.json, "generated_text", text)
    }))
})

describe("listening", () => {
  it.live("on a port that is taken fails and says what to do", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.make()
      const { port } = yield* SimulatorServer.serve(simulator.handle)
      const error = yield* Effect.flip(SimulatorServer.serve(simulator.handle, { port }))
      assert.include(error.message, `127.0.0.1:${port}`)
      assert.include(error.message, "Choose another port")
    }).pipe(Effect.scoped))
})
