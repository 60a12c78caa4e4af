/**
 * How much of the package one call passes through: the files and functions that run between a call of the service and its
 * generation, warm, over a server in this process whose own files do not count.
 *
 * `node bench/Trace.ts` prints a row for a whole response and one for a stream of six events.
 */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { Session } from "node:inspector/promises"
import type { AddressInfo } from "node:net"

const root = process.argv[2] ?? new URL("../src/", import.meta.url).pathname
const { InferenceEndpointsLLM, layer } = await import(`${root}InferenceEndpointsLLM.ts`)

const usage = { prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 }
const choice = (delta: object, finish_reason: string | null = null) => ({ index: 0, delta, finish_reason })
const chunk = (delta: object, finish?: string) =>
  `data: ${
    JSON.stringify({
      id: "1",
      object: "chat.completion.chunk",
      created: 1,
      model: "m",
      choices: [choice(delta, finish)]
    })
  }\n\n`

const server = createServer((request, response) => {
  let body = ""
  request.on("data", (text) => body += text)
  request.on("end", () => {
    // what a client asks of a server first
    if (request.method !== "POST") return void response.writeHead(404).end()
    if (JSON.parse(body).stream !== true) {
      response.writeHead(200, { "content-type": "application/json" })
      const message = { role: "assistant", content: "a b c d e f" }
      return void response.end(
        JSON.stringify({
          id: "1",
          object: "chat.completion",
          created: 1,
          model: "m",
          choices: [{ index: 0, message, finish_reason: "stop" }],
          usage
        })
      )
    }
    response.writeHead(200, { "content-type": "text/event-stream" })
    const words = ["a", "b", "c", "d", "e"].map((content) => chunk({ content }))
    response.end(`${words.join("")}${chunk({ content: "f" }, "stop")}data: [DONE]\n\n`)
  })
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
// a server that listens on a port has an address with a port
const { port } = server.address() as AddressInfo

const session = new Session()
session.connect()
await session.post("Profiler.enable")
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })

const trace = async (delivery: "unary" | "stream") => {
  const program = Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM
    const call = llm.generate("hello", { delivery })
    yield* call
    yield* call
    yield* Effect.promise(() => session.post("Profiler.takePreciseCoverage"))
    yield* call
    return yield* Effect.promise(() => session.post("Profiler.takePreciseCoverage"))
  })
  const model = layer({ baseUrl: `http://127.0.0.1:${port}`, apiKey: false, engine: "openai" })
  const { result } = await Effect.runPromise(
    // the package is imported by a path of its caller, which has no types
    Effect.provide(program, Layer.provide(model, FetchHttpClient.layer)) as unknown as Effect.Effect<
      // what the protocol of the inspector says of this method
      {
        readonly result: ReadonlyArray<
          {
            readonly url: string
            readonly functions: ReadonlyArray<
              { readonly functionName: string; readonly ranges: ReadonlyArray<{ readonly count: number }> }
            >
          }
        >
      }
    >
  )
  const ours = result.filter(({ url }) => url.includes(root)).map(({ functions, url }) => ({
    url,
    counts: functions.map(({ ranges }) => ranges[0]?.count ?? 0).filter((count) => count > 0)
  })).filter(({ counts }) => counts.length > 0)
  const counts = ours.flatMap(({ counts }) => counts)
  console.log(
    `${delivery}: ${ours.length} files, ${counts.length} functions, ${counts.reduce((a, b) => a + b, 0)} calls`
  )
}

await trace("unary")
await trace("stream")
server.close()
session.disconnect()
