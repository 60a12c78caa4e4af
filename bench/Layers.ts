/**
 * The cost of each layer by itself, without a network: a transport in this process gives the response at once. Microseconds
 * of CPU per call, the least of thirty parts, since other load can only add to it: `node Layers.ts`. Prints them as JSON.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { pathToFileURL } from "node:url"
import { Incoming } from "../src/http/Incoming.ts"
import { IncomingResponse } from "../src/http/IncomingResponse.ts"
import { enforcesLimits, type Limits, type Send } from "../src/http/TransportLimits.ts"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import * as TgiClient from "../src/transport/TgiClient.ts"
import { messages, model, prompt } from "./clients/Client.ts"

const TOKENS = 200
const AT_ONCE = 64

const head = { id: "", created: 1_700_000_000, model, system_fingerprint: "3.3.7-native" }
const word = (at: number) => at % 20 === 7 ? "\n" : ` token${at}`
const usage = (tokens: number) => ({ prompt_tokens: 8, completion_tokens: tokens, total_tokens: tokens + 8 })

const encode = (text: string) => new TextEncoder().encode(text)

const whole = encode(JSON.stringify({
  object: "chat.completion",
  ...head,
  choices: [{ index: 0, message: { role: "assistant", content: " token0".repeat(20) }, finish_reason: "length" }],
  usage: usage(20)
}))

const events = Array.from({ length: TOKENS }, (_, at) =>
  JSON.stringify({
    object: "chat.completion.chunk",
    ...head,
    choices: [{
      index: 0,
      delta: { role: "assistant", content: word(at) },
      logprobs: null,
      finish_reason: at === TOKENS - 1 ? "length" : null
    }],
    usage: null
  }))

const chunks = Array.from(
  { length: Math.ceil(TOKENS / 16) },
  (_, at) => encode(events.slice(at * 16, at * 16 + 16).map((event) => `data:${event}\n\n`).join(""))
)

/** A response that is available, whole or one chunk per turn of the loop. */
class Given extends Incoming {
  go(streamed: boolean): void {
    this.sent()
    this.begin(200, { "content-type": streamed ? "text/event-stream" : "application/json", "x-request-id": "r" }, 0)
    if (streamed) return void setImmediate(this.#next, 0)
    this.receive(whole)
    this.end()
  }

  readonly #next = (at: number): void => {
    const chunk = chunks[at]
    if (this.failure !== undefined) return
    if (chunk === undefined) return this.end()
    this.receive(chunk)
    setImmediate(this.#next, at + 1)
  }

  protected close(): void {}
  protected pause(): void {}
  protected resume(): void {}
}

const send: Send = (request: HttpClientRequest, limits: Limits) =>
  Effect.callback((resume) => {
    const given = new Given(limits)
    given.wake = () => resume(Effect.succeed(new IncomingResponse(request, request.url, given, Infinity)))
    given.go(request.headers.accept === "text/event-stream")
    return Effect.sync(() => given.leave())
  })

const transport = Layer.succeed(
  HttpClient.HttpClient,
  Object.defineProperty(HttpClient.make((request) => send(request, {})), enforcesLimits, { value: send })
)

const baseUrl = "http://127.0.0.1:9"
/** Calls are made in a program that runs: `ManagedRuntime.runPromise` would note every one of them, to end them with it. */
const runner = async <R, E>(layer: Layer.Layer<R, E>) =>
  Effect.runPromiseWith(await ManagedRuntime.make(layer).context())

const client = await runner(TgiClient.layer({ url: baseUrl }).pipe(Layer.provide(transport)))
const tgi = await client(TgiClient.TgiClient.use(Effect.succeed))
const service = await runner(
  InferenceEndpointsLLM.layer({ baseUrl, engine: "tgi", engineLimits: {}, apiKey: false }).pipe(
    Layer.provide(transport)
  )
)
const llm = await service(InferenceEndpointsLLM.InferenceEndpointsLLM.use(Effect.succeed))

const drain = <A, E>(stream: Stream.Stream<A, E>) => Stream.runForEachArray(stream, () => Effect.void)

/** The shortest correct way for lines split anywhere, one chunk per turn. */
const parsed = async () => {
  const decoder = new TextDecoder()
  let rest = ""
  for (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true })
    let from = 0
    for (let to = text.indexOf("\n\n", from); to >= 0; to = text.indexOf("\n\n", from)) {
      JSON.parse(text.slice(from + 5, to))
      from = to + 2
    }
    rest = text.slice(from)
    await new Promise(setImmediate)
  }
}

/** What is called, and how often in a part. */
const calls: Readonly<Record<string, readonly [call: () => Promise<unknown>, times: number]>> = {
  "JSON.parse of the response": [async () => JSON.parse(new TextDecoder().decode(whole)), 6400],
  "TgiClient.chat": [() => client(tgi.chat({ model, messages })), 6400],
  "generate": [() => service(llm.generate(prompt)), 6400],
  "JSON.parse of each event": [parsed, 640],
  "TgiClient.chatStream": [() => client(drain(tgi.chatStream({ model, messages }))), 640],
  "stream": [() => service(drain(llm.stream(prompt))), 640],
  "generate, streamed": [() => service(llm.generate(prompt, { delivery: "stream" })), 640]
}

const part = async (call: () => Promise<unknown>, times: number): Promise<number> => {
  const before = process.cpuUsage()
  for (let at = 0; at < times; at += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, call))
  const { system, user } = process.cpuUsage(before)
  return (system + user) / times
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const least: Record<string, number> = {}
  for (let round = 0; round < 33; round++) {
    for (const [name, [call, times]] of Object.entries(calls)) {
      const cost = await part(call, times)
      if (round >= 3) least[name] = Math.min(least[name] ?? Infinity, cost)
    }
  }
  process.stdout.write(`${JSON.stringify(least)}\n`)
  process.exit(0)
}
