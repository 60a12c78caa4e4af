/**
 * What an output belongs to: the input, by its digest, and everything else that answers depend on. A run with something
 * else is refused, and told what changed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as BatchError from "../BatchError.ts"
import { isRecord } from "../rows/Row.ts"
import * as Durable from "./Durable.ts"
import * as Sha256 from "./Sha256.ts"

/**
 * The file, as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export const Manifest = Schema.Struct({
  format: Schema.Literal("effect-inference-endpoints/batch@1"),
  input: Schema.Struct({ sha256: Schema.String, bytes: Schema.Int, rows: Schema.Int }),
  /** SHA-256 of the configuration as canonical JSON. */
  hash: Schema.String,
  configuration: Schema.Unknown
})

/**
 * @category models
 * @since 0.1.0
 */
export type Manifest = typeof Manifest.Type

/** JSON with sorted keys and without what JSON cannot hold; a bigint is its digits. */
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
export const make = (input: Manifest["input"], configuration: unknown): Manifest => {
  const text = canonical(configuration)
  return {
    format: "effect-inference-endpoints/batch@1",
    input,
    hash: Sha256.ofText(text),
    configuration: JSON.parse(text)
  }
}

const SHOWN = 80

const show = (value: unknown): string => {
  if (value === undefined) return "nothing"
  const text = canonical(value)
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}

const differences = (path: string, before: unknown, after: unknown): ReadonlyArray<string> => {
  if (canonical(before) === canonical(after)) return []
  if (!isRecord(before) || !isRecord(after)) return [`${path} was ${show(before)} and is ${show(after)}`]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
    differences(path === "" ? key : `${path}.${key}`, before[key], after[key])
  )
}

/**
 * One sentence for each difference; none when a run may go on.
 *
 * @category accessors
 * @since 0.1.0
 */
export const changes = (before: Manifest, after: Manifest): ReadonlyArray<string> => {
  const input = before.input.sha256 === after.input.sha256 ? [] : [
    `the input had ${before.input.rows} rows in ${before.input.bytes} bytes and has ${
      after.input.rows === before.input.rows ? "other text in" : `${after.input.rows} rows in`
    } ${after.input.bytes} bytes`
  ]
  return before.hash === after.hash
    ? input
    : [...input, ...differences("", before.configuration, after.configuration)]
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))

/**
 * The manifest of an earlier run; undefined when there is none.
 *
 * @category running
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const exists = yield* Effect.mapError(fs.exists(path), BatchError.disk(path))
  if (!exists) return undefined
  const text = yield* Effect.mapError(fs.readFileString(path), BatchError.disk(path))
  return yield* decode(text).pipe(Effect.mapError(() =>
    BatchError.make(
      new BatchError.Damaged({ path, lines: [{ line: 1, problem: "is no manifest of this format" }], count: 1 })
    )
  ))
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
