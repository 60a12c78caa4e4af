/**
 * `/tokenize` and `/detokenize` of SGLang.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"
import type * as SglangMessages from "./SglangMessages.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body
type Answered = Reply.Reply | SglangRefusal.Refused

/** The ids of a text; an empty text has none, not even the BOS token. */
const ids = (text: string, special: boolean): ReadonlyArray<number> =>
  text === "" ? [] : Tokenizer.encode(text, special).map(({ id }) => id)

/** Tokens of a prompt, or of a chat that `read` renders. @category answering @since 0.2.0 */
export const tokenize = (turn: Turn, body: Body, read: SglangMessages.Read): Answered => {
  const { messages, prompt } = body
  const both = "Exactly one of 'prompt' or 'messages' must be provided."
  if ((prompt == null) === (messages == null)) {
    return SglangRefusal.misfit([SglangRefusal.unfit(both, ["body"], body)])
  }
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.union<unknown>(["list[str]", Pydantic.list(Pydantic.text)], ["str", Pydantic.text])
  Pydantic.optional(body, "model", Pydantic.text, ["body"], problems)
  Pydantic.optional(body, "prompt", Pydantic.nullable(text), ["body"], problems)
  const special = Pydantic.optional(body, "add_special_tokens", Pydantic.flag, ["body"], problems) ?? true
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const { maxTotalTokens } = turn.settings
  if (Array.isArray(prompt) && prompt.every((text) => typeof text === "string")) {
    const tokens = prompt.map((text: string) => ids(text, special))
    return SglangJson.ok({ tokens, count: tokens.map((list) => list.length), max_model_len: maxTotalTokens })
  }
  if (typeof prompt === "string") {
    const tokens = ids(prompt, special)
    return SglangJson.ok({ tokens, count: tokens.length, max_model_len: maxTotalTokens })
  }
  const asked = read(turn, body)
  if ("_tag" in asked) return asked
  const tokens = ids(asked[1], false)
  return SglangJson.ok({ tokens, count: tokens.length, max_model_len: maxTotalTokens })
}

const joined = (tokens: ReadonlyArray<number>): string => tokens.map(Tokenizer.known).join("")

const hasNegative = (tokens: unknown): boolean => Array.isArray(tokens) && tokens.flat().some((id) => Number(id) < 0)

/** The text of tokens. @category answering @since 0.2.0 */
export const detokenize = (_turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  Pydantic.optional(body, "model", Pydantic.text, ["body"], problems)
  const text = Pydantic.required(
    body,
    "tokens",
    Pydantic.union<string | ReadonlyArray<string>>(
      ["list[int]", (value, loc, own) => {
        const list = Pydantic.list(Pydantic.integer)(value, loc, own)
        return list === undefined ? undefined : joined(list)
      }],
      [
        "list[list[int]]",
        (value, loc, own) => Pydantic.list(Pydantic.list(Pydantic.integer))(value, loc, own)?.map(joined)
      ]
    ),
    ["body"],
    problems
  )
  Pydantic.optional(body, "skip_special_tokens", Pydantic.flag, ["body"], problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  return hasNegative(body["tokens"])
    ? SglangJson.failed(
      500,
      "Internal server error during detokenization: out of range integral type conversion attempted",
      "InternalServerError"
    )
    : SglangJson.ok({ text })
}
