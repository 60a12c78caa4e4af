/**
 * Finds out which engine a server is: the cheapest and surest request first, and none that earlier responses made
 * unnecessary. Behind a load balancer the engine is recognised by what passes through.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CurrentDeadline } from "../../http/Deadline.ts"
import * as Fault from "../../http/Fault.ts"
import * as Retry from "../../http/Retry.ts"
import * as RoundTrip from "../../http/RoundTrip.ts"
import * as EndpointError from "../EndpointError.ts"
import * as EndpointUrl from "./EndpointUrl.ts"
import * as Engine from "./Engine.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly url: URL
  readonly search: string
  readonly token: Redacted.Redacted<string> | undefined
  /** What the control plane says about the container. */
  readonly image?: Readonly<Record<string, Schema.Json>> | null | undefined
  /** What the caller says. */
  readonly override?: Engine.Kind | undefined
  readonly limits?: Engine.Limits | undefined
  /** How often a server that cannot be reached is retried. Default: `Retry.standard`. */
  readonly retry?: Retry.Policy | undefined
  readonly userAgent?: string | undefined
  /** The model that the caller chose, under the server's name for it. */
  readonly modelName?: string | undefined
}

interface Question {
  readonly kind: Engine.Kind
  readonly path: string
  /** Sent as a POST if given. */
  readonly body?: object
  readonly read: (body: unknown) => Engine.Seen | undefined
}

/**
 * The route on which an engine that was recognised otherwise reports its version, and on which one without other signs
 * is recognised.
 */
const ownRoutes: ReadonlyArray<Question> = [
  { kind: "llamacpp", path: "/props", read: Engine.fromProps },
  { kind: "sglang", path: "/server_info", read: Engine.fromServerInfo },
  { kind: "sglang", path: "/get_server_info", read: Engine.fromServerInfo },
  { kind: "vllm", path: "/version", read: Engine.fromVersion("vllm") },
  { kind: "hf-serve", path: "/openapi.json", read: Engine.fromOpenApi }
]

/** A request that every engine refuses, each in its own words, before it generates anything. */
const refusable = { model: "unknown", prompt: "x", max_tokens: 1, top_p: 0 }

/** What a balancer passes on to the engine behind it. */
const passedOn: ReadonlyArray<Question> = [
  { kind: "sglang", path: "/get_model_info", read: Engine.fromModelInfo },
  { kind: "vllm", path: "/v1/completions", body: refusable, read: Engine.fromUnnamed }
]

const parse = RoundTrip.json(Schema.Unknown)

interface Outcome {
  readonly status: number | undefined
  readonly body: unknown
  readonly detail: string
  readonly fault?: Fault.Fault
}

const verdict = (fault: Fault.Fault): Retry.Verdict => ({
  tag: fault._tag,
  message: Fault.describe(fault),
  retry: Fault.isRetryable(fault),
  throttled: false
})

/** A server that cannot be reached is retried by the policy; the caller judges its response. */
const ask = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options, path: string, body?: object) {
  const method = body === undefined ? "GET" : "POST"
  const url = EndpointUrl.route(options, path)
  const subject = `${method} ${path}`
  const result = yield* Effect.result(Effect.flatMap(CurrentDeadline, (deadline) =>
    Retry.run(
      () => RoundTrip.run(client, { method, url, token: options.token, userAgent: options.userAgent, body }),
      { subject, policy: options.retry ?? Retry.standard, deadline, verdict },
      (fault) => fault
    )))
  const outcome: Outcome = Result.isFailure(result)
    ? { status: undefined, body: undefined, detail: Fault.describe(result.failure), fault: result.failure }
    : {
      status: result.success.status,
      // for a request that is meant to be refused, the refusal is the response
      body: result.success.status === 200 || body !== undefined
        ? Result.getOrElse(parse(result.success), () => undefined)
        : undefined,
      detail: result.success.status === 200 ? "" : RoundTrip.failure(result.success).message
    }
  return outcome
})

/** A refused token and a server that is not there yet do not justify a guess. */
const refusal = (options: Options, { detail, fault, status }: Outcome): EndpointError.Reason | undefined => {
  const facts = { subject: EndpointUrl.show(options.url), detail }
  if (status === 401) return new EndpointError.Unauthorized(facts)
  if (status === 403) return new EndpointError.Forbidden({ ...facts, permission: "inference.endpoints.infer.write" })
  if (status === 400 && /endpoint is paused|invalid state/i.test(detail)) return new EndpointError.Paused(facts)
  if (fault !== undefined) return EndpointError.unreachable(facts.subject, fault)
  return status !== undefined && (status === 429 || (status >= 502 && status <= 504))
    ? new EndpointError.Unreachable({ ...facts, status })
    : undefined
}

/** The first of several requests whose response is understood. */
const firstOf = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  options: Options,
  questions: ReadonlyArray<Question>
) {
  for (const { body, path, read } of questions) {
    const seen = read((yield* ask(client, options, path, body)).body)
    if (seen !== undefined) return seen
  }
  return undefined
})

/** What the engine's own routes say, or what passes through a balancer that has them. */
const own = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  options: Options,
  kind: Engine.Kind | undefined
) {
  const seen = yield* firstOf(
    client,
    options,
    ownRoutes.filter((route) => kind === undefined || (route.kind === kind && kind !== "hf-serve"))
  )
  if (seen?.balancer === undefined || seen.engine !== undefined) return seen
  const behind = yield* firstOf(client, options, passedOn)
  return behind === undefined ? undefined : { ...behind, balancer: seen.balancer }
})

/** The balancer that passes on everything from the engine, so that only a route of its own shows it. */
const hidden = (client: HttpClient.HttpClient, options: Options, kind: Engine.Kind | undefined) =>
  kind === "vllm"
    ? Effect.map(ask(client, options, "/readiness"), ({ body }) => Engine.fromReadiness(body))
    : Effect.undefined

/** Whether special tokens are put before a text: an empty text then has tokens. */
const Tokenized = Schema.Struct({ tokens: Schema.Array(Schema.Unknown) })
const isTokenized = Schema.is(Tokenized)

/** llama.cpp also reports a BOS that it does not add: the tokens of an empty text show whether it does. */
const bosOf = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options, told: string) {
  if (told === "") return told
  const { body } = yield* ask(client, options, "/tokenize", { content: "", add_special: true })
  return isTokenized(body) && body.tokens.length === 0 ? "" : told
})

const sourceOf = (
  options: Options,
  { hint, info, models, own }: { readonly [K in "hint" | "info" | "models" | "own"]: Engine.Recognised }
): Engine.Engine["source"] => {
  if (options.override !== undefined) return "override"
  if (hint !== undefined) return "image"
  if (info !== undefined) return "info"
  if (models !== undefined) return "models"
  return own !== undefined && own !== "tei" ? "route" : "assumed"
}

/**
 * The engine by what the caller says, where that is all that a request needs: TGI answers to any name, and only llama.cpp
 * itself knows whether it puts a token before a prompt.
 */
const said = ({ limits, modelName, override }: Options): Engine.Engine | undefined =>
  override === undefined || override === "llamacpp" || limits === undefined ||
    (modelName === undefined && override !== "tgi")
    ? undefined
    : { kind: override, ...(modelName !== undefined && { modelName }), limits, source: "override" }

/** Whether an engine has a route of its own that says more; an unknown one may have any. */
const hasOwn = (kind: Engine.Recognised): kind is Exclude<Engine.Recognised, "tgi" | "openai" | "router" | "tei"> =>
  kind !== "tgi" && kind !== "openai" && kind !== "router" && kind !== "tei"

/**
 * Finds out which engine responds. If the caller names it, with its limits, nothing is requested; a problem with the
 * server then shows in the first generation. One that cannot be told apart gets the plain OpenAI dialect. Fails when
 * nothing responds at all, the token is refused, the server is not ready, it embeds instead of generating, or it has
 * several models and none was chosen.
 *
 * @category running
 * @since 0.1.0
 */
export const detect = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options) {
  const known = said(options)
  if (known !== undefined) return known
  const hint: Engine.Recognised = options.override ?? Engine.fromImage(options.image)
  const listing = Effect.flatMap(ask(client, options, "/v1/models"), (listed) => {
    const refused = refusal(options, listed)
    return refused === undefined ? Effect.succeed(listed) : Effect.fail(refused)
  })
  const knowing = ask(client, options, "/info")
  const owning = (kind: Engine.Kind | undefined) =>
    Effect.map(
      Effect.all([own(client, options, kind), hidden(client, options, kind)], { concurrency: "unbounded" }),
      ([seen, balancer]): Engine.Seen | undefined => balancer === undefined ? seen : { engine: kind, ...seen, balancer }
    )
  // a known engine gets all requests at once
  const [listed, told, owned] = yield* Effect.all([
    listing,
    hint === "tgi" ? knowing : Effect.succeed(undefined),
    hint !== undefined && hasOwn(hint) ? owning(hint) : Effect.succeed(undefined)
  ], { concurrency: "unbounded" })
  const models = Engine.fromModels(listed.body)
  const wantsInfo = hint === undefined && (models?.engine === undefined || models.engine === "tgi")
  const answer = told ?? (wantsInfo ? yield* knowing : undefined)
  const info = answer === undefined ? undefined : Engine.fromInfo(answer.body)
  const found = hint ?? info?.engine ?? models?.engine
  if (found === "tei") {
    const tasks = ["embedding (text-embeddings-inference)"]
    return yield* new EndpointError.TaskMismatch({ model: EndpointUrl.show(options.url), tasks })
  }
  const route = hint === undefined && hasOwn(found) ? yield* owning(found) : owned
  if (route?.balancer !== undefined && models?.choices !== undefined && options.modelName === undefined) {
    const problem = `the server has several models; set modelName to one of them: ${models.choices.join(", ")}`
    return yield* new EndpointError.InvalidConfig({ problem, given: ["baseUrl"] })
  }
  const kind = found ?? (route?.engine === "tei" ? undefined : route?.engine)
  const version = info?.version ?? route?.version
  const modelName = options.modelName ?? models?.modelName ?? route?.modelName ?? info?.modelName
  const limits: Engine.Limits = { ...models?.limits, ...route?.limits, ...info?.limits, ...options.limits }
  const bosToken = route?.bosToken === undefined ? undefined : yield* bosOf(client, options, route.bosToken)
  const engine: Engine.Engine = {
    kind: kind ?? "openai",
    ...(version !== undefined && { version }),
    ...(modelName !== undefined && { modelName }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(bosToken !== undefined && { bosToken }),
    ...(route?.balancer !== undefined && route.balancer !== "llamacpp" && { balancer: route.balancer }),
    source: sourceOf(options, { hint, info: info?.engine, models: models?.engine, own: route?.engine })
  }
  return engine
})
