/**
 * Files through work: the input's rows that no file has yet → lines of the output and errors files.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Generation from "../Generation.ts"
import type * as Message from "../Message.ts"
import * as Settings from "../Settings.ts"
import * as OutputSpec from "../structured/OutputSpec.ts"
import * as BatchError from "./BatchError.ts"
import * as Durable from "./log/Durable.ts"
import * as Files from "./log/Files.ts"
import * as Input from "./log/Input.ts"
import * as Journal from "./log/Journal.ts"
import * as Ledger from "./log/Ledger.ts"
import * as Lock from "./log/Lock.ts"
import * as Manifest from "./log/Manifest.ts"
import * as Order from "./log/Order.ts"
import * as Budget from "./pace/Budget.ts"
import type { Raised } from "./pace/Fault.ts"
import * as Pace from "./pace/Pace.ts"
import * as Pool from "./pace/Pool.ts"
import * as Progress from "./report/Progress.ts"
import * as Report from "./report/Report.ts"
import * as Tally from "./report/Tally.ts"
import * as Inputs from "./rows/Inputs.ts"
import * as Line from "./rows/Line.ts"
import type * as Part from "./rows/Part.ts"
import * as Row from "./rows/Row.ts"
import type { RowError } from "./rows/RowError.ts"
import * as RowTemplate from "./rows/RowTemplate.ts"
import * as Source from "./rows/Source.ts"

/**
 * What a batch is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Pace.Options {
  /**
   * Rows with columns, or lines of OpenAI's Batch API: files of JSONL or CSV, plain or compressed with gzip or zstd,
   * folders and patterns of such files, `-` for standard input, and what `Part.Openers` takes.
   */
  readonly input: string | ReadonlyArray<string>
  /** Where results go; beside it `<output>.manifest.json` and, while it runs, `<output>.lock`. */
  readonly output: string
  /** Where failed rows go. Default: `<output>.errors.jsonl`. */
  readonly errors?: string | undefined
  readonly columns?: Row.Columns | undefined
  /** Options of every row, under those of the row itself. */
  readonly options?: Settings.CallOptions | undefined
  readonly budget?: Budget.Budget | undefined
  readonly price?: Budget.Price | undefined
  /** Puts the output into the order of the input when every row is done or failed. Default false. */
  readonly ordered?: boolean | undefined
  /** Does the rows of the errors file again; the file is moved to `<errors>.retried`. Default false. */
  readonly retryFailed?: boolean | undefined
  /** Moves lines that no run wrote to `<file>.bad` instead of refusing. Default false. */
  readonly repair?: boolean | undefined
  /** Moves files of another input or configuration to `<file>.old` and starts anew instead of refusing. Default false. */
  readonly force?: boolean | undefined
  /**
   * Differences from the earlier run that are meant, by the names that the refusal gives them, such as
   * `options.temperature`, `service` or `input`. Rows that are done stay; the manifest records what was accepted.
   */
  readonly accept?: ReadonlyArray<string> | undefined
  /** How long rows under way may take to end once the batch stops. Default 30 seconds. */
  readonly drain?: Duration.Input | undefined
  /** Stops the batch when it succeeds, with a word for the report: no row starts any more. */
  readonly stop?: Effect.Effect<string> | undefined
}

/**
 * What is done for a row, and what its answers depend on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Work<E extends Raised> {
  readonly generate: (
    input: Message.Input,
    options: Settings.CallOptions
  ) => Effect.Effect<ReadonlyArray<Generation.Generation>, E>
  /** Succeeds when generations can be asked for. Asked for once, before the first row, and only if there is one. */
  readonly ready: Effect.Effect<void, Raised>
  /** For the manifest; no secrets. */
  readonly fingerprint: Schema.Json
}

/** @category models @since 0.1.0 */
export type OnEvent = (event: Progress.Event) => Effect.Effect<void>

const SAMPLE_MILLIS = 250

interface Paths {
  readonly output: string
  readonly errors: string
  readonly manifest: string
  readonly lock: string
  /** The copy of an input that can be read only once. */
  readonly copy: string
}

const pathsOf = ({ errors, output }: Options): Paths => ({
  output,
  errors: errors ?? `${output}.errors.jsonl`,
  manifest: `${output}.manifest.json`,
  lock: `${output}.lock`,
  copy: `${output}.input`
})

const problemsOf = (options: Options): ReadonlyArray<string> => {
  const { budget = {}, concurrency, price = {}, requestsPerMinute, tokensPerMinute } = options
  const positive = Object.entries({
    requestsPerMinute,
    tokensPerMinute,
    ...(typeof concurrency === "number" ? { concurrency } : {
      "concurrency.min": concurrency?.min,
      "concurrency.max": concurrency?.max,
      "concurrency.initial": concurrency?.initial
    })
  }).flatMap(([name, value]) =>
    value === undefined || (value >= 1 && Number.isSafeInteger(value))
      ? []
      : [`${name} must be an integer >= 1, got ${value}`]
  )
  return [
    ...positive,
    ...Budget.problems(budget, price),
    ...Settings.resolve({}, options.options ?? {}).issues.map(({ message }) => message)
  ]
}

interface Plan {
  readonly mapping: Row.Mapping
  /** What of a row the template needs and these columns do not have. */
  readonly missing: ((columns: Readonly<Record<string, unknown>>) => string | undefined) | undefined
}

const refuse = (...problems: ReadonlyArray<string>) => BatchError.make(new BatchError.InvalidOptions({ problems }))

const compile = (options: Options): Effect.Effect<Plan, BatchError.BatchError> => {
  const { columns = {} } = options
  const problems = problemsOf(options)
  const template = columns.template === undefined ? undefined : RowTemplate.compile(columns.template)
  const failures = template !== undefined && Result.isFailure(template)
    ? [...problems, `the prompt template cannot be read: ${template.failure}`]
    : problems
  if (failures.length > 0) return Effect.fail(refuse(...failures))
  const compiled = template === undefined ? undefined : Result.getOrUndefined(template)
  return Effect.succeed({ mapping: Row.mapping(columns, compiled?.render), missing: compiled?.missing })
}

/** Refuses names that lead to one file, however they are spelled. */
const checkFiles = Effect.fnUntraced(function*(parts: ReadonlyArray<Part.Part>, paths: Paths) {
  const found = yield* Files.shared([
    ...parts.map(({ path }) => ["input", path] as const),
    ...Object.entries(paths).filter(([role]) => role !== "copy")
  ])
  if (found !== undefined) {
    return yield* refuse(
      `${found.other} and ${found.role} are one file (${found.name}); input, output and errors must be different files`
    )
  }
})

/** What answers depend on, beside the input: as data, so that a later run can say what changed. */
const configurationOf = ({ columns, options = {} }: Options, fingerprint: Schema.Json) => {
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

/** Whether a file is there and holds something. */
const holds = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(path).pipe(
    Effect.map(({ size }) => size > 0n),
    Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(false)),
    Effect.mapError(BatchError.disk(path))
  )
})

const SAMPLED = 100

/** Looks at the first rows, so that a template that no row can fill is refused before the rest is. */
const firstRows = ({ missing }: Plan) => {
  if (missing === undefined) return { see: undefined, problem: () => undefined }
  let seen = 0
  let absent: string | undefined
  let columns: ReadonlyArray<string> = []
  return {
    see: (row: Row.Row) => {
      if (seen++ >= SAMPLED || (seen > 1 && absent === undefined)) return
      absent = missing(row.columns)
      columns = Object.keys(row.columns)
    },
    problem: () =>
      absent === undefined
        ? undefined
        : `the template names ${absent}, which none of the first rows has; their columns are ${columns.join(", ")}`
  }
}

/** The manifest of an earlier run; undefined where there is none, or a damaged one is to be written anew. */
const earlier = (options: Options, paths: Paths) =>
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

interface Claim {
  readonly manifest: Manifest.Manifest
  /** How the lines of the output are to be looked at. */
  readonly expected: Ledger.Expected
}

/** Compares with the manifest of an earlier run, or writes the first one. */
const claim = Effect.fnUntraced(function*(
  options: Options,
  paths: Paths,
  input: Input.Input,
  before: Manifest.Manifest | "damaged" | undefined,
  configuration: unknown
) {
  const manifest = Manifest.make(input.record, configuration)
  const { rows } = input.record
  const fresh: Claim = { manifest, expected: { rows } }
  const matches = (index: number, id: string) => input.ids === undefined || input.ids.matches(index, id)
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
      manifest: { ...manifest, ...(accepted !== undefined && { accepted }), ...(known.pace && { pace: known.pace }) },
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

interface Run<E extends Raised> {
  readonly options: Options
  readonly paths: Paths
  readonly input: Input.Input
  readonly work: Work<E>
  readonly mapping: Row.Mapping
  readonly ledger: Ledger.Ledger
  readonly tally: Tally.Tally
  readonly onEvent: OnEvent
}

/** Spends the budget: why no row may start any more. */
const exhausted = ({ options, tally }: Pick<Run<never>, "options" | "tally">, now: number): Report.Why | undefined => {
  const { budget, price = {} } = options
  const message = budget === undefined ? undefined : Budget.exceeded(budget, price, tally.at(now), now)
  return message === undefined ? undefined : { by: "budget", message }
}

const jobOf = Effect.fnUntraced(
  function*<E extends Raised>(run: Run<E>, pace: Pace.Pace, stop: (why: Report.Why) => Effect.Effect<void>) {
    const { input, ledger, mapping, onEvent, options, paths, tally, work } = run
    const note = notes(onEvent)
    const journal = yield* Journal.open(
      { path: paths.output, end: ledger.outputEnd },
      { path: paths.errors, end: ledger.errorsEnd }
    )
    const source = Source.make(
      yield* Input.rows(
        input,
        options.columns ?? {},
        (index) => ledger.done.has(index) || ledger.failed.has(index)
      )
    )
    const job: Pool.Job<
      Row.Row,
      ReadonlyArray<Generation.Generation>,
      E | RowError,
      BatchError.BatchError,
      never,
      FileSystem.FileSystem
    > = {
      next: source,
      ...(options.budget !== undefined && {
        mayStart: Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const why = exhausted(run, now)
          return why === undefined ? Effect.succeed(true) : Effect.as(stop(why), false)
        })
      }),
      work: (row) => {
        const request = mapping(row)
        if (Result.isFailure(request)) return Effect.fail(request.failure)
        // one request of a row at a time, so that rows in flight are requests in flight
        const call = { concurrency: 1, ...options.options, ...request.success.options }
        const generated = work.generate(request.success.input, call)
        return request.success.notes === undefined
          ? generated
          : Effect.andThen(note(request.success.notes), generated)
      },
      tokens: Tally.tokensOf,
      delivered: (row, outcome) => {
        if (Result.isSuccess(outcome)) {
          const generations = outcome.success
          return Effect.map(journal.output(Line.output(row, { generations })), () => tally.answered(generations))
        }
        const { fault } = outcome.failure
        return Effect.flatMap(journal.errors(Line.error(row, fault)), () => {
          tally.rejected(fault)
          return onEvent({ _tag: "RowFailed", id: row.id, index: row.index, fault })
        })
      },
      retrying: (fault) => {
        tally.retried(fault.attempts)
        return announce(pace, onEvent)
      }
    }
    return { job, journal }
  }
)

const NOTES = 20

/** Tells each note once, and of so many no more. */
const notes = (onEvent: OnEvent) => {
  const told = new Set<string>()
  return (all: ReadonlyArray<string>) =>
    Effect.forEach(all, (message) => {
      if (told.has(message) || told.size >= NOTES) return Effect.void
      told.add(message)
      return onEvent({ _tag: "Warning", message })
    }, { discard: true })
}

/** Tells of a pause, once for each. */
const announce = (() => {
  const told = new WeakSet<Pace.Pause>()
  return (pace: Pace.Pace, onEvent: OnEvent) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const pause = pace.pause(now)
      if (pause === undefined || told.has(pause)) return Effect.void
      told.add(pause)
      return onEvent({ _tag: "Paused", millis: pause.until - now, fault: pause.fault })
    })
})()

const watchers = Effect.fnUntraced(
  function*<E extends Raised>(run: Run<E>, pace: Pace.Pace, stop: (why: Report.Why) => Effect.Effect<void>) {
    const { onEvent, options, tally } = run
    const { until } = options.budget ?? {}
    if (options.stop !== undefined) {
      yield* Effect.forkScoped(Effect.flatMap(options.stop, (message) => stop({ by: "signal", message })))
    }
    if (until !== undefined) {
      const message = `the time is up (${until.toISOString()})`
      const left = Math.max(0, until.getTime() - (yield* Clock.currentTimeMillis))
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep(left), stop({ by: "budget", message })))
    }
    const sample = Progress.sampler(tally, pace, options.price)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(
      Effect.sleep(SAMPLE_MILLIS),
      Effect.flatMap(sample, (snapshot) => onEvent({ _tag: "Progress", snapshot }))
    )))
  }
)

/** An endpoint that cannot be reached at the start is told at once; one that goes away later is waited for. */
const begin = <E extends Raised>({ work }: Run<E>): Effect.Effect<void, BatchError.BatchError> =>
  Effect.mapError(
    work.ready,
    ({ _tag: stage, message: problem, reason }) =>
      BatchError.make(new BatchError.Stopped({ stage, reason: reason._tag, problem }))
  )

/** Works on what is pending. Gives why it ended before the last row, if it did. */
const drive = Effect.fnUntraced(function*<E extends Raised>(run: Run<E>) {
  const { options } = run
  const pace = Pace.make(options)
  const control = Pool.control<Report.Why>(pace)
  const { job, journal } = yield* jobOf(run, pace, control.stop)
  yield* watchers(run, pace, control.stop)
  yield* Pool.run(job, pace, control, {
    drain: options.drain ?? "30 seconds",
    giveUp: (fault): Report.Why => ({
      by: "endpoint",
      message: `${fault.message} (no row was counted as failed for it)`
    })
  })
  yield* journal.finish
  return control.why()
}, Effect.scoped)

const isDisk = (error: BatchError.BatchError): boolean => error.reason._tag === "Disk"

const work = Effect.fnUntraced(function*<E extends Raised>(run: Run<E>) {
  const { onEvent, options, paths, tally } = run
  const before = tally.done + tally.failed
  yield* onEvent({ _tag: "Started", rows: tally.rows, done: tally.done, failed: tally.failed })
  const why = before === tally.rows ? undefined : yield* Effect.andThen(begin(run), drive(run)).pipe(
    Effect.catchIf(isDisk, (error) => Effect.succeed<Report.Why>({ by: "disk", message: error.message }))
  )
  if (options.ordered === true && tally.done + tally.failed === tally.rows) yield* Order.sort(paths.output, tally.rows)
  const report = Report.make(tally.at(yield* Clock.currentTimeMillis), why, { ...paths, price: options.price })
  yield* onEvent({ _tag: "Finished", report })
  return report
})

/**
 * Runs a batch to its end, to a stop or to a budget, and reports. Fails, before anything is sent, with what must change
 * first; interrupted, it leaves the files whole and synced.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <E extends Raised>(
  options: Options,
  service: Work<E>,
  onEvent: OnEvent
): Effect.Effect<Report.Report, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const paths = pathsOf(options)
    const plan = yield* compile(options)
    const fs = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    yield* Effect.mapError(
      fs.makeDirectory(dirname(paths.output), { recursive: true }),
      BatchError.disk(paths.output)
    )
    const lost = yield* Lock.acquire(paths.lock)
    const body = Effect.gen(function*() {
      const parts = yield* Inputs.resolve(options.input, paths.copy)
      yield* checkFiles(parts, paths)
      const before = yield* earlier(options, paths)
      const first = firstRows(plan)
      const columns = options.columns ?? {}
      const known = before === undefined || before === "damaged" ? undefined : before.input
      const input = yield* Input.scan(parts, columns, known, first.see)
      const problem = first.problem()
      if (problem !== undefined) return yield* refuse(problem)
      const configuration = configurationOf(options, service.fingerprint)
      const { expected, manifest } = yield* claim(options, paths, input, before, configuration)
      if (options.retryFailed === true && (yield* holds(paths.errors))) {
        yield* Effect.mapError(Durable.moveAside(paths.errors, "retried"), BatchError.disk(paths.errors))
      }
      const ledger = yield* Ledger.recover(paths, expected, options.repair === true)
      yield* Manifest.write(paths.manifest, manifest)
      const tally = Tally.make(input.record.rows, ledger, start)
      return yield* work({
        options,
        paths,
        input,
        work: service,
        mapping: plan.mapping,
        ledger,
        tally,
        onEvent
      })
    })
    return yield* Effect.raceFirst(body, lost)
  }).pipe(Effect.scoped)
