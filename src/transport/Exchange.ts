/**
 * A call to one server, whole or as a stream of events: attempts until one succeeds, or until the policy, the quota or the
 * time is used up. Which routes there are, and what their bodies look like, is not known here.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { withTrace } from "../http/Attempt.ts"
import * as Deadline from "../http/Deadline.ts"
import * as Retry from "../http/Retry.ts"
import { InferenceError, InvalidRequest, type Reason, Timeout } from "../InferenceError.ts"
import * as Json from "../protocol/Json.ts"
import { type Begun, Calls } from "./Attempt.ts"
import type { Accept, At, Call, Meta, Options } from "./Call.ts"
import { type Failed, verdict } from "./failure/Failed.ts"
import * as Suspects from "./failure/Suspects.ts"
import type { Read } from "./routes/Reading.ts"
import type { Route } from "./routes/Route.ts"

/**
 * A stream that has begun: status, headers and the first event were good.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened<F> {
  readonly meta: Meta
  /** One pull of `frames`, for a reader without a `Stream`. Use one of the three. */
  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<F>, InferenceError>
  /**
   * Passes all frames to a listener as they arrive, and succeeds when the generation is complete. The cheapest of
   * the three: no fiber is woken for each read of the socket. `hear` must not block.
   */
  readonly each: (hear: (frames: Arr.NonEmptyReadonlyArray<F>) => void) => Effect.Effect<void, InferenceError>
  readonly frames: Stream.Stream<F, InferenceError>
}

/**
 * Requests to one target.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exchange {
  readonly unary: <A>(
    call: Call,
    read: Read<A>
  ) => Effect.Effect<{ readonly value: A; readonly meta: Meta }, InferenceError>
  /** The request lives as long as the scope: closing it closes the socket, and the server stops generating. */
  readonly open: <F extends { readonly error?: unknown }>(
    call: Call,
    route: Route<F>,
    scope: Scope.Scope
  ) => Effect.Effect<Opened<F>, InferenceError>
}

/**
 * Makes the exchange over an `HttpClient`. Redirects are not followed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (client: HttpClient.HttpClient, options: Options): Exchange => {
  const wire = new Calls(client, options)
  const quota = Retry.makeQuota()
  const suspects = new Suspects.Suspects()
  /** Whether the server is up, by its health route, whatever it thinks of the client. */
  const health = (at: At): Effect.Effect<void, Failed> => {
    const request = wire.request({ method: "GET", path: "/health" }, "application/json")
    if (request === undefined) return Effect.void
    const asked = wire.unary(request, () => ({ _tag: "Read", value: undefined }), at)
    return Effect.matchEffect(asked, {
      onSuccess: () => Effect.void,
      onFailure: (failed) => Suspects.isUp(failed) ? Effect.void : Effect.fail(failed)
    })
  }
  const { retry: policy, timeouts: { total } } = options
  const within = Duration.toMillis(total)
  const calling = <A>(
    call: Call,
    accept: Accept,
    attempt: (request: HttpClientRequest.HttpClientRequest, at: At) => Effect.Effect<A, Failed>
  ): Effect.Effect<A, InferenceError> =>
    Effect.withFiber((fiber) => {
      const method = `${call.method} ${call.path}`
      const plain = wire.request(call, accept)
      if (plain === undefined) return Effect.fail(unwritable(method, call.body))
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const end = fiber.getRef(Deadline.CurrentDeadline)
      const bounded = end !== undefined && end + Deadline.NEAR < now + within
      const deadline = bounded ? end : now + within
      const late = (attempts: number) =>
        new InferenceError({ method, reason: new Timeout({ phase: "total", after: total }), attempts })
      if (deadline <= now) return Effect.fail(late(0))
      const request = withTrace(plain, fiber)
      let attempts = 0
      const { body } = call
      const one = (n: number) => {
        const at: At = { attempts: attempts = n, deadline, bounded }
        const sent = attempt(request, at)
        return body === undefined ? sent : suspects.attempt(body, sent, () => health(at))
      }
      const whole = Retry.run(
        one,
        { subject: method, policy, quota, deadline, verdict },
        (failed, attempts) => failure(method, failed, attempts)
      )
      return wire.enforced ? whole : Effect.timeoutOrElse(whole, {
        duration: Duration.millis(deadline - now),
        orElse: () => Effect.fail(late(attempts))
      })
    })
  return {
    unary: (call, read) => calling(call, "application/json", (request, at) => wire.unary(request, read, at)),
    open: (call, route, scope) =>
      Effect.map(
        calling(call, "text/event-stream", (request, at) => wire.open(request, route, scope, at)),
        (begun) => new OpenedStream(call, begun)
      )
  }
}

const failure = (method: string, { reason, received, requestId }: Failed, attempts: number) =>
  new InferenceError({
    method,
    reason,
    attempts,
    ...(requestId !== undefined && { requestId }),
    ...(received !== undefined && { received })
  })

/** A body that JSON cannot represent is reported before anything is sent. */
const unwritable = (method: string, body: Call["body"]) =>
  new InferenceError({ method, reason: new InvalidRequest({ issues: [flaw(body)] }), attempts: 0 })

const flaw = (body: Call["body"]) => {
  try {
    const path = Json.brokenText(body)
    if (path !== undefined) {
      return { path, message: `${path.join(".")} contains half of a surrogate pair, which is not a character` }
    }
  } catch {
    // a value that cannot be traversed cannot be written either
  }
  return { path: ["body"], message: "the request body contains a cycle, or a value that cannot be written as JSON" }
}

/** A failure says what had been handed over before it. */
class OpenedStream<F> implements Opened<F> {
  readonly meta: Meta
  readonly pull: Opened<F>["pull"]
  readonly each: Opened<F>["each"]

  constructor({ method, path }: Call, { meta, reader }: Begun<F>) {
    const failed = (reason: Reason) =>
      new InferenceError({
        method: `${method} ${path}`,
        reason,
        attempts: meta.attempts,
        ...(meta.requestId !== undefined && { requestId: meta.requestId }),
        received: reader.received()
      })
    this.meta = meta
    this.pull = reader.pull(failed)
    this.each = (hear) => reader.each(failed, hear)
  }

  get frames(): Stream.Stream<F, InferenceError> {
    return Stream.fromPull(Effect.succeed(this.pull))
  }
}
