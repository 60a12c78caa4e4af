/**
 * Why a row failed, and whose fault that is, as data.
 *
 * @since 0.2.0
 */

/**
 * Why a row failed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Failure {
  readonly stage: string
  readonly reason: string
  readonly message: string
  readonly status?: number
  /** The server's own name of the error. */
  readonly type?: string
  /** Requests that were made for it. */
  readonly attempts: number
}

/**
 * Whose fault it is.
 *
 * - `row`: the row is at fault; another attempt would give the same result. It goes into the errors file.
 * - `unclear`: the row or the endpoint: a reset, a 5xx, a 424, a cut stream. It is the row's fault if that happened
 *   with no other row in flight at an endpoint that serves other rows.
 * - `crowded`: the endpoint is up and has no room. It gets fewer rows at once.
 * - `passing`: the endpoint's, and waiting helps. All its rows pause together.
 * - `lasting`: the endpoint's or the account's, and someone must act. It stops a run that never got a response.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "row" | "unclear" | "crowded" | "passing" | "lasting"

/**
 * A failure as data: what a line of the errors file says, and what the pace needs to know.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault extends Failure {
  readonly kind: Kind
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter?: number
}
