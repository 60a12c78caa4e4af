/**
 * Chat streams of TGI: one chunk per token, calls through the state machine of its tools.
 *
 * @since 0.1.0
 */
import type { Finish, Token } from "../model/Answer.ts"
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import type { ChatRequest } from "./ChatRequest.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiChatJob from "./TgiChatJob.ts"
import * as TgiChatJson from "./TgiChatJson.ts"
import * as TgiReply from "./TgiReply.ts"
import * as TgiTools from "./TgiTools.ts"

interface ChunkOptions {
  readonly delta: string
  readonly token: Token
  readonly top: ReadonlyArray<Token> | undefined
  readonly finish: Finish | undefined
  readonly usage: string | undefined
}

const chunk = (turn: Turn, request: ChatRequest, prefix: string, options: ChunkOptions): Reply.Frame => {
  const probabilities = request.logprobs ? TgiChatJson.logprobs([options.token], [options.top ?? []]) : "null"
  const finish = options.finish === undefined ? "null" : `"${TgiChatJson.finishText(turn, options.finish)}"`
  const used = Options.since(turn.settings, 2, 3) ? `,"usage":${options.usage ?? "null"}` : ""
  return {
    payload: `${prefix},"choices":[{"index":0,"delta":${options.delta},"logprobs":${probabilities},` +
      `"finish_reason":${finish}}]${used}}`,
    tokens: 1
  }
}

/** Usage is in a chunk of its own since 3.2, on the finishing chunk since 2.3, and nowhere before. */
const usageOnFinish = (turn: Turn, request: ChatRequest, run: Sampler.Run): string | undefined =>
  request.includeUsage && !Options.since(turn.settings, 3, 2)
    ? TgiChatJson.usage(run.inputLength, run.tokens.length)
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
  const id = TgiTools.nextId(request, TgiChatJob.chance(turn, request))
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
  prepared: TgiChatJob.Prepared,
  prefix: string
): { readonly frames: ReadonlyArray<Reply.Frame>; readonly counted: Sampler.Run | undefined } => {
  const { request, tools } = prepared
  const fail = (failure: Reply.Failure) => ({ frames: [TgiReply.openAiFrame(turn, failure)], counted: undefined })
  const scripted = turn.answer(prepared.prompt)
  if (tools !== undefined) {
    const run = Sampler.generate(turn, TgiChatJob.rawJob(turn, prepared, scripted))
    if (run._tag === "Failure") return fail(run)
    if (TgiTools.deltas(run.tokens)[0]?._tag !== "NoTool") {
      const write = Options.since(turn.settings, 3, 2) ? toolFrames : oldToolFrames
      return { frames: write(turn, request, prefix, run), counted: run }
    }
  }
  const run = Sampler.generate(turn, TgiChatJob.plainJob(prepared, scripted))
  return run._tag === "Failure" ? fail(run) : { frames: textFrames(turn, request, prefix, run), counted: run }
}

/**
 * Responds to a prepared request with a stream.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, prepared: TgiChatJob.Prepared): Reply.Reply => {
  const prefix = TgiChatJson.head(turn, prepared.request, "chat.completion.chunk")
  const { counted, frames } = streamed(turn, prepared, prefix)
  const separate = prepared.request.includeUsage && Options.since(turn.settings, 3, 2)
  const last = counted === undefined || !separate
    ? []
    : [{
      payload: `${prefix},"choices":[],"usage":${TgiChatJson.usage(counted.inputLength, counted.tokens.length)}}`,
      tokens: 0
    }]
  const end = Options.since(turn.settings, 2, 2) ? [Reply.done] : []
  return TgiReply.stream(
    turn,
    [prepared.prompt],
    [...frames, ...last, ...end],
    (crash) => [TgiReply.openAiFrame(turn, TgiReply.crashed(crash, true)), ...end]
  )
}
