/**
 * The routes that decide: `POST /v1/decisions` in OpenAI's form (vLLM since 0.33, SGLang), and `POST /v1/systemone`
 * (`transformers serve`, vLLM since 0.32).
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

const Usage = Schema.Struct({ input_tokens: optional(Schema.Finite), output_tokens: optional(Schema.Finite) })

/** The answer to a choice. A refusal has a `type` alone. */
const Choice = {
  type: optional(Schema.String),
  choice: Schema.optional(Schema.Unknown),
  confidence: optional(Schema.Finite),
  /** The total probability of all labels, if the engine reports it. */
  label_mass: optional(Schema.Finite)
}

/**
 * The response of `/v1/decisions`: answers in the order of the questions.
 *
 * @category models
 * @since 0.2.0
 */
export const Decisions = Schema.Struct({
  model: optional(Schema.String),
  answers: Schema.Array(Schema.Struct({
    ...Choice,
    probabilities: optional(Schema.Array(Schema.Struct({ value: Schema.Unknown, probability: Schema.Finite })))
  })),
  usage: optional(Usage)
})

/**
 * The response of `/v1/systemone`: answers under the names of the questions.
 *
 * @category models
 * @since 0.2.0
 */
export const SystemOne = Schema.Struct({
  model: optional(Schema.String),
  answers: Schema.Record(
    Schema.String,
    Schema.Struct({ ...Choice, probabilities: optional(Schema.Record(Schema.String, Schema.Finite)) })
  ),
  usage: optional(Usage)
})
