/**
 * TGI's checks of one generation, in its order and with its texts: the first that fails is the one reported.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import * as Reply from "../wire/Reply.ts"
import * as Images from "./Images.ts"
import type { Parameters } from "./NativeRequest.ts"

/** Tokens generated before prompt and response are checked against the limits again. @category constants @since 0.1.0 */
export const slice = 1024

/** @category constructors @since 0.1.0 */
export const invalid = (message: string): Reply.Failure =>
  Reply.failure(422, `Input validation error: ${message}`, "validation")

const samples = (parameters: Parameters): boolean =>
  parameters.doSample || parameters.temperature !== undefined || parameters.topK !== undefined ||
  parameters.topP !== undefined || parameters.typicalP !== undefined

/**
 * Whether sampling is effectively on, which also decides whether a seed is reported.
 *
 * @category parameters
 * @since 0.1.0
 */
export const sampling = (parameters: Parameters): boolean =>
  parameters.doSample || (parameters.temperature !== undefined && parameters.temperature !== 1) ||
  parameters.topK !== undefined || parameters.topP !== undefined || parameters.typicalP !== undefined

const outside = (value: number | undefined): boolean => value !== undefined && !(value > 0 && value < 1)

const notPositive = (value: number | undefined): boolean => value !== undefined && !(value > 0)

/**
 * The checks that need neither prompt nor tokenizer.
 */
const checkParameters = (settings: Options.Settings, parameters: Parameters): string | undefined => {
  const { frequencyPenalty, topNTokens } = parameters
  const several = (parameters.bestOf ?? 1) > 1
  if (several && !samples(parameters)) return "you must use sampling when `best_of` is > 1"
  if (notPositive(parameters.temperature)) return "`temperature` must be strictly positive"
  if (notPositive(parameters.repetitionPenalty)) return "`repetition_penalty` must be strictly positive"
  if (frequencyPenalty !== undefined && !(frequencyPenalty >= -2 && frequencyPenalty <= 2)) {
    return "`frequency_penalty` must be >= -2.0 and <= 2.0"
  }
  if (outside(parameters.topP)) return "`top_p` must be > 0.0 and < 1.0"
  if (outside(parameters.typicalP)) return "`typical_p` must be > 0.0 and < 1.0"
  if (notPositive(parameters.topK)) return "`top_k` must be strictly positive"
  if (parameters.maxNewTokens === 0) return "`max_new_tokens` must be strictly positive"
  if (parameters.stop.length > settings.maxStopSequences) {
    return `\`stop\` supports up to ${settings.maxStopSequences} stop sequences. Given: ${parameters.stop.length}`
  }
  if (several && parameters.seed !== undefined) return "`seed` must not be set when `best_of` > 1"
  if (topNTokens !== undefined && topNTokens > settings.maxTopNTokens) {
    return `\`top_n_tokens\` must be >= 0 and <= ${settings.maxTopNTokens}. Given: ${topNTokens}`
  }
  return undefined
}

/**
 * The requested number of new tokens; `undefined` is the rest of the context. Before 3.0 the default was 100.
 *
 * @category limits
 * @since 0.1.0
 */
export const wanted = (settings: Options.Settings, parameters: Parameters): number | undefined =>
  parameters.maxNewTokens ?? (Options.since(settings, 3, 0) ? undefined : 100)

/**
 * The number of tokens of a slice when the prompt with everything generated so far has `input` tokens, or the complaint.
 *
 * @category limits
 * @since 0.1.0
 */
export const budget = (
  settings: Options.Settings,
  parameters: Parameters,
  input: number
): { readonly tokens: number } | { readonly error: string } => {
  const asked = wanted(settings, parameters) ?? Math.max(0, settings.maxTotalTokens - input)
  const sliced = parameters.maxNewTokens === undefined || Options.since(settings, 3, 1, 1)
  const tokens = sliced ? Math.min(asked, slice) : asked
  if (input + tokens > settings.maxTotalTokens) {
    const given = `Given: ${input} \`inputs\` tokens and ${tokens} \`max_new_tokens\``
    return { error: `\`inputs\` tokens + \`max_new_tokens\` must be <= ${settings.maxTotalTokens}. ${given}` }
  }
  if (input > settings.maxInputTokens) {
    return { error: `\`inputs\` must have less than ${settings.maxInputTokens} tokens. Given: ${input}` }
  }
  return { tokens }
}

/**
 * A prompt and parameters that passed, measured.
 *
 * @category models
 * @since 0.1.0
 */
export interface Valid {
  readonly _tag: "Valid"
  readonly inputLength: number
  readonly tokens: number
}

/**
 * Rows 1 to 17 of the order of checks. `special` counts the beginning-of-sequence token, as every route but chat does.
 *
 * @category checking
 * @since 0.1.0
 */
export const check = (
  settings: Options.Settings,
  prompt: string,
  parameters: Parameters,
  special: boolean
): Valid | Reply.Failure => {
  const error = checkParameters(settings, parameters)
  if (error !== undefined) return invalid(error)
  if (prompt === "") return invalid("`inputs` cannot be empty")
  const { truncate } = parameters
  if (truncate !== undefined && (truncate === 0 || truncate > settings.maxInputTokens)) {
    const limit = settings.maxInputTokens
    return invalid(`\`truncate\` must be strictly positive and less than ${limit}. Given: ${truncate}`)
  }
  const images = settings.multimodal ? Images.read(prompt) : { text: prompt, count: 0 }
  if ("error" in images) return invalid(images.error)
  const length = Tokenizer.count(images.text) + images.count * Images.tokensPerImage + (special ? 1 : 0)
  const inputLength = truncate === undefined ? length : Math.min(length, truncate)
  const limit = budget(settings, parameters, inputLength)
  return "error" in limit ? invalid(limit.error) : { _tag: "Valid", inputLength, tokens: limit.tokens }
}
