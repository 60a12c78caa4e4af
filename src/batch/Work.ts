/**
 * The work for a row, and the endpoint that does it: the one place where batches and the service meet.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Generation from "../Generation.ts"
import * as Retry from "../http/Retry.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type { Price } from "./pace/Budget.ts"
import type { Raised } from "./pace/Fault.ts"
import type { Provenance } from "./rows/Line.ts"

/**
 * What serves an endpoint, as far as is known.
 *
 * @category models
 * @since 0.2.0
 */
export interface About extends Omit<Provenance, "prompt" | "dollars" | "package"> {
  /** Requests that the server accepts at once. */
  readonly capacity?: number | undefined
  /** Tokens of prompt and response together. */
  readonly contextLength?: number | undefined
  readonly price?: Price | undefined
  /** Whether one and the same model of one provider answers every request. */
  readonly isPinned: boolean
}

/**
 * An endpoint for a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Work<E extends Raised> {
  /** Distinguishes the endpoints of one run, in messages and in the manifest. Default: `endpoint`. */
  readonly name?: string | undefined
  readonly generate: (
    input: Message.Input,
    options: CallOptions
  ) => Effect.Effect<ReadonlyArray<Generation.Generation>, E>
  /** Succeeds when generations can be requested. Run once, before the first row, and only if there is one. */
  readonly ready: Effect.Effect<void, Raised>
  /** What serves it. Run after `ready`. */
  readonly about?: Effect.Effect<About, Raised> | undefined
  /** What is requested instead of text, so that a cache keeps it separate. */
  readonly task?: string | undefined
  /** What the results depend on, for the manifest; no secrets. */
  readonly fingerprint: Schema.Json
}

/**
 * Calls that are not repeated, since the rows' own pace repeats what can be repeated. The context of the workers, which is
 * one and the same, is extended once, not for each row.
 *
 * @category combinators
 * @since 0.2.0
 */
export const unrepeated = (): <A, E>(call: Effect.Effect<A, E>) => Effect.Effect<A, E> => {
  let workers: Context.Context<never> | undefined
  let extended: Context.Context<never> = Context.empty()
  const extend = (context: Context.Context<never>): Context.Context<never> => {
    if (context !== workers) {
      workers = context
      extended = Context.add(context, Retry.CurrentPolicy, Retry.none)
    }
    return extended
  }
  return (call) => Effect.updateContext(call, extend)
}
