/**
 * An OpenAI-compatible port in front of one endpoint or several, for programs in any language: it holds requests while the
 * endpoint wakes, retries by the policy, keeps the pace, translates for the engine, and counts tokens and dollars.
 *
 * It is an Effect over a request of `effect/http`, so any server of Effect can serve it; `inference-endpoints proxy` is one.
 *
 * @since 0.2.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Exit from "effect/Exit"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Endpoint from "../endpoint/Endpoint.ts"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as TargetClients from "../pipeline/TargetClients.ts"
import * as Backend from "./Backend.ts"
import * as Exchange from "./Exchange.ts"
import type * as Fields from "./Fields.ts"
import * as Gate from "./Gate.ts"
import * as Ledger from "./Ledger.ts"
import * as ModelRequest from "./ModelRequest.ts"
import * as Pace from "./Pace.ts"
import * as Refusal from "./Refusal.ts"
import type * as Reply from "./Reply.ts"
import * as Responding from "./Responding.ts"

/**
 * How the port behaves.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options extends Gate.Options {
  /** How fast requests go to each of the models. */
  readonly pace?: Pace.Options | undefined
  /** How long the headers of a stream are held back, so that an early failure has its status (default 5 seconds). */
  readonly hold?: Duration.Input | undefined
  /** The longest silence of a stream, after which a comment is sent (default 10 seconds). */
  readonly heartbeat?: Duration.Input | undefined
  /** The largest body of a request, in bytes (default 64 MiB). */
  readonly maxBody?: number | undefined
  /** Called with every request to a model when it has ended. */
  readonly onExchange?: ((exchange: Exchange.Exchange) => Effect.Effect<void>) | undefined
  /** Whether `onExchange` gets the events of streams (default false: they take memory). */
  readonly keepEvents?: boolean | undefined
}

/**
 * @category services
 * @since 0.2.0
 */
export class Proxy extends Context.Service<Proxy, {
  /**
   * Responds to one request; interrupting it closes the connection to the engine. Never fails: an error is a response.
   */
  readonly app: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest | Scope.Scope
  >
  /** What `model` may be, in the order of `/v1/models`. */
  readonly models: ReadonlyArray<string>
  /** The counts so far, as shown by `/metrics`. */
  readonly metrics: Effect.Effect<string>
}>()("effect-inference-endpoints/proxy/Proxy") {}

/**
 * The routes that the port has.
 *
 * @category constants
 * @since 0.2.0
 */
export const routes: ReadonlyArray<string> = [
  "POST /v1/chat/completions",
  "POST /v1/completions",
  "POST /v1/embeddings",
  "GET /v1/models",
  "GET /v1/models/{model}",
  "GET /health",
  "GET /metrics"
]

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse

const random = (): string => Hex.encode(crypto.getRandomValues(new Uint8Array(12)))

/** The client's own id of a request, if valid, else a new one. */
const idOf = ({ headers }: Request): string => {
  const given = headers["x-request-id"]
  return given !== undefined && /^[\w.-]{1,64}$/.test(given) ? given : random()
}

const notFound = (message: string): Refusal.Refusal =>
  new Refusal.Refusal({ status: 404, type: "invalid_request_error", code: "not_found", message, final: true })

const refused = (refusal: Refusal.Refusal): Response =>
  HttpServerResponse.jsonUnsafe(Refusal.body(refusal), {
    status: refusal.status,
    headers: Refusal.headers(refusal)
  })

const broken = new Refusal.Refusal({
  status: 500,
  type: "internal_error",
  code: "internal_error",
  message: "this proxy failed on the request: see its log",
  final: true
})

const isRecord = (value: unknown): value is Fields.Body =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The JSON object of a request. */
const bodyOf = Effect.fnUntraced(function*(request: Request, limit: number) {
  const { "content-encoding": coding, "content-length": length } = request.headers
  if (coding !== undefined && coding !== "identity") {
    return yield* Refusal.invalid("content-encoding", `a body in ${coding} cannot be read: send it as it is`, 415)
  }
  const tooLarge = Refusal.invalid(undefined, `the body is larger than ${limit} bytes`, 413)
  if (Number(length ?? 0) > limit) return yield* tooLarge
  const bytes = yield* request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(limit)),
    Effect.mapError(({ reason }) =>
      reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
        ? tooLarge
        : Refusal.invalid(undefined, "the body did not arrive completely")
    )
  )
  const text = Result.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  if (Result.isFailure(text)) return yield* Refusal.invalid(undefined, "the body is not UTF-8")
  const parsed = Result.try((): unknown => JSON.parse(text.success))
  if (Result.isFailure(parsed) || !isRecord(parsed.success)) {
    return yield* Refusal.invalid(undefined, "the body is not a JSON object")
  }
  return parsed.success
})

/**
 * Makes the port in front of models.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(backends: ReadonlyArray<Backend.Backend>, options: Options = {}) {
  const gate = yield* Gate.make(options)
  const ledger = Ledger.make()
  const responding = Responding.make(ledger, options)
  const started = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const served = backends.map((backend): Responding.Served => ({ ...backend, pace: Pace.make(options.pace) }))
  const byName = new Map<string, Responding.Served>()
  for (const backend of served) {
    for (const name of [backend.model, ...backend.aliases ?? []]) if (!byName.has(name)) byName.set(name, backend)
  }
  const models = [...byName.keys()]
  const listed = (id: string) => ({ id, object: "model", created: started, owned_by: "huggingface" })

  const backendOf = (model: unknown): Effect.Effect<Responding.Served, Refusal.Refusal> => {
    const [only, another] = served
    if (model === undefined || model === null) {
      return only !== undefined && another === undefined
        ? Effect.succeed(only)
        : Effect.fail(Refusal.invalid("model", `model must be one of ${models.join(", ")}`))
    }
    const found = byName.get(String(model))
    return found === undefined
      ? Effect.fail(
        new Refusal.Refusal({
          status: 404,
          type: "invalid_request_error",
          code: "model_not_found",
          message: `there is no model ${JSON.stringify(model)} here; there is ${models.join(", ")}`,
          param: "model",
          final: true
        })
      )
      : Effect.succeed(found)
  }

  /** A request to a model: whatever its outcome, it is counted and logged. */
  const asked = (
    request: Request,
    id: string,
    respond: (body: Fields.Body, exchange: Exchange.Open, since: number) => Effect.Effect<
      Response,
      Refusal.Refusal,
      Scope.Scope
    >
  ) =>
    Effect.gen(function*() {
      const since = yield* Clock.currentTimeMillis
      const path = pathOf(request)
      const exchange: Exchange.Open = {
        id,
        method: request.method,
        path,
        model: undefined,
        request: { headers: request.headers, body: undefined },
        status: undefined,
        failure: undefined,
        body: undefined,
        events: undefined,
        ending: "left",
        head: undefined,
        duration: 0,
        inputTokens: undefined,
        outputTokens: undefined,
        cost: undefined,
        answeredBy: undefined
      }
      yield* Scope.addFinalizer(
        yield* Effect.scope,
        Effect.suspend(() => {
          ledger.ended(path, byName.get(exchange.model ?? "")?.model ?? "", Exchange.trueStatus(exchange))
          return Effect.flatMap(Clock.currentTimeMillis, (now) => {
            exchange.duration = now - since
            return options.onExchange?.({ ...exchange }) ?? Effect.void
          })
        })
      )
      return yield* Effect.onExit(
        Effect.gen(function*() {
          yield* gate.key(request.headers)
          const body = yield* bodyOf(request, options.maxBody ?? 64 * 1024 * 1024)
          exchange.request = { headers: request.headers, body }
          return yield* respond(body, exchange, since)
        }),
        (exit) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            if (Exit.isSuccess(exit)) {
              exchange.status = exit.value.status
              exchange.head = now - since
              // a stream continues
              if (exchange.body !== undefined) exchange.ending = "complete"
              return
            }
            const failure = exit.cause.reasons.find(Cause.isFailReason)?.error
            if (failure === undefined) return
            exchange.failure = failure
            exchange.status = failure.status
            exchange.body = Refusal.body(failure)
            exchange.head = now - since
            exchange.ending = "complete"
          })
      )
    })

  const generating = (
    request: Request,
    id: string,
    route: Reply.Head["route"],
    read: (body: Fields.Body) => Result.Result<ModelRequest.Generating, Refusal.Refusal>
  ) =>
    asked(request, id, (body, exchange, since) =>
      Effect.gen(function*() {
        const backend = yield* backendOf(body["model"])
        const model = typeof body["model"] === "string" ? body["model"] : backend.model
        exchange.model = model
        const wanted = yield* Effect.fromResult(read(body))
        const head: Reply.Head = {
          route,
          id: `${route === "chat" ? "chatcmpl" : "cmpl"}-${id}`,
          created: Math.floor(since / 1000),
          model
        }
        return yield* wanted.delivery.stream
          ? responding.streamed(backend, wanted, head, exchange, since)
          : responding.whole(backend, wanted, head, exchange)
      }))

  const embedding = (request: Request, id: string) =>
    asked(request, id, (body, exchange) =>
      Effect.gen(function*() {
        const backend = yield* backendOf(body["model"])
        const model = typeof body["model"] === "string" ? body["model"] : backend.model
        exchange.model = model
        const wanted = yield* Effect.fromResult(ModelRequest.embedding(body))
        return yield* responding.embedded(backend, wanted, model, exchange)
      }))

  const metrics = Effect.sync(() =>
    ledger.text(
      served.map(({ model, pace }) => ({ model, inFlight: pace.inFlight(), waiting: pace.waiting() }))
    )
  )

  const keyed = (request: Request, response: Effect.Effect<Response, Refusal.Refusal>) =>
    Effect.andThen(gate.key(request.headers), response)

  const route = (request: Request, id: string): Effect.Effect<Response, Refusal.Refusal, Scope.Scope> => {
    const path = pathOf(request)
    if (request.method === "OPTIONS") {
      return Effect.succeed(HttpServerResponse.empty({ status: 204, headers: Gate.preflight(request.headers) }))
    }
    const at = `${request.method === "HEAD" ? "GET" : request.method} ${path}`
    switch (at) {
      case "POST /v1/chat/completions":
        return generating(request, id, "chat", ModelRequest.chat)
      case "POST /v1/completions":
        return generating(request, id, "completion", ModelRequest.completion)
      case "POST /v1/embeddings":
        return embedding(request, id)
      case "GET /v1/models":
        return keyed(
          request,
          Effect.sync(() => HttpServerResponse.jsonUnsafe({ object: "list", data: models.map(listed) }))
        )
      case "GET /health":
        return Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "ok" }))
      case "GET /metrics":
        return keyed(
          request,
          Effect.map(metrics, (text) => HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4" }))
        )
      case "GET /":
        return Effect.succeed(HttpServerResponse.jsonUnsafe({ routes }))
    }
    if (at.startsWith("GET /v1/models/")) {
      const model = decode(path.slice("/v1/models/".length))
      return keyed(
        request,
        Effect.map(backendOf(model), () => HttpServerResponse.jsonUnsafe(listed(model)))
      )
    }
    return Effect.fail(notFound(`there is no ${request.method} ${path} here; there is ${routes.join(", ")}`))
  }

  const app = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const id = idOf(request)
    // servers of Effect run a handler uninterruptibly unless it opts in
    const response = yield* Effect.interruptible(
      Effect.andThen(gate.place(request.headers), route(request, id))
    ).pipe(
      Effect.catch((refusal) => Effect.succeed(refused(refusal))),
      Effect.catchDefect((defect) => Effect.as(Effect.logError("a request failed", defect), refused(broken)))
    )
    return HttpServerResponse.setHeaders(response, { "x-request-id": id, ...gate.cors(request.headers) })
  })

  return Proxy.of({ app, models, metrics })
})

const pathOf = ({ url }: Request): string => {
  const path = url.split("?", 1)[0] ?? "/"
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path
}

/** `org%2Fname` → `org/name`; anything else stays. */
const decode = (path: string): string => Result.getOrElse(Result.try(() => decodeURIComponent(path)), () => path)

/**
 * The port in front of the endpoint in the context.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options & {
    /** The name of the model. */
    readonly model: string
    readonly aliases?: ReadonlyArray<string> | undefined
    readonly client?: TargetClients.Options | undefined
  }
): Layer.Layer<Proxy, never, InferenceEndpointsLLM | Endpoint.Endpoint | HttpClient.HttpClient> =>
  Layer.effect(
    Proxy,
    Effect.flatMap(Backend.make(options, options.client), (backend) => make([backend], options))
  )
