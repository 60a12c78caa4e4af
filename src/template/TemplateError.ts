/**
 * Why messages could not become a prompt.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"
import type { Problem } from "./jinja/Template.ts"

const position = (line: number | undefined): string => line === undefined ? "" : ` (line ${line} of the template)`

/**
 * There is no chat template to render, or none of that name.
 *
 * @category reasons
 * @since 0.1.0
 */
export class MissingTemplate extends Schema.TaggedError<MissingTemplate>()("MissingTemplate", {
  /** The repository or the files that were searched. */
  subject: Schema.String,
  /** Names of the existing templates, sorted; empty if there are none. */
  available: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    return this.available.length === 0
      ? `${this.subject} has no chat template: pass one as text, or set tokenizerId to a repository that has one`
      : `${this.subject} has no default chat template: choose one of ${this.available.join(", ")} by name`
  }
}

/**
 * The files of the tokenizer are only available to those who requested access.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Gated extends Schema.TaggedError<Gated>()("Gated", { subject: Schema.String, detail: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `the chat template of ${this.subject} is gated: ${this.detail}`
  }
}

/**
 * The repository or revision does not exist, or the token may not see it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound
  extends Schema.TaggedError<NotFound>()("NotFound", { subject: Schema.String, detail: Schema.String })
{
  readonly isRetryable = false
  override get message() {
    return `no chat template can be loaded from ${this.subject}: ${this.detail}`
  }
}

/**
 * The Hub requires a token, or does not accept the given one.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  subject: Schema.String,
  detail: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `the chat template of ${this.subject} cannot be read: ${this.detail}`
  }
}

/**
 * The Hub did not respond, or not usefully.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  subject: Schema.String,
  detail: Schema.String,
  retryable: Schema.Boolean
}) {
  get isRetryable() {
    return this.retryable
  }
  override get message() {
    return `the chat template of ${this.subject} could not be fetched: ${this.detail}`
  }
}

const fault = { detail: Schema.String, line: Schema.optionalKey(Schema.Int) }

/**
 * The template is not valid Jinja, or a file around it not valid JSON.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidTemplate extends Schema.TaggedError<InvalidTemplate>()("InvalidTemplate", fault) {
  readonly isRetryable = false
  override get message() {
    return `the chat template cannot be parsed: ${this.detail}${position(this.line)}`
  }
}

/**
 * The template met a value that it cannot process; Python fails too.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RenderError extends Schema.TaggedError<RenderError>()("RenderError", fault) {
  readonly isRetryable = false
  override get message() {
    return `the chat template cannot render these messages: ${this.detail}${position(this.line)}`
  }
}

/**
 * The template itself refused the messages with `raise_exception`; `text` is its message, unchanged.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Raised extends Schema.TaggedError<Raised>()("Raised", {
  text: Schema.String,
  line: Schema.optionalKey(Schema.Int)
}) {
  readonly isRetryable = false
  override get message() {
    return `the chat template refused the messages: ${this.text}`
  }
}

/**
 * The template is too long, nests too deeply, or did more work than is allowed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TooMuchWork extends Schema.TaggedError<TooMuchWork>()("TooMuchWork", fault) {
  readonly isRetryable = false
  override get message() {
    return `the chat template was stopped: ${this.detail}${position(this.line)}`
  }
}

/**
 * The input cannot be handed to a template.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", { detail: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `cannot render: ${this.detail}`
  }
}

/**
 * @category reasons
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  MissingTemplate,
  Gated,
  NotFound,
  Unauthorized,
  Unreachable,
  InvalidTemplate,
  RenderError,
  Raised,
  TooMuchWork,
  InvalidInput
])

/**
 * @category reasons
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The error of rendering a prompt.
 *
 * @category errors
 * @since 0.1.0
 */
export class TemplateError extends StageError.make<TemplateError>()("TemplateError", {
  /** The operation that failed, such as `render`. */
  method: "render",
  reason: Reason
}) {}

const reasonOf = ({ kind, line, message: detail }: Problem): Reason => {
  const at = line === undefined ? {} : { line }
  switch (kind) {
    case "Syntax":
      return new InvalidTemplate({ detail, ...at })
    case "Render":
      return new RenderError({ detail, ...at })
    case "Raised":
      return new Raised({ text: detail, ...at })
    case "TooMuchWork":
      return new TooMuchWork({ detail, ...at })
    case "InvalidInput":
      return new InvalidInput({ detail })
  }
}

/**
 * What the engine reports → the error that callers see.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromProblem = (method: string, problem: Problem): TemplateError =>
  new TemplateError({ method, reason: reasonOf(problem) })
