// A port for programs in other languages, in front of an endpoint that sleeps: requests of OpenAI's API are held while it
// wakes, `response_format` is translated for TGI, and the cost is counted. Here the requests come from `fetch`, and
// Hugging Face is a simulation.
import { NodeHttpServer } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Proxy } from "effect-inference-endpoints/proxy"
import { Platform } from "effect-inference-endpoints/simulator"
import { HttpServer } from "effect/http"
import { createServer } from "node:http"

const Model = InferenceEndpointsLLM.layer({
  endpointName: "llm",
  endpointNamespace: "my-org",
  apiKey: "hf_simulated"
})

const HuggingFace = Platform.layer({
  endpoints: { endpoints: { "my-org/llm": { state: "paused", pending: 100, initializing: 200 } } }
})

const Port = Proxy.layer({ model: "llm", aliases: ["gpt-4o-mini"], key: Redacted.make("a-key-of-your-own") }).pipe(
  Layer.provide(Model),
  Layer.provideMerge(HuggingFace)
)

const ask = (url: string, body: object) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer a-key-of-your-own", "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "A user, please." }], ...body })
    })
    return `${response.status} ${await response.text()}`
  })

const user = { type: "object", properties: { id: { type: "integer" } }, required: ["id"] }

const program = Effect.gen(function*() {
  const { app, metrics } = yield* Proxy.Proxy
  const server = yield* HttpServer.HttpServer
  yield* server.serve(app)
  const url = HttpServer.formatAddress(server.address)

  yield* Console.log(
    yield* ask(url, { response_format: { type: "json_schema", json_schema: { name: "user", schema: user } } })
  )
  yield* Console.log(yield* ask(url, { presence_penalty: 0.5 }))

  const { endpoints } = yield* Platform.Platform
  const resumes = (yield* endpoints.api.received).filter(({ url }) => url.pathname.endsWith("/resume"))
  yield* Console.log(`resumed ${resumes.length} time`)
  yield* Console.log((yield* metrics).split("\n").filter((line) => /^inference.*_total/.test(line)).join("\n"))
})

await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(Layer.merge(Port, NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })))
  )
)
