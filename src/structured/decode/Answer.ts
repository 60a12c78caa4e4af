/**
 * The input and the output of decoding: the text that a model wrote, and the value in it.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type { StructuredOutputError } from "../StructuredOutputError.ts"
import type * as Repair from "./Repair.ts"

/**
 * A text that a model wrote, and what is known about it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Answer {
  readonly text: string
  /** The finish reason: `length` means cut by the token limit, `content_filter` refused. */
  readonly finishReason?: string | undefined
  /** The property that holds the value: the `wrap` of the constraint that was sent. */
  readonly wrap?: string | undefined
  /** Whether a retry with a higher limit would not help. */
  readonly isFinal?: boolean | undefined
}

/**
 * A value, and what had to be removed around it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Decoded<A> {
  readonly value: A
  readonly repairs: ReadonlyArray<Repair.Step>
}

/**
 * How a text becomes a value.
 *
 * @category models
 * @since 0.2.0
 */
export interface Decoder<A, R = never> {
  /** Whether code fences, prose and thinking around the JSON are ignored. */
  readonly lenient: boolean
  /** The value of a response, regardless of what the server promised, or which of five things went wrong. */
  readonly decode: (answer: Answer) => Effect.Effect<Decoded<A>, StructuredOutputError, R>
}
