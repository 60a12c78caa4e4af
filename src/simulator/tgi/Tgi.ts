/**
 * The routes of a TGI server, their authentication, and the type of each body.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import * as Bytes from "../wire/Bytes.ts"
import * as Reply from "../wire/Reply.ts"
import * as Serde from "../wire/Serde.ts"
import * as ChatRequest from "./ChatRequest.ts"
import * as NativeRequest from "./NativeRequest.ts"
import * as TgiChat from "./TgiChat.ts"
import * as TgiCompletions from "./TgiCompletions.ts"
import * as TgiMeta from "./TgiMeta.ts"
import * as TgiNative from "./TgiNative.ts"
import * as TgiVertex from "./TgiVertex.ts"

type Handler = (turn: Turn) => Reply.Reply

interface Route {
  readonly get?: Handler
  readonly post?: Handler
  /** Whether the API key guards it. */
  readonly guarded: boolean
}

const isJson = (type: string | undefined): boolean =>
  type !== undefined && /^application\/(?:[^;\s]+\+)?json\s*(?:;|$)/i.test(type.trim())

/**
 * Reads a body as its type and responds: content type, size, JSON and type are checked in this order, each with a plain
 * text.
 */
const body = <A>(reader: Serde.Reader<A>, answer: (turn: Turn, value: A) => Reply.Reply): Handler => (turn) => {
  const { request, settings } = turn
  if (!isJson(request.headers["content-type"])) {
    return Reply.text(415, "Expected request with `Content-Type: application/json`")
  }
  if (request.body.length * 3 > settings.payloadLimit && Bytes.length(request.body) > settings.payloadLimit) {
    return Reply.text(413, "Failed to buffer the request body: length limit exceeded")
  }
  const read = Serde.read(request.body, reader)
  return read._tag === "Refused" ? Reply.text(read.status, read.text) : answer(turn, read.value)
}

const invocations = (
  native: Serde.Reader<NativeRequest.NativeRequest>,
  chat: Serde.Reader<ChatRequest.ChatRequest>
) => {
  const variants: ReadonlyArray<Serde.Reader<Handler>> = [
    (node, path) => {
      const request = native(node, path)
      return (turn) => TgiNative.answer(turn, request, "compat")
    },
    (node, path) => {
      const request = chat(node, path)
      return (turn) => TgiChat.answer(turn, request)
    },
    (node, path) => {
      const request = TgiCompletions.reader(node, path)
      return (turn) => TgiCompletions.answer(turn, request)
    }
  ]
  const reader: Serde.Reader<Handler> = (node, path) => {
    for (const variant of variants) {
      const handler = Serde.attempt(node, path, variant)
      if (!(handler instanceof Serde.Misfit)) return handler
    }
    throw new Serde.Misfit(path, "data did not match any variant of untagged enum SagemakerRequest", undefined)
  }
  return body(reader, (turn, handler) => handler(turn))
}

const post = (handler: Handler, guarded = true): Route => ({ post: handler, guarded })

const health: Route = { get: () => Reply.empty(200), guarded: false }

/**
 * Routes by version: before 2.3 there were no routes for models and chat tokens.
 */
const table = (settings: Options.Settings): ReadonlyMap<string, Route> => {
  const named = Options.since(settings, 3, 3)
  const native = NativeRequest.reader({ named, stream: false })
  const compat = NativeRequest.reader({ named, stream: true })
  const chat = ChatRequest.reader({ named })
  const routes: ReadonlyArray<readonly [string, Route]> = [
    ["/", {
      get: () => Reply.empty(200),
      ...post(body(compat, (turn, value) => TgiNative.answer(turn, value, "compat")))
    }],
    ["/generate", post(body(native, (turn, value) => TgiNative.answer(turn, value, "generate")))],
    ["/generate_stream", post(body(native, (turn, value) => TgiNative.answer(turn, value, "generate_stream")))],
    ["/v1/chat/completions", post(body(chat, TgiChat.answer))],
    ["/v1/completions", post(body(TgiCompletions.reader, TgiCompletions.answer))],
    ["/invocations", post(invocations(compat, chat))],
    ["/vertex", post(body(TgiVertex.reader({ named }), TgiVertex.answer))],
    ["/tokenize", post(body(native, (_turn, value) => TgiMeta.tokenize(value.inputs)))],
    ["/health", health],
    ["/ping", health],
    ["/info", { get: TgiMeta.info, guarded: false }],
    ["/docs", { get: TgiMeta.toDocs, guarded: false }],
    ["/docs/", { get: TgiMeta.docs, guarded: false }],
    ["/api-doc/openapi.json", { get: TgiMeta.openApi, guarded: false }],
    ["/metrics", { get: TgiMeta.metrics, guarded: false }],
    ...(Options.since(settings, 2, 3)
      ? [
        ["/v1/models", { get: TgiMeta.models, guarded: false }],
        ["/chat_tokenize", post(body(chat, TgiMeta.chatTokenize), false)]
      ] as const
      : [])
  ]
  return new Map(routes)
}

const vary = { vary: "origin, access-control-request-method, access-control-request-headers" }

const cors = ({ request, settings }: Turn): Record<string, string> => {
  const origins = settings.corsAllowOrigin
  const origin = origins === undefined ? "*" : origins.find((allowed) => allowed === request.headers["origin"])
  return origin === undefined ? vary : { ...vary, "access-control-allow-origin": origin }
}

const allowed = (route: Route): string => [route.post && "POST", route.get && "GET,HEAD"].filter(Boolean).join(",")

const dispatch = (routes: ReadonlyMap<string, Route>, turn: Turn): Reply.Reply => {
  const { request, settings } = turn
  const route = routes.get(request.path.split("?", 1)[0] ?? "")
  if (request.method === "OPTIONS") {
    return Reply.empty(200, {
      ...(route !== undefined && { allow: allowed(route) }),
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "content-type"
    })
  }
  if (route === undefined) return Reply.empty(404)
  const get = request.method === "GET" || request.method === "HEAD"
  // The key is checked before the method; only `GET /`, a health check, shares a path with a guarded route.
  const guarded = route.guarded && !(get && route.get !== undefined)
  const key = settings.apiKey
  const handler = get ? route.get : request.method === "POST" ? route.post : undefined
  const methods = handler === undefined ? { allow: allowed(route) } : {}
  if (guarded && key !== undefined && Options.since(settings, 2, 3)) {
    if (request.headers["authorization"]?.toLowerCase() !== `bearer ${key.toLowerCase()}`) {
      return Reply.empty(401, methods)
    }
  }
  return handler === undefined ? Reply.empty(405, methods) : handler(turn)
}

/**
 * Makes the router of a TGI server of the version that the settings name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Options.Settings): Handler => {
  const routes = table(settings)
  return (turn) => {
    const reply = dispatch(routes, turn)
    return { ...reply, headers: { ...reply.headers, ...cors(turn) } }
  }
}
