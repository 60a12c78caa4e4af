/**
 * What can go wrong with a job that many workers share.
 *
 * @since 0.2.0
 */
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"

/**
 * An option cannot be used as it is. Nothing was changed.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidJobOptions extends Schema.TaggedError<InvalidJobOptions>()("InvalidJobOptions", {
  problems: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    return `nothing was started: ${this.problems.join("; ")}`
  }
}

/**
 * The database has no job of this name.
 *
 * @category reasons
 * @since 0.2.0
 */
export class NoSuchJob extends Schema.TaggedError<NoSuchJob>()("NoSuchJob", { job: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `the database has no job ${
      JSON.stringify(this.job)
    }. Create it with batch split, or check --job and --database`
  }
}

/**
 * A job of this name was made from another input.
 *
 * @category reasons
 * @since 0.2.0
 */
export class JobChanged extends Schema.TaggedError<JobChanged>()("JobChanged", {
  job: Schema.String,
  /** One sentence for each difference. */
  changes: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    return `job ${JSON.stringify(this.job)} was started with something else: ${
      this.changes.join("; ")
    }. Restore it, or choose another name for the job`
  }
}

/**
 * The database failed, or could not be reached within the time limit.
 *
 * @category reasons
 * @since 0.2.0
 */
export class DatabaseFailed extends Schema.TaggedError<DatabaseFailed>()("DatabaseFailed", {
  /** The operation that failed. */
  doing: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `the database failed while ${this.doing}: ${this.problem}. Nothing that was handed in is lost; run again to continue`
  }
}

/**
 * The database cannot be used by this version, or in this way.
 *
 * @category reasons
 * @since 0.2.0
 */
export class UnsuitableDatabase extends Schema.TaggedError<UnsuitableDatabase>()("UnsuitableDatabase", {
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return this.problem
  }
}

/**
 * Another worker claimed this shard after this one did. Nothing that this worker does for it counts any longer.
 *
 * @category reasons
 * @since 0.2.0
 */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { shard: Schema.Int, epoch: Schema.Int }) {
  readonly isRetryable = false
  override get message() {
    return `shard ${this.shard} belongs to another worker now: the claim of epoch ${this.epoch} ran out`
  }
}

/**
 * A shard could not be finished. It is retried, here or elsewhere.
 *
 * @category reasons
 * @since 0.2.0
 */
export class ShardFailed extends Schema.TaggedError<ShardFailed>()("ShardFailed", {
  shard: Schema.Int,
  problem: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `shard ${this.shard}: ${this.problem}`
  }
}

/**
 * Shards without a result, so that an output would lack their rows.
 *
 * @category reasons
 * @since 0.2.0
 */
export class Incomplete extends Schema.TaggedError<Incomplete>()("Incomplete", {
  job: Schema.String,
  /** Shards without a result. */
  missing: Schema.Int,
  shards: Schema.Int
}) {
  readonly isRetryable = true
  override get message() {
    return `${this.missing} of ${this.shards} shards of job ${
      JSON.stringify(this.job)
    } have no result yet. Wait for the workers, or collect what is there with partial (--partial)`
  }
}

/**
 * A file could not be read or written, or is not what the job says.
 *
 * @category reasons
 * @since 0.2.0
 */
export class ShardFile extends Schema.TaggedError<ShardFile>()("ShardFile", {
  path: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `${this.path}: ${this.problem}. Check that the folder is shared with this machine, then run again`
  }
}

/**
 * An object could not be stored or fetched; the failure may be temporary.
 *
 * @category reasons
 * @since 0.2.0
 */
export class StoreFailed extends Schema.TaggedError<StoreFailed>()("StoreFailed", {
  /** `s3://bucket/key`. */
  object: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `${this.object}: ${this.problem}. The shard is retried`
  }
}

/**
 * The object store refuses this worker, or has no such bucket.
 *
 * @category reasons
 * @since 0.2.0
 */
export class StoreRefused extends Schema.TaggedError<StoreRefused>()("StoreRefused", {
  /** `s3://bucket/key`. */
  object: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.object}: ${this.problem}. Check AWS_ENDPOINT_URL_S3, AWS_REGION, the credentials and the bucket's name`
  }
}

/**
 * @category models
 * @since 0.2.0
 */
export const Reason = Schema.Union([
  InvalidJobOptions,
  NoSuchJob,
  JobChanged,
  DatabaseFailed,
  UnsuitableDatabase,
  Fenced,
  ShardFailed,
  Incomplete,
  ShardFile,
  StoreFailed,
  StoreRefused
])

/**
 * @category models
 * @since 0.2.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of a job, or of a worker's part in it; failures of rows are data.
 *
 * @category errors
 * @since 0.2.0
 */
export class ClusterError extends StageError.make<ClusterError>()("ClusterError", { method: "work", reason: Reason }) {
  /** The exit code of a command: 3 for a temporary failure, 2 for a refusal. */
  get exitCode(): 2 | 3 {
    return this.reason.isRetryable ? 3 : 2
  }
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (method: string, reason: Reason): ClusterError => new ClusterError({ method, reason })

/**
 * A failed file operation, with the system's own words.
 *
 * @category constructors
 * @since 0.2.0
 */
export const file = (method: string, path: string) => ({ message, reason }: PlatformError): ClusterError => {
  const problem = reason.cause instanceof Error ? reason.cause.message : message
  return make(method, new ShardFile({ path, problem }))
}
