/**
 * The lines of the output and errors files.
 *
 * - Output: `{"id","index","generations":[…]}`, each generation as the service gives it: `text`, `toolCalls`,
 *   `finishReason`, `statistics` (`inputTokens`, `outputTokens`, `timeToFirstToken`, `duration`, `attempts`, …) and what
 *   else it knows. A seed above 2^53 is a string of its digits.
 * - Errors: `{"id","index","error":{"stage","reason","message","status"?,"type"?,"attempts"}}`.
 *
 * @since 0.1.0
 */
import type * as Generation from "../../Generation.ts"
import type { Fault } from "../pace/Fault.ts"
import type { Row } from "./Row.ts"

const plain = (generation: Generation.Generation) =>
  typeof generation.seed === "bigint" ? { ...generation, seed: generation.seed.toString() } : generation

/**
 * @category conversions
 * @since 0.1.0
 */
export const output = ({ id, index }: Row, generations: ReadonlyArray<Generation.Generation>): string =>
  JSON.stringify({ id, index, generations: generations.map(plain) })

/**
 * @category conversions
 * @since 0.1.0
 */
export const error = ({ id, index }: Row, { attempts, message, reason, stage, status, type }: Fault): string =>
  JSON.stringify({ id, index, error: { stage, reason, message, status, type, attempts } })
