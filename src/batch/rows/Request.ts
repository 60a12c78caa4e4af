/**
 * What a row requests.
 *
 * @since 0.1.0
 */
import type * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"

/**
 * What is requested for a row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly input: Message.Input
  readonly options: CallOptions
  /** What is left out of the row's request, in sentences that are reported once. */
  readonly notes?: ReadonlyArray<string>
}
