/**
 * What a server says about itself: `GET /info` and `GET /v1/models`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Top>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * `GET /info` of TGI. All but `model_id` may be missing: the fields changed with the versions (`max_input_length` was
 * renamed `max_input_tokens` in 2.1). TEI answers the same route without `router` and with `model_type`.
 *
 * @category models
 * @since 0.1.0
 */
export const Info = Schema.Struct({
  model_id: Schema.String,
  model_sha: optional(Schema.String),
  model_pipeline_tag: optional(Schema.String),
  model_type: Schema.optional(Schema.Unknown),
  max_concurrent_requests: optional(Schema.Number),
  max_best_of: optional(Schema.Number),
  max_stop_sequences: optional(Schema.Number),
  max_input_tokens: optional(Schema.Number),
  max_input_length: optional(Schema.Number),
  max_total_tokens: optional(Schema.Number),
  validation_workers: optional(Schema.Number),
  max_client_batch_size: optional(Schema.Number),
  router: optional(Schema.String),
  version: optional(Schema.String),
  sha: optional(Schema.String),
  docker_label: optional(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Info = typeof Info.Type

/**
 * `GET /v1/models`. `owned_by` identifies the engine: TGI repeats the id, vLLM, SGLang and llama.cpp say their names.
 *
 * @category models
 * @since 0.1.0
 */
export const Models = Schema.Struct({
  data: Schema.Array(Schema.Struct({
    id: Schema.String,
    owned_by: optional(Schema.String),
    created: optional(Schema.Number),
    root: optional(Schema.String),
    max_model_len: optional(Schema.Number)
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Models = typeof Models.Type
