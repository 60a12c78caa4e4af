/**
 * What an output belongs to: the input, by its digest, and everything else that its results depend on. A run with
 * anything else is refused; the refusal says what changed, and the name by which the change can be accepted.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as BatchError from "../BatchError.ts"
import * as Digest from "../rows/Digest.ts"
import { isRecord } from "../rows/Row.ts"
import * as Durable from "./Durable.ts"
import * as Meaning from "./Meaning.ts"

/**
 * A part of an input.
 *
 * @category models
 * @since 0.2.0
 */
export const PartRecord = Schema.Struct({
  path: Schema.String,
  sha256: Schema.String,
  bytes: Schema.Int,
  rows: Schema.Int
})

/**
 * @category models
 * @since 0.2.0
 */
export type PartRecord = typeof PartRecord.Type

/**
 * An input: its parts, and digest, bytes and rows of all of them.
 *
 * @category models
 * @since 0.2.0
 */
export const InputRecord = Schema.Struct({
  sha256: Schema.String,
  bytes: Schema.Int,
  rows: Schema.Int,
  /** The digests cover the bytes as a whole, as in version 0.1.0; otherwise they cover the digests of each mebibyte. */
  whole: Schema.optionalKey(Schema.Literal(true)),
  parts: Schema.optionalKey(Schema.Array(PartRecord))
})

/**
 * @category models
 * @since 0.2.0
 */
export type InputRecord = typeof InputRecord.Type

const FORMAT = "effect-inference-endpoints/batch@2"

/**
 * The file, as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export const Manifest = Schema.Struct({
  format: Schema.Literals(["effect-inference-endpoints/batch@1", FORMAT]),
  input: InputRecord,
  /** SHA-256 of the configuration as canonical JSON. */
  hash: Schema.String,
  configuration: Schema.Unknown,
  /** Differences that later runs accepted, each with its time. */
  accepted: Schema.optionalKey(Schema.Array(Schema.Struct({
    at: Schema.String,
    changes: Schema.Array(Schema.String)
  }))),
  /**
   * The options of the run, if they can be written as JSON, so that a later command can continue without being given
   * them again.
   */
  given: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  /** For a pinned output: where its first response came from. */
  source: Schema.optionalKey(Schema.String),
  /** The level that the pace found, by endpoint. */
  pace: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Manifest = typeof Manifest.Type

/** JSON with sorted keys and without what JSON cannot represent; a bigint is written as its digits. */
const canonical = (value: unknown): string => {
  if (typeof value === "bigint") return JSON.stringify(value.toString())
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (!isRecord(value)) return JSON.stringify(value) ?? "null"
  const members = Object.keys(value).toSorted().flatMap((key) =>
    value[key] === undefined ? [] : [`${JSON.stringify(key)}:${canonical(value[key])}`]
  )
  return `{${members.join(",")}}`
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: InputRecord, configuration: unknown): Manifest => {
  const text = canonical(configuration)
  return { format: FORMAT, input, hash: Digest.of(text), configuration: JSON.parse(text) }
}

/**
 * Whether version 0.1.0 wrote it, and the lines next to it.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isOld = ({ format }: Manifest): boolean => format !== FORMAT

/**
 * Something that has changed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Change {
  /** The name by which it can be accepted, such as `options.temperature`. */
  readonly name: string
  readonly message: string
}

const SHOWN = 80

const show = (value: unknown): string => {
  if (value === undefined) return "not set"
  const text = canonical(value)
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}

const differences = (path: string, before: unknown, after: unknown): ReadonlyArray<Change> => {
  if (canonical(before) === canonical(after)) return []
  if (!isRecord(before) || !isRecord(after)) {
    return [{ name: path, message: `${path} was ${show(before)} and is ${show(after)}` }]
  }
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    differences(path === "" ? key : `${path}.${key}`, before[key], after[key])
  )
}

const ofInput = (before: InputRecord, after: InputRecord, kept: number): ReadonlyArray<Change> =>
  kept >= before.rows ? [] : [{
    name: "input",
    message: `the input had ${before.rows} rows in ${before.bytes} bytes and now has ${
      after.rows === before.rows ? "other text in" : `${after.rows} rows in`
    } ${after.bytes} bytes`
  }]

/**
 * Each difference that results depend on; none if a run may continue. `kept` is how many rows of the earlier input this
 * one begins with: more rows after them make no difference.
 *
 * @category accessors
 * @since 0.1.0
 */
export const changes = (before: Manifest, after: Manifest, kept: number): ReadonlyArray<Change> => [
  ...ofInput(before.input, after.input, kept),
  ...differences("", Meaning.of(before.configuration), Meaning.of(after.configuration))
]

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))

/**
 * The manifest of an earlier run; undefined when there is none. One written by version 0.1.0 is read as having an input of
 * one part.
 *
 * @category running
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const exists = yield* Effect.mapError(fs.exists(path), BatchError.disk(path))
  if (!exists) return undefined
  const text = yield* Effect.mapError(fs.readFileString(path), BatchError.disk(path))
  const found = yield* Effect.mapError(
    decode(text),
    () => BatchError.make(new BatchError.DamagedManifest({ path }))
  )
  if (found.input.parts !== undefined) return found
  const { bytes, rows, sha256 } = found.input
  const manifest: Manifest = {
    ...found,
    input: { ...found.input, whole: true, parts: [{ path: "", sha256, bytes, rows }] }
  }
  return manifest
})

/**
 * @category running
 * @since 0.1.0
 */
export const write = (
  path: string,
  manifest: Manifest
): Effect.Effect<void, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.mapError(
    Durable.replace(path, (file) => file.writeAll(new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`))),
    BatchError.disk(path)
  )
