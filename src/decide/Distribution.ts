/**
 * A question and how likely each of its labels is, in types that need no other package.
 *
 * @since 0.2.0
 */
import type { Usage } from "../Generation.ts"

/**
 * A label with what it means.
 *
 * @category models
 * @since 0.2.0
 */
export interface Labelled<L extends string> {
  readonly label: L
  readonly description?: string | null | undefined
}

/**
 * One question, and the labels that answer it: a list, or a record of their descriptions. The order of the
 * list is the order in which a model sees them, and for a rating the order of the scale.
 *
 * @category models
 * @since 0.2.0
 */
export interface Question<L extends string = string> {
  readonly instructions: string
  readonly labels: ReadonlyArray<L | Labelled<L>> | { readonly [K in L]: string | null }
}

/**
 * The answer to a question.
 *
 * @category models
 * @since 0.2.0
 */
export interface Decision<L extends string = string> {
  /** The likeliest label; in a tie, the first one. */
  readonly label: L
  /** The probability of every label; they sum to 1. */
  readonly probabilities: { readonly [K in L]: number }
  /** The total probability of the labels before they were scaled to 1; undefined if the engine does not report it. */
  readonly mass: number | undefined
  /** The most that each label can have that the engine did not list. */
  readonly atMost: { readonly [K in L]?: number }
  /** What the model would have begun with instead, the likeliest first. */
  readonly outside: ReadonlyArray<{ readonly text: string; readonly probability: number }>
  /** In how many orders the labels were shown, and in how many of them another label was the likeliest. */
  readonly orders: { readonly count: number; readonly flips: number }
  readonly route: "native" | "tokens"
  /** The usage of this question's requests; on a native route, of the one request for all questions. */
  readonly usage: Usage
}
