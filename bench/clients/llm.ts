/** The service that users start from, by its public API, on the chat route. */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as EndpointConfig from "../../src/endpoint/EndpointConfig.ts"
import { load } from "./Built.ts"
import { type Client, expectText, prompt } from "./Client.ts"
import { count } from "./Counting.ts"

const Service = await load("InferenceEndpointsLLM", () => import("../../src/InferenceEndpointsLLM.ts"))

const service = async (
  base: string,
  delivery: "stream" | "unary" | undefined,
  transport: Layer.Layer<HttpClient.HttpClient>,
  engineLimits?: EndpointConfig.Options["engineLimits"]
) => {
  const context = await ManagedRuntime.make(
    Service.layer({
      baseUrl: base,
      engine: "tgi",
      apiKey: false,
      delivery,
      ...(engineLimits !== undefined && { engineLimits })
    }).pipe(
      Layer.provide(transport)
    )
  ).context()
  const run = Effect.runPromiseWith(context)
  return { run, llm: await run(Service.InferenceEndpointsLLM.use(Effect.succeed)) }
}

const generating = (
  delivery: "stream" | "unary" | undefined,
  transport: Layer.Layer<HttpClient.HttpClient>,
  engineLimits?: EndpointConfig.Options["engineLimits"]
) =>
async (
  base: string
) => {
  const { llm, run } = await service(base, delivery, transport, engineLimits)
  const call = Effect.map(llm.generate(prompt), ({ generations }) => expectText(generations[0]?.text))
  return () => run(call)
}

const streaming = (transport: Layer.Layer<HttpClient.HttpClient>) => async (base: string) => {
  const { llm, run } = await service(base, "stream", transport)
  const call = Effect.suspend(() => count(llm.stream(prompt), (event) => event._tag === "Text"))
  return () => run(call)
}

/** As it is by default: `generate` asks for short responses whole, `stream` streams. */
export const byDefault = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: generating(undefined, transport),
  stream: streaming(transport)
})

/** With the limits of the engine given, so that nothing is asked before the first call. */
export const known = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: generating(undefined, transport, { maxInputTokens: 4096, maxTotalTokens: 8192 })
})

/** `generate` where it is told to stream: what nobody sees before its end is folded as it comes. */
export const folded = (transport: Layer.Layer<HttpClient.HttpClient>): Client => ({
  unary: generating("stream", transport),
  stream: async (base) => {
    const { llm, run } = await service(base, "stream", transport)
    const call = Effect.map(llm.generate(prompt), ({ generations }) => {
      expectText(generations[0]?.text)
      return generations[0]?.statistics.outputTokens ?? 0
    })
    return () => run(call)
  }
})
