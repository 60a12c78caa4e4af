/**
 * A call to one server, whole or as a stream of events: attempts until one succeeds, or until the policy, the quota or the
 * time is used up. Which routes there are, and what their bodies look like, is not known here.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import { InferenceError, InvalidRequest, Timeout } from "../InferenceError.ts"
import * as Json from "../protocol/Json.ts"
import type * as Events from "../transport/Events.ts"
import type { Read } from "../transport/Reading.ts"
import { type Accept, type At, Attempts, type Call, type Meta, type Options } from "./Attempt.ts"
import * as Retry from "./Retry.ts"
import * as Suspects from "./Suspects.ts"
import * as TransportLimits from "./TransportLimits.ts"

/**
 * An open event stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened<F> {
  readonly meta: Meta
  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<F>, InferenceError>
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
    route: Events.Route<F>,
    scope: Scope.Scope
  ) => Effect.Effect<Opened<F>, InferenceError>
}

/**
 * Makes the exchange over whatever `HttpClient` there is. Redirects are not followed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Exchange, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client): Exchange => {
    const wire = new Attempts(client, options)
    const quota = Retry.makeQuota()
    const suspects = new Suspects.Suspects()
    /** Whether the server is there, by its health route, whatever that says of a client. */
    const health = (at: At): Effect.Effect<void, Retry.Failed> => {
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
    const enforced = TransportLimits.sendOf(client) !== undefined
    const calling = <A>(
      call: Call,
      accept: Accept,
      attempt: (request: HttpClientRequest.HttpClientRequest, at: At) => Effect.Effect<A, Retry.Failed>
    ): Effect.Effect<A, InferenceError> =>
      Effect.clockWith((clock) => {
        const method = `${call.method} ${call.path}`
        const request = wire.request(call, accept)
        if (request === undefined) return Effect.fail(unwritable(method))
        const deadline = clock.currentTimeMillisUnsafe() + within
        let attempts = 0
        const { body } = call
        const one = (n: number) => {
          const at = { attempts: attempts = n, deadline }
          const sent = attempt(request, at)
          return body === undefined ? sent : suspects.attempt(() => Json.stringify(body), sent, health(at))
        }
        const whole = Retry.run(one, {
          method,
          policy,
          quota,
          deadline
        })
        return enforced ? whole : Effect.timeoutOrElse(whole, {
          duration: total,
          orElse: () =>
            Effect.fail(new InferenceError({ method, reason: new Timeout({ phase: "total", after: total }), attempts }))
        })
      })
    return {
      unary: (call, read) => calling(call, "application/json", (request, at) => wire.unary(request, read, at)),
      open: (call, route, scope) =>
        Effect.map(
          calling(call, "text/event-stream", (request, at) => wire.open(request, route, scope, at)),
          ({ first, meta, reader }) => ({ meta, pull: pulling(call, meta, first, reader) })
        )
    }
  })

/** A body that JSON cannot hold is told before anything is sent. */
const unwritable = (method: string) =>
  new InferenceError({
    method,
    reason: new InvalidRequest({
      issues: [{ path: ["body"], message: "the body holds a cycle, or a value that cannot be written as JSON" }]
    }),
    attempts: 0
  })

/** The frames that are there already, then the rest; a failure says what had been handed over before it. */
const pulling = <F>(
  call: Call,
  meta: Meta,
  first: Arr.NonEmptyReadonlyArray<F> | undefined,
  reader: Events.Reader<F>
): Opened<F>["pull"] => {
  const rest = reader.pull((reason) =>
    new InferenceError({
      method: `${call.method} ${call.path}`,
      reason,
      attempts: meta.attempts,
      ...(meta.requestId !== undefined && { requestId: meta.requestId }),
      received: reader.received()
    })
  )
  let head = first
  return Effect.suspend(() => {
    if (head === undefined) return rest
    const frames = head
    head = undefined
    return Effect.succeed(frames)
  })
}
