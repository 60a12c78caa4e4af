/**
 * One generation from prompt to tokens. There is no model: the text is scripted, drawn from a grammar, or written from
 * the prompt and a seed. Everything after that (limits, stop checks, candidates, counts) is as in TGI.
 *
 * @since 0.1.0
 */
import * as Grammar from "../grammar/Grammar.ts"
import * as Answer from "../model/Answer.ts"
import * as Effects from "../model/Effects.ts"
import * as Lies from "../model/Lies.ts"
import * as Options from "../model/Options.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Random from "../wire/Random.ts"
import * as Reply from "../wire/Reply.ts"
import * as Writer from "../wire/Writer.ts"
import type { Parameters } from "./NativeRequest.ts"
import * as Validation from "./Validation.ts"

/**
 * A finished generation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly _tag: "Run"
  readonly prompt: string
  readonly inputLength: number
  readonly tokens: ReadonlyArray<Answer.Token>
  /** Alternatives per token, most likely first; `[]` if none were requested. */
  readonly topTokens: ReadonlyArray<ReadonlyArray<Answer.Token>>
  readonly prefill: ReadonlyArray<Answer.Token>
  readonly text: string
  readonly finish: Answer.Finish
  readonly seed: bigint | undefined
  readonly others: ReadonlyArray<Run>
}

/**
 * What to generate from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job {
  readonly prompt: string
  readonly parameters: Parameters
  /** Whether the beginning-of-sequence token is added, which chat leaves to its template. */
  readonly special: boolean
  /** The response that a test wants; called once per candidate. */
  readonly answer: (prompt: string) => Answer.Answer | undefined
}

/**
 * A text of a grammar's language, or how TGI refuses the grammar.
 *
 * @category generating
 * @since 0.1.0
 */
export const draw = Grammar.sample

const overloaded = Reply.failure(429, "Model is overloaded", "overloaded")

const join = (tokens: ReadonlyArray<Answer.Token>): string => {
  let text = ""
  for (const token of tokens) if (!token.special) text += token.text
  return text
}

/**
 * Cuts tokens where a server would stop: at the limit, at the end of the sequence, at a stop string. In this order, so
 * that an end of sequence exactly at the limit counts as the limit.
 */
const cut = (
  all: ReadonlyArray<Answer.Token>,
  limit: number,
  stop: ReadonlyArray<string>
): { readonly tokens: ReadonlyArray<Answer.Token>; readonly finish: Answer.Finish } => {
  let text = ""
  for (let index = 0; index < all.length; index++) {
    const token = all[index]
    if (token === undefined) break
    const tokens = index + 1
    if (tokens >= limit) return { tokens: all.slice(0, tokens), finish: "length" }
    if (token.special && token.id === Tokenizer.eos.id) return { tokens: all.slice(0, tokens), finish: "eos_token" }
    if (stop.length === 0 || token.special) continue
    text += token.text
    if (stop.some((sequence) => text.endsWith(sequence))) {
      return { tokens: all.slice(0, tokens), finish: "stop_sequence" }
    }
  }
  return { tokens: all, finish: "eos_token" }
}

/**
 * The number of tokens of all slices together. Each slice is checked like a new request whose prompt is everything so
 * far, and the last one is not shortened, so that 1500 tokens may become 2048.
 */
const limitOf = (turn: Turn, parameters: Parameters, valid: Validation.Valid, single: boolean): number => {
  const asked = single ? 0 : Validation.wanted(turn.settings, parameters) ?? Infinity
  let total = valid.tokens
  while (total < asked) {
    const next = Validation.budget(turn.settings, parameters, valid.inputLength + total)
    if ("error" in next || next.tokens === 0) break
    total += next.tokens
  }
  return total
}

/** A slice is a new request with the same grammar, which then starts over in the middle of a text. */
const restarted = (tokens: ReadonlyArray<Answer.Token>, limit: number): ReadonlyArray<Answer.Token> =>
  tokens.length <= Validation.slice
    ? tokens
    : Array.from({ length: limit }, (_, at) => tokens[at % Validation.slice]).filter((token) => token !== undefined)

const prefillOf = (turn: Turn, job: Job, random: Random.Random): ReadonlyArray<Answer.Token> =>
  job.parameters.decoderInputDetails && turn.settings.prefillLogprobs
    ? Tokenizer.encode(job.prompt, job.special).map((piece, index) => ({
      id: piece.id,
      text: index === 0 && job.special ? Tokenizer.bos.text : piece.text,
      logprob: index === 0 ? Number.NaN : -(1 + Random.int(random, 1000)) / 128,
      special: false
    }))
    : []

/**
 * The randomness of one candidate: from its seed if sampling is on, otherwise only from the prompt.
 */
const chanceOf = (turn: Turn, job: Job, seed: bigint | undefined): number => {
  const { isGreedy, salt } = Effects.of(turn)
  const basis = Random.hash(salt + job.prompt, turn.settings.seed ^ 0x811c9dc5)
  return isGreedy || seed === undefined ? basis : Random.hash(seed.toString(16), basis)
}

const candidate = (turn: Turn, job: Job, valid: Validation.Valid, nth: number): Run | Reply.Failure => {
  const { parameters } = job
  const bestOf = parameters.bestOf ?? 1
  const seed = Validation.sampling(parameters)
    ? parameters.seed ?? Random.u64(Random.make(Random.hash(`${nth}`, turn.chance)))
    : undefined
  const random = Random.make(chanceOf(turn, job, seed))
  const answer = job.answer(job.prompt)
  let text: string | undefined
  // an empty pattern is not a grammar there
  const grammar = parameters.grammar?.type === "regex" && parameters.grammar.value === ""
    ? undefined
    : parameters.grammar
  if (grammar !== undefined) {
    if (turn.settings.disableGrammarSupport) return Validation.invalid("grammar is not supported")
    const drawn = draw(grammar, random)
    if (drawn._tag !== "Ok") return Reply.failure(drawn.status, drawn.error, drawn.errorType)
    text = drawn.text
  }
  const written = Lies.told(
    Answer.expand(answer ?? { text: text ?? Writer.write(job.prompt, random) }, random),
    turn.settings.lies
  )
  const limit = limitOf(turn, parameters, valid, bestOf > 1)
  const all = grammar !== undefined && Options.since(turn.settings, 3, 1, 1)
    ? restarted(written, limit)
    : written
  const { finish, tokens } = cut(all, limit, parameters.stop)
  const top = parameters.topNTokens ?? 0
  return {
    _tag: "Run",
    prompt: job.prompt,
    inputLength: valid.inputLength,
    tokens,
    topTokens: top === 0 ? [] : tokens.map((token) => Answer.alternatives(token, top, random)),
    prefill: prefillOf(turn, job, random),
    text: join(tokens),
    finish: answer?.finish ?? finish,
    seed,
    others: []
  }
}

const mean = (run: Run): number => run.tokens.reduce((sum, token) => sum + token.logprob, 0) / run.tokens.length

/**
 * Takes permits, checks, and generates: one run, the best of its candidates, or the first failure.
 *
 * @category generating
 * @since 0.1.0
 */
export const generate = (turn: Turn, job: Job): Run | Reply.Failure => {
  const wanted = Math.max(1, job.parameters.bestOf ?? 1)
  const runs: Array<Run> = []
  for (let nth = 0; nth < wanted; nth++) {
    if (!turn.takePermit()) return overloaded
    const valid = Validation.check(turn.settings, job.prompt, job.parameters, job.special)
    if (valid._tag === "Failure") return valid
    const run = candidate(turn, job, valid, nth)
    if (run._tag === "Failure") return run
    runs.push(run)
  }
  const [first] = runs
  if (first === undefined || runs.length === 1) return first ?? overloaded
  const best = runs.reduce((winner, run) => mean(run) > mean(winner) ? run : winner, first)
  return { ...best, others: runs.filter((run) => run !== best) }
}
