/**
 * Wire → delta: what a frame, or a whole response, adds to a generation. By route and not by engine, since the route
 * determines the shape; where engines differ, every spelling is read.
 *
 * @since 0.1.0
 */
import type { Delta, Token, Usage } from "../Generation.ts"
import * as Generation from "../Generation.ts"
import * as ChatCompletion from "../protocol/ChatCompletion.ts"
import type * as Completion from "../protocol/Completion.ts"
import * as Generate from "../protocol/Generate.ts"
import * as Logprobs from "./Logprobs.ts"

const token = ({ id, logprob, special, text }: Generate.Token, top?: ReadonlyArray<Generate.Token> | null): Token => ({
  id,
  text,
  ...(logprob !== null && logprob !== undefined && { logprob }),
  ...(special === true && { special }),
  ...(top !== null && top !== undefined && top.length > 0 && { top: top.map((other) => token(other)) })
})

/**
 * An event of `/generate_stream`. Tokens are included if they are wanted.
 *
 * @category decoding
 * @since 0.1.0
 */
export const native = (frame: Generate.Frame, tokens: boolean): Delta => {
  const text = frame.token.special === true ? undefined : frame.token.text
  const last = typeof frame.generated_text === "string"
  if (!tokens && !last) return { text }
  const { details } = frame
  return {
    text,
    ...(tokens && { tokens: [token(frame.token, frame.top_tokens)] }),
    ...(last && { fullText: frame.generated_text ?? "" }),
    ...(details !== null && details !== undefined && {
      finishReason: details.finish_reason,
      usage: {
        outputTokens: details.generated_tokens,
        ...(typeof details.input_length === "number" && { inputTokens: details.input_length })
      },
      seed: Generate.seed(details.seed)
    })
  }
}

/**
 * A whole response of `/generate`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const nativeResponse = ({ details, generated_text }: Generate.Response): Delta => ({
  text: generated_text,
  fullText: generated_text,
  ...(details !== null && details !== undefined && {
    finishReason: details.finish_reason,
    usage: { outputTokens: details.generated_tokens },
    seed: Generate.seed(details.seed),
    tokens: details.tokens?.map((each, at) => token(each, details.top_tokens?.[at])) ?? [],
    ...(details.prefill !== null && details.prefill !== undefined && details.prefill.length > 0 &&
      { prefill: details.prefill.map((each) => token({ ...each, special: null })) }),
    ...(details.best_of_sequences !== null && details.best_of_sequences !== undefined && {
      bestOf: details.best_of_sequences.map((sequence) => ({
        text: sequence.generated_text,
        finishReason: Generation.finishReason(sequence.finish_reason, false)
      }))
    })
  })
})

/** Counts that the server did not send have no key. */
const usage = (wire: ChatCompletion.Usage): Usage => {
  const { completion_tokens: written, prompt_tokens: read, total_tokens: all } = wire
  const inputTokens = read ?? difference(all, written)
  const outputTokens = written ?? difference(all, read)
  const cachedTokens = wire.prompt_tokens_details?.cached_tokens ?? wire.cached_tokens ?? wire.prompt_cache_hit_tokens
  const reasoningTokens = wire.completion_tokens_details?.reasoning_tokens ?? wire.reasoning_tokens
  const cost = wire.estimated_cost ?? wire.cost
  return {
    ...(typeof inputTokens === "number" && { inputTokens }),
    ...(typeof outputTokens === "number" && { outputTokens }),
    ...(typeof cachedTokens === "number" && { cachedTokens }),
    ...(typeof reasoningTokens === "number" && { reasoningTokens }),
    ...(typeof cost === "number" && { cost })
  }
}

/** The difference to a total, if the server sent only one of two counts. */
const difference = (total: number | null | undefined, part: number | null | undefined): number | undefined =>
  typeof total === "number" && typeof part === "number" ? total - part : undefined

const said = (part: ChatCompletion.Said): Delta => {
  const { content, reasoning, reasoning_content, refusal, tool_calls } = part
  const isText = typeof content === "string"
  return {
    text: isText ? content : ChatCompletion.contentText(content),
    // one of the names may be present but empty
    reasoning: (reasoning || reasoning_content) || (isText ? "" : ChatCompletion.contentThinking(content)) || undefined,
    refusal: refusal ?? undefined,
    ...(tool_calls !== null && tool_calls !== undefined && { toolCalls: ChatCompletion.fragments(tool_calls) })
  }
}

const nothing: Delta = {}

/** What ends a generation or stands beside it: its end, its counts, and who generated, by the server. */
const rest = (
  response: ChatCompletion.Chunk | ChatCompletion.Response | Completion.Response,
  finishReason: string | null | undefined
): Delta => {
  const { model, system_fingerprint: fingerprint, usage: counts } = response
  return {
    finishReason: finishReason ?? undefined,
    usage: counts === null || counts === undefined ? undefined : usage(counts),
    ...(typeof model === "string" && model !== "" && { model }),
    ...(typeof fingerprint === "string" && fingerprint !== "" && { systemFingerprint: fingerprint })
  }
}

/**
 * An event of the chat route. The first one may be a role alone, the last one usage alone.
 *
 * @category decoding
 * @since 0.1.0
 */
export const chat = (chunk: ChatCompletion.Chunk, tokens: boolean): Delta => {
  const choice = chunk.choices?.[0]
  const delta = choice?.delta
  const content = delta?.content
  // the common event adds text and nothing else
  if (
    typeof content === "string" && content !== "" && !tokens && typeof choice?.finish_reason !== "string" &&
    !chunk.usage &&
    !delta?.tool_calls && !delta?.reasoning && !delta?.reasoning_content && !delta?.refusal
  ) {
    return { text: content }
  }
  const message = delta === null || delta === undefined ? nothing : said(delta)
  return {
    ...message,
    ...rest(chunk, choice?.finish_reason),
    ...(tokens && { tokens: Logprobs.ofMessage(choice?.logprobs?.content, message) })
  }
}

/**
 * A whole response of the chat route.
 *
 * @category decoding
 * @since 0.1.0
 */
export const chatResponse = (response: ChatCompletion.Response): Delta => {
  const choice = response.choices?.[0]
  const message = choice === undefined ? nothing : said(choice.message)
  const listed = choice?.logprobs?.content
  return {
    ...message,
    ...rest(response, choice?.finish_reason),
    ...(listed !== null && listed !== undefined && { tokens: Logprobs.ofWhole(listed, message) })
  }
}

/**
 * An event, or a whole response, of the completions route.
 *
 * @category decoding
 * @since 0.1.0
 */
export const completion = (response: Completion.Response, tokens: boolean): Delta => {
  const choice = response.choices?.[0]
  const listed = choice?.logprobs
  return {
    text: choice?.text ?? undefined,
    ...rest(response, choice?.finish_reason),
    ...(tokens && listed !== null && listed !== undefined && { tokens: Logprobs.ofChoice(listed) })
  }
}
