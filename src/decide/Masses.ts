/**
 * Log probabilities of next tokens → the probability of each label.
 *
 * A token that several labels begin with is followed: the next tokens after it are requested, so that each label is scored
 * whole. Where nothing can be requested after a text, its probability stays unresolved.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { Usage } from "../Generation.ts"
import * as Labels from "./Labels.ts"

/**
 * A token that might come next.
 *
 * @category models
 * @since 0.2.0
 */
export interface Next {
  readonly text: string
  readonly logprob: number
  readonly special: boolean
}

/**
 * What might come next after a text, as far as it was reported.
 *
 * @category models
 * @since 0.2.0
 */
export interface Listing {
  readonly next: ReadonlyArray<Next>
  readonly usage: Usage
}

/**
 * How the probability is distributed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Masses {
  /** The probability of each key that was seen. */
  readonly labels: ReadonlyMap<string, number>
  /** The tokens that begin no label, the likeliest first. */
  readonly outside: ReadonlyArray<{ readonly text: string; readonly probability: number }>
  /** The probability of the tokens that were not listed: no unseen label can have more. */
  readonly unseen: number
  /** A token that several labels begin with and that could not be followed. */
  readonly shared: { readonly keys: ReadonlyArray<string>; readonly token: string; readonly mass: number } | undefined
  readonly usage: Usage
}

/** A token below this is not worth a request: its labels differ by no more than that. */
const WORTH_FOLLOWING = 1e-3

const MOST_REQUESTS = 32

interface Open {
  readonly prefix: string
  readonly weight: number
}

/**
 * Requests what comes next, first without a text and then after every beginning that several labels share. `follows` says
 * whether it can be requested after a text.
 *
 * @category running
 * @since 0.2.0
 */
export const read = Effect.fnUntraced(function*<E>(
  keys: ReadonlyArray<string>,
  follows: boolean,
  ask: (prefix: string) => Effect.Effect<Listing, E>
) {
  const meaning = Labels.make(keys)
  const labels = new Map<string, number>()
  const outside: Array<{ readonly text: string; readonly probability: number }> = []
  const open: Array<Open> = [{ prefix: "", weight: 1 }]
  let unseen = 0
  let shared: Masses["shared"]
  let usage: Usage = {}
  let requests = 0
  const add = (key: string, mass: number) => labels.set(key, (labels.get(key) ?? 0) + mass)

  const take = ({ prefix, weight }: Open, { logprob, special, text }: Next) => {
    const probability = weight * Math.exp(logprob)
    const written = prefix + text
    const ended = prefix !== "" && (special || text === "") ? Labels.wholly(keys, prefix) : undefined
    const meant = meaning(written)
    if (ended !== undefined) add(ended, probability)
    else if (special || meant._tag === "Outside" || (written.trim() === "" && !follows)) {
      outside.push({ text: written, probability })
    } else if (meant._tag === "Label") add(meant.key, probability)
    else if (follows && text !== "" && probability >= WORTH_FOLLOWING && requests + open.length < MOST_REQUESTS) {
      open.push({ prefix: written, weight: probability })
    } else if (probability > (shared?.mass ?? 0)) shared = { keys: meant.keys, token: text, mass: probability }
  }

  for (let node = open.shift(); node !== undefined; node = open.shift()) {
    const { next, usage: used } = yield* ask(node.prefix)
    requests++
    usage = sum(usage, used)
    const told = next.reduce((total, { logprob }) => total + Math.exp(logprob), 0)
    unseen += node.weight * Math.max(0, 1 - told)
    for (const token of next) take(node, token)
  }
  const masses: Masses = {
    labels,
    outside: outside.toSorted((a, b) => b.probability - a.probability),
    unseen,
    shared,
    usage
  }
  return masses
})

const add = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0)

/**
 * The tokens of several requests together.
 *
 * @category combinators
 * @since 0.2.0
 */
export const sum = (a: Usage, b: Usage): Usage => {
  const inputTokens = add(a.inputTokens, b.inputTokens)
  const outputTokens = add(a.outputTokens, b.outputTokens)
  const cachedTokens = add(a.cachedTokens, b.cachedTokens)
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(cachedTokens !== undefined && { cachedTokens })
  }
}
