/**
 * Whether this run may write to this output: its files are distinct, and their content was written with the same input
 * and configuration, or the differences are accepted.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as OutputSpec from "../structured/OutputSpec.ts"
import * as BatchError from "./BatchError.ts"
import * as Durable from "./log/Durable.ts"
import * as Files from "./log/Files.ts"
import type * as Input from "./log/Input.ts"
import type * as Ledger from "./log/Ledger.ts"
import * as Manifest from "./log/Manifest.ts"
import type { Options, Paths } from "./Options.ts"
import type * as Part from "./rows/Part.ts"

/** A refusal before anything is sent. */
export const refuse = (...problems: ReadonlyArray<string>): BatchError.BatchError =>
  BatchError.make(new BatchError.InvalidOptions({ problems }))

/** A refusal to read an output that has no manifest. */
export const noBatch = (output: string): BatchError.BatchError =>
  refuse(`there is no batch with the output ${output}: no manifest of a run is next to it`)

/** Files that a run of this batch wrote, which are not part of its input: a folder of inputs may contain them. */
export const ownFiles = Effect.fnUntraced(function*({ errors, manifest, output }: Paths) {
  const fs = yield* FileSystem.FileSystem
  return (yield* Effect.mapError(fs.exists(manifest), BatchError.disk(manifest))) ? [output, errors] : []
})

/** Refuses names that lead to the same file, however they are spelled. */
export const checkFiles = Effect.fnUntraced(function*(parts: ReadonlyArray<Part.Part>, paths: Paths) {
  const found = yield* Files.shared([
    ...parts.map(({ path }) => ["input", path] as const),
    ...Object.entries(paths).filter(([role]) => role !== "copy")
  ])
  if (found !== undefined) {
    return yield* refuse(
      `${found.other} and ${found.role} are one file (${found.name}); input, output and errors must be different files`
    )
  }
  const fs = yield* FileSystem.FileSystem
  for (const path of [paths.output, paths.errors]) {
    const info = yield* Effect.option(fs.stat(path))
    if (Option.isSome(info) && info.value.type !== "File") {
      // a device or a pipe has no lines to continue from, and must not be moved aside
      return yield* refuse(`${path} is ${kindOf(info.value.type)}; rows must go to a file that can be read again`)
    }
  }
})

const kindOf = (type: FileSystem.File.Type): string =>
  type === "Directory" ? "a folder" : type === "FIFO" ? "a pipe" : "not a plain file"

/** What the results depend on, besides the input: as data, so that a later run can say what changed. */
export const configurationOf = ({ columns, options = {} }: Options, fingerprint: Schema.Json) => {
  const { concurrency: _, structuredOutput, ...rest } = options
  const structured = structuredOutput === undefined || structuredOutput === false
    ? structuredOutput
    : Result.map(OutputSpec.interpret(structuredOutput), ({ output }) => output.source).pipe(Result.getOrUndefined)
  return {
    columns: { ...columns, raw: columns?.raw === true ? true : undefined },
    options: { ...rest, structuredOutput: structured },
    service: fingerprint
  }
}

/** Whether a file exists and is not empty. */
export const holds = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(path).pipe(
    Effect.map(({ size }) => size > 0n),
    Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(false)),
    Effect.mapError(BatchError.disk(path))
  )
})

/** The manifest of an earlier run; undefined if there is none, or if a damaged one will be rewritten. */
export const earlier = (options: Options, paths: Paths) =>
  Effect.catchIf(
    Manifest.read(paths.manifest),
    ({ reason }) => reason._tag === "DamagedManifest" && (options.repair === true || options.force === true),
    () =>
      options.force === true
        ? Effect.succeed("damaged" as const)
        : Effect.as(
          Effect.mapError(Durable.moveAside(paths.manifest, "bad"), BatchError.disk(paths.manifest)),
          "damaged" as const
        )
  )

const isAccepted = (accept: ReadonlyArray<string>, name: string): boolean =>
  accept.some((given) => given === name || name.startsWith(`${given}.`))

export interface Claim {
  readonly manifest: Manifest.Manifest
  /** How to read the lines of the output. */
  readonly expected: Ledger.Expected
}

/** Compares with the manifest of an earlier run, or writes the first one. */
export const claim = Effect.fnUntraced(function*(
  options: Options,
  paths: Paths,
  input: Input.Input,
  before: Manifest.Manifest | "damaged" | undefined,
  configuration: unknown
) {
  const manifest = Manifest.make(input.record, configuration)
  const { rows } = input.record
  const fresh: Claim = { manifest, expected: { rows } }
  const matches = (index: number, id: string) => input.matches === undefined || input.matches(index, id)
  const written = (yield* holds(paths.output)) || (yield* holds(paths.errors))
  if (before === "damaged" && options.force !== true) return { manifest, expected: { rows, matches } }
  const known = before === "damaged" ? undefined : before
  const changes = known === undefined ? [] : Manifest.changes(known, manifest, input.kept)
  const open = changes.filter(({ name }) => !isAccepted(options.accept ?? [], name))
  if (known !== undefined && open.length === 0) {
    const accepted = changes.length === 0 ? known.accepted : [...known.accepted ?? [], {
      at: new Date(yield* Clock.currentTimeMillis).toISOString(),
      changes: changes.map(({ message }) => message)
    }]
    const resumed: Claim = {
      manifest: {
        ...manifest,
        ...(accepted !== undefined && { accepted }),
        ...(known.pace && { pace: known.pace }),
        ...(known.source !== undefined && { source: known.source })
      },
      expected: {
        rows,
        ...(input.kept < known.input.rows && { matches }),
        ...(Manifest.isOld(known) && { old: true })
      }
    }
    return resumed
  }
  if (options.force !== true) {
    if (known !== undefined) {
      return yield* BatchError.make(new BatchError.Changed({ output: paths.output, changes: open }))
    }
    if (written) return yield* BatchError.make(new BatchError.Foreign({ output: paths.output }))
  }
  for (const path of [paths.output, paths.errors, paths.manifest]) {
    yield* Effect.mapError(Durable.moveAside(path, "old"), BatchError.disk(path))
  }
  return fresh
})
