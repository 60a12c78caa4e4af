/**
 * Lists of log probabilities, as the OpenAI-like routes send them → tokens.
 *
 * @since 0.2.0
 */
import type { Delta, Token } from "../Generation.ts"
import type * as ChatCompletion from "../protocol/ChatCompletion.ts"
import type * as Completion from "../protocol/Completion.ts"

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
 * A whole response lists the tokens of the thinking before those of the answer, without a mark between them. Counted from
 * the end, the tokens of the answer are those that make up its text.
 */
const apart = (tokens: ReadonlyArray<Token>, answer: string): ReadonlyArray<Token> => {
  let left = answer.trim().length
  let at = tokens.length
  while (at > 0 && left > 0) {
    const text = tokens[--at]?.text ?? ""
    // the answer is followed by its end token, which is not in its text
    if (left === answer.trim().length && !answer.trimEnd().endsWith(text.trim())) continue
    left -= text.length
  }
  return tokens.map((token, index) => index < at ? { ...token, reasoning: true } : token)
}

/**
 * The tokens of a message or of a part of it, with those of its thinking marked.
 *
 * @category decoding
 * @since 0.2.0
 */
export const ofMessage = (
  content: ReadonlyArray<ChatCompletion.Logprob> | null | undefined,
  { reasoning, text = "" }: Delta
): ReadonlyArray<Token> | undefined => {
  if (reasoning === undefined) return logprobs(content)
  return text === "" ? logprobs(content, true) : apart(logprobs(content) ?? [], text)
}

/**
 * The tokens of a whole message. llama.cpp also lists the token that ended it, which has no text and which a stream leaves
 * out.
 *
 * @category decoding
 * @since 0.2.0
 */
export const ofWhole = (
  content: ReadonlyArray<ChatCompletion.Logprob> | null | undefined,
  said: Delta
): ReadonlyArray<Token> | undefined => {
  const last = content?.at(-1)
  return ofMessage(last?.token === "" && last.bytes?.length === 0 ? content?.slice(0, -1) : content, said)
}

type Listed = NonNullable<NonNullable<Completion.Response["choices"]>[number]["logprobs"]>

/**
 * The tokens of a choice of the completions route, in either of its forms.
 *
 * @category decoding
 * @since 0.2.0
 */
export const ofChoice = (
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
