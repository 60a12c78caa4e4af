/**
 * Where the rows of a shard and its results are: a folder that all workers see, or an object store (`ObjectFiles`).
 * Each claim has its own place, named by its epoch, to which no other claim ever writes.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Durable from "../batch/log/Durable.ts"
import * as ClusterError from "./ClusterError.ts"
import * as ResultLines from "./ResultLines.ts"
import type { Claim } from "./ShardTable.ts"

/**
 * The results of a shard, on this machine.
 *
 * @category models
 * @since 0.2.0
 */
export interface Results {
  readonly output: string
  readonly errors: string
}

/**
 * What a claim starts with.
 *
 * @category models
 * @since 0.2.0
 */
export interface Begun extends Results {
  /** Rows that earlier claims finished, which are already in the results. */
  readonly inherited: number
}

/**
 * Where files are.
 *
 * @category services
 * @since 0.2.0
 */
export class ShardFiles extends Context.Service<ShardFiles, {
  /** Stores the lines of a shard, each with its end. */
  readonly put: (shard: number, lines: string) => Effect.Effect<void, ClusterError.ClusterError>
  /** The rows of a shard, on this machine. */
  readonly rows: (shard: number) => Effect.Effect<string, ClusterError.ClusterError>
  /**
   * The results of a claim, on this machine: the results of earlier claims of the shard are copied into them, since their
   * rows are paid for. The owner of an earlier claim may still be alive: it writes to its own files. Everything written
   * until the scope closes is kept for the next claim.
   */
  readonly begin: (claim: Claim) => Effect.Effect<Begun, ClusterError.ClusterError, Scope.Scope>
  /** Makes the results of a claim durable; returns the name under which `results` finds them on any machine. */
  readonly finish: (claim: Claim) => Effect.Effect<string, ClusterError.ClusterError>
  /** Results that were handed in, on this machine for as long as the scope is open. */
  readonly results: (name: string) => Effect.Effect<Results, ClusterError.ClusterError, Scope.Scope>
}>()("effect-inference-endpoints/cluster/ShardFiles") {}

const DIGITS = 6

/**
 * The file of the rows of a shard, below the root.
 *
 * @category naming
 * @since 0.2.0
 */
export const rowsOf = (shard: number): string => `shards/${String(shard).padStart(DIGITS, "0")}.jsonl`

const encoder = new TextEncoder()

/**
 * The folder of the results of a shard, below the root.
 *
 * @category naming
 * @since 0.2.0
 */
export const folderOf = ({ shard }: Pick<Claim, "shard">) => `results/${String(shard).padStart(DIGITS, "0")}`

/**
 * The folder of the results of a claim, below the root.
 *
 * @category naming
 * @since 0.2.0
 */
export const nameOf = (claim: Pick<Claim, "epoch" | "shard">) => `${folderOf(claim)}/${claim.epoch}`

/**
 * The manifest that a batch keeps next to its output.
 *
 * @category naming
 * @since 0.2.0
 */
export const manifestOf = ({ output }: Results) => `${output}.manifest.json`

const at =
  (where: string) => <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<A, ClusterError.ClusterError> =>
    Effect.mapError(effect, ClusterError.file("files", where))

const make = Effect.fnUntraced(function*(root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()

  const resultsOf = (name: string): Results => {
    const output = path.join(root, name, "out.jsonl")
    return { output, errors: `${output}.errors.jsonl` }
  }
  const shardOf = (shard: number) => path.join(root, rowsOf(shard))
  const write = (to: string, text: string) =>
    Durable.replace(to, (file) => file.writeAll(encoder.encode(text))).pipe(Effect.provide(context))
  const readable = (file: string) =>
    fs.readFileString(file).pipe(
      Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(""))
    )

  /** The results of all earlier claims, each row once, results before failures. */
  const inherit = Effect.fnUntraced(function*(claim: Claim, to: Results) {
    const earlier = Array.from(
      { length: claim.epoch - 1 },
      (_, epoch) => resultsOf(nameOf({ shard: claim.shard, epoch: epoch + 1 }))
    )
    const manifests = yield* Effect.forEach(earlier, (results) => readable(manifestOf(results)))
    const manifest = manifests.findLast((text) => text !== "")
    if (manifest === undefined) return 0
    const textsOf = (name: keyof Results) => Effect.forEach(earlier, (results) => readable(results[name]))
    const { errors, output, rows } = ResultLines.inherit(yield* textsOf("output"), yield* textsOf("errors"))
    yield* write(manifestOf(to), manifest)
    yield* write(to.output, output)
    yield* write(to.errors, errors)
    return rows
  })

  return ShardFiles.of({
    put: Effect.fnUntraced(function*(shard, lines) {
      const to = shardOf(shard)
      yield* at(to)(Effect.andThen(fs.makeDirectory(path.dirname(to), { recursive: true }), write(to, lines)))
    }),
    rows: (shard) => Effect.as(at(shardOf(shard))(fs.access(shardOf(shard), { readable: true })), shardOf(shard)),
    begin: Effect.fnUntraced(function*(claim) {
      const to = resultsOf(nameOf(claim))
      const inherited = yield* at(to.output)(
        Effect.andThen(fs.makeDirectory(path.dirname(to.output), { recursive: true }), inherit(claim, to))
      )
      return { ...to, inherited }
    }),
    finish: (claim) => {
      const name = nameOf(claim)
      const { output } = resultsOf(name)
      // the files are synced when a run ends; their names and those of their folders are not
      return Effect.forEach(
        [output, path.dirname(output), path.join(root, folderOf(claim))],
        (file) => Durable.syncDirectory(file),
        { discard: true }
      ).pipe(Effect.provide(context), Effect.as(name))
    },
    results: (name) => Effect.succeed(resultsOf(name))
  })
})

/**
 * A folder that every worker sees under some name: a shared file system, or a local disk if all workers are on one machine.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerFolder = (
  root: string
): Layer.Layer<ShardFiles, never, FileSystem.FileSystem | Path.Path> => Layer.effect(ShardFiles, make(root))
