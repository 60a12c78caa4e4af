/** What the service makes of a response as it was recorded, on any route and asked for in either form. */
import { Effect, Layer, Stream } from "effect"
import type { HttpClient } from "effect/http"
import { readFileSync } from "node:fs"
import type { Kind } from "../../src/endpoint/address/Engine.ts"
import type * as Generation from "../../src/Generation.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import type * as Message from "../../src/Message.ts"
import type * as Settings from "../../src/Settings.ts"
import * as Wire from "../transport/Wire.ts"
import * as World from "../World.ts"

export type Route = "chat" | "completion" | "native"

export interface Setup extends Settings.CallOptions {
  readonly route?: Route
  /** The prompt, on the routes that take one. */
  readonly raw?: string
  readonly engine?: Kind
  readonly headers?: Readonly<Record<string, string>>
  readonly retry?: Retry.Policy
  /** The model that answers. */
  readonly model?: string
}

/** The text of a recording in `test/fixtures/wire`. */
export const text = (name: string): string => readFileSync(new URL(`../fixtures/wire/${name}`, import.meta.url), "utf8")

/** A response that holds a text, as an event stream or as JSON by the name it has. */
export const response = (name: string, body = text(name), headers: Setup["headers"] = {}): Response =>
  new Response(body, {
    headers: { "content-type": name.endsWith(".sse") ? "text/event-stream" : "application/json", ...headers }
  })

export const layer = (
  http: Layer.Layer<HttpClient.HttpClient>,
  { engine, model, retry = Retry.none, route = "chat" }: Setup = {}
): Layer.Layer<InferenceEndpointsLLM.InferenceEndpointsLLM> =>
  Layer.orDie(InferenceEndpointsLLM.layerWith({ client: { retry } })).pipe(
    Layer.provide(World.endpoint(
      World.target(engine ?? (route === "native" ? "tgi" : "openai"), model === undefined ? {} : { modelName: model })
    )),
    Layer.provide(http)
  )

const inputOf = (route: Route, raw = "Say something"): Message.Input => route === "chat" ? raw : { raw }

export interface Heard {
  readonly events: ReadonlyArray<Generation.Event>
  readonly generation: Generation.Generation | undefined
  readonly error: InferenceEndpointsLLM.GenerateError | undefined
}

/** Streams a generation from the bodies that are given, one for each request. */
export const heard = (
  bodies: (nth: number) => Response,
  { engine, headers: _headers, model, raw, retry, route = "chat", ...call }: Setup = {},
  wire: Wire.Wire = Wire.make(bodies)
): Effect.Effect<Heard> => {
  const setup: Setup = {
    route,
    ...(engine !== undefined && { engine }),
    ...(retry !== undefined && { retry }),
    ...(model !== undefined && { model })
  }
  const events: Array<Generation.Event> = []
  return InferenceEndpointsLLM.InferenceEndpointsLLM.pipe(
    Effect.flatMap((llm) =>
      Stream.runForEach(llm.stream(inputOf(route, raw), call), (event) => Effect.sync(() => events.push(event)))
    ),
    Effect.matchEager({
      onSuccess: (): Heard => {
        const last = events.at(-1)
        return { events, generation: last?._tag === "Finish" ? last.generation : undefined, error: undefined }
      },
      onFailure: (error): Heard => ({ events, generation: undefined, error })
    }),
    Effect.provide(layer(wire.layer, setup))
  )
}

/** Streams a generation from a recording. */
export const play = (name: string, setup: Setup = {}): Effect.Effect<Heard> =>
  heard(() => response(name, text(name), setup.headers), setup)

/** What an error says: its reason, how it ended, and what had arrived. */
export const told = ({ error }: Heard) =>
  error?._tag === "InferenceError" ? [error.reason._tag, error.ending, error.received?.text] : [error?.reason._tag]

export const textOf = (events: ReadonlyArray<Generation.Event>, tag: "Text" | "Reasoning"): string =>
  events.map((event) => event._tag === tag && "text" in event ? event.text : "").join("")
