// A tape: requests through the port and their responses, recorded once and then replayed without a model. A request that is
// not on it is an error that shows the difference, never an invented response.
import { Console, Effect, Layer, Result } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Proxy, Recording } from "effect-inference-endpoints/proxy"
import { Replay, Simulator, Tape } from "effect-inference-endpoints/simulator"
import { HttpServerRequest, HttpServerResponse } from "effect/http"

const path = "/v1/chat/completions"
const bodyOf = (question: string) =>
  JSON.stringify({ model: "llm", stream: true, messages: [{ role: "user", content: question }] })

// recording: the lines would go to a file
const lines: Array<string> = []
const recording = Recording.make(
  { secrets: [], write: (line) => Effect.sync(() => void lines.push(line)) },
  true
)

const Port = Proxy.layer({ model: "llm", keepEvents: true, onExchange: recording }).pipe(
  Layer.provide(InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false })),
  Layer.provide(Simulator.layer({ script: () => ({ text: "Scattering." }) }))
)

/** One request to the port, without a socket. */
const ask = (question: string) =>
  Effect.gen(function*() {
    const { app } = yield* Proxy.Proxy
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { host: "localhost" },
      body: bodyOf(question)
    })
    const response = yield* Effect.provideService(
      app,
      HttpServerRequest.HttpServerRequest,
      HttpServerRequest.fromWeb(request)
    )
    return yield* Effect.promise(() => HttpServerResponse.toWeb(response).text())
  }).pipe(Effect.scoped)

await Effect.runPromise(Effect.provide(ask("Why is the sky blue?"), Port))

// replaying
const tape = Result.getOrThrow(Tape.read(lines.join("")))
const replay = Replay.make(tape)

const play = (question: string) =>
  Effect.map(
    replay({ method: "POST", path, headers: {}, body: bodyOf(question) }),
    ({ body, status }) => `${status} ${typeof body === "string" ? body : "a stream"}`
  )

await Effect.runPromise(Effect.gen(function*() {
  yield* Console.log(`${tape.exchanges.length} exchange, ${tape.exchanges[0]?.response.events?.length} events`)
  yield* Console.log(yield* play("Why is the sky blue?"))
  yield* Console.log(yield* play("Why is the sky red?"))
}))
