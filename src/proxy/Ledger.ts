/**
 * What went through the port: requests, tokens and dollars by model, as Prometheus reads them. What no server reported is
 * counted as unknown, never as 0.
 *
 * @since 0.2.0
 */
import type * as Generation from "../Generation.ts"
import type { Pricing } from "../InferenceEndpointsLLM.ts"

/**
 * The usage of one response.
 *
 * @category models
 * @since 0.2.0
 */
export interface Used {
  readonly usage: Generation.Usage
  readonly cost: number | undefined
}

/**
 * The cost of a response in US dollars: as the server reports it, else by the price of the tokens, else unknown.
 *
 * @category accessors
 * @since 0.2.0
 */
export const costOf = (
  { cost, inputTokens, outputTokens }: Generation.Usage,
  pricing: Pricing | undefined
): number | undefined => {
  if (cost !== undefined) return cost
  if (pricing === undefined || inputTokens === undefined || outputTokens === undefined) return undefined
  return (inputTokens * pricing.input + outputTokens * pricing.output) / 1_000_000
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Ledger {
  /** A request ended, with its true status, even if another one was sent. */
  readonly ended: (route: string, model: string, status: number) => void
  readonly used: (model: string, used: Used) => void
  /** All of it in Prometheus' text format, with what is in flight now. */
  readonly text: (
    now: ReadonlyArray<{ readonly model: string; readonly inFlight: number; readonly waiting: number }>
  ) => string
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"").replaceAll("\n", "\\n")

const labels = (all: Readonly<Record<string, string>>): string =>
  `{${Object.entries(all).map(([name, value]) => `${name}="${escaped(value)}"`).join(",")}}`

const metrics = {
  requests_total: ["counter", "requests by route, model and true status"],
  input_tokens_total: ["counter", "tokens read"],
  output_tokens_total: ["counter", "tokens written"],
  cost_dollars_total: ["counter", "US dollars, where known from the server or a price list"],
  uncounted_total: ["counter", "responses whose tokens no server reported"],
  unpriced_total: ["counter", "responses whose cost is unknown"],
  in_flight: ["gauge", "requests that the server is processing"],
  waiting: ["gauge", "requests that wait in the queue"]
} as const

type Name = keyof typeof metrics

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Ledger => {
  const values = new Map<Name, Map<string, number>>()
  const add = (name: Name, by: Readonly<Record<string, string>>, amount: number): void => {
    const series = values.get(name) ?? new Map<string, number>()
    const key = labels(by)
    series.set(key, (series.get(key) ?? 0) + amount)
    values.set(name, series)
  }
  const lines = (name: Name, series: Iterable<readonly [string, number]>): ReadonlyArray<string> => {
    const [type, help] = metrics[name]
    const full = `inference_endpoints_proxy_${name}`
    return [
      `# HELP ${full} ${help}`,
      `# TYPE ${full} ${type}`,
      ...Array.from(series, ([key, value]) => `${full}${key} ${value}`)
    ]
  }
  return {
    ended: (route, model, status) => add("requests_total", { route, model, status: String(status) }, 1),
    used: (model, { cost, usage: { inputTokens, outputTokens } }) => {
      if (inputTokens === undefined || outputTokens === undefined) add("uncounted_total", { model }, 1)
      add("input_tokens_total", { model }, inputTokens ?? 0)
      add("output_tokens_total", { model }, outputTokens ?? 0)
      if (cost === undefined) add("unpriced_total", { model }, 1)
      else add("cost_dollars_total", { model }, cost)
    },
    text: (now) => {
      const gauge = (name: "in_flight" | "waiting", value: (one: typeof now[number]) => number) =>
        lines(name, now.map((one) => [labels({ model: one.model }), value(one)] as const))
      return [
        ...[...values].flatMap(([name, series]) => lines(name, series)),
        ...gauge("in_flight", ({ inFlight }) => inFlight),
        ...gauge("waiting", ({ waiting }) => waiting),
        ""
      ].join("\n")
    }
  }
}
