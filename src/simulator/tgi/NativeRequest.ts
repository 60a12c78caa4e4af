/**
 * TGI's own request: `inputs` and `parameters`, read with its types and its rules for null.
 *
 * @since 0.1.0
 */
import type * as Json from "../wire/Json.ts"
import * as Serde from "../wire/Serde.ts"

/**
 * `parameters.grammar` and TGI's `response_format`. `named` is the form `json_schema`, whose schema may not be a text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grammar {
  readonly type: "json" | "regex" | "named"
  readonly value: unknown
}

/**
 * The options of a generation. Absent and null are both `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parameters {
  readonly bestOf: number | undefined
  readonly temperature: number | undefined
  readonly repetitionPenalty: number | undefined
  readonly frequencyPenalty: number | undefined
  readonly topK: number | undefined
  readonly topP: number | undefined
  readonly typicalP: number | undefined
  readonly doSample: boolean
  readonly maxNewTokens: number | undefined
  readonly returnFullText: boolean | undefined
  readonly stop: ReadonlyArray<string>
  readonly truncate: number | undefined
  readonly watermark: boolean
  readonly details: boolean
  readonly decoderInputDetails: boolean
  readonly seed: bigint | undefined
  readonly topNTokens: number | undefined
  readonly grammar: Grammar | undefined
  readonly adapterId: string | undefined
}

/**
 * What the routes of OpenAI's form have in common.
 *
 * @category models
 * @since 0.2.0
 */
export interface OpenAiFields {
  readonly model: string | undefined
  readonly maxTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly frequencyPenalty: number | undefined
  readonly seed: bigint | undefined
  readonly stop: ReadonlyArray<string>
  readonly stream: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface NativeRequest {
  readonly inputs: string
  readonly parameters: Parameters
  readonly stream: boolean
}

/**
 * What TGI uses when the whole `parameters` key is absent. Only then is `do_sample` on by default.
 *
 * @category constants
 * @since 0.1.0
 */
export const noParameters: Parameters = {
  bestOf: undefined,
  temperature: undefined,
  repetitionPenalty: undefined,
  frequencyPenalty: undefined,
  topK: undefined,
  topP: undefined,
  typicalP: undefined,
  doSample: true,
  maxNewTokens: undefined,
  returnFullText: undefined,
  stop: [],
  truncate: undefined,
  watermark: false,
  details: false,
  decoderInputDetails: false,
  seed: undefined,
  topNTokens: undefined,
  grammar: undefined,
  adapterId: undefined
}

/**
 * The parameters that such fields amount to: a temperature of 0 is greedy, everything else samples.
 *
 * @category conversions
 * @since 0.2.0
 */
export const parametersOf = (fields: OpenAiFields): Parameters => ({
  ...noParameters,
  temperature: fields.temperature === 0 ? undefined : fields.temperature,
  frequencyPenalty: fields.frequencyPenalty,
  topP: fields.topP,
  doSample: fields.temperature !== 0,
  maxNewTokens: fields.maxTokens,
  stop: fields.stop,
  details: true,
  seed: fields.seed
})

const grammarFields = new Set(["type", "value"])
const schemaFields = new Set(["name", "schema"])

const jsonSchema: Serde.Reader<unknown> = (node, path) => {
  const self = Serde.struct(node, path, "struct JsonSchemaConfig", schemaFields)
  Serde.optional(self, "name", Serde.string)
  return Serde.required(self, "schema", Serde.unknown)
}

/**
 * Reads a grammar. `named`: whether the `json_schema` form is known, as it is since TGI 3.3.
 *
 * @category readers
 * @since 0.1.0
 */
export const grammar = (named: boolean): Serde.Reader<Grammar> => (node, path) => {
  if (node.kind === "array" && node.items.length === 0) {
    throw new Serde.Misfit(path, "invalid length 0, expected adjacently tagged enum GrammarType", node.end)
  }
  const self = Serde.struct(node, path, "adjacently tagged enum GrammarType", grammarFields)
  const type = Serde.required(self, "type", Serde.string)
  if (type === "json" || type === "json_object") {
    return { type: "json", value: Serde.required(self, "value", Serde.unknown) }
  }
  if (type === "regex") return { type, value: Serde.required(self, "value", Serde.string) }
  if (type === "json_schema" && named) return { type: "named", value: Serde.required(self, "value", jsonSchema) }
  const known = `\`json\`, \`json_object\`, \`regex\`${named ? ", `json_schema`" : ""}`
  throw new Serde.Misfit(
    `${path}.type`,
    `unknown variant \`${type}\`, expected one of ${known}`,
    self.fields.get("type")?.end ?? self.end
  )
}

const parameterFields = new Set([
  "best_of",
  "temperature",
  "repetition_penalty",
  "frequency_penalty",
  "top_k",
  "top_p",
  "typical_p",
  "do_sample",
  "max_new_tokens",
  "return_full_text",
  "stop",
  "truncate",
  "watermark",
  "details",
  "decoder_input_details",
  "seed",
  "top_n_tokens",
  "grammar",
  "adapter_id"
])

const strings = Serde.array(Serde.string)

/**
 * Reads `parameters`.
 *
 * @category readers
 * @since 0.1.0
 */
export const parameters = (named: boolean): Serde.Reader<Parameters> => {
  const readGrammar = grammar(named)
  return (node, path) => {
    // every field has a default, and so an empty list of fields does as well
    const fields = node.kind === "array" && node.items.length === 0
      ? { kind: "object" as const, entries: [], start: node.start, end: node.end }
      : node
    const self = Serde.struct(fields, path, "struct GenerateParameters", parameterFields)
    return {
      bestOf: Serde.optional(self, "best_of", Serde.usize),
      temperature: Serde.optional(self, "temperature", Serde.f32),
      repetitionPenalty: Serde.optional(self, "repetition_penalty", Serde.f32),
      frequencyPenalty: Serde.optional(self, "frequency_penalty", Serde.f32),
      topK: Serde.optional(self, "top_k", Serde.i32),
      topP: Serde.optional(self, "top_p", Serde.f32),
      typicalP: Serde.optional(self, "typical_p", Serde.f32),
      doSample: Serde.defaulted(self, "do_sample", Serde.boolean, false),
      maxNewTokens: Serde.optional(self, "max_new_tokens", Serde.u32),
      returnFullText: Serde.optional(self, "return_full_text", Serde.boolean),
      stop: Serde.defaulted(self, "stop", strings, []),
      truncate: Serde.optional(self, "truncate", Serde.usize),
      watermark: Serde.defaulted(self, "watermark", Serde.boolean, false),
      details: Serde.defaulted(self, "details", Serde.boolean, false),
      decoderInputDetails: Serde.defaulted(self, "decoder_input_details", Serde.boolean, false),
      seed: Serde.optional(self, "seed", Serde.u64),
      topNTokens: Serde.optional(self, "top_n_tokens", Serde.u32),
      grammar: Serde.optional(self, "grammar", readGrammar),
      adapterId: Serde.optional(self, "adapter_id", Serde.string)
    }
  }
}

const plainFields = new Set(["inputs", "parameters"])
const streamFields = new Set(["inputs", "parameters", "stream"])

/**
 * Reads a native body. Only `/` and `/invocations` know `stream`; elsewhere it is one more unknown key.
 *
 * @category readers
 * @since 0.1.0
 */
export const reader = (options: {
  readonly named: boolean
  readonly stream: boolean
}): Serde.Reader<NativeRequest> => {
  const readParameters = parameters(options.named)
  const name = options.stream ? "struct CompatGenerateRequest" : "struct GenerateRequest"
  const fields = options.stream ? streamFields : plainFields
  return (node: Json.Node, path: string): NativeRequest => {
    const self = Serde.struct(node, path, name, fields)
    return {
      inputs: Serde.required(self, "inputs", Serde.string),
      parameters: Serde.defaulted(self, "parameters", readParameters, noParameters),
      stream: Serde.defaulted(self, "stream", Serde.boolean, false)
    }
  }
}
