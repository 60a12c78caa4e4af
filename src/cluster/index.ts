/**
 * Batches beyond one machine: shards of a job, workers that may die at any moment, every row once in what is collected.
 *
 * @since 0.2.0
 */

/** What can go wrong with a job. @since 0.2.0 */
export * as ClusterError from "./ClusterError.ts"

/** PostgreSQL, or a file of SQLite. @since 0.2.0 */
export * as Database from "./Database.ts"

/** The truth about a job: claims, heartbeats, hand-ins. @since 0.2.0 */
export * as ShardTable from "./ShardTable.ts"

/** `node:sqlite` as a client of `effect/sql`. @since 0.2.0 */
export * as SqliteClient from "./SqliteClient.ts"
