/**
 * Asks a server which engine it is: the cheapest and surest question first, and none that the answers before made needless.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CurrentDeadline } from "../http/Deadline.ts"
import * as Fault from "../http/Fault.ts"
import * as Retry from "../http/Retry.ts"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as EndpointError from "./EndpointError.ts"
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
  /** How often a server that cannot be reached is asked. Default: `Retry.standard`. */
  readonly retry?: Retry.Policy | undefined
  readonly userAgent?: string | undefined
}

/** Where an engine that is known by other marks says its version, and where one without marks is recognised. */
const ownRoutes: ReadonlyArray<{
  readonly kind: Engine.Kind
  readonly path: string
  readonly read: (body: unknown) => Engine.Seen | undefined
}> = [
  { kind: "llamacpp", path: "/props", read: Engine.fromProps },
  { kind: "sglang", path: "/server_info", read: Engine.fromVersion("sglang") },
  { kind: "sglang", path: "/get_server_info", read: Engine.fromVersion("sglang") },
  { kind: "vllm", path: "/version", read: Engine.fromVersion("vllm") }
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

/** A server that cannot be reached is asked again by the policy; what it answers is for the caller to judge. */
const ask = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options, path: string) {
  const url = EndpointUrl.route(options, path)
  const subject = `GET ${path}`
  const result = yield* Effect.result(Effect.flatMap(CurrentDeadline, (deadline) =>
    Retry.run(
      () => RoundTrip.run(client, { method: "GET", url, token: options.token, userAgent: options.userAgent }),
      { subject, policy: options.retry ?? Retry.standard, deadline, verdict },
      (fault) => fault
    )))
  const outcome: Outcome = Result.isFailure(result)
    ? { status: undefined, body: undefined, detail: Fault.describe(result.failure), fault: result.failure }
    : {
      status: result.success.status,
      body: result.success.status === 200 ? Result.getOrElse(parse(result.success), () => undefined) : undefined,
      detail: result.success.status === 200 ? "" : RoundTrip.failure(result.success).message
    }
  return outcome
})

/** A refused token and a server that is not there yet are no reason to guess. */
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

/** The first of some routes that is understood. */
const firstOf = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  options: Options,
  kind: Engine.Kind | undefined
) {
  for (const route of ownRoutes) {
    if (kind !== undefined && route.kind !== kind) continue
    const seen = route.read((yield* ask(client, options, route.path)).body)
    if (seen !== undefined) return seen
  }
  return undefined
})

/**
 * Finds out which engine answers. One that cannot be told apart gets the plain OpenAI dialect. Fails when nothing answers
 * at all, the token is refused, the server is not ready, or it embeds instead of generating.
 *
 * @category running
 * @since 0.1.0
 */
export const detect = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options) {
  const listed = yield* ask(client, options, "/v1/models")
  const refused = refusal(options, listed)
  if (refused !== undefined) return yield* refused
  const hint: Engine.Recognised = options.override ?? Engine.fromImage(options.image)
  const models = Engine.fromModels(listed.body)
  const wantsInfo = hint === "tgi" || (hint === undefined && (models?.engine === undefined || models.engine === "tgi"))
  const info = wantsInfo ? Engine.fromInfo((yield* ask(client, options, "/info")).body) : undefined
  const found = hint ?? info?.engine ?? models?.engine
  if (found === "tei") {
    const tasks = ["embedding (text-embeddings-inference)"]
    return yield* new EndpointError.TaskMismatch({ model: EndpointUrl.show(options.url), tasks })
  }
  const own = found === undefined || (found !== "tgi" && found !== "openai" && found !== "router")
    ? yield* firstOf(client, options, found)
    : undefined
  const kind = found ?? (own?.engine === "tei" ? undefined : own?.engine)
  const version = info?.version ?? own?.version
  const modelName = models?.modelName ?? info?.modelName
  const limits: Engine.Limits = { ...models?.limits, ...own?.limits, ...info?.limits }
  const engine: Engine.Engine = {
    kind: kind ?? "openai",
    ...(version !== undefined && { version }),
    ...(modelName !== undefined && { modelName }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(own?.bosToken !== undefined && { bosToken: own.bosToken }),
    source: options.override !== undefined
      ? "override"
      : hint !== undefined
      ? "image"
      : info?.engine !== undefined
      ? "info"
      : models?.engine !== undefined
      ? "models"
      : kind !== undefined
      ? "route"
      : "assumed"
  }
  return engine
})
