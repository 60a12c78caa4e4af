/**
 * The rows and results of shards in an object store. A worker uses a temporary folder of its machine and sends what was
 * added to its results every few seconds, as parts that are named by the epoch of its claim; rows that it did not send
 * before it died are requested again by the next claim, and counted.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import * as ClusterError from "./ClusterError.ts"
import { ObjectStore } from "./ObjectStore.ts"
import * as ResultLines from "./ResultLines.ts"
import * as ShardFiles from "./ShardFiles.ts"
import type { Claim } from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How often new results are sent: after a crash at most the rows of this time are requested again. Default 20 s. */
  readonly every?: Duration.Input | undefined
}

const EVERY = Duration.seconds(20)
const DIGITS = 6
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const NAMES = { output: "out", errors: "errors" } as const

type Kind = keyof typeof NAMES

/** The epoch of the claim that sent an object. */
const epochOf = (key: string): number => Number(key.split("/").at(-2))

const MANIFEST = "manifest.json"

/** `results/000007/2/out.000003.jsonl`; without a number, all of it. */
const partOf = (claim: Pick<Claim, "epoch" | "shard">, kind: Kind, part: number): string =>
  `${ShardFiles.nameOf(claim)}/${NAMES[kind]}.${String(part).padStart(DIGITS, "0")}.jsonl`

const at =
  (where: string) => <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<A, ClusterError.ClusterError> =>
    Effect.mapError(effect, ClusterError.file("files", where))

const make = Effect.fnUntraced(function*({ every = EVERY }: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const store = yield* ObjectStore
  const root = yield* Effect.mapError(
    fs.makeTempDirectoryScoped({ prefix: "shards-" }),
    ClusterError.file("files", "a temporary folder")
  )

  const local = (name: string): ShardFiles.Results => {
    const output = path.join(root, name, "out.jsonl")
    return { output, errors: `${output}.errors.jsonl` }
  }
  const write = (to: string, bytes: Uint8Array) =>
    at(to)(Effect.andThen(fs.makeDirectory(path.dirname(to), { recursive: true }), fs.writeFile(to, bytes)))
  const read = (file: string) =>
    at(file)(
      fs.readFile(file).pipe(
        Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(new Uint8Array()))
      )
    )
  const wanted = Effect.fnUntraced(function*(key: string) {
    const bytes = yield* store.get(key)
    return bytes ?? (yield* ClusterError.make(
      "files",
      new ClusterError.StoreFailed({ object: key, problem: "there is no such object" })
    ))
  })
  const text = (key: string) => Effect.map(wanted(key), (bytes) => decoder.decode(bytes))

  /** What earlier claims sent: their parts, or the whole result if one died between sending it and its hand-in. */
  const inherit = Effect.fnUntraced(function*(claim: Claim, to: ShardFiles.Results) {
    const keys = yield* store.list(`${ShardFiles.folderOf(claim)}/`)
    const earlier = keys.filter((key) => epochOf(key) < claim.epoch).toSorted((a, b) => epochOf(a) - epochOf(b))
    const manifest = earlier.findLast((key) => key.endsWith(`/${MANIFEST}`))
    if (manifest === undefined) return 0
    const textsOf = (kind: Kind) =>
      Effect.forEach(earlier.filter((key) => path.basename(key).startsWith(`${NAMES[kind]}.`)), text, {
        concurrency: 4
      })
    const { errors, output, rows } = ResultLines.inherit(yield* textsOf("output"), yield* textsOf("errors"))
    yield* write(ShardFiles.manifestOf(to), yield* wanted(manifest))
    yield* write(to.output, encoder.encode(output))
    yield* write(to.errors, encoder.encode(errors))
    return rows
  })

  /** Sends the complete lines that were added since the last call. */
  const sending = Effect.fnUntraced(function*(claim: Claim, from: ShardFiles.Results) {
    const sent = { output: 0, errors: 0, manifest: "" }
    const parts = { output: 0, errors: 0 }
    for (const kind of ["output", "errors"] as const) sent[kind] = (yield* read(from[kind])).length
    const sendKind = Effect.fnUntraced(function*(kind: Kind) {
      const bytes = yield* read(from[kind])
      const end = bytes.lastIndexOf(10) + 1
      if (end <= sent[kind]) return
      yield* store.put(partOf(claim, kind, parts[kind] + 1), bytes.subarray(sent[kind], end))
      sent[kind] = end
      parts[kind]++
    })
    return Effect.gen(function*() {
      const manifest = yield* read(ShardFiles.manifestOf(from))
      const text = decoder.decode(manifest)
      // before any line, since lines are meaningless without it
      if (text !== "" && text !== sent.manifest) {
        yield* store.put(`${ShardFiles.nameOf(claim)}/${MANIFEST}`, manifest)
        sent.manifest = text
      }
      yield* sendKind("output")
      yield* sendKind("errors")
    })
  })

  return ShardFiles.ShardFiles.of({
    put: (shard, lines) => store.put(ShardFiles.rowsOf(shard), encoder.encode(lines)),
    rows: Effect.fnUntraced(function*(shard) {
      const to = path.join(root, ShardFiles.rowsOf(shard))
      yield* write(to, yield* wanted(ShardFiles.rowsOf(shard)))
      return to
    }),
    begin: Effect.fnUntraced(function*(claim) {
      const to = local(ShardFiles.nameOf(claim))
      yield* at(to.output)(fs.makeDirectory(path.dirname(to.output), { recursive: true }))
      const inherited = yield* inherit(claim, to)
      const send = yield* sending(claim, to)
      // a part that could not be sent is sent with the next one
      const attempt = Effect.catch(send, ({ message }) => Effect.logWarning(message))
      yield* Effect.addFinalizer(() => attempt)
      yield* Effect.forkScoped(Effect.schedule(attempt, Schedule.spaced(every)))
      return { ...to, inherited }
    }),
    finish: Effect.fnUntraced(function*(claim) {
      const name = ShardFiles.nameOf(claim)
      const from = local(name)
      for (const kind of ["errors", "output"] as const) {
        yield* store.put(`${name}/${NAMES[kind]}.jsonl`, yield* read(from[kind]))
      }
      yield* Effect.ignore(fs.remove(path.dirname(from.output), { recursive: true }))
      return name
    }),
    results: Effect.fnUntraced(function*(name) {
      const to = local(name)
      yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(path.dirname(to.output), { recursive: true })))
      for (const kind of ["output", "errors"] as const) {
        yield* write(to[kind], yield* wanted(`${name}/${NAMES[kind]}.jsonl`))
      }
      return to
    })
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<ShardFiles.ShardFiles, ClusterError.ClusterError, ObjectStore | FileSystem.FileSystem | Path.Path> =>
  Layer.effect(ShardFiles.ShardFiles, make(options))
