import * as Schema from "effect/Schema"

/**
 * The engines whose dialects are spoken. `router` is Hugging Face's serverless router, `openai` the plain dialect for
 * everything that could not be told apart.
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.Literals(["tgi", "vllm", "sglang", "llamacpp", "router", "openai"])

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type
