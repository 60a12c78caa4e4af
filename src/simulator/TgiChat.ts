/**
 * `/v1/chat/completions` of TGI.
 *
 * @since 0.1.0
 */
import type { Answer, Finish, Token } from "./Answer.ts"
import type { ChatRequest, Tool } from "./ChatRequest.ts"
import * as Float from "./Float.ts"
import type { Parameters } from "./NativeRequest.ts"
import * as NativeRequest from "./NativeRequest.ts"
import * as Options from "./Options.ts"
import * as Prompt from "./Prompt.ts"
import * as Random from "./Random.ts"
import * as Reply from "./Reply.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiReply from "./TgiReply.ts"
import * as TgiTools from "./TgiTools.ts"
import type { Turn } from "./Turn.ts"

/**
 * A chat request turned into a prompt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prepared {
  readonly request: ChatRequest
  readonly tools: ReadonlyArray<Tool> | undefined
  readonly prompt: string
  /** The prompt without the text about tools, for the second pass. */
  readonly plainPrompt: string
}

/**
 * Selects tools and renders the template: what can fail with a real status even for a stream.
 *
 * @category requests
 * @since 0.1.0
 */
export const prepare = (turn: Turn, request: ChatRequest): Prepared | Reply.Failure => {
  const tools = TgiTools.select(request)
  if (tools !== undefined && "_tag" in tools) return tools
  const render = (extra: string) =>
    Prompt.render(
      turn.settings.template,
      Prompt.templateMessages(request.messages, extra),
      Options.since(turn.settings, 3, 0)
    )
  const plainPrompt = render("")
  if (typeof plainPrompt !== "string") return plainPrompt
  const prompt = tools === undefined ? plainPrompt : render(TgiTools.promptText(request, tools))
  return typeof prompt === "string" ? { request, tools, prompt, plainPrompt } : prompt
}

/**
 * The parameters of generation that a chat request amounts to. A temperature of 0 is greedy, everything else samples,
 * and a presence penalty becomes a repetition penalty of 2 more.
 *
 * @category requests
 * @since 0.1.0
 */
export const parameters = (request: ChatRequest): Parameters => {
  const greedy = request.temperature === 0
  return {
    ...NativeRequest.noParameters,
    temperature: greedy ? undefined : request.temperature,
    repetitionPenalty: request.presencePenalty === undefined ? undefined : request.presencePenalty + 2,
    frequencyPenalty: request.frequencyPenalty,
    topP: request.topP,
    doSample: !greedy,
    maxNewTokens: request.maxTokens,
    stop: request.stop,
    details: true,
    seed: request.seed,
    topNTokens: request.topLogprobs,
    grammar: request.responseFormat,
    adapterId: request.model === undefined || request.model === "tgi" ? undefined : request.model
  }
}

const finishText = (turn: Turn, finish: Finish): string =>
  finish === "eos_token" && Options.since(turn.settings, 2, 3) ? "stop" : finish

const head = (turn: Turn, request: ChatRequest, kind: string): string => {
  const object = Options.since(turn.settings, 2, 1) ? kind : "text_completion"
  const model = request.model === undefined || request.model === "tgi" ? turn.settings.modelId : request.model
  return `{"object":"${object}","id":"","created":${Math.trunc(turn.now / 1000)},"model":${JSON.stringify(model)},` +
    `"system_fingerprint":"${turn.settings.version}-native"`
}

/** @category encoding @since 0.1.0 */
export const usage = (prompt: number, completion: number): string =>
  `{"prompt_tokens":${prompt},"completion_tokens":${completion},"total_tokens":${prompt + completion}}`

const logprob = (token: Token): string =>
  `"token":${JSON.stringify(token.text)},"logprob":${Float.print(token.logprob)}`

const logprobs = (tokens: ReadonlyArray<Token>, top: ReadonlyArray<ReadonlyArray<Token>>): string =>
  `{"content":[${
    tokens.map((token, index) =>
      `{${logprob(token)},"top_logprobs":[${(top[index] ?? []).map((other) => `{${logprob(other)}}`).join(",")}]}`
    ).join(",")
  }]}`

const runLogprobs = (request: ChatRequest, run: Sampler.Run): string =>
  request.logprobs ? logprobs(run.tokens, run.topTokens) : "null"

interface Passes {
  readonly first: Sampler.Run
  /** The pass without tools that `no_tool` asks for. */
  readonly second: Sampler.Run | undefined
  readonly call: TgiTools.Call | undefined
}

const chance = (turn: Turn, request: ChatRequest): Random.Random =>
  Random.make(request.seed === undefined ? turn.chance : Random.hash(request.seed.toString(16), turn.settings.seed))

const plainPass = (turn: Turn, prepared: Prepared, answer: Answer | undefined): Sampler.Run | Reply.Failure =>
  Sampler.generate(turn, {
    prompt: prepared.plainPrompt,
    parameters: parameters(prepared.request),
    special: false,
    answer
  })

/**
 * The first generation of a chat request as it is: with tools its text is the JSON of a call.
 *
 * @category requests
 * @since 0.1.0
 */
export const rawJob = (turn: Turn, prepared: Prepared, answer = turn.answer(prepared.prompt)): Sampler.Job => {
  const { prompt, request, tools } = prepared
  if (tools === undefined) return { prompt, parameters: parameters(request), special: false, answer }
  return {
    prompt,
    parameters: { ...parameters(request), grammar: TgiTools.grammar(tools) },
    special: false,
    answer: TgiTools.firstPass(request, tools, answer, chance(turn, request))
  }
}

const passes = (turn: Turn, prepared: Prepared): Passes | Reply.Failure => {
  const answer = turn.answer(prepared.prompt)
  if (prepared.tools === undefined) {
    const run = plainPass(turn, prepared, answer)
    return run._tag === "Failure" ? run : { first: run, second: undefined, call: undefined }
  }
  const first = Sampler.generate(turn, rawJob(turn, prepared, answer))
  if (first._tag === "Failure") return first
  const call = TgiTools.parse(first.text)
  if (typeof call === "string") return TgiTools.unreadable(call, first.text)
  if (call.name !== TgiTools.noTool.name) return { first, second: undefined, call }
  const second = plainPass(turn, prepared, answer)
  return second._tag === "Failure" ? second : { first, second, call: undefined }
}

const messageText = (turn: Turn, call: TgiTools.Call | undefined, content: string): string => {
  if (call === undefined) return `{"role":"assistant","content":${JSON.stringify(content)}}`
  const value = Options.since(turn.settings, 3, 2) ? JSON.stringify(call.arguments) : call.arguments
  return `{"role":"assistant","tool_calls":[{"id":"0","type":"function","function":{"description":null,` +
    `"name":${JSON.stringify(call.name)},"arguments":${value}}}]}`
}

const unary = (turn: Turn, prepared: Prepared): Reply.Reply => {
  const result = passes(turn, prepared)
  if ("_tag" in result) return TgiReply.failed(result)
  const { call, first, second } = result
  const spoken = second ?? first
  const message = messageText(turn, call, spoken.text)
  return Reply.json(
    200,
    `${head(turn, prepared.request, "chat.completion")},"choices":[{"index":0,"message":${message},` +
      `"logprobs":${runLogprobs(prepared.request, first)},"finish_reason":"${finishText(turn, first.finish)}"}],` +
      `"usage":${usage(spoken.inputLength, first.tokens.length)}}`,
    TgiReply.timings(turn, [spoken], true),
    {
      tokens: first.tokens.length + (second?.tokens.length ?? 0),
      failed: (message) => TgiReply.failed(TgiReply.crashed(message))
    }
  )
}

interface ChunkOptions {
  readonly delta: string
  readonly token: Token
  readonly top: ReadonlyArray<Token> | undefined
  readonly finish: Finish | undefined
  readonly usage: string | undefined
}

const chunk = (turn: Turn, request: ChatRequest, prefix: string, options: ChunkOptions): Reply.Frame => {
  const probabilities = request.logprobs ? logprobs([options.token], [options.top ?? []]) : "null"
  const finish = options.finish === undefined ? "null" : `"${finishText(turn, options.finish)}"`
  const used = Options.since(turn.settings, 2, 3) ? `,"usage":${options.usage ?? "null"}` : ""
  return {
    payload: `${prefix},"choices":[{"index":0,"delta":${options.delta},"logprobs":${probabilities},` +
      `"finish_reason":${finish}}]${used}}`,
    tokens: 1
  }
}

/** Usage stands in a chunk of its own since 3.2, on the finishing chunk from 2.3 on, and nowhere before. */
const usageOnFinish = (turn: Turn, request: ChatRequest, run: Sampler.Run): string | undefined =>
  request.includeUsage && !Options.since(turn.settings, 3, 2)
    ? usage(run.inputLength, run.tokens.length)
    : undefined

const textFrames = (turn: Turn, request: ChatRequest, prefix: string, run: Sampler.Run): ReadonlyArray<Reply.Frame> =>
  run.tokens.map((token, index) => {
    const last = index === run.tokens.length - 1
    return chunk(turn, request, prefix, {
      delta: `{"role":"assistant","content":${token.special ? `""` : JSON.stringify(token.text)}}`,
      token,
      top: run.topTokens[index],
      finish: last ? run.finish : undefined,
      usage: last ? usageOnFinish(turn, request, run) : undefined
    })
  })

const toolDelta = (id: string, name: string | null, text: string): string =>
  `{"role":"assistant","tool_calls":[{"index":0,"id":${JSON.stringify(id)},"type":"function",` +
  `"function":{"name":${JSON.stringify(name)},"arguments":${JSON.stringify(text)}}}]}`

/** Before 3.2 a delta held one object, without id and name, and the raw text of every token. */
const oldToolFrames = (turn: Turn, request: ChatRequest, prefix: string, run: Sampler.Run) =>
  run.tokens.map((token, index) => {
    const last = index === run.tokens.length - 1
    return chunk(turn, request, prefix, {
      delta: `{"role":"assistant","tool_calls":{"index":0,"id":"","type":"function",` +
        `"function":{"name":null,"arguments":${JSON.stringify(token.text)}}}}`,
      token,
      top: run.topTokens[index],
      finish: last ? run.finish : undefined,
      usage: last ? usageOnFinish(turn, request, run) : undefined
    })
  })

const toolFrames = (
  turn: Turn,
  request: ChatRequest,
  prefix: string,
  run: Sampler.Run
): ReadonlyArray<Reply.Frame> => {
  const id = TgiTools.nextId(request, chance(turn, request))
  return TgiTools.deltas(run.tokens).flatMap((delta) =>
    delta._tag === "NoTool" ? [] : [chunk(turn, request, prefix, {
      delta: delta._tag === "Empty" ? `{"role":"assistant","content":""}` : toolDelta(id, delta.name, delta.text),
      token: delta.token,
      top: undefined,
      finish: delta.last ? run.finish : undefined,
      usage: undefined
    })]
  )
}

/** The frames of a stream and the run whose tokens its usage counts. */
const streamed = (
  turn: Turn,
  prepared: Prepared,
  prefix: string
): { readonly frames: ReadonlyArray<Reply.Frame>; readonly counted: Sampler.Run | undefined } => {
  const { request, tools } = prepared
  const fail = (failure: Reply.Failure) => ({ frames: [TgiReply.openAiFrame(turn, failure)], counted: undefined })
  const answer = turn.answer(prepared.prompt)
  if (tools !== undefined) {
    const run = Sampler.generate(turn, rawJob(turn, prepared, answer))
    if (run._tag === "Failure") return fail(run)
    const call = TgiTools.parse(run.text)
    if (typeof call === "string" || call.name !== TgiTools.noTool.name) {
      const write = Options.since(turn.settings, 3, 2) ? toolFrames : oldToolFrames
      return { frames: write(turn, request, prefix, run), counted: run }
    }
  }
  const run = plainPass(turn, prepared, answer)
  return run._tag === "Failure" ? fail(run) : { frames: textFrames(turn, request, prefix, run), counted: run }
}

const streaming = (turn: Turn, prepared: Prepared): Reply.Reply => {
  const prefix = head(turn, prepared.request, "chat.completion.chunk")
  const { counted, frames } = streamed(turn, prepared, prefix)
  const separate = prepared.request.includeUsage && Options.since(turn.settings, 3, 2)
  const last = counted === undefined || !separate
    ? []
    : [{ payload: `${prefix},"choices":[],"usage":${usage(counted.inputLength, counted.tokens.length)}}`, tokens: 0 }]
  const end = Options.since(turn.settings, 2, 2) ? [Reply.done] : []
  return TgiReply.stream(
    turn,
    [prepared.prompt],
    [...frames, ...last, ...end],
    (message) => [TgiReply.openAiFrame(turn, TgiReply.crashed(message)), ...end]
  )
}

/**
 * Answers a chat request.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, request: ChatRequest): Reply.Reply => {
  const prepared = prepare(turn, request)
  if ("_tag" in prepared) return TgiReply.failed(prepared)
  return request.stream ? streaming(turn, prepared) : unary(turn, prepared)
}
