/**
 * What a row asks for.
 *
 * @since 0.1.0
 */
import type * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"

/**
 * What is asked for a row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly input: Message.Input
  readonly options: CallOptions
  /** What is not sent of the row, in sentences that are reported once. */
  readonly notes?: ReadonlyArray<string>
}
