/**
 * `/v1/chat/completions` of TGI.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import type { ChatRequest } from "./ChatRequest.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiChatJob from "./TgiChatJob.ts"
import * as TgiChatJson from "./TgiChatJson.ts"
import * as TgiChatStream from "./TgiChatStream.ts"
import * as TgiReply from "./TgiReply.ts"
import * as TgiTools from "./TgiTools.ts"

interface Passes {
  readonly first: Sampler.Run
  /** The pass without tools after `no_tool`. */
  readonly second: Sampler.Run | undefined
  readonly call: TgiTools.Call | undefined
}

const passes = (turn: Turn, prepared: TgiChatJob.Prepared): Passes | Reply.Failure => {
  const answer = turn.answer(prepared.prompt)
  const first = Sampler.generate(turn, TgiChatJob.rawJob(turn, prepared, answer))
  if (first._tag === "Failure") return first
  if (prepared.tools === undefined) return { first, second: undefined, call: undefined }
  const call = TgiTools.parse(first.text)
  if (typeof call === "string") return TgiTools.unreadable(call, first.text)
  if (call.name !== TgiTools.noTool.name) return { first, second: undefined, call }
  const second = Sampler.generate(turn, TgiChatJob.plainJob(prepared, answer))
  return second._tag === "Failure" ? second : { first, second, call: undefined }
}

const messageText = (turn: Turn, call: TgiTools.Call | undefined, content: string): string => {
  if (call === undefined) return `{"role":"assistant","content":${JSON.stringify(content)}}`
  const value = Options.since(turn.settings, 3, 2) ? JSON.stringify(call.arguments) : call.arguments
  return `{"role":"assistant","tool_calls":[{"id":"0","type":"function","function":{"description":null,` +
    `"name":${JSON.stringify(call.name)},"arguments":${value}}}]}`
}

const unary = (turn: Turn, prepared: TgiChatJob.Prepared): Reply.Reply => {
  const result = passes(turn, prepared)
  if ("_tag" in result) return TgiReply.failed(result)
  const { call, first, second } = result
  const spoken = second ?? first
  const message = messageText(turn, call, spoken.text)
  return Reply.json(
    200,
    `${TgiChatJson.head(turn, prepared.request, "chat.completion")},"choices":[{"index":0,"message":${message},` +
      `"logprobs":${TgiChatJson.runLogprobs(prepared.request, first)},"finish_reason":"${
        TgiChatJson.finishText(turn, first.finish)
      }"}],` +
      `"usage":${TgiChatJson.usage(spoken.inputLength, first.tokens.length)}}`,
    TgiReply.timings(turn, [spoken], true),
    {
      tokens: first.tokens.length + (second?.tokens.length ?? 0),
      failed: (crash) => TgiReply.failed(TgiReply.crashed(crash, false))
    }
  )
}

/**
 * Responds to a chat request.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, request: ChatRequest): Reply.Reply => {
  const prepared = TgiChatJob.prepare(turn, request)
  if ("_tag" in prepared) return TgiReply.failed(prepared)
  if (prepared.tools?.some(({ parameters }) => TgiTools.isEndless(parameters)) === true) return Reply.deadly()
  return request.stream ? TgiChatStream.answer(turn, prepared) : unary(turn, prepared)
}
