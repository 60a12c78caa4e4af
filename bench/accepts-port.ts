/**
 * Clients that were not written here accept the port in front of the simulator. OpenAI's client embeds through it, and calls
 * a paused endpoint: no call fails, and there is one resume. The Hub's client reads the simulated platform. Prints one line
 * per client and fails if one of them does not work.
 */
import { NodeHttpServer } from "@effect/platform-node"
import { downloadFile, listFiles, whoAmI } from "@huggingface/hub"
import { Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import assert from "node:assert/strict"
import { createServer } from "node:http"
import OpenAI from "openai"
import type * as Endpoint from "../src/endpoint/Endpoint.ts"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import * as NodeTransport from "../src/node/NodeTransport.ts"
import * as Proxy from "../src/proxy/Proxy.ts"
import * as Platform from "../src/simulator/Platform.ts"
import * as Sample from "../src/simulator/platform/Sample.ts"
import * as PlatformServer from "../src/simulator/PlatformServer.ts"
import * as SimulatorServer from "../src/simulator/SimulatorServer.ts"
import { accept, apiKey, ask, folded, model, withUsage } from "./Accepting.ts"

/** The port on a socket, in front of the given service. */
const port = Effect.gen(function*() {
  const { app } = yield* Proxy.Proxy
  const server = yield* NodeHttpServer.make(createServer, { host: "127.0.0.1", port: 0 })
  yield* server.serve(app)
  return HttpServer.formatAddress(server.address)
})

const ported = <E>(
  service: Layer.Layer<InferenceEndpointsLLM.InferenceEndpointsLLM | Endpoint.Endpoint, E>
): Layer.Layer<Proxy.Proxy, E> =>
  Proxy.layer({ model, key: Redacted.make(apiKey) }).pipe(Layer.provide(service), Layer.provide(NodeTransport.layer))

const direct = Effect.gen(function*() {
  const { url } = yield* SimulatorServer.SimulatorServer
  const service = InferenceEndpointsLLM.layer({ baseUrl: url }).pipe(Layer.provide(NodeTransport.layer))
  yield* Effect.scoped(
    Effect.flatMap(port, (url) => Effect.promise(() => accept("port", url))).pipe(Effect.provide(ported(service)))
  )
}).pipe(Effect.provide(SimulatorServer.layer()))

const embeds = Effect.gen(function*() {
  const { url } = yield* SimulatorServer.SimulatorServer
  const service = InferenceEndpointsLLM.layer({ baseUrl: url }).pipe(Layer.provide(NodeTransport.layer))
  yield* Effect.scoped(
    Effect.flatMap(port, (base) =>
      Effect.promise(async () => {
        const input = ["one", "two"]
        const { embeddings } = new OpenAI({ apiKey, baseURL: `${base}/v1` })
        // its default is base64
        const { data } = await embeddings.create({ model, input })
        const { data: same } = await embeddings.create({ model, input, encoding_format: "float" })
        assert.deepEqual(
          data.map(({ embedding }) => embedding),
          same.map(({ embedding }) => embedding.map(Math.fround))
        )
        console.log(`port, openai: ${data.length} vectors of ${data[0]?.embedding.length}`)
      })).pipe(Effect.provide(ported(service)))
  )
}).pipe(Effect.provide(SimulatorServer.layer({ engine: "vllm", embeddings: true })))

const paused = Effect.gen(function*() {
  const { managementUrl, url } = yield* PlatformServer.PlatformServer
  const { endpoints } = yield* Platform.Platform
  const service = InferenceEndpointsLLM.layer({
    endpointName: "paused",
    endpointNamespace: Sample.namespace,
    apiKey: "hf_anything",
    managementUrl
  }).pipe(Layer.provide(NodeTransport.layer))
  yield* Effect.scoped(
    Effect.flatMap(port, (base) =>
      Effect.promise(async () => {
        const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, maxRetries: 0 })
        const answers = await Promise.all([
          client.chat.completions.create(ask),
          folded(await client.chat.completions.create({ ...withUsage, stream: true })),
          client.chat.completions.create(ask)
        ])
        assert.equal(answers.length, 3)
      })).pipe(Effect.provide(ported(service)))
  )
  const resumes = (yield* endpoints.api.received).filter(({ url }) => url.pathname.endsWith("/resume"))
  assert.equal(resumes.length, 1)
  console.log(`port, openai: a paused endpoint, 3 calls without a retry, no failure, ${resumes.length} resume`)
  yield* Effect.promise(async () => {
    const credentials = { accessToken: "hf_anything", hubUrl: url }
    const { name } = await whoAmI(credentials)
    const paths: Array<string> = []
    for await (const { path } of listFiles({ repo: Sample.model, ...credentials })) paths.push(path)
    const file = await downloadFile({ repo: Sample.model, path: "config.json", ...credentials })
    assert.equal(JSON.parse(await file?.text() ?? "{}").model_type, "llama")
    console.log(`platform, @huggingface/hub: ${name}, ${paths.length} files of ${Sample.model}`)
  })
}).pipe(
  Effect.provide(PlatformServer.layer({
    hub: Sample.hub,
    router: Sample.router,
    endpoints: Sample.endpoints("tgi", 1000)
  }))
)

await Effect.runPromise(Effect.andThen(Effect.andThen(direct, embeds), paused))
