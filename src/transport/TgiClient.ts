/**
 * The raw client of TGI's protocol: one method per route, whole and streamed, over any `effect/http` HttpClient.
 *
 * Bodies are the server's own (`src/protocol`). Whole responses come with their headers; streams are streams of frames that
 * end when the server marked the end, and fail otherwise. `openai` routes of other engines are the same routes.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Retry from "../http/Retry.ts"
import * as Timeouts from "../http/Timeouts.ts"
import type { InferenceError } from "../InferenceError.ts"
import type * as ChatCompletion from "../protocol/ChatCompletion.ts"
import type * as Completion from "../protocol/Completion.ts"
import type * as Generate from "../protocol/Generate.ts"
import * as Guard from "../protocol/Guard.ts"
import * as Info from "../protocol/Info.ts"
import * as Tokenize from "../protocol/Tokenize.ts"
import type * as Call from "./Call.ts"
import * as Exchange from "./Exchange.ts"
import type { Opened } from "./Exchange.ts"
import * as Readers from "./read/Readers.ts"
import type { Reading } from "./routes/Reading.ts"
import type * as Routes from "./routes/Routes.ts"

/**
 * A whole response with its headers, request id and the number of attempts it took.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<A> {
  readonly value: A
  readonly meta: Call.Meta
}

export type { Opened } from "./Exchange.ts"

type Body = Readonly<Record<string, unknown>>

type Unary<Req, Res> = (request: Req) => Effect.Effect<Answer<Res>, InferenceError>
type Streamed<Req, F> = (request: Req) => Stream.Stream<F, InferenceError>
interface Open<Req, F> {
  (request: Req): Effect.Effect<Opened<F>, InferenceError, Scope.Scope>
  (request: Req, scope: Scope.Scope): Effect.Effect<Opened<F>, InferenceError>
}

/**
 * The routes of one server. Every method fails with `InferenceError` only; ending a stream early, or interrupting a
 * call, closes its socket.
 *
 * The `open…` methods are the streams with their headers: the request lives as long as the scope, which is that of the
 * context where none is given.
 *
 * @category services
 * @since 0.1.0
 */
export class TgiClient extends Context.Service<TgiClient, {
  /** `POST /generate`, or to `nativeUrl` if the target has one, as are the streams. */
  readonly generate: Unary<Generate.Request, Generate.Response>
  /** `POST /generate_stream` */
  readonly generateStream: Streamed<Generate.Request, Generate.Frame>
  readonly openGenerate: Open<Generate.Request, Generate.Frame>
  /** `POST /`, TGI's compatibility route; responses are arrays of one. */
  readonly root: Unary<Generate.Request, Generate.Response>
  /** `POST /` with `stream: true`. */
  readonly rootStream: Streamed<Generate.Request, Generate.Frame>
  /** `POST /v1/chat/completions` */
  readonly chat: Unary<ChatCompletion.Request, ChatCompletion.Response>
  readonly chatStream: Streamed<ChatCompletion.Request, ChatCompletion.Chunk>
  readonly openChat: Open<ChatCompletion.Request, ChatCompletion.Chunk>
  /** `POST /v1/completions` */
  readonly completion: Unary<Completion.Request, Completion.Response>
  readonly completionStream: Streamed<Completion.Request, Completion.Response>
  readonly openCompletion: Open<Completion.Request, Completion.Response>
  /** `GET /v1/models` */
  readonly models: Effect.Effect<Info.Models, InferenceError>
  /** `GET /info` */
  readonly info: Effect.Effect<Info.Info, InferenceError>
  /** `GET /health`: succeeds when the server is ready, fails with the server's message when it is not. */
  readonly health: Effect.Effect<void, InferenceError>
  /** `GET /metrics`: Prometheus text. */
  readonly metrics: Effect.Effect<string, InferenceError>
  /** `POST /tokenize`: the tokens of a text, including added special tokens. */
  readonly tokenize: (inputs: string) => Effect.Effect<ReadonlyArray<Tokenize.SimpleToken>, InferenceError>
  /** `POST /chat_tokenize`: the prompt as the server renders it, and its tokens. */
  readonly chatTokenize: (request: ChatCompletion.Request) => Effect.Effect<Tokenize.ChatTokens, InferenceError>
  /** Any other JSON route of the server, read with the given schema. */
  readonly json: <A>(
    schema: Schema.Codec<A, A>,
    path: string,
    body?: Readonly<Record<string, unknown>>
  ) => Effect.Effect<Answer<A>, InferenceError>
}>()("effect-inference-endpoints/transport/TgiClient") {}

/**
 * The options of a client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Call.Target {
  /** Time limits; each has a default (see `Timeouts`). */
  readonly timeouts?: Timeouts.Input | undefined
  /** Bytes above which a body (64 MiB) or an event (16 MiB) is refused. */
  readonly limits?: { readonly body?: number | undefined; readonly event?: number | undefined } | undefined
  /** When to retry: a whole policy, or parts of it; `Retry.standard` by default, `Retry.none` for one attempt. */
  readonly retry?: Retry.Input | undefined
  /** Precedes the SDK's own name in the `user-agent` header. */
  readonly userAgent?: string | undefined
}

const readInfo = Readers.json(Guard.make(Info.Info))
const readModels = Readers.json(Guard.make(Info.Models))
const readTokens = Readers.json(Guard.make(Tokenize.Tokens))
const readChatTokens = Readers.json(Guard.make(Tokenize.ChatTokens))
/** The check of a caller's schema is made once. */
const readers = new WeakMap<object, (text: string) => Reading<unknown>>()

const readerOf = <A>(schema: Schema.Codec<A, A>): (text: string) => Reading<A> => {
  const known = readers.get(schema)
  // the reader stored under a schema reads that schema
  if (known !== undefined) return known as (text: string) => Reading<A>
  const made = Readers.json(Guard.make(schema))
  readers.set(schema, made)
  return made
}

const streamed = <Req, F>(opening: Open<Req, F>) => (body: Req): Stream.Stream<F, InferenceError> =>
  Stream.fromChannel(Channel.fromTransform((_upstream, scope) => Effect.map(opening(body, scope), ({ pull }) => pull)))

const readText = (text: string): Reading<string> => ({ _tag: "Read", value: text })

/**
 * Makes the client of one target.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<TgiClient["Service"], never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => over(client, options))

/**
 * Makes the client of one target over an `HttpClient`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const over = (client: HttpClient.HttpClient, options: Options): TgiClient["Service"] => {
  const { open, unary } = Exchange.make(client, {
    target: options,
    timeouts: Timeouts.make(options.timeouts),
    limits: { body: options.limits?.body ?? 64 * 1024 * 1024, event: options.limits?.event ?? 16 * 1024 * 1024 },
    retry: Retry.make(options.retry),
    userAgent: options.userAgent
  })
  const post = <A>(path: string, reading: (text: string) => Reading<A>) => (body: Body) =>
    unary({ method: "POST", path, body }, reading)
  const get = <A>(path: string, reading: (text: string) => Reading<A>) =>
    Effect.map(unary({ method: "GET", path }, reading), ({ value }) => value)
  /** `isAsked` says that it is the body that requests a stream, and not the path. */
  const opened = <F extends { readonly error?: unknown }>(
    path: string,
    routeOf: Routes.RouteOf<F>,
    isAsked: boolean
  ) => {
    function opening(body: Body): Effect.Effect<Opened<F>, InferenceError, Scope.Scope>
    function opening(body: Body, scope: Scope.Scope): Effect.Effect<Opened<F>, InferenceError>
    function opening(body: Body, scope?: Scope.Scope): Effect.Effect<Opened<F>, InferenceError, Scope.Scope> {
      if (scope === undefined) return Effect.flatMap(Effect.scope, (own) => opening(body, own))
      const sent = isAsked && body["stream"] !== true ? { ...body, stream: true } : body
      return open({ method: "POST", path, body: sent }, routeOf(body), scope)
    }
    return opening
  }
  const native = options.nativeUrl === undefined
  const openGenerate = opened(native ? "/generate_stream" : "/", () => Readers.nativeStream, !native)
  const openChat = opened("/v1/chat/completions", () => Readers.chatStream, true)
  const openCompletion = opened("/v1/completions", Readers.completionStream, true)
  return TgiClient.of({
    generate: native ? post("/generate", Readers.native) : post("/", Readers.root),
    generateStream: streamed(openGenerate),
    openGenerate,
    root: post("/", Readers.root),
    rootStream: streamed(opened("/", () => Readers.nativeStream, true)),
    chat: post("/v1/chat/completions", Readers.chat),
    chatStream: streamed(openChat),
    openChat,
    completion: post("/v1/completions", Readers.completion),
    completionStream: streamed(openCompletion),
    openCompletion,
    models: get("/v1/models", readModels),
    info: get("/info", readInfo),
    health: Effect.asVoid(get("/health", readText)),
    metrics: get("/metrics", readText),
    tokenize: (inputs) => Effect.map(post("/tokenize", readTokens)({ inputs }), ({ value }) => value),
    chatTokenize: (request) => Effect.map(post("/chat_tokenize", readChatTokens)(request), ({ value }) => value),
    json: (schema, path, body) => {
      const reading = readerOf(schema)
      return body === undefined
        ? unary({ method: "GET", path }, reading)
        : unary({ method: "POST", path, body }, reading)
    }
  })
}

/**
 * The client of one target as a layer.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { FetchTransport, TgiClient } from "effect-inference-endpoints"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* TgiClient.TgiClient
 *   const { value } = yield* client.generate({ inputs: "The sky is", parameters: { max_new_tokens: 8 } })
 *   return value.generated_text
 * }).pipe(Effect.provide(TgiClient.layer({ url: "http://localhost:8080" }).pipe(Layer.provide(FetchTransport.layer))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<TgiClient, never, HttpClient.HttpClient> =>
  Layer.effect(TgiClient, make(options))
