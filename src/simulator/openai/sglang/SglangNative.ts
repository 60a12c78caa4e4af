/**
 * `/generate`, SGLang's own route: a text and its sampling parameters, and a text back with its metadata.
 *
 * @since 0.2.0
 */
import * as Answer from "../../model/Answer.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangMeta from "./SglangMeta.ts"
import * as SglangRefusal from "./SglangRefusal.ts"
import * as SglangRequest from "./SglangRequest.ts"

type Body = Pydantic.Body

/** The names of sampling parameters, in the server's order; any other is refused. */
const parameters = [
  "max_new_tokens",
  "stop",
  "stop_token_ids",
  "stop_regex",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "min_new_tokens",
  "n",
  "json_schema",
  "regex",
  "ebnf",
  "structural_tag",
  "ignore_eos",
  "skip_special_tokens",
  "spaces_between_special_tokens",
  "no_stop_trim",
  "stream_interval",
  "logit_bias",
  "sampling_seed",
  "custom_params",
  "beam_width",
  "watermark",
  "choice"
]

const failed = (error: unknown): Reply.Unary => Reply.json(400, JSON.stringify({ error }), SglangJson.headers)

const oneOrMany = <A>(name: string, one: readonly [string, Pydantic.Reader<A>]): Pydantic.Reader<unknown> =>
  Pydantic.union<unknown>([one[0], one[1]], [name, Pydantic.list(one[1])])

const listOr = (name: string, reader: Pydantic.Reader<unknown>): Pydantic.Reader<unknown> =>
  Pydantic.union<unknown>([`list[${name}]`, Pydantic.list(reader)], [name, reader])

/** Ids, or lists of them. */
const tokenIds: Pydantic.Reader<unknown> = (value, loc, problems) => {
  const wrong = Array.isArray(value)
    ? value.find((id) => typeof id !== "number" && !Array.isArray(id))
    : value
  if (wrong === undefined) return value
  const name = typeof wrong === "string"
    ? "str"
    : Pydantic.isBody(wrong)
    ? "dict"
    : typeof wrong === "boolean"
    ? "bool"
    : "int"
  const what = Array.isArray(value) ? "elements must be int or list" : "must be list or null"
  problems.push(SglangRefusal.unfit(`${what}; got ${name}`, loc, value))
  return undefined
}

const check = (body: Body): ReadonlyArray<Pydantic.Problem> => {
  const problems: Array<Pydantic.Problem> = []
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), ["body"], problems)
  maybe("text", oneOrMany("list[str]", ["str", Pydantic.text]))
  maybe(
    "sampling_params",
    Pydantic.union<unknown>(["list[dict[str,any]]", Pydantic.list(Pydantic.record)], ["dict[str,any]", Pydantic.record])
  )
  maybe("input_ids", tokenIds)
  Pydantic.optional(body, "stream", Pydantic.flag, ["body"], problems)
  maybe("return_logprob", listOr("bool", Pydantic.flag))
  maybe("logprob_start_len", listOr("int", Pydantic.integer))
  maybe("top_logprobs_num", listOr("int", Pydantic.integer))
  maybe("rid", oneOrMany("list[str]", ["str", Pydantic.text]))
  return problems
}

/** The prompts of a request, with ids decoded; several are answered by a list. */
const promptsOf = ({ input_ids: ids, text }: Body): ReadonlyArray<string> | undefined => {
  if (typeof text === "string") return [text]
  if (Array.isArray(text)) return text.map(String)
  if (!Array.isArray(ids)) return undefined
  const lists: ReadonlyArray<unknown> = ids.every((id) => typeof id === "number") ? [ids] : ids
  return lists.map((list) => (Array.isArray(list) ? list : []).map((id) => Tokenizer.known(Number(id))).join(""))
}

const requestOf = (turn: Turn, sampling: Body, prompt: string): OpenAiRequest | SglangRefusal.Refused =>
  SglangRequest.completions(
    {
      prompt,
      max_tokens: 1,
      temperature: sampling["temperature"],
      top_p: sampling["top_p"],
      top_k: sampling["top_k"],
      min_p: sampling["min_p"],
      min_tokens: sampling["min_new_tokens"],
      frequency_penalty: sampling["frequency_penalty"],
      presence_penalty: sampling["presence_penalty"],
      repetition_penalty: sampling["repetition_penalty"],
      stop: sampling["stop"],
      seed: sampling["sampling_seed"],
      json_schema: sampling["json_schema"],
      regex: sampling["regex"],
      ebnf: sampling["ebnf"]
    },
    turn.request.body,
    { limit: Number(sampling["max_new_tokens"] ?? 128) }
  )

/** Why a prompt and what is wanted after it do not fit. @category checks @since 0.2.0 */
export const tooLong = (input: number, wanted: number, context: number): string | undefined => {
  if (input >= context) {
    return `The input (${input} tokens) is longer than the model's context length (${context} tokens).`
  }
  return input + wanted > context
    ? `Requested token count exceeds the model's maximum context length of ${context} tokens. You requested a total of ` +
      `${
        input + wanted
      } tokens: ${input} tokens from the input messages and ${wanted} tokens for the completion. Please ` +
      "reduce the number of tokens in the input messages or the completion to fit within the limit."
    : undefined
}

interface Job {
  readonly run: OpenAiRun.Run
  readonly prompt: string
  readonly input: number
  readonly id: string
  readonly index: number
}

const triple = (token: Answer.Token, withText: boolean): ReadonlyArray<unknown> => [
  token.logprob,
  token.id,
  withText ? token.text : null
]

/** The log probabilities of the prompt from a place on; the first has none. */
const ofPrompt = (body: Body, { prompt, run }: Job, top: number, withText: boolean): Body => {
  const from = Number(body["logprob_start_len"] ?? -1)
  const pieces = from < 0 ? [] : [undefined, ...Answer.tokens(prompt, run.random)].slice(from)
  return {
    input_token_logprobs: pieces.map((token, at) => [
      at === 0 ? null : token?.logprob ?? null,
      token?.id ?? Tokenizer.bos.id,
      withText ? token?.text ?? "" : null
    ]),
    ...(top > 0 && {
      input_top_logprobs: pieces.map((token, at) =>
        at === 0 || token === undefined
          ? null
          : Answer.alternatives(token, top, run.random).map((other) => triple(other, withText))
      )
    })
  }
}

/** The log probabilities of ids that were asked for, at each place. */
const ofIds = (asked: unknown, { run }: Job, tokens: ReadonlyArray<Answer.Token>): Body =>
  Array.isArray(asked)
    ? {
      input_token_ids_logprobs: [],
      output_token_ids_logprobs: tokens.map(() =>
        asked.map((id: unknown) => [Answer.token("", run.random).logprob, id, null])
      )
    }
    : {}

/** The log probabilities that are reported, for a number of tokens. */
const probabilities = (body: Body, job: Job, tokens: ReadonlyArray<Answer.Token>): Body => {
  if (body["return_logprob"] !== true) return {}
  const withText = body["return_text_in_logprobs"] === true
  const top = Number(body["top_logprobs_num"] ?? 0)
  const { input_token_logprobs, input_top_logprobs } = ofPrompt(body, job, top, withText)
  return {
    input_token_logprobs,
    output_token_logprobs: tokens.map((token) => triple(token, withText)),
    output_token_logprobs_length: tokens.length,
    ...(top > 0 && {
      input_top_logprobs,
      output_top_logprobs: tokens.map((token) =>
        Answer.alternatives(token, top, job.run.random).map((other) => triple(other, withText))
      )
    }),
    ...ofIds(body["token_ids_logprob"], job, tokens)
  }
}

/** The text after a number of tokens; the last one says why it ended. */
const value = (turn: Turn, body: Body, job: Job, count: number, ended: boolean, first: boolean): Body => {
  const tokens = job.run.content.slice(0, count)
  const completion = ended ? job.run.tokens : count
  return {
    text: tokens.map((token) => token.text).join(""),
    output_ids: tokens.map((token) => token.id),
    meta_info: SglangMeta.metaInfo(turn, {
      id: job.id,
      run: job.run,
      input: job.input,
      completion,
      ended,
      first,
      probabilities: probabilities(body, job, tokens)
    }),
    ...(body["return_prompt_token_ids"] === true && { prompt_token_ids: SglangMeta.promptIds(job.prompt, true) })
  }
}

const streaming = (frames: ReadonlyArray<Reply.Frame>, slots: number): Reply.Streaming => ({
  _tag: "Streaming",
  headers: { ...SglangJson.headers, "content-type": "text/event-stream; charset=utf-8" },
  frames: [...frames, Reply.done],
  space: true,
  keepAlive: undefined,
  slots,
  failed: ({ message }) => [failure(message), Reply.done]
})

const failure = (message: string): Reply.Frame => ({
  payload: JSON.stringify({ error: { message, type: "invalid_request_error", code: 400, retryable: false } }),
  tokens: 0
})

const hex = (random: Random.Random): string =>
  Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")

/** Runs every prompt as often as requested; a string says why that is impossible. */
const jobsOf = (turn: Turn, body: Body, prompts: ReadonlyArray<string>): ReadonlyArray<Job> | string => {
  const { sampling_params: given } = body
  const random = Random.make(turn.chance)
  const jobs: Array<Job> = []
  for (const [at, prompt] of prompts.entries()) {
    const own: unknown = Array.isArray(given) ? given[at] : given
    const sampling = Pydantic.isBody(own)
      ? Object.fromEntries(Object.entries(own).filter(([, parameter]) => parameter !== null))
      : {}
    const request = requestOf(turn, sampling, prompt)
    if ("_tag" in request) return request.message
    const input = Tokenizer.count(prompt) + 1
    const limit = request.maxTokens ?? 128
    const long = tooLong(input, limit, turn.settings.maxTotalTokens)
    if (long !== undefined) return long
    for (let nth = 0; nth < Math.max(1, Number(sampling["n"] ?? 1)); nth++) {
      const run = OpenAiRun.generate(turn, request, prompt, nth, limit)
      const id = typeof body["rid"] === "string" ? body["rid"] : hex(random)
      jobs.push({ run, prompt, input, id, index: jobs.length })
    }
  }
  return jobs
}

const unknownParameter = (body: Body): string | undefined => {
  const { sampling_params: given } = body
  const all = (Array.isArray(given) ? given : [given]).filter(Pydantic.isBody)
  return all.flatMap((each) => Object.keys(each)).find((name) => !parameters.includes(name))
}

const kinds: Readonly<Record<string, "f64" | "i64" | "a string">> = {
  max_new_tokens: "i64",
  min_new_tokens: "i64",
  n: "i64",
  top_k: "i64",
  sampling_seed: "i64",
  temperature: "f64",
  top_p: "f64",
  min_p: "f64",
  frequency_penalty: "f64",
  presence_penalty: "f64",
  repetition_penalty: "f64",
  json_schema: "a string",
  regex: "a string",
  ebnf: "a string"
}

/** A value as the reader of parameters names it. */
const named = (value: unknown): string =>
  typeof value === "string"
    ? `string ${JSON.stringify(value)}`
    : typeof value === "boolean"
    ? `boolean \`${value}\``
    : typeof value === "number"
    ? `${Number.isInteger(value) ? "integer" : "floating point"} \`${value}\``
    : Array.isArray(value)
    ? "sequence"
    : "map"

const fits = (value: unknown, kind: string): boolean =>
  value === null || value === undefined ||
  (kind === "a string"
    ? typeof value === "string"
    : kind === "f64"
    ? typeof value === "number"
    : Number.isInteger(value))

/** A parameter of the wrong type, in the words of this route's own reader. */
const mistypedParameter = ({ sampling_params: given }: Body): string | undefined => {
  for (const each of (Array.isArray(given) ? given : [given]).filter(Pydantic.isBody)) {
    for (const [name, value] of Object.entries(each)) {
      const kind = kinds[name]
      if (kind !== undefined && !fits(value, kind)) return `invalid type: ${named(value)}, expected ${kind}`
      if (name === "stop" && typeof value === "number") {
        return `invalid type: ${named(value)}, expected a value or an array of values for StringOrList`
      }
    }
  }
  return undefined
}

/**
 * Responds to a native request: its parameters are those of the completions route under names of their own.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn, body: Body): Reply.Reply | SglangRefusal.Refused => {
  const problems = check(body)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const mistyped = mistypedParameter(body)
  if (mistyped !== undefined) return failed(mistyped)
  const unknown = unknownParameter(body)
  if (unknown !== undefined) {
    return failed(`unknown field \`${unknown}\`, expected one of ${parameters.map((name) => `\`${name}\``).join(", ")}`)
  }
  const prompts = promptsOf(body)
  if (prompts === undefined) {
    return failed({ message: "Either text, input_ids or input_embeds should be provided." })
  }
  const lacking = SglangRequest.notEnabled(body)
  if (lacking !== undefined) return failed({ message: lacking })
  const jobs = jobsOf(turn, body, prompts)
  const isStream = body["stream"] === true
  if (typeof jobs === "string") return isStream ? streaming([failure(jobs)], 0) : failed({ message: jobs })
  const isList = Array.isArray(body["text"]) || jobs.length > 1
  const tokens = Math.max(0, ...jobs.map(({ run }) => run.tokens))
  if (!isStream) {
    const all = jobs.map((job) => value(turn, body, job, job.run.content.length, true, true))
    return Reply.json(200, JSON.stringify(isList ? all : all[0]), SglangJson.headers, {
      tokens,
      slots: jobs.length,
      failed: ({ message }) => failed({ message })
    })
  }
  // each event repeats the whole text so far
  const frames = jobs.map((job) => {
    const count = Math.max(1, job.run.content.length)
    return Array.from({ length: count }, (_, at): Reply.Frame => ({
      payload: JSON.stringify({
        ...value(turn, body, job, at + 1, at === count - 1, at === 0),
        ...(isList && { index: job.index })
      }),
      tokens: 1
    }))
  })
  return streaming(OpenAiRun.interleave(frames), jobs.length)
}
