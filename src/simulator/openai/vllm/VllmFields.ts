/**
 * The fields of requests to vLLM, with the types that it reads them with.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as OpenAiFields from "../OpenAiFields.ts"
import type { Tool } from "../OpenAiRequest.ts"
import * as VllmJson from "./VllmJson.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

/** Whether the schema is enforced for its arguments: only if the tool says so. @category models @since 0.2.0 */
export interface VllmTool extends Tool {
  readonly strict: boolean
}

/** @category readers @since 0.2.0 */
export const tool: Pydantic.Reader<VllmTool> = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "type", Pydantic.literal("function"), loc, problems)
  const inner = Pydantic.required(
    body,
    "function",
    Pydantic.model((definition, at, own) => ({
      name: Pydantic.required(definition, "name", Pydantic.text, at, own) ?? "",
      parameters: Pydantic.optional(definition, "parameters", Pydantic.nullable(Pydantic.record), at, own),
      strict: Pydantic.optional(definition, "strict", Pydantic.nullable(Pydantic.flag), at, own) ?? false
    })),
    loc,
    problems
  )
  return inner ?? { name: "", parameters: undefined, strict: false }
})

/** A list of tools; the other kinds of values belong to `structural_tag`. */
const responseFormat = Pydantic.union<Body>(
  ["ResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("text", "json_object", "json_schema"), at, own)
      Pydantic.optional(
        body,
        "json_schema",
        Pydantic.nullable(Pydantic.model((inner, place, problem) => {
          Pydantic.required(inner, "name", Pydantic.text, place, problem)
          Pydantic.optional(inner, "schema", Pydantic.nullable(Pydantic.record), place, problem)
          Pydantic.optional(inner, "strict", Pydantic.nullable(Pydantic.flag), place, problem)
        })),
        at,
        own
      )
      return body
    })(value, loc, problems)],
  ["StructuralTagResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), at, own)
      Pydantic.required(body, "format", Pydantic.anything, at, own)
      return body
    })(value, loc, problems)],
  ["LegacyStructuralTagResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), at, own)
      Pydantic.required(body, "structures", Pydantic.list(Pydantic.record), at, own)
      Pydantic.required(body, "triggers", Pydantic.list(Pydantic.text), at, own)
      return body
    })(value, loc, problems)]
)

const outputs = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "regex", Pydantic.nullable(Pydantic.text), loc, problems)
  Pydantic.optional(body, "choice", Pydantic.nullable(Pydantic.list(Pydantic.text)), loc, problems)
  Pydantic.optional(body, "grammar", Pydantic.nullable(Pydantic.text), loc, problems)
  Pydantic.optional(body, "json_object", Pydantic.nullable(Pydantic.flag), loc, problems)
  return body
})

const streamOptions = Pydantic.model((body, loc, problems) => ({
  usage: Pydantic.optional(body, "include_usage", Pydantic.nullable(Pydantic.flag), loc, problems) ?? false,
  continuous: Pydantic.optional(body, "continuous_usage_stats", Pydantic.nullable(Pydantic.flag), loc, problems) ??
    false
}))

/** Its own type in Python, which is not a dictionary. */
const detection: Pydantic.Reader<Body> = (value, loc, problems) => {
  if (Pydantic.isBody(value)) return value
  problems.push({
    type: "dataclass_type",
    loc,
    msg: "Input should be a dictionary or an instance of RepetitionDetectionParams",
    input: value,
    ctx: { class_name: "RepetitionDetectionParams" }
  })
  return undefined
}

const seedLimit = BigInt("9223372036854775807")

/** An int64, read from the text because a double cannot hold most of them. */
const seed = (text: string): Pydantic.Reader<string> => (value, loc, problems) => {
  if (Pydantic.integer(value, loc, problems) === undefined) return undefined
  const written = /"seed"\s*:\s*"?(-?\d+)/.exec(text)?.[1] ?? String(Number(value))
  const number = BigInt(written)
  if (number <= seedLimit && number >= -seedLimit - BigInt(1)) return written
  const high = number > seedLimit
  const bound = high ? "9223372036854775807" : "-9223372036854775808"
  problems.push({
    type: high ? "less_than_equal" : "greater_than_equal",
    loc,
    msg: `Input should be ${high ? "less" : "greater"} than or equal to ${bound}`,
    input: written,
    ctx: { [high ? "le" : "ge"]: Pydantic.verbatim(bound) }
  })
  return undefined
}

/** @category models @since 0.2.0 */
export class Fields {
  readonly problems: Array<Pydantic.Problem> = []
  readonly body: Body

  constructor(body: Body) {
    this.body = body
  }

  read<A>(name: string, reader: Pydantic.Reader<A>): A | undefined {
    return Pydantic.optional(this.body, name, reader, ["body"], this.problems)
  }

  maybe<A>(name: string, reader: Pydantic.Reader<A>): A | undefined {
    return this.read(name, Pydantic.nullable(reader))
  }
}

/** @category readers @since 0.2.0 */
export const common = (fields: Fields, text: string, chat: boolean) => {
  const sampling = {
    frequency: fields.maybe("frequency_penalty", Pydantic.float),
    biases: fields.maybe("logit_bias", OpenAiFields.biases),
    count: chat ? fields.maybe("n", Pydantic.integer) : fields.read("n", Pydantic.integer),
    presence: fields.maybe("presence_penalty", Pydantic.float),
    stop: fields.maybe("stop", OpenAiFields.stop(4)) ?? [],
    temperature: fields.maybe("temperature", Pydantic.float),
    topP: fields.maybe("top_p", Pydantic.float),
    topK: fields.maybe("top_k", Pydantic.integer),
    minP: fields.maybe("min_p", Pydantic.float),
    repetition: fields.maybe("repetition_penalty", Pydantic.float),
    minTokens: fields.read("min_tokens", Pydantic.integer),
    badWords: fields.read("bad_words", Pydantic.list(Pydantic.text)) ?? []
  }
  fields.read("length_penalty", Pydantic.float)
  fields.read("ignore_eos", Pydantic.flag)
  fields.maybe("user", Pydantic.text)
  for (
    const field of ["skip_special_tokens", "spaces_between_special_tokens", "add_special_tokens", "use_beam_search"]
  ) {
    fields.read(field, Pydantic.flag)
  }
  fields.read("priority", Pydantic.integer)
  fields.read("request_id", Pydantic.text)
  fields.maybe("return_tokens_as_token_ids", Pydantic.flag)
  fields.maybe("kv_transfer_params", Pydantic.record)
  fields.maybe("vllm_xargs", Pydantic.record)
  fields.maybe("repetition_detection", detection)
  const truncate = fields.maybe(
    "truncate_prompt_tokens",
    Pydantic.within(Pydantic.integer, -1, Number.MAX_SAFE_INTEGER)
  )
  const stopIds = fields.maybe("stop_token_ids", Pydantic.list(Pydantic.integer)) ?? []
  const allowed = fields.maybe("allowed_token_ids", Pydantic.list(Pydantic.integer)) ?? []
  const options = fields.maybe("stream_options", streamOptions)
  return {
    sampling,
    model: fields.maybe("model", Pydantic.text),
    seed: fields.maybe("seed", seed(text)),
    stream: fields.maybe("stream", Pydantic.flag) ?? false,
    usage: options?.usage ?? false,
    continuous: options?.continuous ?? false,
    format: fields.maybe("response_format", responseFormat),
    outputs: fields.maybe("structured_outputs", outputs),
    tokenIds: fields.maybe("return_token_ids", Pydantic.flag) ?? false,
    promptLogprobs: fields.maybe("prompt_logprobs", Pydantic.integer),
    labels: fields.maybe("logprob_token_ids", Pydantic.list(Pydantic.integer)) ?? [],
    truncate,
    ids: { stop: stopIds, allowed },
    includeStop: fields.read("include_stop_str_in_output", Pydantic.flag) ?? false
  }
}

/** @category readers @since 0.2.0 */
export const efforts = Pydantic.literal("none", "minimal", "low", "medium", "high", "xhigh", "max")

const tokenId = Pydantic.within(Pydantic.integer, 0, Number.MAX_SAFE_INTEGER)

const decode = (ids: ReadonlyArray<number>): string =>
  ids.map((id) => id < Tokenizer.vocabulary ? Tokenizer.known(id) : invalid(`Token id ${id} is out of vocabulary`))
    .join("")

/** @category readers @since 0.2.0 */
export const prompts = Pydantic.union<ReadonlyArray<string>>(
  ["list[constrained-int]", (value, loc, problems) => {
    const ids = Pydantic.list(tokenId)(value, loc, problems)
    return ids === undefined ? undefined : ids.length === 0 ? [] : [decode(ids)]
  }],
  [
    "list[list[constrained-int]]",
    (value, loc, problems) => Pydantic.list(Pydantic.list(tokenId))(value, loc, problems)?.map(decode)
  ],
  ["str", OpenAiFields.single],
  ["list[str]", Pydantic.list(Pydantic.text)]
)
