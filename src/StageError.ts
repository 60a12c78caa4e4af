/**
 * The envelope of every stage's error: which operation failed (`method`), why (`reason`), whether the same call may succeed
 * later (`isRetryable`) and after how long (`retryAfter`). Stages differ in their reasons only.
 *
 * An envelope has no `cause`: its message already ends with the reason's own, and printing both would repeat it.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * What every reason has.
 *
 * @category models
 * @since 0.2.0
 */
export interface Reason {
  readonly _tag: string
  readonly message: string
  /** Whether the same call may succeed later. */
  readonly isRetryable: boolean
  /** How long the server asked to wait, if it did. */
  readonly retryAfter?: Duration.Duration
}

/**
 * What the errors of all stages have in common.
 *
 * @category models
 * @since 0.2.0
 */
export interface StageError extends Cause.YieldableError {
  readonly _tag: string
  /** The operation that failed. */
  readonly method: string
  readonly reason: Reason
  readonly isRetryable: boolean
  readonly retryAfter: Duration.Duration | undefined
}

/**
 * What the envelope derives from its reason.
 *
 * @category models
 * @since 0.2.0
 */
export type Derived = Pick<StageError, "isRetryable" | "retryAfter">

/**
 * The fields of an envelope: `method`, with a default for errors that are made by hand, `reason`, and those of the
 * stage alone.
 *
 * @category models
 * @since 0.2.0
 */
export type Fields<R extends Schema.Constraint, F extends Schema.Struct.Fields> =
  & { readonly method: Schema.withConstructorDefault<Schema.String>; readonly reason: R }
  & F

/**
 * A field that may be left out when an error is made by hand, as in a test.
 *
 * @category constructors
 * @since 0.2.0
 */
export const defaulted = <S extends Schema.Constraint & Schema.WithoutConstructorDefault>(
  schema: S,
  value: S["~type.make.in"]
): Schema.withConstructorDefault<S> => Schema.withConstructorDefault<S>(Effect.succeed(value))(schema)

/**
 * The class that the error of a stage extends.
 *
 * ```ts
 * class QueueError extends StageError.make<QueueError>()("QueueError", { method: "take", reason: Reason }) {}
 * ```
 *
 * `method` is the operation that is assumed where none is given.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make =
  <Self>() =>
  <Tag extends string, R extends Schema.Constraint & { readonly Type: Reason }, F extends Schema.Struct.Fields = {}>(
    tag: Tag,
    stage: { readonly method: string; readonly reason: R; readonly fields?: F }
  ): Schema.Class<Self, Schema.TaggedStruct<Tag, Fields<R, F>>, Cause.YieldableError & Derived> => {
    const Base = Schema.TaggedError<StageError, Derived>()(tag, {
      method: defaulted(Schema.String, stage.method),
      reason: stage.reason,
      ...stage.fields
    })
    Object.defineProperties(Base.prototype, {
      isRetryable: {
        get(this: StageError) {
          return this.reason.isRetryable
        },
        configurable: true
      },
      retryAfter: {
        get(this: StageError) {
          return this.reason.retryAfter
        },
        configurable: true
      },
      message: {
        get(this: StageError) {
          return `${this.method}: ${this.reason.message}`
        },
        configurable: true
      }
    })
    // the fields are those of the declared struct, and the getters above are `Derived`; only `Self` is the caller's word,
    // as in every class made from a Schema
    return Base as unknown as Schema.Class<
      Self,
      Schema.TaggedStruct<Tag, Fields<R, F>>,
      Cause.YieldableError & Derived
    >
  }
