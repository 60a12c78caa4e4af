/**
 * A configuration reduced to what results depend on: spellings of one address are the same, a default that is set
 * explicitly is the default, and who pays, how long to wait and what to call a model do not count.
 *
 * @since 0.2.0
 */
import * as GenerationOptions from "../../GenerationOptions.ts"
import { isRecord } from "../rows/Row.ts"

/** For the service and for a call: how a request is sent, not what it requests. */
const manner = new Set([
  "concurrency",
  "unsupported",
  "delivery",
  "wholeUpTo",
  "countTokens",
  "revive",
  "resume",
  "captureContent",
  "structuredOutputRetries"
])

/** For an endpoint: what it is called, who pays, how long to wait, and how it is reached. */
const aside = new Set([
  "billTo",
  "waitTimeout",
  "modelDisplayName",
  "endpointHosts",
  "engineLimits",
  "routerUrl",
  "managementUrl",
  "engine"
])

const defaults: Readonly<Record<string, unknown>> = {
  maxNewTokens: GenerationOptions.MAX_NEW_TOKENS,
  numGenerations: 1,
  splitReasoning: false,
  continuation: true,
  raw: false,
  structuredOutput: false
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

/**
 * The address of a server without what does not change where it leads: trailing slashes, `/v1` and the route, the
 * spelling of its host.
 *
 * @category conversions
 * @since 0.2.0
 */
export const address = (text: string): string => {
  if (!URL.canParse(text)) return text
  const { host, hostname, pathname, port, protocol, search } = new URL(text)
  const name = LOOPBACK.test(hostname) ? `localhost${port === "" ? "" : `:${port}`}` : host
  const path = pathname.replace(/\/+$/, "").replace(/\/(?:chat\/completions|completions|generate(?:_stream)?)$/, "")
    .replace(/\/v1$/, "").replace(/\/+$/, "")
  return `${protocol}//${name}${path}${search}`
}

const fieldsWithout = (value: object, names: ReadonlySet<string>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(value).filter(([name, member]) =>
      !names.has(name) && member !== undefined && member !== null && defaults[name] !== member
    )
  )

const without = (value: unknown, names: ReadonlySet<string>): unknown =>
  isRecord(value) ? fieldsWithout(value, names) : value

const endpoint = (value: unknown): unknown => {
  const kept = without(value, aside)
  return isRecord(kept) && typeof kept.baseUrl === "string" ? { ...kept, baseUrl: address(kept.baseUrl) } : kept
}

const service = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(service)
  if (!isRecord(value)) return value
  const { backend, options, settings, ...rest } = value
  return {
    ...fieldsWithout(rest, new Set()),
    options: without(options, manner),
    settings: without(settings, manner),
    backend: isRecord(backend)
      ? { ...backend, endpoint: endpoint(backend.endpoint), template: without(backend.template, new Set()) }
      : backend
  }
}

/**
 * A configuration of any version → the part of it that results depend on.
 *
 * @category conversions
 * @since 0.2.0
 */
export const of = (configuration: unknown): unknown =>
  isRecord(configuration)
    ? {
      ...configuration,
      columns: without(configuration.columns, new Set()),
      options: without(configuration.options, manner),
      service: service(configuration.service)
    }
    : configuration
