/**
 * One call to the management API of Inference Endpoints, version 2, and what its refusals mean.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as RoundTrip from "../hub/RoundTrip.ts"
import { DedicatedEndpoint, Page } from "./DedicatedEndpoint.ts"
import * as EndpointError from "./EndpointError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly client: HttpClient.HttpClient
  readonly baseUrl: URL
  readonly token: Redacted.Redacted<string> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Call<A> {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** For errors: `namespace/name`. */
  readonly subject: string
  /** Below `/endpoint/`, encoded. */
  readonly path: string
  readonly body?: unknown
  readonly decode: (answer: RoundTrip.Answer) => Result.Result<A, string>
}

/** @category decoding */
export const endpoint = RoundTrip.json(DedicatedEndpoint)

/** @category decoding */
export const page = RoundTrip.json(Page)

/** @category decoding */
export const nothing = (): Result.Result<void, string> => Result.succeed(undefined)

/** The permission that a token needs to change endpoints. */
const permission = "inference.endpoints.write"

const refuse = Effect.fnUntraced(function*(subject: string, answer: RoundTrip.Answer) {
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

/**
 * Makes a call, once. It is the caller who knows whether it may be repeated.
 *
 * @category running
 * @since 0.1.0
 */
export const call = Effect.fnUntraced(
  function*<A>(
    settings: Settings,
    { body, decode, method, path, subject }: Call<A>
  ): Effect.fn.Return<A, EndpointError.Reason> {
    if (settings.token === undefined) return yield* new EndpointError.MissingToken({ subject })
    const answer = yield* RoundTrip.run(settings.client, {
      method,
      url: `${settings.baseUrl.href.replace(/\/+$/, "")}/endpoint/${path}`,
      token: settings.token,
      body,
      timeout: "30 seconds"
    }).pipe(Effect.mapError(({ detail }) => new EndpointError.Unreachable({ subject, detail })))
    if (answer.status < 200 || answer.status > 299) return yield* yield* refuse(subject, answer)
    const decoded = decode(answer)
    return Result.isSuccess(decoded)
      ? decoded.success
      : yield* new EndpointError.InvalidResponse({ subject, detail: decoded.failure })
  }
)

/** A read is repeated this often when it failed in passing. */
const retries = 3

/** A server that asks for a longer pause than this gets its answer as an error. */
const maxPause = Duration.seconds(60)

/**
 * Repeats a read that failed in passing, three times, after 1 s doubling or as long as the server says.
 *
 * @category running
 * @since 0.1.0
 */
export const repeated = Effect.fnUntraced(function*<A>(effect: Effect.Effect<A, EndpointError.Reason>) {
  for (let attempt = 0;; attempt++) {
    const result = yield* Effect.result(effect)
    if (result._tag === "Success") return result.success
    const reason = result.failure
    const floor = reason._tag === "RateLimited" ? reason.retryAfter ?? Duration.zero : Duration.zero
    const passes = reason._tag === "RateLimited" || reason._tag === "Unreachable"
    if (!passes || attempt >= retries || Duration.isGreaterThan(floor, maxPause)) return yield* reason
    const own = Duration.millis(1000 * 2 ** attempt * (0.75 + (yield* Random.next) / 2))
    yield* Effect.sleep(Duration.max(own, floor))
  }
})

/**
 * Whether a refused resume means that there is nothing left to resume: the endpoint runs already, or somebody else resumed
 * it at the same moment.
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
