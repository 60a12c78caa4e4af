/**
 * What a measure is, and how responses are judged.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import type { Outcome } from "../Proof.ts"
import type { Answer, Asked, Lab } from "./Lab.ts"

/**
 * The finding of a measure.
 *
 * @category models
 * @since 0.2.0
 */
export interface Found {
  readonly outcome: Outcome
  readonly detail: string
}

/**
 * @category models
 * @since 0.2.0
 */
export type Measure = (lab: Lab) => Effect.Effect<Found, GenerateError>

/** @category constructors @since 0.2.0 */
export const found = (outcome: Outcome, detail: string): Found => ({ outcome, detail })

/**
 * Everything that was written, thinking first.
 *
 * @category measures
 * @since 0.2.0
 */
export const said = ({ reasoning = "", text }: Generation.Generation): string => reasoning + text

/**
 * The finding when the model only thought: what is required of a response begins after the thought, which did not end.
 * This does not apply to servers that report a constrained text as thinking.
 *
 * @category measures
 * @since 0.2.0
 */
export const stillThinking = ({ reasoning = "", text, toolCalls }: Generation.Generation): Found | undefined =>
  text.trim() === "" && toolCalls.length === 0 && reasoning.trim() !== ""
    ? found("unclear", "the model was still thinking at the token limit, and what is required comes after the thought")
    : undefined

/**
 * Whether the server counts two prompts of different length.
 *
 * @category measures
 * @since 0.2.0
 */
export const counted = (a: Generation.Generation, b: Generation.Generation): string | undefined => {
  const [one, other] = [a.statistics.inputTokens, b.statistics.inputTokens]
  return one === undefined || other === undefined || one === other
    ? undefined
    : `the prompt has ${one} tokens with it and ${other} without it`
}

/**
 * Judges a response, unless it was refused.
 *
 * @category measures
 * @since 0.2.0
 */
export const judged = (answer: Answer, judge: (generation: Generation.Generation) => Found): Found =>
  Result.isSuccess(answer) ? judge(answer.success) : found("refused", answer.failure)

/**
 * Judges two responses, unless one was refused.
 *
 * @category measures
 * @since 0.2.0
 */
export const both = (
  a: Answer,
  b: Answer,
  judge: (a: Generation.Generation, b: Generation.Generation) => Found
): Found => judged(a, (first) => judged(b, (second) => judge(first, second)))

/**
 * Whether two generations have the same text.
 *
 * @category measures
 * @since 0.2.0
 */
export const same = (a: Generation.Generation, b: Generation.Generation): boolean => said(a) === said(b)

/**
 * Sends a request with these options.
 *
 * @category measures
 * @since 0.2.0
 */
export const sent = (lab: Lab, options: GenerationOptions, rest: Omit<Asked, "options"> = {}) =>
  lab.ask({ options, ...rest })
