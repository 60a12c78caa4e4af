/**
 * The native routes of TGI: `POST /`, `/generate`, `/generate_stream` and `/tokenize`.
 *
 * Reading is tolerant of what TGI 1.x to 3.x leave out or send as null, and strict about the types that a reader relies
 * on. `seed` is a u64: as a JSON number it would lose digits above 2^53, so `parse` keeps such a seed as its digits.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Guard from "./Guard.ts"

const optional = <S extends Schema.Top>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * A grammar that constrains the whole response. The payload key is always `value`: the OpenAI form is a 422 on TGI.
 *
 * @category models
 * @since 0.1.0
 */
export const Grammar = Schema.Struct({
  type: Schema.Literals(["json", "json_object", "json_schema", "regex"]),
  value: Schema.Unknown
})

/**
 * @category models
 * @since 0.1.0
 */
export type Grammar = typeof Grammar.Type

/**
 * Sampling and limits as TGI reads them. Absent means "not set"; null is refused for some fields, so unset fields are
 * left out. A `seed` above 2^53 is a bigint.
 *
 * @category models
 * @since 0.1.0
 */
export const Parameters = Schema.Struct({
  best_of: Schema.optionalKey(Schema.Number),
  temperature: Schema.optionalKey(Schema.Number),
  repetition_penalty: Schema.optionalKey(Schema.Number),
  frequency_penalty: Schema.optionalKey(Schema.Number),
  top_k: Schema.optionalKey(Schema.Number),
  top_p: Schema.optionalKey(Schema.Number),
  typical_p: Schema.optionalKey(Schema.Number),
  do_sample: Schema.optionalKey(Schema.Boolean),
  max_new_tokens: Schema.optionalKey(Schema.Number),
  return_full_text: Schema.optionalKey(Schema.Boolean),
  stop: Schema.optionalKey(Schema.Array(Schema.String)),
  truncate: Schema.optionalKey(Schema.Number),
  watermark: Schema.optionalKey(Schema.Boolean),
  details: Schema.optionalKey(Schema.Boolean),
  decoder_input_details: Schema.optionalKey(Schema.Boolean),
  seed: Schema.optionalKey(Schema.Union([Schema.Number, Schema.BigInt])),
  top_n_tokens: Schema.optionalKey(Schema.Number),
  grammar: Schema.optionalKey(Grammar),
  adapter_id: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Parameters = typeof Parameters.Type

/**
 * A native request. `stream` is read on `POST /` alone. `parameters` may be absent but not null; when it is absent TGI
 * samples, when it is present `do_sample` is false unless set.
 *
 * @category models
 * @since 0.1.0
 */
export const Request = Schema.Struct({
  inputs: Schema.String,
  parameters: Schema.optionalKey(Parameters),
  stream: Schema.optionalKey(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Request = typeof Request.Type

/**
 * One generated token. `logprob` is null where the server's float was NaN or infinite; `text` may be empty when a token
 * ends inside a character.
 *
 * @category models
 * @since 0.1.0
 */
export const Token = Schema.Struct({
  id: Schema.Number,
  text: Schema.String,
  logprob: optional(Schema.Number),
  special: optional(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Token = typeof Token.Type

/**
 * One token of the prompt; the first has no logprob.
 *
 * @category models
 * @since 0.1.0
 */
export const PrefillToken = Schema.Struct({
  id: Schema.Number,
  text: Schema.String,
  logprob: optional(Schema.Number)
})

/**
 * @category models
 * @since 0.1.0
 */
export type PrefillToken = typeof PrefillToken.Type

/** A u64: a number, or its decimal digits when a number would lose some of them (see `parse`). */
const Seed = optional(Schema.Union([Schema.Number, Schema.String]))

const sequence = {
  finish_reason: Schema.String,
  generated_tokens: Schema.Number,
  seed: Seed,
  prefill: optional(Schema.Array(PrefillToken)),
  tokens: optional(Schema.Array(Token)),
  top_tokens: optional(Schema.Array(Schema.Array(Token)))
}

/**
 * A losing candidate of `best_of`.
 *
 * @category models
 * @since 0.1.0
 */
export const BestOfSequence = Schema.Struct({ generated_text: Schema.String, ...sequence })

/**
 * @category models
 * @since 0.1.0
 */
export type BestOfSequence = typeof BestOfSequence.Type

/**
 * How a generation ended and its tokens; present when `details` or `decoder_input_details` was requested.
 *
 * @category models
 * @since 0.1.0
 */
export const Details = Schema.Struct({ ...sequence, best_of_sequences: optional(Schema.Array(BestOfSequence)) })

/**
 * @category models
 * @since 0.1.0
 */
export type Details = typeof Details.Type

/**
 * A whole response of `/generate`; `POST /` wraps it in an array of one.
 *
 * @category models
 * @since 0.1.0
 */
export const Response = Schema.Struct({ generated_text: Schema.String, details: optional(Details) })

/**
 * @category models
 * @since 0.1.0
 */
export type Response = typeof Response.Type

/**
 * The details of the last stream event. `input_length` exists since TGI 2.3.
 *
 * @category models
 * @since 0.1.0
 */
export const StreamDetails = Schema.Struct({
  finish_reason: Schema.String,
  generated_tokens: Schema.Number,
  seed: Seed,
  input_length: optional(Schema.Number)
})

/**
 * @category models
 * @since 0.1.0
 */
export type StreamDetails = typeof StreamDetails.Type

/**
 * One stream event: one token. The last one is recognised by `generated_text`, which is the complete text and may be empty.
 *
 * @category models
 * @since 0.1.0
 */
export const Frame = Schema.Struct({
  token: Token,
  index: optional(Schema.Number),
  top_tokens: optional(Schema.Array(Token)),
  generated_text: optional(Schema.String),
  details: optional(StreamDetails),
  error: Schema.optional(Schema.Unknown)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Frame = typeof Frame.Type

/**
 * The compiled check of a stream event.
 *
 * @category guards
 * @since 0.1.0
 */
export const frame: Guard.Guard<Frame> = /*#__PURE__*/ Guard.make(Frame)

/**
 * The compiled check of a whole response.
 *
 * @category guards
 * @since 0.1.0
 */
export const response: Guard.Guard<Response> = /*#__PURE__*/ Guard.make(Response)

// An unescaped `"seed":` can only be a key: inside a JSON string its quotes are escaped.
const longSeed = /"seed":\s*(\d{16,20})(?=\s*[,}])/g

/**
 * Quotes the seeds of a JSON text that a number could not hold, so that `JSON.parse` keeps all their digits.
 *
 * @category decoding
 * @since 0.1.0
 */
export const quoteSeeds = (json: string): string => json.replace(longSeed, `"seed":"$1"`)

/**
 * Whether `JSON.parse` may have rounded a seed of a response or of its last event, which is then read once more with
 * `quoteSeeds`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const hasRoundedSeed = ({ details }: Response | Frame): boolean => {
  if (details === undefined || details === null) return false
  if (isRounded(details.seed)) return true
  const others = "best_of_sequences" in details ? details.best_of_sequences : undefined
  return others?.some(({ seed }) => isRounded(seed)) ?? false
}

const isRounded = (seed: number | string | null | undefined): boolean =>
  typeof seed === "number" && !Number.isSafeInteger(seed)

/**
 * A seed as callers hold it: a number where that is exact, else a bigint.
 *
 * @category decoding
 * @since 0.1.0
 */
export const seed = (wire: number | string | null | undefined): number | bigint | undefined => {
  if (wire === null || wire === undefined) return undefined
  if (typeof wire === "number") return wire
  if (!/^\d{1,20}$/.test(wire)) return undefined
  const exact = BigInt(wire)
  return exact <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(exact) : exact
}
