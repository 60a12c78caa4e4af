/**
 * The system prompts of Magpie: none, one, several of which one is drawn, or named ones with weights.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as DatasetError from "../DatasetError.ts"

/**
 * A text; a list, of which each row draws one; or texts by name, or text and weight by name, whose weights sum to 1. The
 * drawn name is in the row.
 *
 * @category models
 * @since 0.2.0
 */
export type SystemPrompts =
  | string
  | ReadonlyArray<string>
  | Readonly<Record<string, string | readonly [text: string, weight: number]>>

/**
 * @category models
 * @since 0.2.0
 */
export interface Drawn {
  readonly key: string | null
  readonly text: string
}

interface Weighted extends Drawn {
  readonly weight: number
}

const isList = (given: SystemPrompts): given is ReadonlyArray<string> => Array.isArray(given)

const weightedOf = (given: SystemPrompts): ReadonlyArray<Weighted> => {
  if (typeof given === "string") return [{ key: null, text: given, weight: 1 }]
  if (isList(given)) return given.map((text) => ({ key: null, text, weight: 1 / given.length }))
  const entries = Object.entries(given)
  return entries.map(([key, value]) =>
    typeof value === "string"
      ? { key, text: value, weight: 1 / entries.length }
      : { key, text: value[0], weight: value[1] }
  )
}

/**
 * Checks the prompts; returns an effect that draws one of them with the random generator in the context.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  given: SystemPrompts
): Result.Result<Effect.Effect<Drawn>, DatasetError.DatasetError> => {
  const all = weightedOf(given)
  const sum = all.reduce((sum, { weight }) => sum + weight, 0)
  if (all.length === 0 || Math.abs(sum - 1) > 1e-6 || all.some(({ weight }) => !(weight >= 0))) {
    return Result.fail(
      DatasetError.of("magpie")(
        new DatasetError.InvalidSource({
          source: "systemPrompts",
          problem: all.length === 0
            ? "the list is empty: leave the option out if no system prompt is wanted"
            : `the weights sum to ${sum}: they must be at least 0 and sum to 1`
        })
      )
    )
  }
  return Result.succeed(Effect.map(Random.next, (drawn) => {
    let left = drawn
    return all.find(({ weight }) => (left -= weight) < 0) ?? all.at(-1) ?? { key: null, text: "" }
  }))
}
