/**
 * Dumps of the Python original (distilabel's `InferenceEndpointsLLM`) and the JSON form of our configuration: names in both
 * directions. Pure; the values are checked by `LLMConfig`.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

type Json = Schema.Json
type JsonObject = Schema.JsonObject

/** The original's names of sampling options. */
const optionNames: { readonly [name: string]: string } = {
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
  top_n_tokens: "topNTokens",
  tools: "tools",
  tool_choice: "toolChoice",
  tool_prompt: "toolPrompt"
}

const attributeNames: { readonly [name: string]: string } = {
  model_id: "modelId",
  endpoint_name: "endpointName",
  endpoint_namespace: "endpointNamespace",
  base_url: "baseUrl",
  tokenizer_id: "tokenizerId",
  model_display_name: "modelDisplayName",
  use_magpie_template: "useMagpieTemplate",
  magpie_pre_query_template: "magpiePreQueryTemplate"
}

const specNames = { format: "format", schema: "schema", whitespace_pattern: "whitespacePattern" }

/** How long the original waits for an endpoint, in milliseconds. */
const WAIT = 300_000

const CLASS = "InferenceEndpointsLLM"
const MODULE = "distilabel.models.llms.huggingface.inference_endpoints"

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const renamed = (source: JsonObject, names: { readonly [name: string]: string }): Record<string, Json> => {
  const target: Record<string, Json> = {}
  for (const [name, value] of Object.entries(source)) {
    const attribute = names[name]
    // Python dumps every attribute, null where it is not set
    if (attribute !== undefined && value !== null) target[attribute] = value
  }
  return target
}

const reversed = (names: { readonly [name: string]: string }): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(names).map(([python, ours]) => [ours, python]))

const classOf = (value: JsonObject): string | undefined => {
  const info = value["type_info"]
  return isObject(info) && typeof info["name"] === "string" ? info["name"] : undefined
}

/** Whether it is the original's own dump, or one without its class that names where a model is. */
const isDump = (value: JsonObject): boolean => {
  const name = classOf(value)
  return name === undefined
    ? ["model_id", "endpoint_name", "base_url"].some((key) => typeof value[key] === "string")
    : name === CLASS
}

/** All models of the class inside a dump of a pipeline, or the dump itself. */
const inside = (value: Json): ReadonlyArray<JsonObject> =>
  Array.isArray(value)
    ? value.flatMap(inside)
    : !isObject(value)
    ? []
    : classOf(value) === CLASS
    ? [value]
    : Object.values(value).flatMap(inside)

const dumpIn = (source: JsonObject): Result.Result<JsonObject, string> => {
  if (isDump(source)) return Result.succeed(source)
  const found = inside(source)
  const first = found[0]
  const name = classOf(source)
  if (first === undefined) {
    return Result.fail(
      `this is not a dump of ${CLASS}` +
        (name === undefined ? ": it names no model, endpoint or base URL" : `, but of ${name}`)
    )
  }
  const same = found.every((one) => JSON.stringify(one) === JSON.stringify(first))
  return same
    ? Result.succeed(first)
    : Result.fail(`the pipeline has ${found.length} different models of the class ${CLASS}: give the dump of one`)
}

/** OpenAI's form, or the function alone. */
const toolOf = (tool: Json): Json => isObject(tool) && isObject(tool["function"]) ? tool["function"] : tool

const choiceOf = (choice: Json): Json => {
  if (!isObject(choice)) return choice
  const inner = isObject(choice["function"]) ? choice["function"]["name"] : undefined
  const name = choice["function_name"] ?? inner ?? choice["name"]
  return name === undefined ? choice : { name }
}

/** The original types it as one number for each token id. */
const biasOf = (bias: Json): Json =>
  Array.isArray(bias)
    ? Object.fromEntries(bias.map((value, id) => [String(id), value] as const).filter(([, value]) => value !== 0))
    : bias

const converted = (options: Record<string, Json>, isRaw: boolean): Record<string, Json> => {
  const { logitBias, stopSequences, toolChoice, tools, ...rest } = options
  const samples = rest["doSample"] === true || ["topK", "topP", "typicalP"].some((name) => rest[name] !== undefined)
  // TGI samples at any other temperature; at exactly 1, which the original always sends, only if `do_sample` is set
  const isGreedy = isRaw && rest["temperature"] === 1 && !samples
  const { temperature, ...others } = rest
  return {
    ...(isGreedy ? { ...others, doSample: false } : rest),
    ...(temperature !== undefined && !isGreedy && { temperature }),
    ...(logitBias !== undefined && { logitBias: biasOf(logitBias) }),
    // the original keeps the first four
    ...(stopSequences !== undefined && {
      stopSequences: typeof stopSequences === "string"
        ? [stopSequences]
        : Array.isArray(stopSequences)
        ? stopSequences.slice(0, 4)
        : stopSequences
    }),
    ...(toolChoice !== undefined && { toolChoice: choiceOf(toolChoice) }),
    ...(tools !== undefined && { tools: Array.isArray(tools) ? tools.map(toolOf) : tools })
  }
}

/**
 * A dump, or a pipeline's dump with one such model in it → our configuration in JSON. Fails with what is wrong.
 *
 * @category decoding
 * @since 0.2.0
 */
export const toConfig = (source: JsonObject): Result.Result<JsonObject, string> =>
  Result.flatMap(dumpIn(source), (dump) => {
    const kwargs = isObject(dump["generation_kwargs"]) ? dump["generation_kwargs"] : {}
    const { num_generations: numGenerations, ...sampling } = kwargs
    const unknown = Object.entries(sampling).filter(([name, value]) =>
      value !== null && !Object.hasOwn(optionNames, name)
    )
    if (unknown.length > 0) {
      return Result.fail(
        `generation_kwargs has options that are not known: ${unknown.map(([name]) => name).join(", ")}`
      )
    }
    const spec = dump["structured_output"]
    const isRaw = typeof dump["tokenizer_id"] === "string" || (isObject(spec) && typeof dump["model_id"] === "string")
    return Result.succeed({
      ...renamed(dump, attributeNames),
      ...(Object.keys(sampling).length > 0 && {
        generationOptions: converted(renamed(sampling, optionNames), isRaw)
      }),
      ...(typeof numGenerations === "number" && { numGenerations }),
      ...(isObject(spec) && { structuredOutput: renamed(spec, specNames) })
    })
  })

const written = (options: JsonObject): Record<string, Json> => {
  const { toolChoice, tools, ...rest } = options
  return {
    ...renamed(rest, reversed(optionNames)),
    ...(tools !== undefined && {
      tools: Array.isArray(tools) ? tools.map((tool): Json => ({ type: "function", function: tool })) : tools
    }),
    ...(toolChoice !== undefined && {
      tool_choice: isObject(toolChoice) ? { function_name: toolChoice["name"] ?? null } : toolChoice
    })
  }
}

/**
 * Our configuration in JSON → a dump that the original loads. Fails with the names of what the original does not know.
 *
 * @category encoding
 * @since 0.2.0
 */
export const fromConfig = (config: JsonObject): Result.Result<JsonObject, string> => {
  const { generationOptions = {}, numGenerations, structuredOutput, waitTimeout = WAIT, ...attributes } = config
  const options = isObject(generationOptions) ? generationOptions : {}
  const names = reversed(attributeNames)
  const known = reversed(optionNames)
  const lost = [
    ...(waitTimeout === WAIT ? [] : ["waitTimeout"]),
    ...Object.keys(attributes).filter((name) => !Object.hasOwn(names, name)),
    ...Object.keys(options).filter((name) => !Object.hasOwn(known, name)).map((name) => `generationOptions.${name}`)
  ]
  if (lost.length > 0) return Result.fail(`${CLASS} has no counterpart of ${lost.join(", ")}`)
  const spec = isObject(structuredOutput) ? renamed(structuredOutput, reversed(specNames)) : null
  return Result.succeed({
    use_magpie_template: false,
    magpie_pre_query_template: null,
    ...Object.fromEntries(
      Object.keys(attributeNames).filter((name) => !name.includes("magpie")).map((name) => [name, null])
    ),
    ...renamed(attributes, names),
    generation_kwargs: {
      ...written(options),
      ...(numGenerations !== undefined && { num_generations: numGenerations })
    },
    structured_output: spec,
    type_info: { module: MODULE, name: CLASS }
  })
}

const isBlock = (value: Json): value is JsonObject | ReadonlyArray<Json> =>
  typeof value === "object" && value !== null && Object.keys(value).length > 0

/** A key that YAML reads as plain text. */
const keyText = (key: string): string =>
  /^[A-Za-z_][A-Za-z_0-9]*$/.test(key) && !reserved.has(key.toLowerCase()) ? key : JSON.stringify(key)

const reserved = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])

const lines = (value: Json, indent: string): string => {
  if (!isBlock(value)) return `${JSON.stringify(value)}\n`
  const entries: ReadonlyArray<readonly [string, Json]> = Array.isArray(value)
    ? value.map((item): readonly [string, Json] => ["-", item])
    : Object.entries(value).map(([key, item]): readonly [string, Json] => [`${keyText(key)}:`, item])
  return entries.map(([head, item]) =>
    isBlock(item) ? `${indent}${head}\n${lines(item, `${indent}  `)}` : `${indent}${head} ${lines(item, "")}`
  ).join("")
}

/**
 * JSON as block YAML, one key per line. Texts are quoted as in JSON, which YAML reads the same.
 *
 * @category encoding
 * @since 0.2.0
 */
export const toYaml = (value: Json): string => lines(value, "")
