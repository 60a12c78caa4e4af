/**
 * The effects of options on a text. The simulator has no logits, so an option that would change them changes which text is
 * drawn, and one that leaves only the likeliest token makes the text the same every time. Only what the engine reads has an
 * effect.
 *
 * @since 0.2.0
 */
import type { Turn } from "./Turn.ts"

const penalties = ["frequency_penalty", "presence_penalty"]

/** The options that each engine reads, by route where that matters. */
const read = ({ request: { path }, settings: { engine } }: Turn): ReadonlyArray<string> => {
  switch (engine) {
    case "tgi":
      return path.startsWith("/v1/")
        ? ["top_p", ...penalties]
        : ["top_p", "top_k", "typical_p", "repetition_penalty", "frequency_penalty", "watermark", "truncate"]
    case "vllm":
      return ["top_p", "top_k", "min_p", "repetition_penalty", "logit_bias", "truncate_prompt_tokens", ...penalties]
    case "sglang":
      return ["top_p", "top_k", "min_p", "repetition_penalty", "logit_bias", ...penalties]
    case "llamacpp":
      return ["top_p", "top_k", "min_p", "typical_p", "repeat_penalty", "logit_bias", ...penalties]
    case "transformers":
      return ["top_p", "frequency_penalty"]
    default:
      return ["top_p"]
  }
}

/** What changes a text besides penalties. */
const bending: ReadonlySet<string> = new Set(["watermark", "logit_bias", "truncate", "truncate_prompt_tokens"])

/** So close to 0 that only the likeliest token is left. */
const isCold = (temperature: unknown): boolean => typeof temperature === "number" && temperature < 0.05

const off: Readonly<Record<string, number>> = { repetition_penalty: 1, repeat_penalty: 1 }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The effect of the options of a request.
 *
 * @category models
 * @since 0.2.0
 */
export interface Effects {
  /** Whether only the likeliest token is left, so that nothing is drawn. */
  readonly isGreedy: boolean
  /** The options that change the text, joined into a string; empty if none does. */
  readonly salt: string
}

const none: Effects = { isGreedy: false, salt: "" }

/** @category constructors @since 0.2.0 */
export const of = (turn: Turn): Effects => {
  const { json } = turn.request
  if (!isObject(json)) return none
  const options = isObject(json["parameters"]) ? json["parameters"] : json
  const known = read(turn)
  const number = (name: string): number | undefined => {
    const value = options[name]
    return known.includes(name) && typeof value === "number" ? value : undefined
  }
  const bent = known.filter((name) => name.endsWith("penalty") || bending.has(name))
    .flatMap((name) => {
      const value = options[name]
      return value === undefined || value === null || value === false || value === (off[name] ?? 0) ||
          (isObject(value) && Object.keys(value).length === 0)
        ? []
        : [`${name}=${JSON.stringify(value)}`]
    })
  return {
    isGreedy: number("top_k") === 1 || (number("top_p") ?? 1) < 0.01 || (number("min_p") ?? 0) === 1 ||
      (number("typical_p") ?? 1) < 0.01 || isCold(options["temperature"]),
    salt: bent.join()
  }
}
