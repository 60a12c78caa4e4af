/**
 * `/generate`, SGLang's own route: a text, its sampling parameters, and a text back with what is told of it.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRequest from "./SglangRequest.ts"

const failure = (message: string): string =>
  JSON.stringify({ error: { message, type: "invalid_request_error", code: 400, retryable: false } })

const failed = (message: string): Reply.Unary => Reply.json(400, failure(message), SglangJson.headers)

/**
 * Answers a native request: its parameters are those of the completions route under names of their own.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn, body: Pydantic.Body): Reply.Reply => {
  const text = body["text"]
  if (typeof text !== "string") return failed("Either text, input_ids or input_embeds should be provided.")
  const sampling = Pydantic.isBody(body["sampling_params"]) ? body["sampling_params"] : {}
  const stream = body["stream"] === true
  const request = SglangRequest.completions(
    {
      prompt: text,
      max_tokens: sampling["max_new_tokens"] ?? 128,
      temperature: sampling["temperature"],
      top_p: sampling["top_p"],
      top_k: sampling["top_k"],
      min_p: sampling["min_p"],
      stop: sampling["stop"],
      seed: sampling["sampling_seed"],
      json_schema: sampling["json_schema"],
      regex: sampling["regex"],
      ebnf: sampling["ebnf"]
    },
    turn.request.body
  )
  if ("_tag" in request) {
    return stream
      ? streaming([{ payload: failure(request.message), tokens: 0 }, Reply.done])
      : failed(request.message)
  }
  const input = Tokenizer.count(text) + 1
  const run = OpenAiRun.generate(turn, request, text, 0, request.maxTokens ?? turn.settings.maxTotalTokens)
  const random = Random.make(turn.chance)
  const id = Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")
  const value = (said: string, tokens: number, ended: boolean): string =>
    JSON.stringify({
      text: said,
      output_ids: run.content.slice(0, tokens).map((token) => token.id),
      meta_info: {
        id,
        finish_reason: ended
          ? run.finish === "length"
            ? { type: "length", length: run.tokens }
            : { type: "stop", matched: run.stopped ?? Tokenizer.eos.id }
          : null,
        prompt_tokens: input,
        weight_version: "default",
        completion_tokens: tokens,
        cached_tokens: 0
      }
    })
  if (!stream) {
    const said = run.content.map((token) => token.text).join("")
    return Reply.json(200, value(said, run.tokens, true), SglangJson.headers, {
      tokens: run.tokens,
      slots: 1,
      failed: ({ message }) => failed(message)
    })
  }
  let said = ""
  // each event repeats the whole text so far
  const frames = run.content.map((token, at): Reply.Frame => {
    said += token.text
    return { payload: value(said, at + 1, at === run.content.length - 1), tokens: 1 }
  })
  return streaming([...frames, Reply.done])
}

const streaming = (frames: ReadonlyArray<Reply.Frame>): Reply.Streaming => ({
  _tag: "Streaming",
  headers: { ...SglangJson.headers, "content-type": "text/event-stream; charset=utf-8" },
  frames,
  space: true,
  keepAlive: undefined,
  slots: 1,
  failed: ({ message }) => [{ payload: failure(message), tokens: 0 }, Reply.done]
})
