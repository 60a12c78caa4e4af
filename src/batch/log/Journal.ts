/**
 * The output and errors files as logs: whole lines, each group of them in one write at the verified end, synced to the
 * disk every 100 ms or 256 rows.
 *
 * A row counts as done when its line is written, so a crash of the process loses only rows in flight, and a power loss
 * those of the last 100 ms too. After a failed write the file is cut back to its last whole line, and nothing more is
 * written.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as BatchError from "../BatchError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly path: string
  /** The verified end, in bytes. */
  readonly end: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  /** Returns when the line, which is given without its end, is written. */
  readonly output: (line: string) => Effect.Effect<void, BatchError.BatchError>
  readonly errors: (line: string) => Effect.Effect<void, BatchError.BatchError>
  /** Returns when everything is on the disk. */
  readonly finish: Effect.Effect<void, BatchError.BatchError>
}

interface Entry {
  readonly log: Log
  readonly line: string
  readonly resume: (effect: Effect.Effect<void, BatchError.BatchError>) => void
}

const SYNC_ROWS = 256
const SYNC_MILLIS = 100
/** For how many turns of the event loop lines are collected, and how many lines end the collecting. */
const TURNS = 4
const TOGETHER = 64
const encoder = new TextEncoder()

/** One of the two files. */
class Log {
  readonly path: string
  readonly #file: FileSystem.File
  #end: number
  unsynced = 0

  constructor(file: FileSystem.File, { end, path }: Place) {
    this.path = path
    this.#file = file
    this.#end = end
  }

  write(lines: ReadonlyArray<string>): Effect.Effect<void, PlatformError> {
    const bytes = encoder.encode(`${lines.join("\n")}\n`)
    const end = BigInt(this.#end)
    return Effect.andThen(this.#file.seek(end, "start"), this.#file.writeAll(bytes)).pipe(
      Effect.tapError(() => Effect.ignore(this.#file.truncate(this.#end))),
      Effect.tap(() => {
        this.#end += bytes.length
        this.unsynced += lines.length
        return Effect.void
      })
    )
  }

  readonly sync = Effect.suspend((): Effect.Effect<void, PlatformError> => {
    if (this.unsynced === 0) return Effect.void
    this.unsynced = 0
    return this.#file.sync
  })
}

class Writer implements Journal {
  readonly #output: Log
  readonly #errors: Log
  #pending: Array<Entry> = []
  #failed: BatchError.BatchError | undefined = undefined
  #idle: (() => void) | undefined = undefined

  constructor(output: Log, errors: Log) {
    this.#output = output
    this.#errors = errors
  }

  #append(log: Log, line: string): Effect.Effect<void, BatchError.BatchError> {
    return Effect.callback((resume) => {
      if (this.#failed !== undefined) return resume(Effect.fail(this.#failed))
      this.#pending.push({ log, line, resume })
      this.#idle?.()
    })
  }

  readonly output = (line: string) => this.#append(this.#output, line)
  readonly errors = (line: string) => this.#append(this.#errors, line)

  /** Waits for a line to be written. */
  readonly #line = Effect.callback<void>((resume) => {
    if (this.#pending.length > 0) return resume(Effect.void)
    this.#idle = () => {
      this.#idle = undefined
      resume(Effect.void)
    }
  })

  /** Waits for the lines of this turn of the event loop, and for those of the next as long as each turn brings more. */
  #gather(turns: number): Effect.Effect<void> {
    const before = this.#pending.length
    return Effect.flatMap(
      Effect.yieldNow,
      () =>
        turns > 1 && this.#pending.length > before && this.#pending.length < TOGETHER
          ? this.#gather(turns - 1)
          : Effect.void
    )
  }

  /** Writes all that wait. A write costs as much as a dozen rows, so lines are written together. */
  readonly #round = Effect.andThen(
    Effect.andThen(this.#line, Effect.suspend(() => this.#gather(TURNS))),
    Effect.uninterruptible(Effect.suspend(() => this.flush))
  )

  readonly flush: Effect.Effect<void> = Effect.suspend(() => {
    const entries = this.#pending
    if (entries.length === 0) return Effect.void
    this.#pending = []
    return Effect.andThen(
      this.#write(this.#output, entries),
      this.#write(this.#errors, entries)
    )
  })

  #write(log: Log, all: ReadonlyArray<Entry>): Effect.Effect<void> {
    const entries = all.filter((entry) => entry.log === log)
    return entries.length === 0 ? Effect.void : this.#together(log, entries)
  }

  #together(log: Log, entries: ReadonlyArray<Entry>): Effect.Effect<void> {
    const failed = this.#failed
    if (failed !== undefined) return Effect.sync(() => entries.forEach(({ resume }) => resume(Effect.fail(failed))))
    const fail = (error: PlatformError) =>
      Effect.sync(() => {
        const failed = this.#failed ??= BatchError.disk(log.path)(error)
        entries.forEach(({ resume }) => resume(Effect.fail(failed)))
      })
    return Effect.matchEffect(log.write(entries.map(({ line }) => line)), {
      // a disk without room for all of them may have room for the first
      onFailure: (error) =>
        entries.length === 1
          ? fail(error)
          : Effect.forEach(entries, (entry) => this.#together(log, [entry]), { discard: true }),
      onSuccess: () =>
        Effect.matchEffect(log.unsynced >= SYNC_ROWS ? log.sync : Effect.void, {
          onFailure: fail,
          onSuccess: () => Effect.sync(() => entries.forEach(({ resume }) => resume(Effect.void)))
        })
    })
  }

  readonly sync: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach([this.#output, this.#errors], (log) => Effect.mapError(log.sync, BatchError.disk(log.path)), {
      discard: true
    })
  ).pipe(
    // what a failed sync left in the page cache cannot be trusted
    Effect.catch((error) => Effect.sync(() => void (this.#failed ??= error)))
  )

  readonly loop = Effect.forever(this.#round, { disableYield: true })
  readonly syncing = Effect.forever(Effect.andThen(Effect.sleep(SYNC_MILLIS), Effect.uninterruptible(this.sync)))
  readonly end: Effect.Effect<void> = Effect.andThen(this.flush, this.sync)
  readonly finish = Effect.andThen(
    this.end,
    Effect.suspend(() => this.#failed === undefined ? Effect.void : Effect.fail(this.#failed))
  )
}

/**
 * Opens both files for appending at their verified ends. Closing the scope writes and syncs what is left.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (
  output: Place,
  errors: Place
): Effect.Effect<Journal, BatchError.BatchError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const log = (place: Place) =>
      fs.open(place.path, { flag: "r+" }).pipe(
        Effect.map((file) => new Log(file, place)),
        Effect.mapError(BatchError.disk(place.path))
      )
    const writer = new Writer(yield* log(output), yield* log(errors))
    yield* Effect.addFinalizer(() => writer.end)
    yield* Effect.forkScoped(writer.loop)
    yield* Effect.forkScoped(writer.syncing)
    return writer
  })
