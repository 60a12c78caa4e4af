/**
 * Nothing is paid for twice: generations are kept by their request, for equal rows of one input and across runs.
 *
 * The key is the request before a seed is drawn, the model that serves it, and the version of the key. Generations that
 * were cut, empty or refused are never kept. Of equal rows in flight only one is sent; if it fails or is interrupted,
 * the next one is sent.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import type { PlatformError } from "effect/PlatformError"
import type * as Generation from "../Generation.ts"
import * as BatchError from "./BatchError.ts"
import type { Judged } from "./Judge.ts"
import * as Digest from "./rows/Digest.ts"
import * as Jsonl from "./rows/Jsonl.ts"
import { isRecord } from "./rows/Row.ts"
import type { About } from "./Work.ts"

const VERSION = 1

/**
 * The key of a request; `asked` is its input and options as one string.
 *
 * @category conversions
 * @since 0.2.0
 */
export const keyOf = ({ model, provider, revision, template }: About, asked: string): string =>
  Digest.of(JSON.stringify([VERSION, model, revision, provider, template, asked]))

const isWhole = ({ finishReason, refusal, text, toolCalls }: Generation.Generation): boolean =>
  refusal === undefined && finishReason !== "length" && finishReason !== "content_filter" &&
  finishReason !== "unknown" && (text.trim() !== "" || toolCalls.length > 0)

const bigintText = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? { bigint: value.toString() } : value

const bigintOf = (_key: string, value: unknown): unknown =>
  isRecord(value) && typeof value.bigint === "string" && Object.keys(value).length === 1 ? BigInt(value.bigint) : value

const parse = (text: string): Judged | undefined => {
  if (!isRecord(Jsonl.parse(text))) return undefined
  const value: unknown = JSON.parse(text, bigintOf)
  // written by `store` below under a key that holds its version
  return isRecord(value) && Array.isArray(value.generations)
    ? { ...value as unknown as Judged, discarded: [] }
    : undefined
}

/**
 * Returns what the store has, or generates and stores.
 *
 * @category models
 * @since 0.2.0
 */
export interface AnswerCache {
  /** `fresh` does not read the store, but stores the result. */
  readonly through: <E>(
    key: string,
    fresh: boolean,
    generate: Effect.Effect<Judged, E>
  ) => Effect.Effect<Judged & { readonly cached: boolean }, E>
}

/**
 * A cache over any store. If the store fails, it is bypassed.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (store: KeyValueStore.KeyValueStore): AnswerCache => {
  const flights = new Map<string, Deferred.Deferred<void>>()

  const lead = <E>(key: string, generate: Effect.Effect<Judged, E>) => {
    const flight = Deferred.makeUnsafe<void>()
    flights.set(key, flight)
    return Effect.tap(generate, ({ generations, values }) =>
      generations.length > 0 && generations.every(isWhole)
        ? Effect.ignore(store.set(key, JSON.stringify({ generations, values }, bigintText)))
        : Effect.void).pipe(
        Effect.map((judged) => ({ ...judged, cached: false })),
        Effect.ensuring(Effect.suspend(() => {
          flights.delete(key)
          return Deferred.succeed(flight, undefined)
        }))
      )
  }

  const through: AnswerCache["through"] = (key, fresh, generate) =>
    Effect.suspend(() => {
      const flight = flights.get(key)
      // each waiter checks again: the one before may have failed
      if (flight !== undefined) return Effect.andThen(Deferred.await(flight), through(key, fresh, generate))
      if (fresh) return lead(key, generate)
      return Effect.flatMap(Effect.orElseSucceed(store.get(key), () => undefined), (text) => {
        const kept = text === undefined ? undefined : parse(text)
        return kept === undefined
          ? flights.has(key) ? through(key, fresh, generate) : lead(key, generate)
          : Effect.succeed({ ...kept, cached: true })
      })
    })
  return { through }
}

/**
 * @category models
 * @since 0.2.0
 */
export interface FilesOptions {
  /** Most bytes of all files; the oldest are removed when it is exceeded. Default 4 GiB. */
  readonly maxBytes?: number | undefined
}

const MAX_BYTES = 4 * 1024 ** 3
/** No entry may take more than this share of the space, so that none evicts all others. */
const SHARE = 0.1
/** The share of the space down to which the oldest are removed. */
const LOW = 0.9
const NAME = /^[0-9a-f]{2}\/[0-9a-f]{64}\.json$/

/** All entries, the oldest first. */
const entriesOf = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.orElseSucceed(fs.glob("*/*.json", { root: directory }), () => [])
  const entries = yield* Effect.forEach(names.filter((name) => NAME.test(name)), (name) => {
    const file = path.join(directory, name)
    return Effect.map(
      Effect.option(fs.stat(file)),
      Option.map(({ mtime, size }) => ({
        file,
        bytes: Number(size),
        at: Option.isSome(mtime) ? mtime.value.getTime() : 0
      }))
    )
  })
  return entries.flatMap(Option.toArray).toSorted((a, b) => a.at - b.at)
})

const failed = (method: string, key?: string) => (cause: PlatformError) =>
  new KeyValueStore.KeyValueStoreError({ method, message: cause.message, cause, ...(key !== undefined && { key }) })

/**
 * A store of one file for each key below a folder, readable by its owner alone.
 *
 * @category constructors
 * @since 0.2.0
 */
export const files = Effect.fnUntraced(function*(directory: string, { maxBytes = MAX_BYTES }: FilesOptions = {}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  yield* Effect.mapError(
    fs.makeDirectory(directory, { recursive: true, mode: 0o700 }),
    BatchError.disk(directory)
  )
  let bytes = (yield* entriesOf(directory)).reduce((sum, entry) => sum + entry.bytes, 0)
  let written = 0
  const fileOf = (key: string) => path.join(directory, key.slice(0, 2), `${key}.json`)

  /** The used space is read from the folder instead of being counted: other runs write there too. */
  const shrink = Effect.gen(function*() {
    const entries = yield* entriesOf(directory)
    bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    for (const entry of entries) {
      if (bytes <= maxBytes * LOW) return
      yield* Effect.ignore(fs.remove(entry.file))
      bytes -= entry.bytes
    }
  }).pipe(Effect.provideContext(services))

  return KeyValueStore.makeStringOnly({
    get: (key) =>
      fs.readFileString(fileOf(key)).pipe(
        Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.undefined),
        Effect.mapError(failed("get", key))
      ),
    set: (key, value) =>
      Effect.gen(function*() {
        const size = new TextEncoder().encode(value).length
        if (size > maxBytes * SHARE) return
        const file = fileOf(key)
        const temporary = `${file}.${written++}.tmp`
        yield* fs.makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 })
        yield* fs.writeFileString(temporary, value, { mode: 0o600 })
        yield* fs.rename(temporary, file)
        bytes += size
        if (bytes > maxBytes) yield* shrink
      }).pipe(Effect.mapError(failed("set", key))),
    remove: (key) => Effect.mapError(fs.remove(fileOf(key), { force: true }), failed("remove", key)),
    clear: Effect.mapError(clearFiles(directory), failed("clear")).pipe(Effect.asVoid, Effect.provideContext(services)),
    keys: Effect.provideContext(
      Effect.map(entriesOf(directory), (entries) => entries.map(({ file }) => path.basename(file, ".json"))),
      services
    ),
    size: Effect.provideContext(Effect.map(entriesOf(directory), (entries) => entries.length), services)
  })
})

const clearFiles = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const entries = yield* entriesOf(directory)
  for (const { file } of entries) yield* fs.remove(file, { force: true })
  return { entries: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) }
})

/**
 * Removes every entry of a folder, and nothing else in it. Returns how many there were.
 *
 * @category running
 * @since 0.2.0
 */
export const clear = (directory: string) => Effect.mapError(clearFiles(directory), BatchError.disk(directory))
