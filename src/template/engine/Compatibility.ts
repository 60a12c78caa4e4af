/**
 * What changed between versions of transformers in how messages reach a template.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import { InvalidInput } from "../TemplateError.ts"

/**
 * A version of transformers, such as `"5.22"` or `"5.22.2"`; without its last number the first release of that line.
 *
 * @category models
 * @since 0.2.0
 */
export type Compatibility = `${number}.${number}` | `${number}.${number}.${number}`

/**
 * The newest version whose rendering was compared, and the default everywhere.
 *
 * @category constants
 * @since 0.2.0
 */
export const newest: Compatibility = "5.24.0"

/**
 * What a version does.
 *
 * @category models
 * @since 0.2.0
 */
export interface Rules {
  /** Removes every key of a message whose value is null (from 5.23.0). Before, templates saw `None`. */
  readonly dropsNullKeys: boolean
  /** Provides a message's reasoning as both `reasoning_content` and `thinking`, whichever name it had (from 5.21.0). */
  readonly aliasesReasoning: boolean
  /** Refuses messages that are not objects, and names that begin with `_` in a `namespace` (from 5.22.2). */
  readonly plainData: boolean
}

const since = (version: ReadonlyArray<number>, major: number, minor: number, patch: number): boolean => {
  const [a = 0, b = 0, c = 0] = version
  return a !== major ? a > major : b !== minor ? b > minor : c >= patch
}

/** @category constants @since 0.2.0 */
export const newestRules: Rules = { dropsNullKeys: true, aliasesReasoning: true, plainData: true }

const known = new Map<Compatibility, Rules>([[newest, newestRules]])

/**
 * The rules of a version. Fails if the text is not a version.
 *
 * @category accessors
 * @since 0.2.0
 */
export const rules = (version: Compatibility = newest): Result.Result<Rules, InvalidInput> => {
  const found = known.get(version)
  if (found !== undefined) return Result.succeed(found)
  if (!/^\d{1,4}\.\d{1,4}(?:\.\d{1,4})?$/.test(version)) {
    return Result.fail(
      new InvalidInput({
        detail: `compatibility must be a version of transformers such as "${newest}", got ${JSON.stringify(version)}`
      })
    )
  }
  const numbers = version.split(".").map(Number)
  const made: Rules = {
    dropsNullKeys: since(numbers, 5, 23, 0),
    aliasesReasoning: since(numbers, 5, 21, 0),
    plainData: since(numbers, 5, 22, 2)
  }
  known.set(version, made)
  return Result.succeed(made)
}
