/**
 * What rows in flight may use at most, reserved against a budget before they are sent.
 *
 * What a row may write is its limit on new tokens, for each generation. What it reads is guessed from the length of its
 * text by the highest ratio of tokens to characters seen so far, or half a token per character before there is one.
 *
 * @since 0.2.0
 */
import type * as Generation from "../../Generation.ts"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"
import type { Used } from "./Budget.ts"

const FIRST_RATIO = 0.5

/**
 * @category models
 * @since 0.2.0
 */
export interface Reserve {
  readonly held: Used
  /** Rows that hold something. */
  readonly rows: number
  /** Tokens per character. */
  readonly ratio: number
  readonly take: (worst: Used) => void
  readonly give: (worst: Used) => void
  /** A response reported how many tokens its input has. */
  readonly learn: (input: Message.Input, statistics: Generation.Statistics) => void
}

/**
 * The characters of an input.
 *
 * @category accessors
 * @since 0.2.0
 */
export const lengthOf = (input: Message.Input): number =>
  typeof input === "string"
    ? input.length
    : "raw" in input
    ? input.raw.length
    : input.reduce((sum, message) => sum + Message.text(message).length, 0)

/**
 * @category combinators
 * @since 0.2.0
 */
export const plus = (a: Used, b: Used): Used => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens
})

/**
 * The most that a row can use, as far as is known now.
 *
 * @category accessors
 * @since 0.2.0
 */
export const worst = ({ ratio }: Pick<Reserve, "ratio">, input: Message.Input, options: CallOptions): Used => {
  const count = options.numGenerations ?? 1
  return {
    inputTokens: Math.ceil(lengthOf(input) * ratio) * count,
    outputTokens: (options.maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS) * count
  }
}

class State implements Reserve {
  held: Used = { inputTokens: 0, outputTokens: 0 }
  rows = 0
  ratio = FIRST_RATIO
  #seen = false

  readonly take = (worst: Used): void => {
    this.held = plus(this.held, worst)
    this.rows++
  }

  readonly give = (worst: Used): void => {
    this.held = plus(this.held, { inputTokens: -worst.inputTokens, outputTokens: -worst.outputTokens })
    this.rows--
  }

  readonly learn = (input: Message.Input, { inputTokens }: Generation.Statistics): void => {
    if (inputTokens === undefined) return
    const ratio = inputTokens / Math.max(1, lengthOf(input))
    this.ratio = this.#seen ? Math.max(this.ratio, ratio) : ratio
    this.#seen = true
  }
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Reserve => new State()
