/**
 * SGLang's checks of the parameters of a generation.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"

/** @category models @since 0.2.0 */
export interface Sampling {
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly topK: number | undefined
  readonly minP: number | undefined
  readonly frequency: number | undefined
  readonly presence: number | undefined
  readonly repetition: number | undefined
  readonly minTokens: number | undefined
  readonly biases: Pydantic.Body | undefined
  readonly seed: unknown
  readonly stop: ReadonlyArray<string>
}

const most = 2_000_000_000

/** SGLang's checks of the parameters of a generation, in its order. @category checks @since 0.2.0 */
export const verify = (
  sampling: Sampling,
  maxTokens: number | undefined,
  seedText: string | undefined,
  asGiven = false
): string | undefined => {
  const float = asGiven ? String : floatOf
  const { biases: map, frequency = 0, minP = 0, minTokens = 0, presence = 0, repetition = 1, topK = -1, topP = 1 } =
    sampling
  const temperature = sampling.temperature ?? 1
  if (!Number.isFinite(temperature) || temperature < 0) {
    return `temperature must be a non-negative finite number, got ${float(temperature)}.`
  }
  if (!(topP > 0 && topP <= 1)) return `top_p must be in (0, 1], got ${float(topP)}.`
  if (!(minP >= 0 && minP <= 1)) return `min_p must be in [0, 1], got ${float(minP)}.`
  // a temperature of 0 takes the likeliest token, whatever else is asked
  if (temperature !== 0 && topK !== -1 && topK < 1) return `top_k must be -1 (disable) or at least 1, got ${topK}.`
  if (!(frequency >= -2 && frequency <= 2)) return `frequency_penalty must be in [-2, 2], got ${float(frequency)}.`
  if (!(presence >= -2 && presence <= 2)) return `presence_penalty must be in [-2, 2], got ${float(presence)}.`
  if (!(repetition > 0 && repetition <= 2)) {
    return `repetition_penalty must be in (0, 2] (1.0 = no penalty), got ${float(repetition)}.`
  }
  if (minTokens < 0) return `min_new_tokens must be in [0, max_new_tokens], got ${minTokens}.`
  if (maxTokens !== undefined && maxTokens < 0) return `max_new_tokens must be at least 0, got ${maxTokens}.`
  if (minTokens > (maxTokens ?? most)) {
    return `min_new_tokens must be in [0, max_new_tokens(${maxTokens})], got ${minTokens}.`
  }
  const outside = Object.keys(map ?? {}).find((key) => !(Number(key) >= 0 && Number(key) < Tokenizer.vocabulary))
  if (outside !== undefined) {
    return /^-?\d+$/.test(outside)
      ? `logit_bias must has keys in [0, ${Tokenizer.vocabulary - 1}], got ${outside}.`
      : `invalid literal for int() with base 10: '${outside}'`
  }
  const seed = seedText === undefined ? undefined : BigInt(seedText)
  return seed !== undefined && BigInt.asIntN(64, seed) !== seed
    ? `sampling_seed must be in [-2**63, 2**63 - 1], got ${seedText}.`
    : undefined
}

/** A float as Python prints it. */
const floatOf = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : String(value)

/** The seed as it was written, where it is a whole number. @category checks @since 0.2.0 */
export const seedText = (text: string, seed: unknown): string | undefined =>
  seed === undefined || seed === null ? undefined : /"seed"\s*:\s*"?(-?\d+)/.exec(text)?.[1]

/** A seed that is not an integer of 64 bits, with a sign or without: it was read as a float. @category checks @since 0.2.0 */
export const oversized = (written: string | undefined): ReadonlyArray<Pydantic.Problem> => {
  if (written === undefined || (BigInt(written) < 2n ** 64n && BigInt(written) >= -(2n ** 63n))) return []
  return [{
    type: "int_parsing_size",
    loc: ["body", "seed"],
    msg: "Unable to parse input string as an integer, exceeded maximum size",
    input: Pydantic.verbatim(Number(written).toExponential())
  }]
}
