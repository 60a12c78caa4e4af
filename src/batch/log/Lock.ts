/**
 * One run per output: a lock file that names its owner. A lock whose owner is gone is taken over.
 *
 * On one machine the owner is found by its process id and the time at which that process began, since ids are reused. A
 * process elsewhere (another host, or another container's process ids) cannot be checked: its lock is alive as long as its
 * owner touches the file, and counts as left behind after two minutes without that, by the clock of the file system. An
 * owner that lost its lock stops.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Builtin from "../../dataset/Builtin.ts"
import * as BatchError from "../BatchError.ts"

/**
 * What a runtime knows about processes. The default uses the `process` object of Node, Bun and Deno if there is one;
 * without it, a process is assumed to be alive.
 *
 * @category services
 * @since 0.1.0
 */
export const Processes = Context.Reference<{
  readonly pid: number
  /** The name of this machine. */
  readonly host: string
  readonly isAlive: (pid: number) => boolean
}>("effect-inference-endpoints/batch/Processes", { defaultValue: () => detect() })

const detect = () => {
  const host: unknown = Reflect.get(globalThis, "process")
  if (typeof host !== "object" || host === null) return { pid: 0, host: "", isAlive: () => true }
  const os = Builtin.load("node:os")
  const hostname: unknown = os === undefined ? undefined : Reflect.get(os, "hostname")
  const pid: unknown = Reflect.get(host, "pid")
  const kill: unknown = Reflect.get(host, "kill")
  return {
    pid: typeof pid === "number" ? pid : 0,
    host: typeof hostname === "function" ? String(Reflect.apply(hostname, os, [])) : "",
    isAlive: (pid: number) => {
      if (typeof kill !== "function") return true
      try {
        Reflect.apply(kill, host, [pid, 0])
        return true
      } catch (cause) {
        // another user's process exists, but may not be signalled
        return cause instanceof Error && "code" in cause && cause.code === "EPERM"
      }
    }
  }
}

const Holder = Schema.Struct({
  pid: Schema.Int,
  /** When the run began, ISO 8601. */
  started: Schema.String,
  /** What the system says about the start of that process, to distinguish it from a later one with the same number. */
  born: Schema.optionalKey(Schema.String),
  /** The machine, and on Linux the space in which its process ids count. */
  host: Schema.optionalKey(Schema.String),
  /** Distinguishes runs of one process. */
  nonce: Schema.String
})

type Holder = typeof Holder.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Holder))

/** Locks that this process holds. */
const held = new Set<string>()

/** The start of a process in clock ticks since boot, where there is a `/proc`: its 22nd field, counted after the name. */
const bornAt = Effect.fnUntraced(function*(pid: number) {
  const fs = yield* FileSystem.FileSystem
  const stat = yield* Effect.orElseSucceed(fs.readFileString(`/proc/${pid}/stat`), () => "")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
})

/** The machine and the space of its process ids. */
const placeOf = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const { host } = yield* Processes
  const space = yield* Effect.orElseSucceed(fs.readLink("/proc/self/ns/pid"), () => "")
  return space === "" ? host : `${host} ${space}`
})

const STALE_MILLIS = 120_000
const TOUCH_MILLIS = 20_000

/** Milliseconds since the file was touched, by the clock of the file system that it is on. */
const ageOf = Effect.fnUntraced(function*(path: string, nonce: string) {
  const fs = yield* FileSystem.FileSystem
  const probe = `${path}.${nonce}.now`
  yield* fs.writeFileString(probe, "")
  const now = yield* fs.stat(probe)
  const then = yield* fs.stat(path)
  yield* Effect.ignore(fs.remove(probe))
  return Option.isSome(now.mtime) && Option.isSome(then.mtime)
    ? now.mtime.value.getTime() - then.mtime.value.getTime()
    : 0
}, (self) => Effect.orElseSucceed(self, () => 0))

const isGone = Effect.fnUntraced(function*(holder: Holder, path: string, nonce: string) {
  const processes = yield* Processes
  if (holder.host !== undefined && holder.host !== (yield* placeOf)) return (yield* ageOf(path, nonce)) > STALE_MILLIS
  if (holder.pid === processes.pid) return !held.has(holder.nonce)
  if (!processes.isAlive(holder.pid)) return true
  const born = yield* bornAt(holder.pid)
  return holder.born !== undefined && born !== undefined && holder.born !== born
})

const readHolder = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.orElseSucceed(fs.readFileString(path), () => undefined)
  if (text === undefined) return undefined
  const holder = decode(text)
  return { text, holder: holder._tag === "Some" ? holder.value : undefined }
})

/** Takes a dead run's lock away, unless another run did so first and the lock is now that run's. */
const takeAway = Effect.fnUntraced(function*(path: string, text: string, nonce: string) {
  const fs = yield* FileSystem.FileSystem
  const aside = `${path}.${nonce}`
  const moved = yield* Effect.isSuccess(fs.rename(path, aside))
  if (!moved) return
  const found = yield* readHolder(aside)
  yield* Effect.ignore(found?.text === text ? fs.remove(aside) : fs.rename(aside, path))
})

const ATTEMPTS = 5

/** Touches the lock at intervals; ends when the lock belongs to another run. */
const keep = (path: string, nonce: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    while (true) {
      yield* Effect.sleep(TOUCH_MILLIS)
      const found = yield* readHolder(path)
      // a file that cannot be read at the moment is not lost
      if (found?.holder !== undefined && found.holder.nonce !== nonce) return
      const now = yield* Clock.currentTimeMillis
      yield* Effect.ignore(fs.utimes(path, now / 1000, now / 1000))
    }
  })

/**
 * Holds the lock for the scope. Fails with `Locked` while another run holds it. Returns an effect that fails if another run
 * takes it over, which happens when this one was stopped for minutes.
 *
 * @category running
 * @since 0.1.0
 */
export const acquire = (
  path: string
): Effect.Effect<
  Effect.Effect<never, BatchError.BatchError>,
  BatchError.BatchError,
  FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function*() {
    const nonce = yield* Effect.acquireRelease(take(path), (nonce) => release(path, nonce))
    const keeping = yield* Effect.forkScoped(keep(path, nonce))
    const lost = BatchError.make(
      new BatchError.Locked({ lock: path, holder: "it took over while this one was stopped" })
    )
    return Effect.andThen(Fiber.await(keeping), Effect.fail(lost))
  })

const take = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const { pid } = yield* Processes
  const nonce = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36)
  const started = new Date(yield* Clock.currentTimeMillis).toISOString()
  const born = yield* bornAt(pid)
  const host = yield* placeOf
  const own = JSON.stringify({ pid, host, started, ...(born !== undefined && { born }), nonce })
  let holder: Holder | undefined
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    held.add(nonce)
    const made = yield* fs.writeFileString(path, own, { flag: "wx" }).pipe(
      Effect.as(true),
      Effect.catchIf((error) => error.reason._tag === "AlreadyExists", () => Effect.succeed(false)),
      Effect.tapError(() => Effect.sync(() => held.delete(nonce))),
      Effect.mapError(BatchError.disk(path))
    )
    if (made) return nonce
    held.delete(nonce)
    const found = yield* readHolder(path)
    if (found === undefined) continue
    holder = found.holder
    // a lock without a readable holder was cut off while it was written: if it stays like that, nobody holds it
    if (holder === undefined && attempt < ATTEMPTS - 2) yield* Effect.sleep(50)
    else if (holder === undefined || (yield* isGone(holder, path, nonce))) yield* takeAway(path, found.text, nonce)
    else break
  }
  return yield* BatchError.make(
    new BatchError.Locked({
      lock: path,
      holder: holder === undefined
        ? "unknown"
        : `process ${holder.pid}${
          holder.host === undefined || holder.host === host ? "" : ` on ${holder.host.split(" ")[0]}`
        } since ${holder.started}`
    })
  )
})

const release = Effect.fnUntraced(function*(path: string, nonce: string) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* readHolder(path)
  if (found?.holder?.nonce === nonce) yield* Effect.ignore(fs.remove(path))
  held.delete(nonce)
})
