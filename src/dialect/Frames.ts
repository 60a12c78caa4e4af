/**
 * Wire → delta: what a frame, or a whole answer, adds to a generation. By route and not by engine, since an answer's
 * shape is the route's; where engines differ, every spelling is read.
 *
 * @since 0.1.0
 */
import type * as Headers from "effect/http/Headers"
import type { Delta, ServerTimings, Token, Usage } from "../Generation.ts"
import * as Generation from "../Generation.ts"
import * as ChatCompletion from "../protocol/ChatCompletion.ts"
import type * as Completion from "../protocol/Completion.ts"
import * as Generate from "../protocol/Generate.ts"

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
 * A whole answer of `/generate`.
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

/** What a total leaves, where the server told only one of two. */
const difference = (total: number | null | undefined, part: number | null | undefined): number | undefined =>
  typeof total === "number" && typeof part === "number" ? total - part : undefined

const logprobToken = ({ bytes, logprob, token: text }: typeof ChatCompletion.TopLogprob.Type): Token => ({
  text,
  ...(typeof logprob === "number" && { logprob }),
  ...(bytes !== null && bytes !== undefined && { bytes })
})

const logprobs = (
  content: ReadonlyArray<ChatCompletion.Logprob> | null | undefined,
  reasoning = false
): ReadonlyArray<Token> | undefined =>
  content?.map((listed): Token => ({
    ...logprobToken(listed),
    ...(reasoning && { reasoning }),
    ...(listed.top_logprobs !== null && listed.top_logprobs !== undefined && listed.top_logprobs.length > 0 &&
      { top: listed.top_logprobs.map(logprobToken) })
  }))

/**
 * A whole response lists the tokens of the thinking before those of the answer, and says nowhere where it ends. Counted
 * from the end, the tokens of the answer are those that its text is made of.
 */
const apart = (tokens: ReadonlyArray<Token>, answer: string): ReadonlyArray<Token> => {
  let left = answer.trim().length
  let at = tokens.length
  while (at > 0 && left > 0) {
    const text = tokens[--at]?.text ?? ""
    // what follows the answer is its end token, which is not in its text
    if (left === answer.trim().length && !answer.trimEnd().endsWith(text.trim())) continue
    left -= text.length
  }
  return tokens.map((token, index) => index < at ? { ...token, reasoning: true } : token)
}

const said = (part: ChatCompletion.Said): Delta => ({
  text: ChatCompletion.contentText(part.content),
  // one of the names may be there and empty
  reasoning: known(part.reasoning || part.reasoning_content) || ChatCompletion.contentThinking(part.content) ||
    undefined,
  refusal: known(part.refusal),
  toolCalls: ChatCompletion.fragments(part.tool_calls)
})

const nothing: Delta = {}

/** Who says that it generated: the model, and on many engines the program with its version. */
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
    ...(tokens && { tokens: chatTokens(choice?.logprobs?.content, message) })
  }
}

/** The tokens of a message or of a part of it, those of its thinking marked. */
const chatTokens = (
  content: ReadonlyArray<ChatCompletion.Logprob> | null | undefined,
  { reasoning, text = "" }: Delta
): ReadonlyArray<Token> | undefined => {
  if (reasoning === undefined) return logprobs(content)
  return text === "" ? logprobs(content, true) : apart(logprobs(content) ?? [], text)
}

/**
 * A whole answer of the chat route.
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
    tokens: chatTokens(choice?.logprobs?.content, message)
  }
}

/**
 * An event, or a whole answer, of the completions route.
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
    ...(tokens && listed !== null && listed !== undefined && { tokens: listedTokens(listed) })
  }
}

type Listed = NonNullable<NonNullable<Completion.Response["choices"]>[number]["logprobs"]>

const listedTokens = (
  { content, token_logprobs, tokens, top_logprobs }: Listed
): ReadonlyArray<Token> =>
  logprobs(content) ?? tokens?.map((text, at): Token => {
    const logprob = token_logprobs?.[at]
    const top = Object.entries(top_logprobs?.[at] ?? {})
    return {
      text,
      ...(typeof logprob === "number" && { logprob }),
      ...(top.length > 0 && {
        top: top.map(([text, value]): Token => ({ text, ...(value !== null && { logprob: value }) }))
          .toSorted((a, b) => (b.logprob ?? -Infinity) - (a.logprob ?? -Infinity))
      })
    }
  }) ?? []

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined

/**
 * Token counts that TGI puts into headers of whole answers, for bodies that have none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const headerUsage = (headers: Headers.Headers): Usage => {
  const inputTokens = number(headers["x-prompt-tokens"])
  const outputTokens = number(headers["x-generated-tokens"])
  return { ...(inputTokens !== undefined && { inputTokens }), ...(outputTokens !== undefined && { outputTokens }) }
}

/**
 * Who answered behind a router, by the header that Hugging Face's sends.
 *
 * @category decoding
 * @since 0.2.0
 */
export const provider = (headers: Headers.Headers): string | undefined => headers["x-inference-provider"]

/**
 * The times that TGI puts into headers of whole answers, in milliseconds.
 *
 * @category decoding
 * @since 0.1.0
 */
export const serverTimings = (headers: Headers.Headers): ServerTimings | undefined =>
  headers["x-total-time"] === undefined ? undefined : {
    total: number(headers["x-total-time"]),
    validation: number(headers["x-validation-time"]),
    queue: number(headers["x-queue-time"]),
    inference: number(headers["x-inference-time"]),
    perToken: number(headers["x-time-per-token"])
  }
