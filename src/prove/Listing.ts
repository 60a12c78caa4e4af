/**
 * Whether a response lists what was requested: log probabilities, alternatives, candidates, the tokens of the prompt; and
 * whether a token can be forbidden.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import { HOT, type Lab } from "./Lab.ts"
import { type Found, found, judged, type Measure, same, sent } from "./Measure.ts"

const first = (tokens: Generation.Generation["tokens"]) => tokens?.[0]

/** Reads the one request for everything that can be listed, if it shows the result; otherwise sends one of its own. */
const shown = (
  name: "logprobs" | "topLogprobs" | "topNTokens" | "decoderInputDetails",
  options: GenerationOptions,
  judge: (generation: Generation.Generation) => Found
): Measure =>
  Effect.fnUntraced(function*(lab) {
    if (lab.rules?.[name]._tag === "Sent") {
      const found = judged(yield* lab.listing, judge)
      if (found.outcome === "honoured") return found
    }
    return judged(yield* sent(lab, { temperature: 0, ...options }), judge)
  })

/**
 * The number of alternatives at the first place.
 *
 * @category measures
 * @since 0.2.0
 */
export const listed = (name: "topLogprobs" | "topNTokens", count: number): Measure =>
  shown(name, { [name]: count }, ({ tokens }) => {
    const top = first(tokens)?.top ?? []
    return tokens === undefined || top.length < count
      ? found("dropped", `${count} alternatives were requested, but ${top.length} were listed`)
      : found("honoured", `${top.length} alternatives at the first place`)
  })

/**
 * Log probabilities that are numbers, and not invented.
 *
 * @category measures
 * @since 0.2.0
 */
export const probabilities: Measure = shown("logprobs", { logprobs: true }, ({ tokens = [] }) => {
  const told = tokens.flatMap(({ logprob }) => logprob === undefined ? [] : [logprob])
  if (told.length === 0) return found("dropped", "none were reported")
  const wrong = told.find((logprob) => logprob > 1e-6)
  if (wrong !== undefined) return found("dropped", `${wrong} is not a log probability`)
  return told.length >= 4 && new Set(told).size === 1
    ? found("dropped", `all ${told.length} tokens have ${told[0]}: they are invented`)
    : found("honoured", `of ${told.length} tokens`)
})

/**
 * The token that the likeliest text begins with is forbidden, by its id in the server's own tokenizer.
 *
 * @category measures
 * @since 0.2.0
 */
export const bias: Measure = Effect.fnUntraced(function*(lab) {
  const plain = yield* lab.greedy
  if (Result.isFailure(plain)) return found("refused", plain.failure)
  const listing = yield* lab.listing
  const told = Result.isSuccess(listing) ? listing : yield* sent(lab, { temperature: 0, logprobs: true })
  const begins = Result.isSuccess(told) ? first(told.success.tokens)?.text : undefined
  const word = begins ?? plain.success.text.match(/^\s*\S+/)?.[0] ?? ""
  if (word === "") return found("unclear", "the likeliest text is empty, and no token of it can be forbidden")
  const ids = yield* idsOf(lab, word)
  const [id] = ids
  if (id === undefined) return found("unclear", "the server's tokenizer could not be asked for the id of a token")
  const bent = yield* sent(lab, { temperature: 0, logitBias: { [id]: -100 } })
  return judged(bent, (bent) =>
    !same(plain.success, bent)
      ? found("honoured", "the forbidden token was not written")
      : ids.length > 1
      ? found("unclear", "a token was forbidden, but it is not known whether the text begins with it")
      : found("dropped", "the forbidden token was written all the same"))
})

const idsOf = (lab: Lab, word: string): Effect.Effect<ReadonlyArray<number>, GenerateError> =>
  Effect.map(Effect.result(lab.llm.request("/tokenize", tokenizing(lab, word), Anything)), (told) => {
    const value = Result.isSuccess(told) ? told.success : undefined
    const tokens: unknown = Array.isArray(value) ? value : member(value, "tokens")
    const list: ReadonlyArray<unknown> = Array.isArray(tokens) ? tokens : []
    return list.map((token) => typeof token === "object" ? member(token, "id") : token).filter((id) =>
      typeof id === "number"
    )
  })

const tokenizing = ({ about: { engine, model, served } }: Lab, word: string) =>
  engine === "llamacpp"
    ? { content: word }
    : engine === "tgi"
    ? { inputs: word }
    : { model: served ?? model, prompt: word, add_special_tokens: false }

const Anything: Schema.Codec<unknown, unknown> = Schema.Unknown

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/**
 * The candidates besides the best one.
 *
 * @category measures
 * @since 0.2.0
 */
export const candidates: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: HOT, bestOf: 2 }),
    (answer) =>
      judged(answer, ({ bestOf = [] }) =>
        bestOf.length > 0
          ? found("honoured", `the best of ${bestOf.length + 1}`)
          : found("dropped", "the response lists no other candidate"))
  )

/**
 * The tokens of the prompt.
 *
 * @category measures
 * @since 0.2.0
 */
export const prefilled: Measure = shown(
  "decoderInputDetails",
  { decoderInputDetails: true },
  ({ prefill = [] }) =>
    prefill.length > 0
      ? found("honoured", `${prefill.length} tokens of the prompt`)
      : found(
        "unclear",
        "the tokens of the prompt are not listed; a server may have to be started with an option for that"
      )
)
