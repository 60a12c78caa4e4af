/** The Node transport alone, with JSON.parse: what the layers above it cost is the distance to the SDK. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { sendOf } from "../../src/http/TransportLimits.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import { type Client, expectText, prompt } from "./Client.ts"

const native = { inputs: prompt, parameters: { max_new_tokens: 20, details: true } }

const open = async (base: string, path: string) => {
  const run = Effect.runPromiseWith(await ManagedRuntime.make(NodeTransport.layer).context())
  const client = await run(HttpClient.HttpClient.use(Effect.succeed))
  const send = sendOf(client)
  if (send === undefined) throw new Error("this transport keeps no limits")
  const limits = { headers: 60_000, idle: 60_000, total: 600_000, maxBodyBytes: 64 * 1024 * 1024 }
  const call = Effect.suspend(() =>
    send(
      HttpClientRequest.bodyText(HttpClientRequest.post(base + path), JSON.stringify(native), "application/json"),
      limits
    )
  )
  return { run, call }
}

export const generate: Client = {
  unary: async (base) => {
    const { call, run } = await open(base, "/generate")
    const text = Effect.map(
      Effect.flatMap(call, (response) => response.text),
      (text) => expectText(JSON.parse(text).generated_text)
    )
    return () => run(text)
  },
  stream: async (base) => {
    const { call, run } = await open(base, "/generate_stream")
    const tokens = Effect.suspend(() => {
      let count = 0
      let rest = ""
      const decoder = new TextDecoder()
      return Effect.map(
        Stream.runForEachArray(HttpClientResponse.stream(call), (pieces) =>
          Effect.sync(() => {
            const text = rest +
              decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), { stream: true })
            let from = 0
            for (let to = text.indexOf("\n\n", from); to >= 0; to = text.indexOf("\n\n", from)) {
              if (typeof JSON.parse(text.slice(from + 5, to)).token.text === "string") count++
              from = to + 2
            }
            rest = text.slice(from)
          })),
        () => count
      )
    })
    return () => run(tokens)
  }
}
