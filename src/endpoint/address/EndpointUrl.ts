/**
 * Addresses: a base URL from the many ways in which people write it, and which address may be given a token.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as RoundTrip from "../../http/RoundTrip.ts"

/**
 * A base URL taken apart.
 *
 * @category models
 * @since 0.1.0
 */
export interface Address {
  /** The root of `/generate`, `/v1/chat/completions` and `/info`, without query and trailing slash. */
  readonly url: URL
  /** The query string with its `?`, or `""`: it is sent with every request. */
  readonly search: string
  /** Set when a full chat route was given that is not `/v1/chat/completions` below the root. */
  readonly chatUrl?: URL
}

const control = /\p{Cc}|\s/u

/** Routes that people copy together with the root. The longest first. */
const routes =
  /\/(v1\/chat\/completions|v1\/completions|v1\/models|v1|generate_stream|generate|chat_tokenize|tokenize|invocations|info|health)$/

/**
 * Takes a base URL apart: a bare host, one that ends in `/v1`, in a route of an engine or in slashes, one with a query. A
 * failure names the problem without any part of the URL, since a query may be a secret.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<Address, string> => {
  const url = control.test(input.trim()) ? null : URL.parse(input.trim())
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return Result.fail("baseUrl is an absolute URL that starts with https:// or http://")
  }
  if (url.username !== "" || url.password !== "") {
    return Result.fail("baseUrl contains a user name or password: pass the credential as apiKey")
  }
  const { search } = url
  url.search = ""
  url.hash = ""
  const path = url.pathname.replace(/\/+$/, "")
  const root = new URL(url)
  root.pathname = path.replace(routes, "")
  if (!path.endsWith("/chat/completions") || path.endsWith("/v1/chat/completions")) {
    return Result.succeed({ url: root, search })
  }
  url.pathname = path
  root.pathname = path.slice(0, -"/chat/completions".length)
  return Result.succeed({ url: root, search, chatUrl: url })
}

/**
 * The address of a route below a root.
 *
 * @category combining
 * @since 0.1.0
 */
export const route = (address: { readonly url: URL; readonly search?: string | undefined }, path: string): string =>
  address.url.origin + address.url.pathname.replace(/\/+$/, "") + (path.startsWith("/") ? path : `/${path}`) +
  (address.search ?? "")

/**
 * An address as it is shown: without the query, which may contain a key.
 *
 * @category showing
 * @since 0.1.0
 */
export const show = (url: URL): string => url.origin + url.pathname.replace(/\/+$/, "")

/** Where Hugging Face runs dedicated endpoints. */
const platform = "endpoints.huggingface.cloud"

const isBelow = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`)

/**
 * Whether a URL belongs to a dedicated endpoint, where requests can wake a server.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDedicated = (url: URL): boolean => isBelow(url.hostname, platform)

/**
 * Whether a URL belongs to Hugging Face, so that a token found in the environment may be sent there.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isHuggingFace = (url: URL): boolean =>
  url.protocol === "https:" && (isDedicated(url) || isBelow(url.hostname, "huggingface.co"))

/**
 * The names of this machine.
 *
 * @category constants
 * @since 0.2.0
 */
export const LOOPBACK: ReadonlyArray<string> = ["localhost", "127.0.0.1", "[::1]"]

/**
 * Whether a URL leads to this machine.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isLoopback = (url: URL): boolean => LOOPBACK.includes(url.hostname)

/**
 * Checks the URL that the management API gives for an endpoint, which is about to get the token: https, no userinfo, no
 * IP address, and a host below `endpoints.huggingface.cloud` or one of the domains that the caller trusts. An address of
 * this machine is usable where the caller trusts exactly that name: nobody on the way can read what is sent there.
 *
 * @category checking
 * @since 0.1.0
 */
export const trusted = (input: string, domains: ReadonlyArray<string>): Result.Result<URL, {
  readonly host: string
  readonly problem: string
}> => {
  const url = control.test(input) ? null : URL.parse(input)
  if (url === null) return Result.fail({ host: "of this endpoint", problem: "it is not a URL" })
  const isOwn = isLoopback(url) && domains.includes(url.hostname) && url.username === "" && url.password === ""
  const problem = isOwn
    ? undefined
    : url.protocol !== "https:"
    ? "it is not https"
    : url.username !== "" || url.password !== ""
    ? "it holds a user name"
    : /^\[|^[\d.]+$/.test(url.hostname)
    ? "it is an IP address"
    : ![platform, ...domains].some((domain) => isBelow(url.hostname, domain))
    ? "add its domain to endpointHosts to trust it"
    : undefined
  return problem === undefined ? Result.succeed(url) : Result.fail({ host: url.host, problem })
}

/**
 * Why a token may not be sent to an address, `undefined` when it may: over http it could be read on the way.
 *
 * @category checking
 * @since 0.1.0
 */
export const tokenProblem = (url: URL): string | undefined =>
  RoundTrip.isPrivate(url) ? undefined : "a token is only sent over https, or over http to this machine"
