/**
 * Who may use the port. A page in a browser can reach a port of the loopback interface through a host name that it
 * makes point there (DNS rebinding), so the `Host` of every request has to be an address or an allowed name, whatever
 * the route; and the token of the endpoint is only used for clients that have the port's own key.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import { Refusal } from "./Refusal.ts"

/**
 * Who may use the port.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** What clients send as their API key. Without one, everybody who reaches the port may send requests. */
  readonly key?: Redacted.Redacted<string> | undefined
  /** Host names under which the port is reached, besides `localhost` and IP addresses. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** Origins of pages that may send requests, such as `https://app.example`; `*` allows all. Default: none. */
  readonly origins?: ReadonlyArray<string> | undefined
}

/**
 * The checks of a request.
 *
 * @category models
 * @since 0.2.0
 */
export interface Gate {
  /** Fails if the request used a foreign host name, or came from a page that may not send requests. */
  readonly place: (headers: Headers.Headers) => Effect.Effect<void, Refusal>
  /** Fails without the port's own key. */
  readonly key: (headers: Headers.Headers) => Effect.Effect<void, Refusal>
  /** What a page needs to see a response, including errors. */
  readonly cors: (headers: Headers.Headers) => Readonly<Record<string, string>>
}

const forbidden = (message: string, param: string) =>
  new Refusal({ status: 403, type: "invalid_request_error", code: "forbidden", message, param, final: true })

/** `[::1]:8000` → `[::1]`, `Localhost.:8000` → `localhost`. */
const nameOf = (host: string): string => host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase()

/** Rebinding needs a name: an address cannot be made to point elsewhere. */
const isAddress = (name: string): boolean => /^(?:\d{1,3}\.){3}\d{1,3}$/.test(name) || /^\[[\da-f:.]+\]$/.test(name)

const isLocal = (name: string): boolean => name === "localhost" || name.endsWith(".localhost")

const digest = (text: string): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))))

/** Takes the same time for all digests. */
const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.reduce((difference, byte, index) => difference | (byte ^ (b[index] ?? 0)), a.length ^ b.length) === 0

const given = (headers: Headers.Headers): string | undefined =>
  /^bearer +(.+)$/i.exec(headers["authorization"] ?? "")?.[1] ?? headers["x-api-key"] ?? headers["api-key"]

const exposed = "x-request-id, retry-after, x-should-retry"

/**
 * Makes the checks.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const hosts = new Set((options.hosts ?? []).map((name) => name.toLowerCase()))
  const origins = new Set(options.origins ?? [])
  const expected = options.key === undefined ? undefined : yield* digest(Redacted.value(options.key))
  const allows = (origin: string) => origins.has("*") || origins.has(origin)
  const gate: Gate = {
    place: (headers) => {
      const host = nameOf(headers["host"] ?? "")
      if (!isAddress(host) && !isLocal(host) && !hosts.has(host)) {
        return Effect.fail(
          forbidden(
            `this port does not accept requests for the host ${JSON.stringify(host)}: allow it with --allow-host`,
            "host"
          )
        )
      }
      const origin = headers["origin"]
      return origin === undefined || allows(origin)
        ? Effect.void
        : Effect.fail(
          forbidden(
            `pages of ${JSON.stringify(origin)} may not send requests: allow them with --allow-origin`,
            "origin"
          )
        )
    },
    key: (headers) => {
      if (expected === undefined) return Effect.void
      const key = given(headers)
      const missing = new Refusal({
        status: 401,
        type: "invalid_request_error",
        code: "invalid_api_key",
        message: key === undefined
          ? "the port's own key is missing: send it as Authorization: Bearer …"
          : "this is not the port's own key, which differs from the token of the endpoint",
        final: true
      })
      return key === undefined
        ? Effect.fail(missing)
        : Effect.flatMap(digest(key.trim()), (digest) => isSame(digest, expected) ? Effect.void : Effect.fail(missing))
    },
    cors: (headers) => {
      const origin = headers["origin"]
      return origin === undefined || !allows(origin)
        ? {}
        : { "access-control-allow-origin": origin, "access-control-expose-headers": exposed, "vary": "origin" }
    }
  }
  return gate
})

/**
 * The response to a browser's preflight request, which has no key.
 *
 * @category encoding
 * @since 0.2.0
 */
export const preflight = (headers: Headers.Headers): Readonly<Record<string, string>> => ({
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": headers["access-control-request-headers"] ?? "authorization, content-type",
  "access-control-max-age": "600"
})
