import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Layer, PlatformError, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import type { Progress } from "../../src/batch/index.ts"
import * as Durable from "../../src/batch/log/Durable.ts"
import * as Order from "../../src/batch/log/Order.ts"
import * as Bench from "./Bench.ts"

const setup = Effect.fnUntraced(function*(rows: number) {
  const place = yield* Bench.files
  Bench.write(place.input, Bench.prompts(rows))
  return place
})

const poison: Bench.Generate = (input, options) =>
  Bench.textOf(input).endsWith("7") ? Effect.fail(Bench.rejected()) : Bench.echo(input, options)

describe("every row", () => {
  it.effect.prop(
    "ends exactly once in output or errors, wherever the output was cut",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))],
    ([at]) =>
      Effect.gen(function*() {
        const place = yield* setup(20)
        yield* Bench.run(place, poison)
        const whole = readFileSync(place.output)
        writeFileSync(place.output, whole.subarray(0, at % (whole.length + 1)))
        const report = yield* Bench.run(place, poison)
        assert.deepStrictEqual(Bench.indices(place.output, place.errors), Bench.upTo(20))
        assert.deepStrictEqual(report.rows, { ...report.rows, done: 18, failed: 2, pending: 0 })
      }).pipe(Effect.provide(Bench.Node)),
    { arbitrary: { runs: 40 } }
  )

  it.effect("is cut off and done again where NUL bytes follow the last line", () =>
    Effect.gen(function*() {
      const place = yield* setup(5)
      yield* Bench.run(place)
      writeFileSync(place.output, `${readFileSync(place.output, "utf8").split("\n").slice(0, 2).join("\n")}\n\0\0\0`)
      yield* Bench.run(place)
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(5))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is where it was when a torn end is longer than what follows it", () =>
    Effect.gen(function*() {
      const place = yield* setup(5)
      yield* Bench.run(place)
      const whole = readFileSync(place.output, "utf8")
      writeFileSync(place.output, `${whole}{"id":"row-4","index":4,"generations":[{"text":"${"x".repeat(10_000)}`)
      yield* Bench.run(place, () => Effect.die("asked again"))
      assert.strictEqual(readFileSync(place.output, "utf8"), whole)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("keeps its text in any script, line after line", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const texts = ["größer", "日本語", "😀", "plain"]
      Bench.write(place.input, texts.map((prompt) => ({ prompt })))
      yield* Bench.run({ ...place, concurrency: 1 })
      assert.deepStrictEqual(Bench.lines(place.output).map(({ generations }) => generations?.[0]?.text), texts)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that is poison is not retried, and says stage, reason, status, type, message and attempts", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      const asked: Array<string> = []
      const report = yield* Bench.run(place, (input) => {
        asked.push(Bench.textOf(input))
        return asked.length === 2 ? Effect.fail(Bench.rejected()) : Effect.succeed([Bench.generation("a")])
      })
      assert.lengthOf(asked, 3)
      assert.deepStrictEqual(Bench.lines(place.errors), [{
        id: "row-1",
        index: 1,
        error: {
          stage: "InferenceError",
          reason: "Rejected",
          message: Bench.rejected().message,
          status: 422,
          type: "validation",
          attempts: 1
        }
      }])
      assert.deepStrictEqual(report.failures, { "InferenceError.Rejected": 1 })
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that cannot become a request fails alone", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, [{ prompt: "a" }, { prompt: 7 }, { other: "b" }])
      yield* Bench.run({ ...place, concurrency: 1 })
      assert.deepStrictEqual(Bench.lines(place.errors).map(({ error, id }) => [id, error?.reason, error?.attempts]), [
        ["1", "WrongColumn", 0],
        ["2", "MissingColumn", 0]
      ])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("keeps a seed above 2^53 as its digits", () =>
    Effect.gen(function*() {
      const place = yield* setup(1)
      yield* Bench.run(place, () => Effect.succeed([Bench.generation("a", { seed: 18446744073709551615n })]))
      assert.include(readFileSync(place.output, "utf8"), "\"seed\":\"18446744073709551615\"")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a failing endpoint", () => {
  it.effect("pauses all rows and goes on; the errors file stays empty", () =>
    Effect.gen(function*() {
      const place = yield* setup(12)
      const state = { calls: 0 }
      const outage: Bench.Generate = (input, options) =>
        ++state.calls > 4 && state.calls < 10 ? Effect.fail(Bench.down()) : Bench.echo(input, options)
      const fiber = yield* Effect.forkChild(Bench.run({ ...place, concurrency: 4 }, outage))
      const report = yield* settle(fiber)
      assert.strictEqual(report.ending, "complete")
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(12))
      assert.lengthOf(Bench.lines(place.errors), 0)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that does not come back within the patience stops the batch with the rows pending", () =>
    Effect.gen(function*() {
      const place = yield* setup(8)
      const fiber = yield* Effect.forkChild(
        Bench.run(
          { ...place, concurrency: 4 },
          (input, options) => Bench.textOf(input).endsWith("0") ? Bench.echo(input, options) : Effect.fail(Bench.down())
        )
      )
      const report = yield* settle(fiber)
      assert.strictEqual(report.ending, "stopped")
      assert.strictEqual(report.why?.by, "endpoint")
      assert.deepStrictEqual(report.rows, { total: 8, done: 1, failed: 0, pending: 7, doneNow: 1, failedNow: 0 })
      assert.lengthOf(Bench.lines(place.errors), 0)
    }).pipe(Effect.provide(Bench.Node)))
})

/** Real files under virtual time: small steps of the clock, with time for file operations between them. */
const settle = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function*() {
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
      yield* TestClock.adjust("250 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("a run", () => {
  it.effect("repeated after its end sends nothing and changes nothing", () =>
    Effect.gen(function*() {
      const place = yield* setup(5)
      yield* Bench.run(place)
      const before = readFileSync(place.output, "utf8")
      yield* Bench.run(place, () => Effect.die("asked again"))
      assert.strictEqual(readFileSync(place.output, "utf8"), before)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is refused with what changed in the service, the columns or the options", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      yield* Bench.run({ ...place, options: { temperature: 0.5 } })
      const refused = yield* Effect.flip(
        Bench.run({ ...place, options: { temperature: 0.7 }, columns: { prompt: "prompt" } }, Bench.echo, {
          fingerprint: "other"
        })
      )
      assert.include(refused.message, "options.temperature was 0.5 and is 0.7")
      assert.include(refused.message, "columns.prompt was not set and is \"prompt\"")
      assert.include(refused.message, "service was \"test\" and is \"other\"")
      assert.strictEqual(refused.exitCode, 2)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("says at once that the endpoint cannot be used, and leaves its rows pending", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      const stopped = yield* Effect.flip(
        Bench.run(place, () => Effect.die("asked"), { ready: Effect.fail(Bench.rejected()) })
      )
      assert.strictEqual(stopped.reason._tag, "Stopped")
      assert.strictEqual(stopped.exitCode, 3)
      assert.include(stopped.message, Bench.rejected().message)
      yield* Bench.run(place)
      // nothing is left to ask for, so nobody has to be ready
      yield* Bench.run(place, Bench.echo, { ready: Effect.die("asked") })
      assert.deepStrictEqual(Bench.indices(place.output), [0, 1])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("says that there is no such input", () =>
    Effect.gen(function*() {
      const place = yield* setup(1)
      const refused = yield* Effect.flip(Bench.run({ ...place, input: `${place.input}.nowhere` }))
      assert.strictEqual(refused.reason._tag, "InvalidInput")
      assert.include(refused.message, "there is no such file. Nothing was sent")
      assert.strictEqual(refused.exitCode, 2)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("makes the folder of its output", () =>
    Effect.gen(function*() {
      const place = yield* setup(1)
      const output = join(place.output, "..", "deep", "down", "output.jsonl")
      yield* Bench.run({ ...place, output })
      assert.deepStrictEqual(Bench.indices(output), [0])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("leaves a file alone that no batch wrote", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      writeFileSync(place.output, "my notes\n")
      const refused = yield* Effect.flip(Bench.run(place))
      assert.strictEqual(refused.reason._tag, "Foreign")
      yield* Bench.run({ ...place, force: true })
      assert.strictEqual(readFileSync(`${place.output}.old`, "utf8"), "my notes\n")
      assert.deepStrictEqual(Bench.indices(place.output), [0, 1])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("refuses lines that no run wrote, and repair moves them aside", () =>
    Effect.gen(function*() {
      const place = yield* setup(6)
      yield* Bench.run(place)
      const [first = "", , third = ""] = readFileSync(place.output, "utf8").split("\n")
      writeFileSync(place.output, [first, "garbage", first, third, ""].join("\n"))
      const refused = yield* Effect.flip(Bench.run(place))
      assert.include(refused.message, "line 2 is not a result of this batch, line 3 repeats row 0")
      const { tokens } = yield* Bench.run({ ...place, repair: true })
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(6))
      // each row counts once, though the file was read twice
      assert.deepStrictEqual(tokens, { input: 6 * 3, output: 6 * 5 })
      assert.strictEqual(readFileSync(`${place.output}.bad`, "utf8"), `garbage\n${first}\n`)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("refuses lines of rows that the input does not have", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      yield* Bench.run(place)
      const [first = ""] = readFileSync(place.output, "utf8").split("\n")
      appendFileSync(place.output, `${first.replace("\"row-0\",\"index\":0", "\"row-3\",\"index\":3")}\n`)
      const refused = yield* Effect.flip(Bench.run(place))
      assert.include(refused.message, "line 4 belongs to row 3, which the input does not have")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that is interrupted leaves whole lines and no lock", () =>
    Effect.gen(function*() {
      const place = yield* setup(50)
      const reached = yield* Ref.make(0)
      const fiber = yield* Effect.forkChild(Bench.run({ ...place, concurrency: 4 }, (input, options) =>
        Effect.flatMap(
          Ref.updateAndGet(reached, (n) => n + 1),
          (n) => n > 20 ? Effect.never : Bench.echo(input, options)
        )))
      while ((yield* Ref.get(reached)) < 24) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      yield* Fiber.interrupt(fiber)
      assert.lengthOf(Bench.lines(place.output), 20)
      assert.isFalse(existsSync(`${place.output}.lock`))
      yield* Bench.run(place)
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(50))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("beside another one in the same process is refused", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      const fiber = yield* Effect.forkChild(Bench.run(place, () => Effect.never), { startImmediately: true })
      while (!existsSync(`${place.output}.manifest.json`)) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const refused = yield* Effect.flip(Bench.run(place))
      assert.strictEqual(refused.reason._tag, "Locked")
      yield* Fiber.interrupt(fiber)
      yield* Bench.run(place)
      assert.deepStrictEqual(Bench.indices(place.output), [0, 1])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("takes over a lock that was cut off while it was written", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      writeFileSync(`${place.output}.lock`, "{\"pid\":")
      const report = yield* settle(yield* Effect.forkChild(Bench.run(place)))
      assert.strictEqual(report.rows.done, 2)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("does the failed rows again on request, and them alone", () =>
    Effect.gen(function*() {
      const place = yield* setup(4)
      yield* Bench.run(place, (input, options) =>
        Bench.textOf(input).endsWith("2") ? Effect.fail(Bench.rejected()) : Bench.echo(input, options))
      const asked: Array<string> = []
      const report = yield* Bench.run({ ...place, retryFailed: true }, (input, options) => {
        asked.push(Bench.textOf(input))
        return Bench.echo(input, options)
      })
      assert.deepStrictEqual(asked, ["question 2"])
      assert.deepStrictEqual(report.rows, { total: 4, done: 4, failed: 0, pending: 0, doneNow: 1, failedNow: 0 })
      assert.lengthOf(Bench.lines(`${place.errors}.retried`), 1)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("has its output in the order of the input on request", () =>
    Effect.gen(function*() {
      const place = yield* setup(40)
      const report = yield* settle(
        yield* Effect.forkChild(Bench.run({ ...place, concurrency: 8, ordered: true }, (input, options) =>
          Effect.delay(Bench.echo(input, options), `${100 - Number(Bench.textOf(input).slice(9))} millis`)))
      )
      assert.strictEqual(report.ending, "complete")
      assert.deepStrictEqual(
        Bench.lines(place.output).map(({ index }) =>
          index
        ),
        Bench.upTo(40)
      )
      assert.isFalse(existsSync(`${place.output}.tmp`))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("stops at its budget of tokens with the rest pending, and goes on with a larger one", () =>
    Effect.gen(function*() {
      const place = yield* setup(20)
      const options = { maxNewTokens: 5 }
      const first = yield* Bench.run({ ...place, options, budget: { tokens: 43 } })
      assert.deepStrictEqual([first.ending, first.why?.by, first.rows.done], ["stopped", "budget", 5])
      const same = yield* Bench.run({ ...place, options, budget: { tokens: 43 } })
      assert.strictEqual(same.rows.doneNow, 0)
      const larger = yield* Bench.run({ ...place, options, budget: { tokens: 1000 } })
      assert.deepStrictEqual([larger.ending, larger.rows.done], ["complete", 20])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("tells of its start, its failures and its end", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      const events: Array<Progress.Event["_tag"]> = []
      yield* Bench.run({ ...place, concurrency: 1 }, (input, options) =>
        Bench.textOf(input).endsWith("1") ? Effect.fail(Bench.rejected()) : Bench.echo(input, options), {
        onEvent: (event) =>
          Effect.sync(() =>
            void events.push(event._tag)
          )
      })
      assert.deepStrictEqual(events, ["Started", "RowFailed", "Finished"])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("names every option that cannot be used", () =>
    Effect.gen(function*() {
      const place = yield* setup(1)
      const refused = yield* Effect.flip(
        Bench.run({
          ...place,
          concurrency: 0,
          budget: { dollars: -5 },
          options: { temperature: -1 },
          columns: { template: "{% if %}" }
        })
      )
      for (const word of ["concurrency", "budget.dollars must be above 0", "temperature", "template"]) {
        assert.include(refused.message, word)
      }
    }).pipe(Effect.provide(Bench.Node)))
})

type Write = FileSystem.File["writeAll"]

/** The file system with files of which some do something else. */
const withFiles = (
  change: (path: string, flag: string | undefined, file: FileSystem.File) => Partial<FileSystem.File>
) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) =>
      FileSystem.make({
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) => {
            const changed = change(path, options?.flag, file)
            return new Proxy(file, {
              get: (target, name) => {
                const value: unknown = Reflect.get(name in changed ? changed : target, name)
                return typeof value === "function" ? value.bind(target) : value
              }
            })
          })
      }))
  ).pipe(Layer.provideMerge(Bench.Node))

const broken = (method: string, problem: string) =>
  Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method, cause: new Error(problem) }))

/** A disk that has so many bytes of room and fails half way through the write that is too much. */
const smallDisk = (bytes: number) => {
  let left = bytes
  return withFiles((path, flag, file) => {
    if (!path.endsWith("out.jsonl") || flag !== "r+") return {}
    const writeAll: Write = (buffer) => {
      const room = Math.min(left, buffer.length)
      left -= room
      return Effect.andThen(
        file.writeAll(buffer.subarray(0, room)),
        room === buffer.length ? Effect.void : broken("writeAll", "ENOSPC: no space left on device, write")
      )
    }
    return {
      writeAll,
      truncate: (length) => {
        left = bytes - Number(length)
        return file.truncate(length)
      }
    }
  })
}

/** A disk that notes when lines are written and when they are synced, and may fail to sync them. */
const watchedDisk = (log: Array<string>, sync: Effect.Effect<void, PlatformError.PlatformError> = Effect.void) =>
  withFiles((path, flag, file) => {
    const name = basename(path)
    const writeAll: Write = (buffer) => {
      for (const byte of buffer) if (byte === 10) log.push(`line ${name}`)
      return file.writeAll(buffer)
    }
    return {
      writeAll,
      sync: Effect.suspend(() => {
        log.push(`sync ${name}`)
        return flag === "r+" ? Effect.andThen(file.sync, sync) : file.sync
      })
    }
  })

describe("a full disk", () => {
  it.effect("stops the batch at the first failed write with whole lines, and a later run completes it", () =>
    Effect.gen(function*() {
      const place = yield* setup(30)
      const report = yield* Effect.provide(Bench.run(place), smallDisk(1000))
      assert.deepStrictEqual([report.ending, report.why?.by], ["stopped", "disk"])
      assert.include(report.why?.message, "ENOSPC")
      const before = Bench.lines(place.output).length
      assert.isTrue(before > 0 && before < 30)
      assert.strictEqual(report.rows.done, before)
      yield* Effect.provide(Bench.run(place), Bench.Node)
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(30))
    }))
})

describe("a file that is moved aside", () => {
  it.effect("takes the place of none that was moved before", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      for (const text of ["first", "second", "third"]) {
        writeFileSync(output, text)
        yield* Durable.moveAside(output, "old")
        assert.isFalse(existsSync(output))
      }
      assert.deepStrictEqual(
        [".old", ".old-2", ".old-3"].map((name) => readFileSync(output + name, "utf8")),
        ["first", "second", "third"]
      )
      yield* Durable.moveAside(output, "old")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("what was written", () => {
  it.effect("is synced at least every 256 rows, and at the end", () =>
    Effect.gen(function*() {
      const place = yield* setup(1000)
      const log: Array<string> = []
      yield* Effect.provide(Bench.run({ ...place, concurrency: 8 }), watchedDisk(log))
      const own = log.filter((entry) => entry.endsWith("out.jsonl"))
      assert.lengthOf(own.filter((entry) => entry.startsWith("line")), 1000)
      // the lines of one write are synced together
      const unsynced = own.join(",").split("sync out.jsonl").map((lines) => lines.split("line").length - 1)
      assert.isAtMost(Math.max(...unsynced), 256 + 64)
      assert.strictEqual(own.at(-1), "sync out.jsonl")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is synced a tenth of a second later, whatever follows", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      const log: Array<string> = []
      const fiber = yield* Effect.forkChild(
        Effect.provide(
          Bench.run(place, (input, call) => Bench.textOf(input).endsWith("2") ? Effect.never : Bench.echo(input, call)),
          watchedDisk(log)
        )
      )
      const turn = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      while (log.filter((entry) => entry === "line out.jsonl").length < 2) yield* turn
      assert.notInclude(log, "sync out.jsonl")
      yield* TestClock.adjust("100 millis")
      yield* turn
      assert.include(log, "sync out.jsonl")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("and could not be synced stops the batch, and is not reported as complete", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      const disk = watchedDisk([], broken("sync", "EIO: i/o error, fsync"))
      const report = yield* Effect.provide(Bench.run(place), disk)
      assert.deepStrictEqual([report.ending, report.why?.by], ["stopped", "disk"])
      assert.include(report.why?.message, "EIO")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a file that is replaced", () => {
  it.effect("is on the disk before it takes the place of the old one", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      writeFileSync(output, "old")
      const log: Array<string> = []
      const replaced = Durable.replace(output, (file) =>
        Effect.andThen(
          file.writeAll(new TextEncoder().encode("new\n")),
          Effect.sync(() => void log.push("written"))
        ))
      yield* Effect.provide(replaced, watchedDisk(log))
      assert.deepStrictEqual(log.slice(0, 3), ["line out.jsonl.tmp", "written", "sync out.jsonl.tmp"])
      assert.strictEqual(readFileSync(output, "utf8"), "new\n")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("stays as it was where its writing fails, and nothing is left beside it", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      writeFileSync(output, "old")
      yield* Effect.flip(Durable.replace(output, () => Effect.fail("no")))
      assert.deepStrictEqual([readFileSync(output, "utf8"), existsSync(`${output}.tmp`)], ["old", false])
    }).pipe(Effect.provide(Bench.Node)))
})

/** A line with a byte that UTF-8 does not have. */
const latin = (key: string) => Buffer.concat([Buffer.from(`{"${key}":"a`), Buffer.of(0xff), Buffer.from("\"}\n")])

describe("an input", () => {
  it.effect.each(
    [
      ["a line that is no JSON", "{\"prompt\":\"a\"}\n{oops\n", "line 2: is not a JSON object"],
      ["a line that is no object", "[1]\n", "line 1: is not a JSON object"],
      ["an id that is no string", "{\"id\":{}}\n", "line 1: its id (column id)"],
      ["an id that comes twice", "{\"id\":\"a\"}\n\n{\"id\":\"a\"}\n", "line 3: its id \"a\" is also that of line 1"]
    ] as const
  )("with %s is refused before anything is sent", ([, text, message]) =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      writeFileSync(place.input, text)
      const refused = yield* Effect.flip(Bench.run(place, () => Effect.die("sent")))
      assert.include(refused.message, message)
      assert.strictEqual(refused.exitCode, 2)
      assert.isFalse(existsSync(place.output))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("and an output, is refused where a line is not UTF-8", () =>
    Effect.gen(function*() {
      const place = yield* setup(1)
      yield* Bench.run(place)
      appendFileSync(place.output, latin("id"))
      assert.include((yield* Effect.flip(Bench.run(place))).message, "line 2 is not UTF-8 text")
      const other = yield* Bench.files
      writeFileSync(other.input, latin("prompt"))
      const refused = yield* Effect.flip(Bench.run(other, () => Effect.die("sent")))
      assert.include(refused.message, "line 1: is not UTF-8 text")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that is not there is named", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const error = yield* Effect.flip(Bench.run({ ...place, input: join(place.path, "nothing.jsonl") }))
      assert.include(error.message, "nothing.jsonl")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("may be empty", () =>
    Effect.gen(function*() {
      const place = yield* setup(0)
      const exit = yield* Effect.exit(Bench.run(place))
      assert.isTrue(Exit.isSuccess(exit) && exit.value.ending === "complete")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("an output in another order", () => {
  it.effect("is put in the order of the input by a table of any length", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      const order = Array.from({ length: 100 }, (_, at) => (at * 37) % 101).filter((index) => index % 7 !== 3)
      for (const window of [1, 7, 64, 101, 1000]) {
        Bench.write(output, order.map((index) => ({ id: `"index":${index},`, index, generations: [] })))
        yield* Order.sort(output, 101, window)
        assert.deepStrictEqual(Bench.lines(output).map(({ index }) => index), order.toSorted((a, b) => a - b))
      }
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("keeps every line whole, however long, and wherever it stands in the file", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      const lengths = [300_000, 1_200_000, 700_000, 5, 900_000, 2_500_000, 400_000]
      const rows = lengths.map((length, index) => ({ id: String(index), index, text: String(index).repeat(length) }))
      Bench.write(output, rows.toReversed())
      yield* Order.sort(output, rows.length)
      const lines = readFileSync(output, "utf8").trimEnd().split("\n")
      assert.isTrue(lines.every((line, index) => line === JSON.stringify(rows[index])))
      assert.lengthOf(lines, rows.length)
    }).pipe(Effect.provide(Bench.Node)))
})
