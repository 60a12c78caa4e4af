/**
 * Rows through work: the rows of the input that are in no file yet → lines of the output and errors files.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as BatchError from "./BatchError.ts"
import * as Claim from "./Claim.ts"
import * as Items from "./Items.ts"
import * as Durable from "./log/Durable.ts"
import * as Input from "./log/Input.ts"
import * as Journal from "./log/Journal.ts"
import * as Ledger from "./log/Ledger.ts"
import * as Lock from "./log/Lock.ts"
import * as Manifest from "./log/Manifest.ts"
import * as Order from "./log/Order.ts"
import * as Options from "./Options.ts"
import * as Budget from "./pace/Budget.ts"
import type { Raised } from "./pace/Fault.ts"
import * as Pace from "./pace/Pace.ts"
import * as Pool from "./pace/Pool.ts"
import * as Recall from "./Recall.ts"
import * as Progress from "./report/Progress.ts"
import * as Report from "./report/Report.ts"
import * as ReportFile from "./report/ReportFile.ts"
import * as Tally from "./report/Tally.ts"
import * as RowJob from "./RowJob.ts"
import * as Inputs from "./rows/Inputs.ts"
import * as Row from "./rows/Row.ts"
import * as RowTemplate from "./rows/RowTemplate.ts"
import * as Source from "./rows/Source.ts"
import type { Work } from "./Work.ts"

export type { Options } from "./Options.ts"
export type { About, Work } from "./Work.ts"

/** @category models @since 0.1.0 */
export type OnEvent = (event: Progress.Event) => Effect.Effect<void>

const SAMPLE_MILLIS = 250

interface Plan {
  readonly mapping: Row.Mapping
  /** What the template needs from a row and these columns do not have. */
  readonly missing: ((columns: Readonly<Record<string, unknown>>) => string | undefined) | undefined
}

const compile = (options: Options.Options): Effect.Effect<Plan, BatchError.BatchError> => {
  const { columns = {} } = options
  const problems = Options.problems(options)
  const template = columns.template === undefined ? undefined : RowTemplate.compile(columns.template)
  const failures = template !== undefined && Result.isFailure(template)
    ? [...problems, `the prompt template cannot be read: ${template.failure}`]
    : problems
  if (failures.length > 0) return Effect.fail(Claim.refuse(...failures))
  const compiled = template === undefined ? undefined : Result.getOrUndefined(template)
  return Effect.succeed({ mapping: Row.mapping(columns, compiled?.render), missing: compiled?.missing })
}

const SAMPLED = 100

/** Looks at the first rows, so that a template that no row can fill is refused before the rest is read. */
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

interface Run<E extends Raised> extends RowJob.Run<E> {
  readonly paths: Options.Paths
  readonly input: Input.Input
  readonly manifest: Manifest.Manifest
}

/** Reports each pause once. */
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
  function*<E extends Raised>(
    run: Run<E>,
    paces: ReadonlyArray<Pace.Pace>,
    stop: (why: Report.Why) => Effect.Effect<void>
  ) {
    const { endpoints, onEvent, options, tally } = run
    const { until } = options.budget ?? {}
    if (options.stop !== undefined) {
      yield* Effect.forkScoped(Effect.flatMap(options.stop, (message) =>
        Effect.andThen(
          stop({ by: "signal", message }),
          Effect.suspend(() => onEvent({ _tag: "Stopping", message, inFlight: Progress.inFlight(paces) }))
        )))
    }
    if (until !== undefined) {
      const message = `the time is up (${until.toISOString()})`
      const left = Math.max(0, until.getTime() - (yield* Clock.currentTimeMillis))
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep(left), stop({ by: "budget", message })))
    }
    const sample = Progress.sampler(tally, paces, endpoints[0]?.price)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(
      Effect.sleep(SAMPLE_MILLIS),
      Effect.flatMap(sample, (snapshot) => onEvent({ _tag: "Progress", snapshot }))
    )))
  }
)

const stopped = ({ _tag: stage, message: problem, reason }: Raised) =>
  BatchError.make(new BatchError.Stopped({ stage, reason: reason._tag, problem }))

/** Why an endpoint cannot be used for an output that holds the responses of one model. */
const unpinned = ({ name, about }: Pick<RowJob.Endpoint<never>, "name" | "about">): string | undefined =>
  about === undefined || about.isPinned
    ? undefined
    : `pin: ${name} does not say which provider serves the model; name one with --provider, or leave out pin`

/**
 * The endpoints that are ready, and what serves each. If the only endpoint cannot be reached at the start, the run
 * ends; one that becomes unreachable later is waited for.
 */
const begin = Effect.fnUntraced(function*<E extends Raised>(
  options: Options.Options,
  works: ReadonlyArray<Work<E>>,
  onEvent: OnEvent
) {
  const endpoints: Array<RowJob.Endpoint<E>> = []
  let last: Raised | undefined
  for (const [at, work] of works.entries()) {
    const name = work.name ?? (works.length === 1 ? "endpoint" : `endpoint ${at + 1}`)
    const found = yield* Effect.result(Effect.andThen(work.ready, work.about ?? Effect.succeed(undefined)))
    if (Result.isFailure(found)) {
      last = found.failure
      if (works.length > 1) {
        yield* onEvent({ _tag: "Warning", message: `the endpoint ${name} is left out: ${last.message}` })
      }
      continue
    }
    const about = found.success
    endpoints.push({ name, work, about, price: options.price ?? about?.price })
  }
  if (endpoints.length === 0 && last !== undefined) return yield* stopped(last)
  const models = new Set(
    endpoints.flatMap(({ about }) => about === undefined ? [] : [`${about.model} ${about.provider}`])
  )
  const problems = options.pin === true
    ? [
      ...endpoints.flatMap((endpoint) => unpinned(endpoint) ?? []),
      ...(models.size > 1
        ? [`pin: the endpoints serve ${[...models].join(", ")}; an output holds the responses of one model`]
        : [])
    ]
    : []
  const unpriced = options.budget === undefined
    ? []
    : endpoints.flatMap(({ price }) => Budget.unpriced(options.budget ?? {}, price) ?? [])
  if (problems.length + unpriced.length > 0) return yield* Claim.refuse(...problems, ...new Set(unpriced))
  return endpoints
})

const paceOf = <E extends Raised>(
  { manifest, options }: Run<E>,
  { about, name }: RowJob.Endpoint<E>
): Pace.Pace => {
  const { concurrency } = options
  const level = manifest.pace?.[name]
  return Pace.make({
    ...options,
    concurrency: typeof concurrency === "number" ? concurrency : {
      ...(about?.capacity !== undefined && { max: Math.min(MOST, about.capacity) }),
      ...(level !== undefined && { initial: level }),
      ...Object.fromEntries(Object.entries(concurrency ?? {}).filter(([, value]) => value !== undefined))
    }
  })
}

/** Workers for one endpoint, regardless of how many it says it takes. */
const MOST = 1024

/**
 * Stores the levels that the pace found, and what was pinned, for the next run; does nothing if neither has changed.
 */
const remembering = <E extends Raised>(
  { endpoints, manifest, paths, pinned }: Run<E>,
  paces: ReadonlyArray<Pace.Pace>
) => {
  let kept = ""
  return Effect.uninterruptible(Effect.ignore(Effect.suspend(() => {
    const found = {
      ...(pinned.source !== undefined && { source: pinned.source }),
      pace: {
        ...manifest.pace,
        ...Object.fromEntries(endpoints.map(({ name }, at) => [name, paces[at]?.level() ?? 1]))
      }
    }
    const text = JSON.stringify(found)
    if (text === kept) return Effect.void
    return Effect.map(Manifest.write(paths.manifest, { ...manifest, ...found }), () => {
      kept = text
    })
  })))
}

/** Works on what is pending. Returns why it ended before the last row, if it did. */
const drive = Effect.fnUntraced(function*<E extends Raised>(run: Run<E>) {
  const { input, ledger, mapping, onEvent, options, paths } = run
  const paces = run.endpoints.map((endpoint) => paceOf(run, endpoint))
  const control = Pool.control<Report.Why>(paces)
  const journal = yield* Journal.open(
    { path: paths.output, end: ledger.outputEnd },
    { path: paths.errors, end: ledger.errorsEnd }
  )
  const rows = yield* Input.rows(
    input,
    options.columns ?? {},
    (index) => ledger.done.has(index) || ledger.failed.has(index)
  )
  const ordered = options.together === undefined ? rows : Items.together(rows, mapping, options.together)
  const next = Items.items(Source.make(ordered), mapping, options.limit)
  const job = RowJob.make(run, next, journal, control.stop, (lane) => {
    const pace = paces[lane]
    return pace === undefined ? Effect.void : announce(pace, onEvent)
  })
  yield* watchers(run, paces, control.stop)
  const remember = remembering(run, paces)
  yield* Effect.addFinalizer(() => remember)
  yield* Effect.forkScoped(reporting(run, remember))
  yield* Pool.run(job, paces, control, {
    drain: options.drain ?? "30 seconds",
    giveUp: (fault): Report.Why => ({
      by: "endpoint",
      message: `${fault.message} (no row was counted as failed because of it)`
    })
  })
  yield* journal.finish
  return control.why()
}, Effect.scoped)

/** The report of a run that did something stays next to its output, for those who look at it later. */
const keepReport = (path: string, report: Report.Report) =>
  report.rows.doneNow + report.rows.failedNow === 0 ? Effect.void : ReportFile.write(path, report)

const REPORT_MILLIS = 2000

/**
 * Writes the report so far every other second, for those who look while it runs, and what a run after a crash must
 * know.
 */
const reporting = <E extends Raised, R>(
  { endpoints, manifest, options, paths, tally }: Run<E>,
  remember: Effect.Effect<void, never, R>
) =>
  Effect.forever(Effect.andThen(
    Effect.andThen(Effect.sleep(REPORT_MILLIS), remember),
    Effect.suspend(() =>
      keepReport(paths.report, {
        ...Report.make(tally, undefined, {
          ...paths,
          price: endpoints[0]?.price ?? options.price,
          accepted: manifest.accepted
        }),
        ending: "running"
      })
    )
  ))

const isDisk = (error: BatchError.BatchError): boolean => error.reason._tag === "Disk"

const limited = ({ limit }: Options.Options, pending: number): Report.Why | undefined =>
  limit === undefined || pending === 0
    ? undefined
    : { by: "limit", message: `the limit of ${limit} rows is reached; run again without it to continue` }

const work = Effect.fnUntraced(function*<E extends Raised>(
  run: Omit<Run<E>, "endpoints">,
  works: ReadonlyArray<Work<E>>
) {
  const { onEvent, options, paths, tally } = run
  yield* onEvent({ _tag: "Started", rows: tally.rows, done: tally.done, failed: tally.failed })
  const pending = () => tally.rows - tally.done - tally.failed
  const endpoints = pending() === 0 ? [] : yield* begin(options, works, onEvent)
  const why = pending() === 0 ? undefined : yield* drive({ ...run, endpoints }).pipe(
    Effect.catchIf(isDisk, (error) => Effect.succeed<Report.Why>({ by: "disk", message: error.message }))
  )
  if (options.ordered === true && pending() === 0) yield* Order.sort(paths.output, tally.rows)
  const price = endpoints[0]?.price ?? options.price
  const report = Report.make(tally.at(yield* Clock.currentTimeMillis), why ?? limited(options, pending()), {
    ...paths,
    price,
    accepted: run.manifest.accepted
  })
  yield* keepReport(paths.report, report)
  yield* onEvent({ _tag: "Finished", report })
  return report
})

/**
 * Runs a batch to its end, to a stop or to a budget, and reports. Fails, before anything is sent, with what must change
 * first; interrupted, it leaves the files whole and synced. Several endpoints share the rows.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <E extends Raised>(
  options: Options.Options,
  service: Work<E> | ReadonlyArray<Work<E>>,
  onEvent: OnEvent
): Effect.Effect<Report.Report, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const paths = Options.paths(options)
    const plan = yield* compile(options)
    const fs = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    yield* Effect.mapError(
      fs.makeDirectory(dirname(paths.output), { recursive: true }),
      BatchError.disk(paths.output)
    )
    const lost = yield* Lock.acquire(paths.lock)
    const works = isOne(service) ? [service] : service
    return yield* Effect.raceFirst(locked(options, paths, plan, works, onEvent, start), lost)
  }).pipe(Effect.scoped)

const isOne = <E extends Raised>(service: Work<E> | ReadonlyArray<Work<E>>): service is Work<E> => "generate" in service

/** The results depend on everything that the results of any endpoint depend on. */
const fingerprintOf = <E extends Raised>(works: ReadonlyArray<Work<E>>) => {
  const all = works.map(({ fingerprint }) => fingerprint)
  return all.length === 1 ? all[0] ?? null : all
}

/** A check that takes longer than this is reported. */
const LONG_CHECK = "1 second"

/** The run, once it holds the lock. */
const locked = <E extends Raised>(
  options: Options.Options,
  paths: Options.Paths,
  plan: Plan,
  works: ReadonlyArray<Work<E>>,
  onEvent: OnEvent,
  start: number
): Effect.Effect<Report.Report, BatchError.BatchError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const told = yield* Effect.forkScoped(Effect.andThen(Effect.sleep(LONG_CHECK), onEvent({ _tag: "Checking" })))
    const parts = yield* Inputs.resolve(options.input, paths.copy, yield* Claim.ownFiles(paths))
    yield* Claim.checkFiles(parts, paths)
    const before = yield* Claim.earlier(options, paths)
    const first = firstRows(plan)
    const known = before === undefined || before === "damaged" ? undefined : before.input
    const input = yield* Input.scan(parts, options.columns ?? {}, {
      before: known,
      onRow: first.see,
      ...(before === "damaged" && { prints: true })
    })
    const problem = first.problem()
    if (problem !== undefined) return yield* Claim.refuse(problem)
    const configuration = Claim.configurationOf(options, fingerprintOf(works))
    const { expected, manifest: claimed } = yield* Claim.claim(options, paths, input, before, configuration)
    const manifest = { ...claimed, ...Recall.givenOf(options) }
    if (options.retryFailed === true && (yield* Claim.holds(paths.errors))) {
      yield* Effect.mapError(Durable.moveAside(paths.errors, "retried"), BatchError.disk(paths.errors))
    }
    const ledger = yield* Ledger.recover(paths, expected, options.repair === true)
    yield* Fiber.interrupt(told)
    yield* Manifest.write(paths.manifest, manifest)
    const pinned = { source: manifest.source }
    const tally = Tally.make(input.record.rows, ledger, start)
    return yield* work(
      {
        options,
        paths,
        input: { ...input, matches: undefined },
        manifest,
        mapping: plan.mapping,
        ledger,
        tally,
        pinned,
        onEvent
      },
      works
    )
  })
