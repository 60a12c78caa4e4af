/**
 * Ten thousand requests with random faults and interrupts: `node --expose-gc Faults.ts [requests]`. Prints what is left of
 * them: sockets of the client, calls that did not end, and the heap. Nothing may grow with the number of requests.
 *
 * Requests are whole and streamed; the server answers, refuses, cuts, stalls, resets, drips, floods, or answers before the
 * request has been sent; a third of the callers leave at a random moment.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { subscribe } from "node:diagnostics_channel"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as FetchTransport from "../src/http/FetchTransport.ts"
import * as Retry from "../src/http/Retry.ts"
import * as NodeTransport from "../src/node/NodeTransport.ts"
import * as TgiClient from "../src/transport/TgiClient.ts"

const requests = Number(process.argv[2] ?? 10_000)
const CONCURRENCY = 256

const token = (index: number) =>
  `data:{"index":${index},"token":{"id":${index},"text":"x","logprob":-1,"special":false},"generated_text":null}\n\n`

const last =
  `data:{"index":9,"token":{"id":2,"text":"","logprob":-1,"special":true},"generated_text":"x","details":null}\n\n`

type Answer = (response: Http.ServerResponse, streamed: boolean) => void

const answers: ReadonlyArray<Answer> = [
  (response, streamed) => response.end(streamed ? token(1) + last : `{"generated_text":"x"}`),
  (response, streamed) => response.end(streamed ? token(1) + last : `{"generated_text":"x"}`),
  (response) => response.writeHead(503).end("busy"),
  (response) => response.writeHead(413, { connection: "keep-alive" }).end("too large"),
  (response) => response.socket?.resetAndDestroy(),
  (response) => response.destroy(),
  (response) => void response.write(token(1), () => response.destroy()),
  () => undefined,
  (response) => void response.write(token(1)),
  (response) => response.end("not of this route"),
  (response) => {
    const more = () => {
      if (!response.destroyed) response.write(token(1).repeat(200), () => setImmediate(more))
    }
    more()
  },
  (response) => {
    const flood = () => {
      if (!response.destroyed && response.socket?.destroyed === false) {
        response.writeProcessing()
        setTimeout(flood, 5)
      }
    }
    flood()
  }
]

/** Sockets of the client, from the moment when they are made. */
const sockets = new Set<Net.Socket>()
subscribe("net.client.socket", (message) => {
  // the channel's message has the socket
  const { socket } = message as { readonly socket: Net.Socket }
  sockets.add(socket)
  socket.once("close", () => sockets.delete(socket))
})

let at = 0

const server = Http.createServer((request, response) => {
  const streamed = request.url === "/generate_stream"
  if (streamed) response.setHeader("content-type", "text/event-stream")
  answers[at++ % answers.length]?.(response, streamed)
}).on("connection", (socket) => socket.on("error", () => undefined))

await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const address = server.address()
const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`

const large = "x".repeat(200_000)

const call = (client: TgiClient.TgiClient["Service"]) =>
  Effect.gen(function*() {
    const inputs = (yield* Random.next) < 0.1 ? large : "Say something"
    const one = (yield* Random.next) < 0.5
      ? client.generate({ inputs })
      : Stream.runDrain(client.generateStream({ inputs }))
    const leaving = yield* Random.next
    return yield* Effect.exit(leaving < 0.33 ? Effect.timeoutOption(one, Duration.millis(leaving * 60)) : one)
  })

const look = async (name: "node" | "fetch") => {
  // abandoned connections have a moment to close; Node's fetch takes some seconds for a connection with interim responses
  await new Promise((resolve) => setTimeout(resolve, name === "fetch" ? 6000 : 1500))
  globalThis.gc?.()
  globalThis.gc?.()
  return { heapMB: Number((process.memoryUsage().heapUsed / 2 ** 20).toFixed(1)), sockets: sockets.size }
}

for (
  const [name, transport] of [["node", NodeTransport.layer], ["fetch", FetchTransport.layer]] as const
) {
  let running = 0
  let most = 0
  let succeeded = 0
  const looks: Array<Awaited<ReturnType<typeof look>>> = []
  await Effect.gen(function*() {
    const client = yield* TgiClient.TgiClient
    for (let part = 0; part < 5; part++) {
      yield* Effect.forEach(
        Array.from({ length: requests / 5 }),
        () =>
          Effect.sync(() => most = Math.max(most, ++running)).pipe(
            Effect.andThen(call(client)),
            Effect.tap((exit) =>
              Effect.sync(() => {
                if (exit._tag === "Success") succeeded++
              })
            ),
            Effect.ensuring(Effect.sync(() => running--))
          ),
        { concurrency: CONCURRENCY, discard: true }
      )
      looks.push(yield* Effect.promise(() => look(name)))
    }
  }).pipe(
    Effect.provide(
      TgiClient.layer({
        url,
        retry: Retry.none,
        timeouts: { headers: "200 millis", firstEvent: "200 millis", idle: "200 millis", total: "400 millis" },
        limits: { body: 1_000_000 }
      }).pipe(Layer.provide(transport))
    ),
    Effect.runPromise
  )
  await new Promise((resolve) => setTimeout(resolve, 1000))
  process.stdout.write(`${
    JSON.stringify({
      transport: name,
      requests,
      succeeded,
      atOnce: most,
      callsLeft: running,
      heapMB: looks.map(({ heapMB }) => heapMB),
      // kept for reuse, as many as requests at once at most; and none when the client is closed
      sockets: looks.map(({ sockets }) => sockets),
      socketsAfterClose: sockets.size
    })
  }\n`)
}

process.exit(0)
