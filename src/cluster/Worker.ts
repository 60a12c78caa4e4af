/**
 * A worker: takes a shard, runs it through the crash-safe batch, hands in its results, and takes the next.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Batch from "../batch/Batch.ts"
import type { Report } from "../batch/report/Report.ts"
import { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import { Allowance } from "./Allowance.ts"
import * as ClusterError from "./ClusterError.ts"
import { Dispatch } from "./Dispatch.ts"
import * as Guard from "./Guard.ts"
import { ShardFiles } from "./ShardFiles.ts"
import type { Claim, Counts } from "./ShardTable.ts"
import { ShardTable } from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly job: string
  /** Tells workers apart when a job is watched, such as the name of the machine. */
  readonly worker: string
  /** How the rows of a shard are processed; the same for all workers of a job. */
  readonly batch?:
    | Omit<
      Batch.RunOptions,
      "errors" | "force" | "input" | "ordered" | "output" | "progress" | "repair" | "retryFailed" | "stop"
    >
    | undefined
  readonly shared?: Guard.Shared | undefined
  /** Ends the worker when it succeeds: requests in flight end, and the shard goes back. */
  readonly stop?: Effect.Effect<string> | undefined
  /** Called with messages for people. Default: nothing is reported. */
  readonly onEvent?: ((event: Event) => Effect.Effect<void>) | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export type Event =
  | { readonly _tag: "Claimed"; readonly claim: Claim }
  | { readonly _tag: "HandedIn"; readonly claim: Claim; readonly counts: Counts }
  | { readonly _tag: "GivenBack"; readonly claim: Claim; readonly why: string }
  | { readonly _tag: "Lost"; readonly error: ClusterError.ClusterError }

/**
 * @category models
 * @since 0.2.0
 */
export interface Summary {
  readonly job: string
  readonly worker: string
  /** Every shard is done or dead; or the job, its budget or a signal ended this worker. */
  readonly ending: "complete" | "stopped"
  readonly why?: string
  /** Shards that this worker handed in. */
  readonly shards: number
  /** Shards of the job that have used up their attempts. */
  readonly dead: number
}

/** A failure of one shard, which may succeed for the next one, or on a retry. */
const OF_SHARDS: ReadonlySet<string> = new Set(["Fenced", "ShardFailed", "ShardFile", "StoreFailed"])

/** How often a claim is renewed per lease. */
const BEATS = 9
const LOOK = Duration.millis(100)
/** Time for rows that have been received and are being written. */
const SETTLE = Duration.millis(500)

/** JSON with sorted keys; a bigint is written as its digits. */
const plain = (_key: string, value: unknown): unknown =>
  typeof value === "bigint"
    ? value.toString()
    : typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1))
    : value

/** What the results depend on, so that no two workers mix theirs. */
const configurationOf = (
  { batch: { columns = {}, keep = [], options = {}, pin = false, retries = 2 } = {} }: Options,
  llm: InferenceEndpointsLLM["Service"]
): string =>
  JSON.stringify(
    { columns, keep, options, pin, retries, service: llm.fingerprint },
    plain
  )

const countsOf = ({ dollars = 0, rows, tokens }: Report): Counts => ({
  done: rows.done,
  failed: rows.failed,
  inputTokens: tokens.input,
  outputTokens: tokens.output,
  dollars
})

/** How the work on a claim ended, if not by a failure. */
type Ended =
  | { readonly _tag: "Complete"; readonly counts: Counts }
  | { readonly _tag: "Left"; readonly why: string }

/** What applies to the whole job. */
const statusOf = Effect.fnUntraced(function*(options: Options) {
  const table = yield* ShardTable
  const allowance = yield* Allowance
  const { state } = yield* table.job(options.job)
  return { state, left: yield* allowance.paused(options.job) }
})

/** A batch that stopped by itself is a failure of its shard, to be retried. */
const endOf = (claim: Claim, report: Report): Effect.Effect<Ended, ClusterError.ClusterError> =>
  report.ending === "complete"
    ? Effect.succeed({ _tag: "Complete", counts: countsOf(report) })
    : report.ending === "interrupted"
    ? Effect.succeed({ _tag: "Left", why: report.why?.message ?? "stopped" })
    : Effect.fail(ClusterError.make(
      "work",
      new ClusterError.ShardFailed({ shard: claim.shard, problem: report.why?.message ?? "the batch stopped" })
    ))

/** Runs a claimed shard; fails when the claim is lost. */
const workOn = Effect.fnUntraced(function*(options: Options, claim: Claim) {
  const table = yield* ShardTable
  const dispatch = yield* Dispatch
  const files = yield* ShardFiles
  const allowance = yield* Allowance
  const llm = yield* InferenceEndpointsLLM
  const halted = yield* Deferred.make<string>()
  const halt = (why: string) => Effect.asVoid(Deferred.succeed(halted, why))
  const input = yield* files.rows(claim.shard)
  const { errors, inherited, output } = yield* files.begin(claim)
  if (claim.counted > inherited) yield* table.repeat(claim, claim.counted - inherited)
  const guard = yield* Guard.make({
    ...options.shared,
    price: options.batch?.price,
    job: options.job,
    worker: options.worker,
    allowance,
    lease: dispatch.lease,
    ask: table.beat(claim)
  })
  let progress = { done: 0, failed: 0, dollars: 0 }

  const beat = Effect.suspend(() => {
    const { input: inputTokens, output: outputTokens } = guard.tokens()
    return Effect.andThen(table.beat(claim, { ...progress, inputTokens, outputTokens }), guard.renewed)
  })
  const beats = beat.pipe(Effect.delay(Duration.times(dispatch.lease, 1 / BEATS)), Effect.forever)

  const look = Effect.flatMap(statusOf(options), ({ left, state }) =>
    state === "cancelled"
      ? halt("the job was cancelled")
      : guard.pause(state === "paused" ? Duration.times(dispatch.poll, 2) : left))
  const looks = Effect.forever(Effect.andThen(look, Effect.sleep(dispatch.poll)))

  const spent = Effect.flatMap(guard.exhausted, halt)
  const stopped = options.stop === undefined ? Effect.never : Effect.flatMap(options.stop, halt)

  const batch = Batch.run({
    ...options.batch,
    input,
    output,
    errors,
    stop: Deferred.await(halted),
    progress: (event) =>
      Effect.sync(() => {
        if (event._tag !== "Progress") return
        const { done, failed, spent: dollars = 0 } = event.snapshot
        progress = { done, failed, dollars }
      })
  }).pipe(
    Effect.provideService(InferenceEndpointsLLM, guard.service(llm)),
    Effect.mapError((error) =>
      ClusterError.make("work", new ClusterError.ShardFailed({ shard: claim.shard, problem: error.message }))
    ),
    Effect.flatMap((report) => endOf(claim, report))
  )
  /**
   * Requests that wait for permission to start never get it once the worker ends: nothing is in flight, so nothing is lost.
   */
  const settled: Effect.Effect<void> = Effect.suspend(() =>
    guard.inFlight() === 0 ? Effect.sleep(SETTLE) : Effect.delay(settled, LOOK)
  )
  const left = Effect.flatMap(
    Deferred.await(halted),
    (why) => Effect.as(settled, { _tag: "Left", why } satisfies Ended)
  )
  const halting = Effect.andThen(Effect.raceFirst(spent, stopped), Effect.never)
  return yield* Effect.raceAllFirst([batch, left, beats, looks, guard.broken, halting])
}, Effect.scoped)

/** One shard from its claim to its hand-in. Interrupts itself when the shard is given back, which costs it no attempt. */
const shardOf = Effect.fnUntraced(
  function*(options: Options, shard: number, left: (why: string) => Effect.Effect<void>) {
    const table = yield* ShardTable
    const files = yield* ShardFiles
    const tell = options.onEvent ?? (() => Effect.void)
    const claim = yield* table.claim(options.job, shard, options.worker)
    // handed in before, and only the acknowledgement was lost
    if (claim === undefined) return 0
    yield* tell({ _tag: "Claimed", claim })
    const ended = yield* workOn(options, claim).pipe(
      // others need not wait for the lease; if another has the shard nothing happens
      Effect.onError(() => Effect.ignore(table.giveBack(claim)))
    )
    if (ended._tag === "Left") {
      yield* table.giveBack(claim)
      yield* tell({ _tag: "GivenBack", claim, why: ended.why })
      yield* left(ended.why)
      return yield* Effect.interrupt
    }
    const { counts } = ended
    yield* table.handIn(claim, counts, yield* files.finish(claim))
    yield* tell({ _tag: "HandedIn", claim, counts })
    return 1
  }
)

const check = Effect.fnUntraced(function*(options: Options) {
  const { price } = options.batch ?? {}
  const isPriced = price?.inputPerMillion !== undefined && price.outputPerMillion !== undefined
  if (options.shared?.dollars !== undefined && !isPriced) {
    return yield* ClusterError.make(
      "work",
      new ClusterError.InvalidJobOptions({
        problems: ["a shared budget of dollars needs batch.price: inputPerMillion and outputPerMillion"]
      })
    )
  }
  const table = yield* ShardTable
  const configuration = configurationOf(options, yield* InferenceEndpointsLLM)
  const first = yield* table.configure(options.job, configuration)
  if (first === configuration) return
  return yield* ClusterError.make(
    "work",
    new ClusterError.JobChanged({
      job: options.job,
      changes: [`the first worker had ${first} and this one has ${configuration}`]
    })
  )
})

/**
 * Works until every shard of the job is done or dead, or until it is stopped. A failed shard is retried, here or elsewhere;
 * only failures that no retry can fix fail the worker.
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect, Layer, Redacted } from "effect"
 * import { Cluster, Worker } from "effect-inference-endpoints/cluster"
 * import { NodeInferenceEndpoints } from "effect-inference-endpoints/node"
 *
 * const Job = Cluster.layer({ database: Redacted.make("postgres://localhost/jobs"), folder: "/shared/job" }).pipe(
 *   Layer.provideMerge(NodeServices.layer)
 * )
 *
 * const program = Effect.scoped(Worker.run({ job: "june", worker: "w1", batch: { options: { maxNewTokens: 256 } } })).pipe(
 *   Effect.provide([Job, NodeInferenceEndpoints.layer({ baseUrl: "http://localhost:8080" })])
 * )
 * ```
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*(options: Options) {
  const dispatch = yield* Dispatch
  const tell = options.onEvent ?? (() => Effect.void)
  yield* check(options)
  yield* dispatch.offer(options.job)
  let shards = 0
  let why: string | undefined
  let isBusy = false
  const end = (reason: string) =>
    Effect.sync(() => {
      why ??= reason
    })
  const signal = options.stop === undefined ? Effect.never : Effect.flatMap(options.stop, end)

  /** Succeeds once there is nothing to wait for and nothing in progress. */
  const idle: Effect.Effect<"end" | "again", ClusterError.ClusterError, ShardTable | Allowance> = Effect.gen(
    function*() {
      if (!isBusy) {
        const { state } = yield* statusOf(options)
        if (state === "cancelled") yield* end("the job was cancelled")
        if (why !== undefined || state === "cancelled") return "end"
        if (state === "paused") return "again"
        if ((yield* dispatch.open(options.job)) === 0) return "end"
        // an element may have disappeared without its shard being done
        yield* dispatch.offer(options.job)
      }
      return yield* Effect.delay(idle, dispatch.poll)
    }
  )
  const take = dispatch.take(options.job, (shard) => {
    isBusy = true
    return shardOf(options, shard, end).pipe(Effect.ensuring(Effect.sync(() => {
      isBusy = false
    })))
  })
  yield* Effect.forkScoped(signal)

  while (true) {
    const { state } = yield* statusOf(options)
    if (state === "paused") {
      if (why !== undefined) break
      yield* Effect.sleep(dispatch.poll)
      continue
    }
    const exit = yield* Effect.exit(Effect.raceFirst(take, idle))
    if (Exit.isSuccess(exit)) {
      if (exit.value === "end") break
      if (typeof exit.value === "number") shards += exit.value
      continue
    }
    if (why !== undefined) break
    const error = Cause.squash(exit.cause)
    if (error instanceof ClusterError.ClusterError) {
      if (!OF_SHARDS.has(error.reason._tag)) return yield* error
      yield* tell({ _tag: "Lost", error })
      continue
    }
    // an acknowledgement that did not reach the database in the time of a lease: the shard is offered again by itself
    yield* Effect.logWarning(
      `the queue did not record the end of a shard: ${error instanceof Error ? error.message : String(error)}`
    )
  }
  const summary: Summary = {
    job: options.job,
    worker: options.worker,
    ending: why === undefined ? "complete" : "stopped",
    ...(why !== undefined && { why }),
    shards,
    dead: (yield* dispatch.deadLetters(options.job)).length
  }
  return summary
}, Effect.scoped)
