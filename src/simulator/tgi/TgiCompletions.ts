/**
 * `/v1/completions` of TGI: one or several prompts, answered in the order in which they finish.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import type * as Json from "../wire/Json.ts"
import * as Reply from "../wire/Reply.ts"
import * as Serde from "../wire/Serde.ts"
import type { Parameters } from "./NativeRequest.ts"
import * as NativeRequest from "./NativeRequest.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiChatJson from "./TgiChatJson.ts"
import * as TgiReply from "./TgiReply.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface CompletionsRequest extends NativeRequest.OpenAiFields {
  readonly prompts: ReadonlyArray<string>
  readonly repetitionPenalty: number | undefined
  readonly suffix: string | undefined
}

const fields = new Set([
  "prompt",
  "model",
  "max_tokens",
  "temperature",
  "top_p",
  "stream",
  "seed",
  "stop",
  "repetition_penalty",
  "frequency_penalty",
  "suffix"
])
const strings = Serde.array(Serde.string)

const prompts: Serde.Reader<ReadonlyArray<string>> = (node: Json.Node, path) => {
  if (node.kind === "string") return [node.value]
  const list = Serde.attempt(node, path, strings)
  if (list instanceof Serde.Misfit) {
    throw new Serde.Misfit(path, "data did not match any variant of untagged enum PromptDeserializer", node.end, true)
  }
  if (list.length > 0) return list
  throw new Serde.Misfit(path, "Empty array detected. Do not use an empty array for the prompt.", node.end)
}

/**
 * @category readers
 * @since 0.1.0
 */
export const reader: Serde.Reader<CompletionsRequest> = (node, path) => {
  const self = Serde.struct(node, path, "struct CompletionRequest", fields)
  return {
    model: Serde.optional(self, "model", Serde.string),
    prompts: Serde.required(self, "prompt", prompts),
    maxTokens: Serde.optional(self, "max_tokens", Serde.u32),
    temperature: Serde.optional(self, "temperature", Serde.f32),
    topP: Serde.optional(self, "top_p", Serde.f32),
    stream: Serde.defaulted(self, "stream", Serde.boolean, false),
    seed: Serde.optional(self, "seed", Serde.u64),
    suffix: Serde.optional(self, "suffix", Serde.string),
    repetitionPenalty: Serde.optional(self, "repetition_penalty", Serde.f32),
    frequencyPenalty: Serde.optional(self, "frequency_penalty", Serde.f32),
    stop: Serde.optional(self, "stop", strings) ?? []
  }
}

const parameters = (request: CompletionsRequest): Parameters => ({
  ...NativeRequest.parametersOf(request),
  repetitionPenalty: request.repetitionPenalty
})

/** A run and the number of the prompt it belongs to. */
interface Indexed {
  readonly index: number
  readonly run: Sampler.Run
}

const head = `"object":"text_completion","id":""`

const tail = (turn: Turn): string =>
  `"model":${JSON.stringify(turn.settings.modelId)},"system_fingerprint":"${turn.settings.version}-native"`

const byLength = (left: Indexed, right: Indexed): number => left.run.tokens.length - right.run.tokens.length

const unary = (turn: Turn, request: CompletionsRequest): Reply.Reply => {
  const runs: Array<Indexed> = []
  for (const [index, prompt] of request.prompts.entries()) {
    const run = Sampler.generate(turn, { prompt, parameters: parameters(request), special: true, answer: turn.answer })
    if (run._tag === "Failure") return TgiReply.failed(run)
    runs.push({ index, run })
  }
  const choices = runs.toSorted(byLength).map(({ index, run }) => {
    const finish = run.finish === "eos_token" ? "stop" : run.finish
    return `{"index":${index},"text":${JSON.stringify(run.text)},"logprobs":null,"finish_reason":"${finish}"}`
  })
  const prompt = runs.reduce((total, { run }) => total + run.inputLength, 0)
  const completion = runs.reduce((total, { run }) => total + run.tokens.length, 0)
  return Reply.json(
    200,
    `{${head},"created":${Math.trunc(turn.now / 1000)},${tail(turn)},"choices":[${choices.join(",")}],` +
      `"usage":${TgiChatJson.usage(prompt, completion)}}`,
    TgiReply.timings(turn, runs.map(({ run }) => run), false),
    {
      tokens: Math.max(...runs.map(({ run }) => run.tokens.length)),
      failed: (crash) => TgiReply.failed(TgiReply.crashed(crash, false))
    }
  )
}

const frame = (turn: Turn, { index, run }: Indexed, at: number): Reply.Frame | undefined => {
  const token = run.tokens[at]
  if (token === undefined) return undefined
  const last = at === run.tokens.length - 1
  const counted = last && Options.since(turn.settings, 2, 3)
    ? `,"usage":${TgiChatJson.usage(run.inputLength, run.tokens.length)}`
    : ""
  const choices = `"choices":[{"index":${index},"text":${JSON.stringify(token.text)},"logprobs":null,` +
    `"finish_reason":"${last ? run.finish : ""}"}]`
  // the last chunk is of another type there, with its fields in another order
  return {
    payload: `{${head},"created":${Math.trunc(turn.now / 1000)},` +
      (counted === "" ? `${choices},${tail(turn)}}` : `${tail(turn)},${choices}${counted}}`),
    tokens: 1
  }
}

const streaming = (turn: Turn, request: CompletionsRequest): Reply.Reply => {
  const frames: Array<Reply.Frame> = []
  const runs: Array<Indexed> = []
  for (const [index, prompt] of request.prompts.entries()) {
    const run = Sampler.generate(turn, { prompt, parameters: parameters(request), special: true, answer: turn.answer })
    if (run._tag === "Failure") frames.push(TgiReply.openAiFrame(turn, run))
    else runs.push({ index, run })
  }
  const longest = Math.max(0, ...runs.map(({ run }) => run.tokens.length))
  for (let at = 0; at < longest; at++) frames.push(...runs.flatMap((indexed) => frame(turn, indexed, at) ?? []))
  const end = Options.since(turn.settings, 2, 2) ? [Reply.done] : []
  return TgiReply.stream(
    turn,
    request.prompts,
    [...frames, ...end],
    (crash) => [TgiReply.openAiFrame(turn, TgiReply.crashed(crash, true)), ...end]
  )
}

/**
 * Responds to a completions request. A suffix and too many prompts are refused with real statuses, even for a stream.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, request: CompletionsRequest): Reply.Reply => {
  if (request.suffix !== undefined) {
    const message = "Suffix is not supported and can be achieved by preprocessing the prompt."
    return TgiReply.failed(Reply.failure(422, message, "suffix not supported"))
  }
  const limit = turn.settings.maxClientBatchSize
  if (request.prompts.length > limit) {
    const message = `Number of prompts exceeds the maximum allowed batch size of ${limit}`
    return TgiReply.failed(Reply.failure(422, message, "batch size exceeded"))
  }
  return request.stream ? streaming(turn, request) : unary(turn, request)
}
