/**
 * Why a batch was refused before it began, or could not continue.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"

/**
 * An option cannot be used as it is.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", {
  problems: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    return `the batch was not started: ${this.problems.join("; ")}`
  }
}

/**
 * What is wrong at one place in the input.
 *
 * @category models
 * @since 0.2.0
 */
export const Place = Schema.Struct({
  /** Counted from 1; absent if the file itself is the problem. */
  line: Schema.optionalKey(Schema.Int),
  problem: Schema.String
})

/**
 * The input is not rows with distinct ids. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  path: Schema.String,
  /** The first twenty. */
  places: Schema.Array(Place),
  /** How many there are in all. */
  count: Schema.Int
}) {
  readonly isRetryable = false
  override get message() {
    const found = this.places.map(({ line, problem }) => line === undefined ? problem : `line ${line}: ${problem}`)
    const more = this.count > this.places.length ? `; and ${this.count - this.places.length} more` : ""
    return `${this.path}: ${found.join("; ")}${more}. Nothing was sent; correct the input and run again`
  }
}

/**
 * The input is no longer what it was when it was checked, at the start of this run.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InputChanged extends Schema.TaggedError<InputChanged>()("InputChanged", { path: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.path} was changed while the batch was reading it. Every line written so far belongs to the input as it was; ` +
      "restore it and run again, or give another output"
  }
}

/**
 * The output belongs to another input or configuration.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Changed extends Schema.TaggedError<Changed>()("Changed", {
  output: Schema.String,
  /** Each thing that has changed: the name to accept it by, and a sentence. */
  changes: Schema.Array(Schema.Struct({ name: Schema.String, message: Schema.String }))
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.output} was started with something else: ${
      this.changes.map(({ message }) => message).join("; ")
    }. Restore it; accept the difference with ${
      this.changes.map(({ name }) => `--continue ${name}`).join(" ")
    } (\`accept\`), which keeps what is done and records it; choose another output; or use --force to move it aside and start over`
  }
}

/**
 * The output file was not written by a batch: it has no manifest.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Foreign extends Schema.TaggedError<Foreign>()("Foreign", { output: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.output} exists and has no manifest, so no batch wrote it. Choose another output, or use --force to move it aside`
  }
}

/**
 * Another run is writing this output.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Locked extends Schema.TaggedError<Locked>()("Locked", {
  lock: Schema.String,
  holder: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `another run is writing this output (${this.holder}). Wait for it to end; if it is certainly gone, remove ${this.lock}`
  }
}

/**
 * The manifest of an earlier run cannot be read.
 *
 * @category reasons
 * @since 0.2.0
 */
export class DamagedManifest extends Schema.TaggedError<DamagedManifest>()("DamagedManifest", { path: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.path} is not a manifest that this version can read. Use --repair to rewrite it for this input and ` +
      "configuration, after the ids of the output are checked; or --force to move all files aside and start over"
  }
}

/**
 * A file of an earlier run holds lines that no run wrote.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Damaged extends Schema.TaggedError<Damaged>()("Damaged", {
  path: Schema.String,
  /** The first few, by line counted from 1. */
  lines: Schema.Array(Schema.Struct({ line: Schema.Int, problem: Schema.String })),
  count: Schema.Int
}) {
  readonly isRetryable = false
  override get message() {
    const first = this.lines.map(({ line, problem }) => `line ${line} ${problem}`).join(", ")
    return `${this.path} has ${this.count} bad line(s): ${first}. Use --repair to move them aside; their rows are done again`
  }
}

/**
 * A file could not be read or written.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Disk extends Schema.TaggedError<Disk>()("Disk", { path: Schema.String, problem: Schema.String }) {
  readonly isRetryable = true
  override get message() {
    return `${this.path}: ${this.problem}. Every line written so far is whole; run again to continue`
  }
}

/**
 * The endpoint did not come back in time, or someone must act first. Rows without a result are still pending.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Stopped extends Schema.TaggedError<Stopped>()("Stopped", {
  stage: Schema.String,
  reason: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `stopped: ${this.problem}. No row was counted as failed because of it; run again to continue`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  InvalidOptions,
  InvalidInput,
  InputChanged,
  Changed,
  Foreign,
  Locked,
  Damaged,
  DamagedManifest,
  Disk,
  Stopped
])

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of a batch as a whole; failures of rows are data.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchError extends StageError.make<BatchError>()("BatchError", { method: "run", reason: Reason }) {
  /** The exit code of a command: 3 for a disk or an endpoint that failed, 2 for everything refused beforehand. */
  get exitCode(): 2 | 3 {
    const { _tag } = this.reason
    return _tag === "Disk" || _tag === "Stopped" || _tag === "InputChanged" ? 3 : 2
  }
  override get message() {
    return this.reason.message
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (reason: Reason): BatchError => new BatchError({ reason })

const causeText = (error: PlatformError): string => {
  const { cause } = error.reason
  return cause instanceof Error ? cause.message : error.message
}

/**
 * A failed file operation, with the system's own message (`ENOSPC: no space left on device`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const disk = (path: string) => (error: PlatformError): BatchError =>
  make(new Disk({ path, problem: causeText(error) }))

const PLACES = 20

/**
 * What is wrong with an input, of which the first twenty places are kept.
 *
 * @category constructors
 * @since 0.2.0
 */
export const invalidInput = (
  path: string,
  places: ReadonlyArray<typeof Place.Type>,
  count = places.length
): BatchError => make(new InvalidInput({ path, places: places.slice(0, PLACES), count }))
