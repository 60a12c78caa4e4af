/**
 * One call to the management API of Inference Endpoints, version 2, and what its refusals mean.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { CurrentDeadline } from "../../http/Deadline.ts"
import * as Retry from "../../http/Retry.ts"
import * as RoundTrip from "../../http/RoundTrip.ts"
import * as EndpointError from "../EndpointError.ts"
import * as Catalogue from "./Catalogue.ts"
import { DedicatedEndpoint, Page } from "./DedicatedEndpoint.ts"
import * as Hardware from "./Hardware.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly client: HttpClient.HttpClient
  readonly baseUrl: URL
  readonly catalogueUrl: URL
  readonly token: Redacted.Redacted<string> | undefined
  /** When an idempotent call is repeated. */
  readonly retry: Retry.Policy
  readonly userAgent: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Call<A> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** For errors: `namespace/name`. */
  readonly subject: string
  /** The path below the resource, encoded. */
  readonly path: string
  /** The kind of resource. Default `endpoint`. */
  readonly about?: "endpoint" | "provider" | "catalogue"
  readonly body?: unknown
  readonly decode: (answer: RoundTrip.Answer) => Result.Result<A, string>
}

/** @category decoding */
export const endpoint = RoundTrip.json(DedicatedEndpoint)

/** @category decoding */
export const page = RoundTrip.json(Page)

/** @category decoding */
export const hardware = RoundTrip.json(Hardware.Vendors)

/** @category decoding */
export const catalogue = RoundTrip.json(Catalogue.List)

/** @category decoding */
export const deployed = RoundTrip.json(Catalogue.Deployed)

/** @category decoding */
export const nothing = (): Result.Result<void, string> => Result.succeed(undefined)

/** The permission that a token needs to change endpoints. */
const permission = "inference.endpoints.write"

/**
 * The reason that a refusal stands for.
 *
 * @category decoding
 * @since 0.2.0
 */
export const refuse = Effect.fnUntraced(function*(subject: string, answer: RoundTrip.Answer) {
  const { message: detail } = RoundTrip.failure(answer)
  const requestId = RoundTrip.requestId(answer)
  const facts = { subject, detail, ...(requestId !== undefined && { requestId }) }
  const { status } = answer
  if (status === 401) return new EndpointError.Unauthorized(facts)
  if (status === 402 || (status === 403 && /payment/i.test(detail))) return new EndpointError.PaymentRequired(facts)
  if (status === 403) return new EndpointError.Forbidden({ ...facts, permission })
  if (status === 404) return new EndpointError.NotFound(facts)
  if (status === 429) {
    const retryAfter = yield* RoundTrip.retryAfter(answer.headers)
    return new EndpointError.RateLimited({ ...facts, ...(retryAfter !== undefined && { retryAfter }) })
  }
  return status === 408 || status === 425 || status >= 500
    ? new EndpointError.Unreachable({ ...facts, status })
    : new EndpointError.Rejected({ ...facts, status })
})

const root = ({ baseUrl, catalogueUrl }: Settings, about: NonNullable<Call<unknown>["about"]>): string => {
  const { href } = about === "catalogue" ? catalogueUrl : baseUrl
  return href.replace(/\/+$/, "") + (about === "catalogue" ? "" : `/${about}`)
}

/**
 * The request of a call.
 *
 * @category conversions
 * @since 0.2.0
 */
export const request = (
  settings: Settings,
  { about = "endpoint", body, method, path }: Pick<Call<unknown>, "about" | "body" | "method" | "path">
): RoundTrip.Request => ({
  method,
  url: `${root(settings, about)}/${path}`,
  token: settings.token,
  body,
  timeout: "30 seconds",
  userAgent: settings.userAgent
})

/**
 * Makes a call, once. The caller knows whether it may be repeated.
 *
 * @category running
 * @since 0.1.0
 */
export const call = Effect.fnUntraced(
  function*<A>(
    settings: Settings,
    { decode, subject, ...asked }: Call<A>
  ): Effect.fn.Return<A, EndpointError.Reason> {
    // the catalogue is public to read
    if (settings.token === undefined && !(asked.about === "catalogue" && asked.method === "GET")) {
      return yield* new EndpointError.MissingToken({ subject })
    }
    const answer = yield* RoundTrip.run(settings.client, request(settings, asked)).pipe(
      Effect.mapError((fault) => EndpointError.unreachable(subject, fault))
    )
    if (answer.status < 200 || answer.status > 299) return yield* yield* refuse(subject, answer)
    const decoded = decode(answer)
    return Result.isSuccess(decoded)
      ? decoded.success
      : yield* new EndpointError.InvalidResponse({ subject, detail: decoded.failure })
  }
)

/**
 * What a failure means for a retry.
 *
 * @category accessors
 * @since 0.2.0
 */
export const verdict = (reason: EndpointError.Reason): Retry.Verdict => ({
  tag: reason._tag,
  message: reason.message,
  retry: (reason._tag === "RateLimited" || reason._tag === "Unreachable") && reason.isRetryable,
  throttled: reason._tag === "RateLimited" || (reason._tag === "Unreachable" && reason.status !== undefined),
  ...(reason._tag === "RateLimited" && { retryAfter: reason.retryAfter })
})

/**
 * Retries a call that failed temporarily, by the policy. Only for idempotent ones: reads, updates, `pause` and
 * `scale-to-zero`.
 *
 * @category running
 * @since 0.1.0
 */
export const repeated =
  ({ retry }: Pick<Settings, "retry">, subject: string) => <A, R>(effect: Effect.Effect<A, EndpointError.Reason, R>) =>
    Effect.flatMap(
      CurrentDeadline,
      (deadline) => Retry.run(() => effect, { subject, policy: retry, deadline, verdict }, (reason) => reason)
    )

/**
 * A call that is made once, since the server may have accepted it even if no response came: the state is then read
 * before anything is reported.
 *
 * @category running
 * @since 0.2.0
 */
export const once = <A, B>(
  effect: Effect.Effect<A, EndpointError.Reason>,
  options: {
    /** Reads the state. */
    readonly state: Effect.Effect<B, EndpointError.Reason>
    /** What the call would have returned, if the state shows that it was accepted. */
    readonly done: (state: Result.Result<B, EndpointError.Reason>) => A | undefined
    /** What the call should have done, as in "create the endpoint". */
    readonly action: string
  }
): Effect.Effect<A, EndpointError.Reason> =>
  Effect.catchTag(effect, "Unreachable", (unclear) =>
    Effect.flatMap(Effect.result(options.state), (state) => {
      const done = options.done(state)
      if (done !== undefined) return Effect.succeed(done)
      const known = Result.isSuccess(state) || state.failure._tag === "NotFound"
      return Effect.fail(
        new EndpointError.Unreachable({
          subject: unclear.subject,
          ...(unclear.status !== undefined && { status: unclear.status }),
          ...(unclear.requestId !== undefined && { requestId: unclear.requestId }),
          ...(unclear.retryable !== undefined && { retryable: unclear.retryable }),
          detail: `${unclear.detail}. ${
            known
              ? `The request to ${options.action} was not accepted: send it again`
              : `It is not known whether the request to ${options.action} was accepted: read the endpoint before sending it again`
          }`
        })
      )
    }))

/**
 * Whether a refused resume means that there is nothing to resume: the endpoint runs already, or somebody else resumed it at
 * the same moment.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isResumed = (reason: EndpointError.Reason): reason is EndpointError.Rejected =>
  reason._tag === "Rejected" &&
  (reason.status === 409 || (reason.status === 400 && reason.detail.toLowerCase().includes("already running")))

/**
 * Encodes what is sent, or says which field is wrong.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <S extends Schema.ConstraintEncoder<unknown>>(schema: S) => {
  const encode = Schema.encodeUnknownResult(schema)
  return (subject: string, value: S["Type"]): Effect.Effect<unknown, EndpointError.Reason> => {
    const result = encode(value)
    return Result.isSuccess(result)
      ? Effect.succeed(result.success)
      : Effect.fail(new EndpointError.InvalidConfig({ problem: `${subject}: ${result.failure.message}`, given: [] }))
  }
}
