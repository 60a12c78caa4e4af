/**
 * The logs of a dedicated endpoint: those so far, or followed as they are written.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as RoundTrip from "../../http/RoundTrip.ts"
import { redact } from "../../http/Secret.ts"
import * as EndpointError from "../EndpointError.ts"
import * as Management from "./Management.ts"

/**
 * Which lines to read.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Only those of one replica, by its id. Default: all. */
  readonly replica?: string | undefined
  /** How many of the last lines. Default: the platform's own. */
  readonly tail?: number | undefined
  /** Whether to wait for further lines, until the reader stops. Default no. */
  readonly follow?: boolean | undefined
}

const search = ({ follow, replica, tail }: Options): string => {
  const query = new URLSearchParams({
    ...(replica !== undefined && { replica }),
    ...(tail !== undefined && { tail: String(tail) }),
    ...(follow === true && { follow: "true" })
  })
  return query.size === 0 ? "" : `?${query}`
}

/**
 * The lines, with the token that was sent removed. Opening is retried by the policy; logs that break off are a failure.
 *
 * @category running
 * @since 0.2.0
 */
export const lines = (
  settings: Management.Settings,
  subject: string,
  options: Options = {}
): Stream.Stream<string, EndpointError.Reason> => {
  const request = Management.request(settings, { method: "GET", path: `${subject}/logs${search(options)}` })
  const unreachable = EndpointError.unreachable
  const open = Effect.gen(function*() {
    if (settings.token === undefined) return yield* new EndpointError.MissingToken({ subject })
    const opened = yield* RoundTrip.open(settings.client, {
      ...request,
      headers: { accept: "text/plain" }
    }).pipe(Effect.mapError((fault) => unreachable(subject, fault)))
    if (opened.status >= 200 && opened.status < 300) {
      return Stream.mapError(opened.body, (fault) => unreachable(subject, fault))
    }
    const answer = yield* Effect.mapError(opened.answer, (fault) => unreachable(subject, fault))
    return yield* yield* Management.refuse(subject, answer)
  })
  return Stream.unwrap(Management.repeated(settings, subject)(open)).pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.map((line) => redact(line, settings.token))
  )
}
