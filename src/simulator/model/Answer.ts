/**
 * The answer of a simulated server: written by the simulator, or chosen by a test.
 *
 * @since 0.1.0
 */
import * as Random from "../wire/Random.ts"
import type { Received } from "../wire/Reply.ts"
import * as Tokenizer from "./Tokenizer.ts"

/**
 * Why a generation ended, in TGI's words.
 *
 * @category models
 * @since 0.1.0
 */
export type Finish = "length" | "eos_token" | "stop_sequence"

/**
 * A generated token.
 *
 * @category models
 * @since 0.1.0
 */
export interface Token {
  readonly id: number
  readonly text: string
  readonly logprob: number
  readonly special: boolean
  /** The alternatives, if a test names them; else the simulator draws them. */
  readonly top?: ReadonlyArray<{ readonly text: string; readonly logprob: number }> | undefined
}

/**
 * A tool call that the simulated model makes. TGI makes one per response: the first.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  readonly name: string
  /** A value, or text that goes over the wire as it is, even if it is not valid JSON. */
  readonly arguments: unknown
  readonly id?: string | undefined
}

/**
 * An answer chosen by a test. It is still cut by the token limit and by stop sequences, as a model's would be.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly text?: string | undefined
  /** Exact tokens. No end-of-sequence token is added. A logprob of `NaN` is sent as null. */
  readonly tokens?: ReadonlyArray<Partial<Token> & { readonly text: string }> | undefined
  readonly toolCalls?: ReadonlyArray<ToolCall> | undefined
  /** Thinking before the answer: a field of its own on vLLM, SGLang and llama.cpp, `<think>` in the text on TGI. */
  readonly reasoning?: string | undefined
  /** Reported whatever actually ended the text. */
  readonly finish?: Finish | undefined
}

/**
 * Chooses an answer for a request and the prompt it amounts to; `undefined` leaves it to the simulator.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = (request: Received, prompt: string) => Answer | undefined

/** A log probability that is exact in 32 bits and short in print. */
const logprob = (random: Random.Random): number => -(1 + Random.int(random, 383)) / 128

/**
 * @category tokens
 * @since 0.1.0
 */
export const token = (text: string, random: Random.Random): Token => ({
  id: Tokenizer.id(text),
  text,
  logprob: logprob(random),
  special: false
})

const astral = /[\u{10000}-\u{10ffff}]/u

/**
 * The tokens a model would emit for a text. A character of four bytes takes two tokens: the first shows nothing yet.
 *
 * @category tokens
 * @since 0.1.0
 */
export const tokens = (text: string, random: Random.Random): Array<Token> => {
  const list: Array<Token> = []
  for (const piece of Tokenizer.split(text)) {
    if (piece.length <= 3 && astral.test(piece)) list.push({ ...token("", random), id: Tokenizer.id(piece) ^ 1 })
    list.push(token(piece, random))
  }
  return list
}

/**
 * The tokens that a model might have chosen, `count` of them: the chosen one first, then by likelihood.
 *
 * @category tokens
 * @since 0.2.0
 */
export const alternatives = (chosen: Token, count: number, random: Random.Random): ReadonlyArray<Token> => {
  if (count <= 0) return []
  if (chosen.top !== undefined) return told(chosen, chosen.top, count)
  const list = [chosen]
  for (let index = 1; index < count; index++) {
    const previous = list[index - 1] ?? chosen
    const text = ` ${String.fromCharCode(97 + Random.int(random, 26))}`
    list.push({ ...token(text, random), logprob: previous.logprob - (1 + Random.int(random, 64)) / 128 })
  }
  return list
}

/** The likeliest of those that a test named, and the chosen one. */
const told = (chosen: Token, top: NonNullable<Token["top"]>, count: number): ReadonlyArray<Token> => {
  const others = top.filter(({ text }) => text !== chosen.text).map(({ logprob, text }) => ({
    id: Tokenizer.id(text),
    text,
    logprob,
    special: false
  }))
  const ranked = [chosen, ...others].toSorted((a, b) => b.logprob - a.logprob)
  const kept = ranked.slice(0, count)
  return kept.includes(chosen) ? kept : [...kept, chosen]
}

/**
 * @category tokens
 * @since 0.1.0
 */
export const eos = (random: Random.Random): Token => ({ ...Tokenizer.eos, logprob: logprob(random), special: true })

/**
 * The tokens of an answer: those that it names, or those of its text and an end-of-sequence token.
 *
 * @category tokens
 * @since 0.1.0
 */
export const expand = (answer: Answer, random: Random.Random): Array<Token> => {
  if (answer.tokens !== undefined) {
    return answer.tokens.map((given) => ({ ...token(given.text, random), ...given }))
  }
  const thought = answer.reasoning === undefined ? "" : `<think>\n${answer.reasoning}\n</think>\n\n`
  return [...tokens(thought + (answer.text ?? ""), random), eos(random)]
}
