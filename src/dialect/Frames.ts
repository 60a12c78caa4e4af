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

const known = <A>(value: A | null | undefined): A | undefined => value ?? undefined

const token = ({ id, logprob, special, text }: Generate.Token, top?: ReadonlyArray<Generate.Token> | null): Token => ({
  id,
  text,
  ...(logprob !== null && logprob !== undefined && { logprob }),
  ...(special === true && { special }),
  ...(top !== null && top !== undefined && top.length > 0 && { top: top.map((other) => token(other)) })
})

/**
 * An event of `/generate_stream`. Tokens are carried along where they are wanted.
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
      usage: { outputTokens: details.generated_tokens, inputTokens: known(details.input_length) },
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

const usage = (wire: ChatCompletion.Usage | null | undefined): Usage | undefined => {
  if (wire === null || wire === undefined) return undefined
  const { completion_tokens: written, prompt_tokens: read, total_tokens: all } = wire
  const cost = wire.estimated_cost ?? wire.cost
  return {
    inputTokens: known(read) ?? difference(all, written),
    outputTokens: known(written) ?? difference(all, read),
    cachedTokens: known(wire.prompt_tokens_details?.cached_tokens) ?? known(wire.cached_tokens) ??
      known(wire.prompt_cache_hit_tokens),
    reasoningTokens: known(wire.completion_tokens_details?.reasoning_tokens) ?? known(wire.reasoning_tokens),
    ...(typeof cost === "number" && { cost })
  }
}

/** The difference to a total, where the server sent only one of two counts. */
const difference = (total: number | null | undefined, part: number | null | undefined): number | undefined =>
  typeof total === "number" && typeof part === "number" ? total - part : undefined

const said = (part: ChatCompletion.Said): Delta => ({
  text: ChatCompletion.contentText(part.content),
  // one of the names may be present but empty
  reasoning: known(part.reasoning || part.reasoning_content) || ChatCompletion.contentThinking(part.content) ||
    undefined,
  refusal: known(part.refusal),
  toolCalls: ChatCompletion.fragments(part.tool_calls)
})

const nothing: Delta = {}

/** Who generated, by the server: the model, and on many engines the program with its version. */
const identity = (
  { model, system_fingerprint: fingerprint }: ChatCompletion.Chunk | ChatCompletion.Response | Completion.Response
): Pick<Delta, "model" | "systemFingerprint"> => ({
  ...(typeof model === "string" && model !== "" && { model }),
  ...(typeof fingerprint === "string" && fingerprint !== "" && { systemFingerprint: fingerprint })
})

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
    finishReason: known(choice?.finish_reason),
    usage: usage(chunk.usage),
    ...identity(chunk),
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
  return {
    ...message,
    finishReason: known(choice?.finish_reason),
    usage: usage(response.usage),
    ...identity(response),
    tokens: Logprobs.ofWhole(choice?.logprobs?.content, message)
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
    text: known(choice?.text),
    finishReason: known(choice?.finish_reason),
    usage: usage(response.usage),
    ...identity(response),
    ...(tokens && listed !== null && listed !== undefined && { tokens: Logprobs.ofChoice(listed) })
  }
}
