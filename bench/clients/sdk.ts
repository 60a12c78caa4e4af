/** This SDK over its Node transport, by its public API. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as FetchTransport from "../../src/http/FetchTransport.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import { type Client, expectText, messages, model, prompt } from "./Client.ts"

const open = async (base: string, transport: Layer.Layer<HttpClient.HttpClient> = NodeTransport.layer) => {
  const runtime = ManagedRuntime.make(
    TgiClient.layer({ url: base }).pipe(Layer.provide(transport))
  )
  return { runtime, client: await runtime.runPromise(TgiClient.TgiClient.use(Effect.succeed)) }
}

const native = { inputs: prompt, parameters: { max_new_tokens: 20, details: true } }

const count = <A, E>(frames: Stream.Stream<A, E>, isToken: (frame: A) => boolean) => {
  let tokens = 0
  return Effect.map(
    Stream.runForEachArray(frames, (array) =>
      Effect.sync(() => {
        for (const frame of array) if (isToken(frame)) tokens++
      })),
    () => tokens
  )
}

export const generate: Client = {
  unary: async (base) => {
    const { client, runtime } = await open(base)
    const call = Effect.map(client.generate(native), ({ value }) => expectText(value.generated_text))
    return () => runtime.runPromise(call)
  },
  stream: async (base) => {
    const { client, runtime } = await open(base)
    const call = Effect.suspend(() =>
      count(client.generateStream(native), (frame) => typeof frame.token.text === "string")
    )
    return () => runtime.runPromise(call)
  }
}

const chatOver = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: async (base) => {
    const { client, runtime } = await open(base, transport)
    const call = Effect.map(
      client.chat({ model, messages }),
      ({ value }) => expectText(value.choices?.[0]?.message.content)
    )
    return () => runtime.runPromise(call)
  },
  stream: async (base) => {
    const { client, runtime } = await open(base, transport)
    const call = Effect.suspend(() =>
      count(client.chatStream({ model, messages }), (chunk) => typeof chunk.choices?.[0]?.delta?.content === "string")
    )
    return () => runtime.runPromise(call)
  }
})

export const chat: Client = chatOver(NodeTransport.layer)

/** Over `fetch`, as in a browser, Bun, Deno and on the edge: by the transport of this package, and by Effect's own. */
export const chatOnFetch: Client = chatOver(FetchTransport.layer)
export const chatOnFetchHttpClient: Client = chatOver(FetchHttpClient.layer)

const service = async (
  base: string,
  delivery: "stream" | "unary" | undefined,
  transport: Layer.Layer<HttpClient.HttpClient> = NodeTransport.layer
) => {
  const runtime = ManagedRuntime.make(
    InferenceEndpointsLLM.layer({ baseUrl: base, engine: "tgi", apiKey: false, delivery }).pipe(
      Layer.provide(transport)
    )
  )
  return { runtime, llm: await runtime.runPromise(InferenceEndpointsLLM.InferenceEndpointsLLM.use(Effect.succeed)) }
}

const generating = (delivery: "stream" | "unary" | undefined, transport?: Layer.Layer<HttpClient.HttpClient>) =>
async (
  base: string
) => {
  const { llm, runtime } = await service(base, delivery, transport)
  const call = Effect.map(llm.generate(prompt), ({ generations }) => expectText(generations[0]?.text))
  return () => runtime.runPromise(call)
}

const streaming = (transport?: Layer.Layer<HttpClient.HttpClient>) => async (base: string) => {
  const { llm, runtime } = await service(base, "stream", transport)
  const call = Effect.suspend(() => count(llm.stream(prompt), (event) => event._tag === "Text"))
  return () => runtime.runPromise(call)
}

/** The service that users start from, on the chat route, as it is by default. */
export const llm: Client = { unary: generating(undefined), stream: streaming() }

/** `generate` where it is told to stream: what nobody sees before its end is folded as it comes. */
export const llmFolded: Client = {
  unary: generating("stream"),
  stream: async (base) => {
    const { llm, runtime } = await service(base, "stream")
    const call = Effect.map(llm.generate(prompt), ({ generations }) => {
      expectText(generations[0]?.text)
      return generations[0]?.statistics.outputTokens ?? 0
    })
    return () => runtime.runPromise(call)
  }
}

export const llmOnFetch: Client = {
  unary: generating(undefined, FetchTransport.layer),
  stream: streaming(FetchTransport.layer)
}
