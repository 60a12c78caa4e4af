/**
 * A row of the input that cannot become a request. It is the row's failure: the others continue.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The column that holds the prompt does not exist.
 *
 * @category reasons
 * @since 0.1.0
 */
export class MissingColumn extends Schema.TaggedError<MissingColumn>()("MissingColumn", {
  looked: Schema.Array(Schema.String),
  found: Schema.Array(Schema.String)
}) {
  override get message() {
    return `the row has none of the columns ${this.looked.join(", ")} (it has ${
      this.found.join(", ")
    }); name the column with the prompt, or use a template`
  }
}

/**
 * A column holds something other than it should.
 *
 * @category reasons
 * @since 0.1.0
 */
export class WrongColumn extends Schema.TaggedError<WrongColumn>()("WrongColumn", {
  column: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `column ${this.column}: ${this.problem}`
  }
}

/**
 * The prompt template failed on this row.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TemplateFailed extends Schema.TaggedError<TemplateFailed>()("TemplateFailed", {
  problem: Schema.String
}) {
  override get message() {
    return `the prompt template failed: ${this.problem}`
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export class RowError extends Schema.TaggedError<RowError>()("RowError", {
  reason: Schema.Union([MissingColumn, WrongColumn, TemplateFailed])
}) {
  override readonly cause = this.reason
  /** Nothing was sent. */
  readonly attempts = 0
  override get message() {
    return this.reason.message
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: RowError["reason"]): RowError => new RowError({ reason })
