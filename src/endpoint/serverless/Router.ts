/**
 * What the serverless router publishes about a model: who serves it, at what price, with which abilities.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * One provider's offer.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Offer = Schema.Struct({
  provider: Schema.String,
  /** `live`, `staging` or `error`; others may be added. */
  status: Schema.Union([Schema.Literals(["live", "staging", "error"]), Schema.String]),
  /** Tokens of prompt and response together. */
  contextLength: optional(Schema.Finite),
  /** USD per million tokens. */
  pricing: optional(Schema.Struct({ input: Schema.Finite, output: Schema.Finite })),
  isFree: optional(Schema.Boolean),
  supportsTools: optional(Schema.Boolean),
  supportsStructuredOutput: optional(Schema.Boolean),
  firstTokenLatencyMs: optional(Schema.Finite),
  /** Tokens per second. */
  throughput: optional(Schema.Finite),
  isModelAuthor: optional(Schema.Boolean)
}).pipe(Schema.encodeKeys({
  contextLength: "context_length",
  isFree: "is_free",
  supportsTools: "supports_tools",
  supportsStructuredOutput: "supports_structured_output",
  firstTokenLatencyMs: "first_token_latency_ms",
  isModelAuthor: "is_model_author"
}))

/**
 * @category models
 * @since 0.1.0
 */
export type Offer = typeof Offer.Type

const Entry = Schema.Struct({ id: Schema.String, providers: Schema.Array(Offer) })

/**
 * `GET /v1/models/{id}`: the entry alone, or wrapped in `data` as one or as a list.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Listing = Schema.Union([
  Entry,
  Schema.Struct({ data: Schema.Union([Entry, Schema.Array(Entry)]) })
])

/**
 * The entry of a listing that is about a model.
 *
 * @category reading
 * @since 0.1.0
 */
export const entry = (listing: typeof Listing.Type, id: string): typeof Entry.Type | undefined => {
  if (!("data" in listing)) return listing
  return "id" in listing.data ? listing.data : listing.data.find((item) => item.id.toLowerCase() === id.toLowerCase())
}
