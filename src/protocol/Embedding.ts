/**
 * The routes that embed: `POST /v1/embeddings` of TEI, vLLM, SGLang and llama.cpp, and TEI's own `POST /embed`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * One vector.
 *
 * @category models
 * @since 0.1.0
 */
export const Vector = Schema.mutable(Schema.Array(Schema.Finite))

/**
 * The response of `/embed`: a vector per text, in their order.
 *
 * @category models
 * @since 0.1.0
 */
export const Vectors = Schema.mutable(Schema.Array(Vector))

/**
 * The response of `/v1/embeddings`: vectors with their index, in any order.
 *
 * @category models
 * @since 0.1.0
 */
export const Response = Schema.Struct({
  data: Schema.Array(Schema.Struct({ index: Schema.Finite, embedding: Vector })),
  usage: Schema.optional(Schema.NullOr(Schema.Struct({ prompt_tokens: Schema.Finite })))
})
