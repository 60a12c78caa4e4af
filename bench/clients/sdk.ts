/** `TgiClient`, by its public API, over a transport. */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { load } from "./Built.ts"
import { type Client, expectText, messages, model, prompt } from "./Client.ts"
import { count } from "./Counting.ts"

const TgiClient = await load("transport/TgiClient", () => import("../../src/transport/TgiClient.ts"))

type Transport = () => Promise<Layer.Layer<HttpClient.HttpClient>>

export const node: Transport = async () =>
  (await load("node/NodeTransport", () => import("../../src/node/NodeTransport.ts"))).layer

/** As in a browser, Bun, Deno and on the edge: the transport of this package, and Effect's own. */
export const fetch: Transport = async () =>
  (await load("http/FetchTransport", () => import("../../src/http/FetchTransport.ts"))).layer

export const fetchHttpClient: Transport = async () => (await import("effect/http/FetchHttpClient")).layer

const open = async (base: string, transport: Layer.Layer<HttpClient.HttpClient>) => {
  const context = await ManagedRuntime.make(TgiClient.layer({ url: base }).pipe(Layer.provide(transport))).context()
  // calls are made in a program that runs: `ManagedRuntime.runPromise` would note every one of them, to end them with it
  const run = Effect.runPromiseWith(context)
  return { run, client: await run(TgiClient.TgiClient.use(Effect.succeed)) }
}

const native = { inputs: prompt, parameters: { max_new_tokens: 20, details: true } }

export const generate = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: async (base) => {
    const { client, run } = await open(base, transport)
    const call = Effect.map(client.generate(native), ({ value }) => expectText(value.generated_text))
    return () => run(call)
  },
  stream: async (base) => {
    const { client, run } = await open(base, transport)
    const call = Effect.suspend(() =>
      count(client.generateStream(native), (frame) => typeof frame.token.text === "string")
    )
    return () => run(call)
  }
})

export const chat = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: async (base) => {
    const { client, run } = await open(base, transport)
    const call = Effect.map(
      client.chat({ model, messages }),
      ({ value }) => expectText(value.choices?.[0]?.message.content)
    )
    return () => run(call)
  },
  stream: async (base) => {
    const { client, run } = await open(base, transport)
    const call = Effect.suspend(() =>
      count(client.chatStream({ model, messages }), (chunk) => typeof chunk.choices?.[0]?.delta?.content === "string")
    )
    return () => run(call)
  }
})
