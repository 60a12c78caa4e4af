/**
 * Why there is no value: a schema that no grammar can enforce, or a response that does not fit it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"

const PREVIEW = 160
const SHOWN_ISSUES = 5

/** A text short enough for a message: one line, with its middle left out. */
const preview = (text: string): string => {
  const line = text.length <= PREVIEW ? text : `${text.slice(0, PREVIEW - 40)} … ${text.slice(-36)}`
  return JSON.stringify(line)
}

const Path = Schema.Array(Schema.Union([Schema.String, Schema.Finite]))

const at = (path: ReadonlyArray<string | number>): string => path.length === 0 ? "the root" : path.join(".")

/** What is known about a response that could not be read: all of its text, and its finish reason. */
const Answer = {
  text: Schema.String,
  finishReason: Schema.optionalKey(Schema.String)
}

/**
 * The schema cannot be turned into something that the engine enforces. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnsupportedSchema extends Schema.TaggedError<UnsupportedSchema>()("UnsupportedSchema", {
  path: Path,
  keyword: Schema.String,
  description: Schema.String,
  hint: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `the schema is not supported at ${at(this.path)} (${this.keyword}): ${this.description}; ${this.hint}`
  }
}

/**
 * The model wrote nothing.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Empty extends Schema.TaggedError<Empty>()("Empty", Answer) {
  readonly isRetryable = true
  override get message() {
    return "the model wrote no text; try again with another seed"
  }
}

/**
 * The token limit cut the response before the JSON was complete.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Truncated extends Schema.TaggedError<Truncated>()("Truncated", Answer) {
  readonly isRetryable = true
  override get message() {
    return this.text.trim() === ""
      ? "the token limit was reached before the answer began, and thinking counts too: raise maxNewTokens (128 by default), " +
        "or let the model think less (reasoningEffort, a thinking budget)"
      : `the token limit cut the response after ${this.text.length} characters; raise maxNewTokens: ${
        preview(this.text)
      }`
  }
}

/**
 * The text is not JSON; `offset` is where it stops being valid, in UTF-16 units.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotJson extends Schema.TaggedError<NotJson>()("NotJson", {
  ...Answer,
  offset: Schema.Int,
  description: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `the response is not valid JSON, ${this.description} at offset ${this.offset}: ${preview(this.text)}`
  }
}

/**
 * One thing that is wrong with the value: where, and what.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Issue = Schema.Struct({ path: Path, message: Schema.String })
/**
 * One thing that is wrong with a value, and where.
 *
 * @category schemas
 * @since 0.1.0
 */
export type Issue = typeof Issue.Type

/**
 * The JSON does not fit the schema; every problem is listed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", {
  ...Answer,
  issues: Schema.Array(Issue)
}) {
  readonly isRetryable = true
  override get message() {
    const shown = this.issues.slice(0, SHOWN_ISSUES).map(({ message, path }) => `${at(path)}: ${message}`)
    const more = this.issues.length - shown.length
    return `the response does not fit the schema: ${shown.join("; ")}${more > 0 ? `; and ${more} more` : ""}`
  }
}

/**
 * The model or the server declined to respond.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  ...Answer,
  description: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `the response was refused: ${this.description}`
  }
}

/**
 * Each case in which there is no value.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Union([UnsupportedSchema, Empty, Truncated, NotJson, Mismatch, Refused])
/**
 * Each case in which there is no value.
 *
 * @category schemas
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * A response that did not decode.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Attempt = Schema.Struct({
  text: Schema.String,
  finishReason: Schema.optionalKey(Schema.String),
  problem: Schema.String
})
/**
 * A response that was requested again.
 *
 * @category schemas
 * @since 0.1.0
 */
export type Attempt = typeof Attempt.Type

/**
 * Why there is no value: the schema cannot be enforced (`grammar`), or the text does not decode (`decode`).
 *
 * @category errors
 * @since 0.1.0
 */
export class StructuredOutputError extends StageError.make<StructuredOutputError>()("StructuredOutputError", {
  method: "decode",
  reason: Reason,
  fields: {
    /** The responses before this one, oldest first, if there were several attempts. */
    attempts: StageError.defaulted(Schema.Array(Attempt), [])
  }
}) {
  override get message() {
    const tries = this.attempts.length === 0 ? "" : ` (after ${this.attempts.length + 1} attempts)`
    return `structured output: ${this.reason.message}${tries}`
  }
}

/**
 * The error of a reason, with the earlier responses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason, attempts: ReadonlyArray<Attempt> = []): StructuredOutputError =>
  new StructuredOutputError({
    method: reason._tag === "UnsupportedSchema" ? "grammar" : "decode",
    reason,
    attempts
  })

/**
 * A schema refused: where, by which keyword, why, and what to write instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unsupported = (fault: {
  readonly path: ReadonlyArray<string | number>
  readonly keyword: string
  readonly reason: string
  readonly hint: string
}): StructuredOutputError =>
  make(new UnsupportedSchema({ path: fault.path, keyword: fault.keyword, description: fault.reason, hint: fault.hint }))
