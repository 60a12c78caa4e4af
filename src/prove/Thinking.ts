/**
 * Whether thinking can be switched and limited, and whether a last message can be continued.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { Lab } from "./Lab.ts"
import { both, counted, found, judged, type Measure, same, sent } from "./Measure.ts"

const THINKING = { enable_thinking: true, thinking: true }

const thought = ({ reasoning = "" }: Generation.Generation): number =>
  reasoning.split(/\s+/).filter((word) => word !== "").length

const thinks = (lab: Lab, options: GenerationOptions) => sent(lab, { temperature: 0, maxNewTokens: 96, ...options })

/**
 * A budget makes thoughts shorter.
 *
 * @category measures
 * @since 0.2.0
 */
export const budget: Measure = (lab) =>
  Effect.map(
    Effect.all([
      thinks(lab, { templateVariables: THINKING }),
      thinks(lab, { templateVariables: THINKING, thinkingBudget: 4 })
    ]),
    ([free, held]) =>
      both(free, held, (free, held) =>
        thought(free) <= 8
          ? found("unclear", "the model does not think, or does not show it")
          : thought(held) <= 8
          ? found("honoured", `${thought(free)} words of thinking without it, ${thought(held)} with it`)
          : found("dropped", `4 tokens of thinking were allowed, but ${thought(held)} words were written`))
  )

/**
 * Variables of the template that switch thinking give two texts.
 *
 * @category measures
 * @since 0.2.0
 */
export const variables: Measure = (lab) =>
  Effect.map(
    Effect.all([
      thinks(lab, { templateVariables: THINKING }),
      thinks(lab, { templateVariables: { enable_thinking: false, thinking: false } })
    ]),
    ([on, off]) =>
      both(on, off, (on, off) =>
        same(on, off) && counted(on, off) === undefined
          ? found("unclear", "thinking switched on and off gives the same text")
          : found("honoured", counted(on, off) ?? "thinking switched on and off gives different texts"))
  )

/**
 * An unknown effort is refused by an engine that reads it.
 *
 * @category measures
 * @since 0.2.0
 */
export const effort: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, reasoningEffort: "no-such-effort" }),
    (answer) =>
      Result.isFailure(answer) && lab.rules?.reasoningEffort._tag === "Sent"
        ? found("honoured", "an unknown effort is refused")
        : found("unclear", "the text does not show what an effort does")
  )

const CONTINUED = [
  { role: "user" as const, content: "Count to ten." },
  { role: "assistant" as const, content: "One, two, three," }
]

/**
 * Whether a last message of the assistant is continued.
 *
 * @category measures
 * @since 0.2.0
 */
export const continues: Measure = (lab) =>
  Effect.map(
    Effect.all([
      sent(lab, { temperature: 0, continueFinalMessage: true }, { messages: CONTINUED }),
      sent(lab, { temperature: 0, continueFinalMessage: false }, { messages: CONTINUED })
    ]),
    ([on, off]) =>
      judged(on, (on) =>
        Result.isFailure(off)
          ? found("honoured", "a last message of the assistant is only accepted with it")
          : same(on, off.success) && counted(on, off.success) === undefined
          ? found("dropped", "the text is the same whether the last message is continued or not")
          : found("honoured", counted(on, off.success) ?? "the text differs when the last message is continued"))
  )
