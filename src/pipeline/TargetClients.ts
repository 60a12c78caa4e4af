import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { Target } from "../endpoint/EndpointTarget.ts"
import * as TgiClient from "../transport/TgiClient.ts"

/**
 * Limits, retries and the user agent of the transport.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = Pick<TgiClient.Options, "timeouts" | "limits" | "retry" | "userAgent">

/**
 * One client for each target. A target stays the same object until its endpoint is resolved again, so quotas and prepared
 * headers live as long as it does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const http = yield* HttpClient.HttpClient
  const known = new WeakMap<Target, TgiClient.TgiClient["Service"]>()
  return (target: Target): TgiClient.TgiClient["Service"] => {
    const client = known.get(target)
    if (client !== undefined) return client
    const made = TgiClient.over(http, { ...target, ...options })
    known.set(target, made)
    return made
  }
})
