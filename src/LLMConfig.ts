/**
 * The configuration of the service as data: it encodes to JSON, without secrets, and decodes again; and a dump of the
 * Python original (distilabel's `InferenceEndpointsLLM`) decodes into the same.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as EndpointConfig from "./endpoint/EndpointConfig.ts"
import { EndpointError, InvalidConfig } from "./endpoint/EndpointError.ts"
import * as GenerationOptions from "./GenerationOptions.ts"
import * as Settings from "./Settings.ts"
import { OutputSpec } from "./structured/OutputSpec.ts"

/**
 * All attributes: those of the endpoint, and
 *
 * - `tokenizerId`, `tokenizerRevision`: the repository whose chat template renders prompts here; then prompts are sent raw.
 * - `chatTemplate`: the text of a template, in place of a repository's.
 * - `useMagpieTemplate`, `magpiePreQueryTemplate` (`llama3`, `qwen2`, or a text of your own): see `Magpie`.
 * - `structuredOutput`, `generationOptions`, and the settings.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LLMConfig = Schema.Struct({
  ...EndpointConfig.EndpointConfig.fields,
  tokenizerId: Schema.optionalKey(Schema.NonEmptyString),
  tokenizerRevision: Schema.optionalKey(Schema.NonEmptyString),
  chatTemplate: Schema.optionalKey(Schema.NonEmptyString),
  useMagpieTemplate: Schema.optionalKey(Schema.Boolean),
  magpiePreQueryTemplate: Schema.optionalKey(Schema.String),
  structuredOutput: Schema.optionalKey(OutputSpec),
  generationOptions: Schema.optionalKey(GenerationOptions.GenerationOptions),
  ...Settings.Settings.fields
})

/**
 * @category models
 * @since 0.1.0
 */
export type LLMConfig = typeof LLMConfig.Type

const codec = Schema.toCodecJson(LLMConfig)

/**
 * Configuration → JSON. The token is no part of it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (config: LLMConfig): Schema.Json => Schema.encodeSync(codec)(config)

const invalid = (problem: string) =>
  new EndpointError({ method: "config", reason: new InvalidConfig({ problem, given: [] }) })

const decodeCodec = Schema.decodeUnknownEffect(codec)

/**
 * JSON → configuration. Fails with `InvalidConfig` and the path of what is wrong.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (json: unknown): Effect.Effect<LLMConfig, EndpointError> =>
  Effect.mapError(decodeCodec(json), (error) => invalid(error.message))

/** The original's names of sampling options. */
const pythonOptions: { readonly [name: string]: GenerationOptions.Name } = {
  max_new_tokens: "maxNewTokens",
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  typical_p: "typicalP",
  repetition_penalty: "repetitionPenalty",
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  logit_bias: "logitBias",
  seed: "seed",
  stop_sequences: "stopSequences",
  do_sample: "doSample",
  return_full_text: "returnFullText",
  watermark: "watermark",
  logprobs: "logprobs",
  top_logprobs: "topLogprobs",
  tools: "tools",
  tool_choice: "toolChoice",
  tool_prompt: "toolPrompt"
}

const pythonAttributes: { readonly [name: string]: keyof LLMConfig } = {
  model_id: "modelId",
  endpoint_name: "endpointName",
  endpoint_namespace: "endpointNamespace",
  base_url: "baseUrl",
  tokenizer_id: "tokenizerId",
  model_display_name: "modelDisplayName",
  use_magpie_template: "useMagpieTemplate",
  magpie_pre_query_template: "magpiePreQueryTemplate"
}

const Dump = Schema.Record(Schema.String, Schema.Json)
const isRecord = (value: unknown): value is Schema.JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const renamed = (
  source: Schema.JsonObject,
  names: { readonly [name: string]: string }
): Record<string, Schema.Json> => {
  const target: Record<string, Schema.Json> = {}
  for (const [name, value] of Object.entries(source)) {
    const attribute = names[name]
    // Python dumps every attribute, null where it is not set
    if (attribute !== undefined && value !== null) target[attribute] = value
  }
  return target
}

/**
 * A dump of the Python original → configuration. Attributes without a counterpart here (`jobs_ids`,
 * `use_offline_batch_generation`, `type_info`, a masked `api_key`, …) are left out; `generation_kwargs.num_generations`
 * and an unknown option are errors, since dropping them would change what is generated.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodePython = Effect.fnUntraced(function*(dump: unknown): Effect.fn.Return<LLMConfig, EndpointError> {
  const source = yield* Effect.mapError(Schema.decodeUnknownEffect(Dump)(dump), (error) => invalid(error.message))
  const kwargs = isRecord(source["generation_kwargs"]) ? source["generation_kwargs"] : {}
  const { num_generations: numGenerations, ...sampling } = kwargs
  const unknown = Object.entries(sampling).filter(([name, value]) =>
    value !== null && !Object.hasOwn(pythonOptions, name)
  )
  if (unknown.length > 0) {
    return yield* invalid(
      `generation_kwargs has options that are not known: ${unknown.map(([name]) => name).join(", ")}`
    )
  }
  const spec = source["structured_output"]
  return yield* decode({
    ...renamed(source, pythonAttributes),
    ...(Object.keys(sampling).length > 0 && { generationOptions: renamed(sampling, pythonOptions) }),
    ...(typeof numGenerations === "number" && { numGenerations }),
    ...(isRecord(spec) && {
      structuredOutput: renamed(spec, { format: "format", schema: "schema", whitespace_pattern: "whitespacePattern" })
    })
  })
})
