/**
 * What can go wrong with a data set.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"

/**
 * A package that this format needs is not installed.
 *
 * @category reasons
 * @since 0.2.0
 */
export class MissingPackage extends Schema.TaggedError<MissingPackage>()("MissingPackage", {
  /** The package's name at the registry. */
  name: Schema.String,
  /** What it is needed for, such as `reading Parquet`. */
  purpose: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.purpose} needs the package ${this.name}: npm install ${this.name}`
  }
}

/**
 * The name of a source or target is ambiguous, or nothing is there.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidSource extends Schema.TaggedError<InvalidSource>()("InvalidSource", {
  /** As the caller wrote it. */
  source: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.source}: ${this.problem}`
  }
}

/**
 * A file is not what its name or its metadata says.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidFile extends Schema.TaggedError<InvalidFile>()("InvalidFile", {
  path: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.path} ${this.problem}`
  }
}

/**
 * The bytes of a file are not those that the Hub has on record.
 *
 * @category reasons
 * @since 0.2.0
 */
export class ChecksumMismatch extends Schema.TaggedError<ChecksumMismatch>()("ChecksumMismatch", {
  path: Schema.String,
  /** SHA-256 in hexadecimal. */
  expected: Schema.String,
  actual: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `${this.path} was damaged in transit: its SHA-256 is ${this.actual}, expected ${this.expected}. Read it again`
  }
}

/**
 * A row does not fit the columns or the Schema.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidRow extends Schema.TaggedError<InvalidRow>()("InvalidRow", {
  path: Schema.String,
  /** Counted from 0 over the rows of the file. */
  row: Schema.Int,
  /** Where and why: `messages[0].role: expected a string, got 1`. */
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.path}, row ${this.row}: ${this.problem}`
  }
}

/**
 * A column has a type that the format cannot represent.
 *
 * @category reasons
 * @since 0.2.0
 */
export class UnsupportedType extends Schema.TaggedError<UnsupportedType>()("UnsupportedType", {
  /** The path of the column, such as `messages[].role`. */
  column: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `the column ${this.column} ${this.problem}`
  }
}

/**
 * A file cannot be read or written.
 *
 * @category reasons
 * @since 0.2.0
 */
export class Disk extends Schema.TaggedError<Disk>()("Disk", { path: Schema.String, problem: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.path}: ${this.problem}`
  }
}

/**
 * The data card is missing something, or contradicts the data.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidCard extends Schema.TaggedError<InvalidCard>()("InvalidCard", { problem: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `the data card ${this.problem}`
  }
}

/**
 * Neither the caller nor the existing card names a licence. It depends on the models and sources of the data, so it is not
 * guessed.
 *
 * @category reasons
 * @since 0.2.0
 */
export class MissingLicense extends Schema.TaggedError<MissingLicense>()("MissingLicense", { repo: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `the data card of ${this.repo} names no licence: pass its identifier on the Hub, such as apache-2.0 or ` +
      "cc-by-4.0, or other. It depends on the models and sources that the data came from, so it is not guessed"
  }
}

/**
 * @category models
 * @since 0.2.0
 */
export const Reason = Schema.Union([
  MissingPackage,
  InvalidSource,
  InvalidFile,
  ChecksumMismatch,
  InvalidRow,
  UnsupportedType,
  Disk,
  InvalidCard,
  MissingLicense
])

/**
 * @category models
 * @since 0.2.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of reading, writing or pushing a data set; `reason` says which.
 *
 * @category errors
 * @since 0.2.0
 */
export class DatasetError extends StageError.make<DatasetError>()("DatasetError", {
  method: "read",
  reason: Reason
}) {}

/**
 * The error of a method for a reason.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = (method: string) => (reason: Reason): DatasetError => new DatasetError({ method, reason })
