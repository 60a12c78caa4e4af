/**
 * The result of reading the text of a response.
 *
 * @since 0.2.0
 */
import type { Scrub } from "../../http/Secret.ts"
import type { Reason } from "../../InferenceError.ts"

/**
 * A value; or what is wrong with the text; or that the server reports, or shows, a failure, with what it had generated.
 *
 * @category models
 * @since 0.2.0
 */
export type Reading<A> =
  | { readonly _tag: "Read"; readonly value: A }
  | { readonly _tag: "Wrong"; readonly description: string }
  | {
    readonly _tag: "Failed"
    readonly reason: (scrub: Scrub) => Reason
    readonly received?: { readonly events: number; readonly text: string } | undefined
  }

/**
 * Reads a text.
 *
 * @category models
 * @since 0.2.0
 */
export type Read<A> = (text: string) => Reading<A>
