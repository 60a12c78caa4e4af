/**
 * The most common responses of doubles.
 *
 * @since 0.2.0
 */
import type * as Exchange from "./Exchange.ts"

/**
 * A response with a JSON body.
 *
 * @category answers
 * @since 0.1.0
 */
export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {}
): Exchange.Response => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body)
})

/**
 * A response without a body, or with a text.
 *
 * @category answers
 * @since 0.1.0
 */
export const plain = (
  status: number,
  body = "",
  headers: Readonly<Record<string, string>> = {}
): Exchange.Response => ({ status, headers, body })

/**
 * A redirect.
 *
 * @category answers
 * @since 0.1.0
 */
export const redirect = (
  status: 302 | 307,
  location: string,
  headers: Readonly<Record<string, string>> = {}
): Exchange.Response => plain(status, `Temporary Redirect. Redirecting to ${location}`, { location, ...headers })

/**
 * The bearer token of a request, `undefined` without one.
 *
 * @category reading
 * @since 0.1.0
 */
export const bearer = (
  request: { readonly headers: Readonly<Record<string, string | undefined>> }
): string | undefined => /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1]
