/**
 * What a promise is rejected with: one class per stage, each with the reason.
 *
 * @since 0.2.0
 */

/**
 * Why a call failed. `_tag` names the case, and further fields belong to it, such as the `status` of a response.
 *
 * @category models
 * @since 0.2.0
 */
export interface Reason {
  readonly _tag: string
  readonly message: string
  /** Whether the same call may succeed later. */
  readonly isRetryable: boolean
  readonly [detail: string]: unknown
}

/**
 * Any failure of this package: `error instanceof InferenceEndpointsError`.
 *
 * @category errors
 * @since 0.2.0
 */
export class InferenceEndpointsError extends Error {
  override readonly name: string = "InferenceEndpointsError"
  readonly reason: Reason

  constructor(message: string, reason: Reason, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * The endpoint was not found, could not be woken, or refused the token.
 *
 * @category errors
 * @since 0.2.0
 */
export class EndpointFailure extends InferenceEndpointsError {
  override readonly name = "EndpointFailure"
}

/**
 * The messages could not become a prompt.
 *
 * @category errors
 * @since 0.2.0
 */
export class TemplateFailure extends InferenceEndpointsError {
  override readonly name = "TemplateFailure"
}

/**
 * Talking to the server failed, or the request was refused before it was sent.
 *
 * @category errors
 * @since 0.2.0
 */
export class InferenceFailure extends InferenceEndpointsError {
  override readonly name = "InferenceFailure"
}

/**
 * The schema cannot be enforced, or the response is not a value of it.
 *
 * @category errors
 * @since 0.2.0
 */
export class StructuredOutputFailure extends InferenceEndpointsError {
  override readonly name = "StructuredOutputFailure"
}

/**
 * There is no distribution over the labels: the model would have written something else, or the engine does not report
 * one.
 *
 * @category errors
 * @since 0.2.0
 */
export class DecisionFailure extends InferenceEndpointsError {
  override readonly name = "DecisionFailure"
}

/**
 * A batch from file to file was refused before it began, or could not continue. Every line written so far is whole.
 *
 * @category errors
 * @since 0.2.0
 */
export class BatchFailure extends InferenceEndpointsError {
  override readonly name = "BatchFailure"
}

/** The class of each stage, by the tag of the stage's error in the service. */
const classes = {
  EndpointError: EndpointFailure,
  TemplateError: TemplateFailure,
  InferenceError: InferenceFailure,
  StructuredOutputError: StructuredOutputFailure,
  DecisionError: DecisionFailure,
  BatchError: BatchFailure
} as const

const isStage = (tag: unknown): tag is keyof typeof classes => typeof tag === "string" && Object.hasOwn(classes, tag)

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** The fields of a reason, and what its class computes. */
const reasonOf = (reason: unknown, message: string): Reason =>
  isRecord(reason)
    ? {
      ...reason,
      _tag: typeof reason._tag === "string" ? reason._tag : "Unknown",
      message: typeof reason.message === "string" ? reason.message : message,
      isRetryable: reason.isRetryable === true
    }
    : { _tag: "Unknown", message, isRetryable: false }

/**
 * A failure of the service → the class of its stage. Anything else is returned as it is.
 *
 * @category conversions
 * @since 0.2.0
 */
export const from = (failure: unknown): unknown => {
  if (!(failure instanceof Error) || !("_tag" in failure) || !isStage(failure._tag)) return failure
  const reason = "reason" in failure ? failure.reason : undefined
  return new classes[failure._tag](failure.message, reasonOf(reason, failure.message))
}
