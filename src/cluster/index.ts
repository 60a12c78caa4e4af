/**
 * Batches beyond one machine: shards of a job, workers that may die at any moment, and every row exactly once in the
 * collected output.
 *
 * @since 0.2.0
 */

/** An input becomes the shards of a job. @since 0.2.0 */
export * as Split from "./Split.ts"

/** Takes shards and hands in their results. @since 0.2.0 */
export * as Worker from "./Worker.ts"

/** The progress of a job. @since 0.2.0 */
export * as Watch from "./Watch.ts"

/** The results of all shards become one output. @since 0.2.0 */
export * as Collect from "./Collect.ts"

/** What can go wrong with a job. @since 0.2.0 */
export * as ClusterError from "./ClusterError.ts"

/** Everything that a job needs, in one layer. @since 0.2.0 */
export * as Cluster from "./Cluster.ts"

/** PostgreSQL, or a file of SQLite. @since 0.2.0 */
export * as Database from "./Database.ts"

/** The truth about a job: claims, heartbeats, hand-ins. @since 0.2.0 */
export * as ShardTable from "./ShardTable.ts"

/** Which worker tries a shard next. @since 0.2.0 */
export * as Dispatch from "./Dispatch.ts"

/** Where rows and results are kept. @since 0.2.0 */
export * as ShardFiles from "./ShardFiles.ts"

/** Rows and results in an object store. @since 0.2.0 */
export * as ObjectFiles from "./ObjectFiles.ts"

/** A bucket of a store that speaks S3. @since 0.2.0 */
export * as ObjectStore from "./ObjectStore.ts"

/** Rates, budgets, pauses and wake-ups that all workers share. @since 0.2.0 */
export * as Allowance from "./Allowance.ts"

/** The service as a worker uses it. @since 0.2.0 */
export * as Guard from "./Guard.ts"

/** `node:sqlite` as a client of `effect/sql`. @since 0.2.0 */
export * as SqliteClient from "./SqliteClient.ts"
