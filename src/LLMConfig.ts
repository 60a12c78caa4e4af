/**
 * The configuration of the service as data: it encodes to JSON, without secrets, and decodes again. A dump of the Python
 * original (distilabel's `InferenceEndpointsLLM`) decodes into the same.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EndpointConfig from "./endpoint/EndpointConfig.ts"
import { EndpointError, InvalidConfig } from "./endpoint/EndpointError.ts"
import * as GenerationOptions from "./GenerationOptions.ts"
import * as PythonDump from "./PythonDump.ts"
import * as Settings from "./Settings.ts"
import { OutputSpec } from "./structured/OutputSpec.ts"

/** An attribute with its description for help texts, docs and tools. */
const attribute = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema).annotate({ description })

/**
 * All attributes: those of the endpoint, the settings, and those that say how prompts are made and results are shaped. The
 * description of each field says what it means.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LLMConfig = Schema.Struct({
  ...EndpointConfig.EndpointConfig.fields,
  tokenizerId: attribute(
    Schema.NonEmptyString,
    "The repository whose chat template renders prompts here; they are then sent raw."
  ),
  tokenizerRevision: attribute(Schema.NonEmptyString, "The revision of that repository. Default `main`."),
  chatTemplate: attribute(Schema.NonEmptyString, "The text of a chat template, instead of a repository's."),
  useMagpieTemplate: attribute(
    Schema.Boolean,
    "Lets the model write the user's message, as Magpie does (default false). Needs `tokenizerId` and " +
      "`magpiePreQueryTemplate`."
  ),
  magpiePreQueryTemplate: attribute(
    Schema.String,
    "What precedes a user's message in the template: `llama3`, `qwen2`, or your own text."
  ),
  structuredOutput: attribute(
    OutputSpec,
    "What the text of every generation must look like: a JSON Schema or a regex."
  ),
  generationOptions: attribute(
    GenerationOptions.GenerationOptions,
    "The sampling options of every call that does not set its own."
  ),
  ...Settings.Settings.fields
})

/**
 * @category models
 * @since 0.1.0
 */
export type LLMConfig = typeof LLMConfig.Type

const codec = Schema.toCodecJson(LLMConfig)

/**
 * Configuration → JSON. The token is not part of it.
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

const isObject = Schema.is(Schema.Record(Schema.String, Schema.Json))

/**
 * A dump of the Python original → configuration: its own, or that of a whole pipeline (`pipeline.yaml`) with one such model
 * in it. Attributes without a counterpart here (`jobs_ids`, `use_offline_batch_generation`, a masked `api_key`, …) are left
 * out; an unknown option is an error, since dropping it would change what is generated, and so is anything that is not such
 * a dump. A temperature of exactly 1 without `do_sample` is greedy with a tokenizer, as it is there.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodePython = Effect.fnUntraced(function*(dump: unknown): Effect.fn.Return<LLMConfig, EndpointError> {
  if (!isObject(dump)) return yield* invalid("this is not a dump of InferenceEndpointsLLM: it is not an object")
  const config = PythonDump.toConfig(dump)
  return Result.isSuccess(config) ? yield* decode(config.success) : yield* invalid(config.failure)
})

/**
 * `decodePython` of a text, in YAML or JSON.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { InferenceEndpointsLLM, LLMConfig } from "effect-inference-endpoints"
 *
 * // a distilabel pipeline.yaml, or the JSON of its LLM
 * const layerOf = (yaml: string) => Effect.map(LLMConfig.decodePythonText(yaml), InferenceEndpointsLLM.make)
 * ```
 *
 * @category decoding
 * @since 0.2.0
 */
export const decodePythonText = (text: string): Effect.Effect<LLMConfig, EndpointError> =>
  Effect.flatMap(
    Effect.try({
      try: () => Yaml.parse(text),
      catch: (error) => invalid(`the text is not valid YAML: ${String(error)}`)
    }),
    decodePython
  )

/**
 * Configuration → a dump that the Python original loads. Fails with `InvalidConfig` and the names of what it does not know.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encodePython = (config: LLMConfig): Effect.Effect<Schema.JsonObject, EndpointError> => {
  const json = encode(config)
  const dump = isObject(json) ? PythonDump.fromConfig(json) : Result.fail("a configuration is an object")
  return Result.isSuccess(dump) ? Effect.succeed(dump.success) : Effect.fail(invalid(dump.failure))
}

/**
 * `encodePython` as text, in YAML or JSON.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encodePythonText = (
  config: LLMConfig,
  format: "yaml" | "json" = "yaml"
): Effect.Effect<string, EndpointError> =>
  Effect.map(
    encodePython(config),
    (dump) => format === "json" ? `${JSON.stringify(dump, undefined, 2)}\n` : PythonDump.toYaml(dump)
  )
