/** Bodies in another coding than their head says, over both transports, from a server on a loopback port. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Zlib from "node:zlib"
import { Batch } from "../../src/batch/index.ts"
import * as FetchTransport from "../../src/http/FetchTransport.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Bench from "../batch/Bench.ts"
import * as Loopback from "../node/Loopback.ts"
import * as Wire from "../transport/Wire.ts"
import * as World from "../World.ts"
import * as Recording from "./Recording.ts"

const transports = { "Node's transport": NodeTransport.layer, fetch: FetchTransport.layer } as const

const zip = (text: string) => Zlib.gzipSync(text)
const plain = (text: string) => Buffer.from(text)

const bodies: Readonly<
  Record<
    string,
    { readonly header: string | undefined; readonly made: (text: string) => Buffer; readonly says: RegExp }
  >
> = {
  "that is plain and said to be gzip": { header: "gzip", made: plain, says: /content-encoding/ },
  "that is plain and said to be br": { header: "br", made: plain, says: /content-encoding/ },
  "that is compressed twice and said to be once": {
    header: "gzip",
    made: (text) => Zlib.gzipSync(zip(text)),
    says: /compressed it twice/
  },
  "that is compressed and not said to be": { header: undefined, made: zip, says: /content-encoding does not say so/ },
  "that is in zstd and not said to be": {
    header: undefined,
    made: (text) => Zlib.zstdCompressSync(text),
    says: /content-encoding does not say so/
  }
}

const asked = (client: TgiClient.TgiClient["Service"], delivery: "stream" | "unary") => {
  const body = { messages: [{ role: "user" as const, content: "hi" }] }
  return delivery === "unary"
    ? Effect.asVoid(client.chat(body))
    : Effect.scoped(Effect.asVoid(client.openChat(body)))
}

const recorded = { stream: "chat.sse", unary: "chat.json" } as const

for (const [transport, layer] of Object.entries(transports)) {
  describe(`over ${transport}, a body`, () => {
    for (const [name, { header, made, says }] of Object.entries(bodies)) {
      for (const delivery of ["stream", "unary"] as const) {
        it.live(`${name} is told as such, and the request is posted once, asked for as ${delivery}`, () =>
          Effect.gen(function*() {
            let posts = 0
            const server = yield* Loopback.http((request, response) => {
              posts++
              request.resume()
              response.writeHead(200, {
                "content-type": delivery === "stream" ? "text/event-stream" : "application/json",
                ...(header !== undefined && { "content-encoding": header })
              })
              response.end(made(Recording.text(recorded[delivery])))
            })
            const error = yield* Effect.gen(function*() {
              const client = yield* TgiClient.make({ url: server.url, retry: Retry.standard })
              return yield* asked(client, delivery)
            }).pipe(Effect.provide(layer), Effect.flip)
            assert.deepStrictEqual([error.reason._tag, error.isRetryable, posts], ["InvalidResponse", false, 1])
            assert.match(error.message, says)
          }))
      }
    }
  })
}

const codings = [
  ["deflate", Zlib.deflateRawSync],
  ["gzip", Zlib.gzipSync],
  ["br", Zlib.brotliCompressSync]
] as const

const behind = (coding: string, body: Buffer, more: Buffer) =>
  Effect.gen(function*() {
    const server = yield* Loopback.http((request, response) => {
      request.resume()
      response.writeHead(200, { "content-type": "application/json", "content-encoding": coding })
      response.end(Buffer.concat([body, more]))
    })
    const client = yield* TgiClient.make({ url: server.url, retry: Retry.none })
    return yield* asked(client, "unary")
  }).pipe(Effect.provide(NodeTransport.layer))

const isDouble = ({ body }: { readonly body: string }): boolean => body.includes("question 2")

it.live("a row of a batch whose body cannot be decoded is posted once, and the others go on", () =>
  Effect.gen(function*() {
    const { errors, input, output } = yield* Bench.files
    Bench.write(input, Bench.prompts(4))
    const simulator = yield* Simulator.Simulator
    yield* simulator.fail(Fault.encoding("double"), { times: Infinity, when: isDouble })
    const { failures } = yield* Batch.run({ input, output, errors, progress: "none" })
    const posts = (yield* simulator.journal.entries).filter(({ request }) => isDouble(request))
    assert.deepStrictEqual([failures, posts.length], [{ "InferenceError.InvalidResponse": 1 }, 1])
    assert.deepStrictEqual(Bench.indices(output), [0, 1, 3])
  }).pipe(Effect.provide(Layer.mergeAll(World.layer({ engine: "vllm" }), NodeServices.layer))))

describe("behind the end of a coded body", () => {
  it.live.each(codings)("bytes are a fault, and no silence: %s", ([coding, compress]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(behind(coding, compress(Recording.text("chat.json")), Buffer.from("junk")))
      assert.strictEqual(error.reason._tag, "InvalidResponse")
    }))

  it.live.each(codings)(
    "zeros are nothing: %s",
    ([coding, compress]) => behind(coding, compress(Recording.text("chat.json")), Buffer.alloc(7))
  )
})

describe("the simulator's encodings", () => {
  for (const engine of World.engines) {
    // without a socket a coding that was undone already cannot be told from one that is wrong
    for (const how of ["double", "hidden"] as const) {
      for (const delivery of ["stream", "unary"] as const) {
        it.live(`${how} from ${engine} asked for as ${delivery} is InvalidResponse, posted once`, () =>
          Effect.gen(function*() {
            const simulator = yield* Simulator.Simulator
            yield* simulator.fail(Fault.encoding(how), { times: Infinity })
            const client = yield* Wire.client({ retry: Retry.standard })
            const error = yield* Effect.flip(asked(client, delivery))
            const { received } = yield* simulator.journal.totals
            assert.deepStrictEqual([error.reason._tag, error.isRetryable, received], ["InvalidResponse", false, 1])
          }).pipe(Effect.provide(Simulator.layer({ engine }))))
      }
    }
  }
})
