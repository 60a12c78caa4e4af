/**
 * The legacy completions route `POST /v1/completions`: a rendered prompt in, text out. TGI and every other engine have it.
 *
 * TGI returns the choices of several prompts in the order in which they finished, its ordinary stream events say
 * `finish_reason: ""`, and the event that ends a prompt includes the text of the end token.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Logprob, Usage } from "./ChatCompletion.ts"
import * as Guard from "./Guard.ts"

const optional = <S extends Schema.Top>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * A completions request. Fields of one engine are added by its dialect, so unknown keys stay.
 *
 * @category models
 * @since 0.1.0
 */
export const Request = Schema.StructWithRest(
  Schema.Struct({
    model: Schema.optionalKey(Schema.String),
    prompt: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
    max_tokens: Schema.optionalKey(Schema.Number),
    temperature: Schema.optionalKey(Schema.Number),
    top_p: Schema.optionalKey(Schema.Number),
    repetition_penalty: Schema.optionalKey(Schema.Number),
    frequency_penalty: Schema.optionalKey(Schema.Number),
    seed: Schema.optionalKey(Schema.Union([Schema.Number, Schema.BigInt])),
    stop: Schema.optionalKey(Schema.Array(Schema.String)),
    stream: Schema.optionalKey(Schema.Boolean)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/**
 * @category models
 * @since 0.1.0
 */
export type Request = typeof Request.Type

/**
 * A whole response and a stream event have one shape: choices with the new text. `usage` is absent on ordinary events.
 *
 * @category models
 * @since 0.1.0
 */
export const Response = Schema.Struct({
  choices: optional(Schema.Array(Schema.Struct({
    index: optional(Schema.Number),
    text: optional(Schema.String),
    logprobs: optional(Schema.Struct({
      tokens: optional(Schema.Array(Schema.String)),
      token_logprobs: optional(Schema.Array(Schema.NullOr(Schema.Number))),
      top_logprobs: optional(Schema.Array(Schema.NullOr(Schema.Record(Schema.String, Schema.NullOr(Schema.Number))))),
      // llama.cpp, as on its chat route
      content: optional(Schema.Array(Logprob))
    })),
    finish_reason: optional(Schema.String)
  }))),
  id: optional(Schema.String),
  model: optional(Schema.String),
  system_fingerprint: optional(Schema.String),
  usage: optional(Usage),
  error: Schema.optional(Schema.Unknown)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Response = typeof Response.Type

/**
 * The compiled check of a response or a stream event.
 *
 * @category guards
 * @since 0.1.0
 */
export const response: Guard.Guard<Response> = /*#__PURE__*/ Guard.make(Response)
