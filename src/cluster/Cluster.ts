/**
 * Everything that a job needs, in one layer.
 *
 * @since 0.2.0
 */
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import type * as SqlClient from "effect/sql/SqlClient"
import * as Allowance from "./Allowance.ts"
import type * as ClusterError from "./ClusterError.ts"
import * as Database from "./Database.ts"
import * as Dispatch from "./Dispatch.ts"
import * as ObjectFiles from "./ObjectFiles.ts"
import * as ObjectStore from "./ObjectStore.ts"
import * as ShardFiles from "./ShardFiles.ts"
import * as ShardTable from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options extends Dispatch.Options, Database.Options, ObjectFiles.Options {
  /** `postgres://user:password@host/name`, or the path of a file of SQLite on a local disk. */
  readonly database: Redacted.Redacted
  /**
   * The folder that all workers see; or `s3://bucket/prefix`, with the credentials from the environment variables of
   * AWS (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`) over the `HttpClient` in
   * the context.
   */
  readonly folder: string
}

/**
 * What `Split`, `Worker`, `Watch` and `Collect` need.
 *
 * @category models
 * @since 0.2.0
 */
export type Services =
  | Allowance.Allowance
  | Database.Database
  | Dispatch.Dispatch
  | ShardFiles.ShardFiles
  | ShardTable.ShardTable

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  Services | SqlClient.SqlClient,
  ClusterError.ClusterError,
  FileSystem.FileSystem | Path.Path
> => {
  const { database, folder } = options
  const name = Redacted.value(database)
  const files = folder.startsWith("s3://")
    ? ObjectFiles.layer(options).pipe(Layer.provide(ObjectStore.layerEnv(folder)))
    : ShardFiles.layerFolder(folder)
  return Layer.mergeAll(ShardTable.layer, Dispatch.layer(options), Allowance.layer, files)
    .pipe(
      Layer.provideMerge(
        /^postgres(?:ql)?:\/\//.test(name)
          ? Database.layerPostgres(database, { patience: options.patience })
          : Database.layerSqlite(name, options)
      )
    )
}
