/**
 * `batch split`, `work`, `watch`, `collect` and `job`: one batch on many machines. Databases are loaded only when one of
 * them runs.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { hostname } from "node:os"
import * as ClusterError from "../../cluster/ClusterError.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import * as Options from "../batch/Options.ts"
import * as WatchOutput from "../batch/WatchOutput.ts"
import { amount, defaulted, integer, optional, text, yes } from "../input/Flags.ts"
import * as Sampling from "../input/Sampling.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Signals from "../terminal/Signals.ts"
import { visible } from "../terminal/Visible.ts"

const place = {
  job: Flag.String("job").pipe(Flag.withAlias("j"), Flag.withDescription("The name of the job in the database")),
  database: Flag.Redacted("database").pipe(
    Flag.withDescription("postgres://…, or a SQLite file for one machine; better set as DATABASE_URL"),
    Flag.optional
  ),
  folder: defaulted(Flag.String("folder"), "The folder that all workers share, or s3://bucket/prefix", ".")
}

const timing = {
  lease: defaulted(
    Flag.Finite("lease"),
    "Seconds after which a silent worker's shard goes to another; the same for all workers",
    90
  ),
  poll: defaulted(Flag.Finite("poll"), "Seconds between checks for a free shard", 2),
  attempts: defaulted(Flag.Int("attempts"), "Attempts before a shard is a dead letter", 20),
  patience: defaulted(Flag.Finite("database-patience"), "Minutes to wait for a database that cannot be reached", 15)
}

const json = yes("json", "Print JSON on standard output")

interface Given {
  readonly job: string
  readonly database: Option.Option<Redacted.Redacted>
  readonly folder: string
  readonly lease: number
  readonly poll: number
  readonly attempts: number
  readonly patience: number
}

const common = { ...place, ...timing }

const say = (line: string) => Console.error(visible(line))

/** One line each, on standard error: the log of a job is for people. */
const lines = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ message }) => visible(Array.isArray(message) ? message.join(" ") : String(message)))
  )
])

const databaseOf = ({ database }: Given) =>
  Option.isSome(database) ? Effect.succeed(database.value) : Effect.catch(
    Config.Redacted("DATABASE_URL"),
    () =>
      Effect.andThen(
        say("No database is named: set --database or DATABASE_URL to postgres://… or a SQLite file"),
        new CommandExit({ code: 2 })
      )
  )

const load = Effect.promise(() => import("../../cluster/index.ts"))

type Modules = Effect.Success<typeof load>

/** Runs over the services of the job; a refusal is printed and has its exit code. */
const over = <A, E, R>(given: Given, run: (modules: Modules) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const modules = yield* load
    const services = modules.Cluster.layer({
      database: yield* databaseOf(given),
      folder: given.folder,
      lease: `${given.lease} seconds`,
      poll: `${given.poll} seconds`,
      maxAttempts: given.attempts,
      patience: `${given.patience} minutes`
    })
    return yield* run(modules).pipe(Effect.provide(services))
  }).pipe(
    // for an object store, and for data sets of the Hub
    Effect.provide([lines, NodeInferenceEndpoints.platform()]),
    Effect.catchIf(
      (error) => error instanceof ClusterError.ClusterError,
      (error) => Effect.andThen(say(error.message), Effect.fail(new CommandExit({ code: error.exitCode })))
    )
  )

const { columns, keep, price, retries } = Options.flags

const split = Command.make(
  "split",
  {
    ...common,
    input: Argument.String("input").pipe(
      Argument.withDescription(
        "JSONL, CSV or Parquet, plain or compressed, folders, patterns, hf://datasets/… or -; rows, or lines of OpenAI's Batch API"
      ),
      Argument.variadic({ min: 1 })
    ),
    rows: defaulted(Flag.Int("rows"), "Rows per shard", 1000),
    id: columns.id,
    json
  },
  (given) =>
    over(given, ({ Split }) =>
      Effect.flatMap(
        Split.run({ job: given.job, input: given.input, rowsPerShard: given.rows, id: given.id }),
        (made) =>
          given.json
            ? Console.log(Json.line(made))
            : Console.log(`job ${made.job}: ${made.rows} rows in ${made.shards} shards, ${made.offered} queued now`)
      ))
).pipe(Command.withDescription("Create a job from an input: shards of rows for workers to take"))

const work = Command.make(
  "work",
  {
    ...common,
    worker: text("worker", "The name of this worker (default: the machine's and the process's)"),
    columns: {
      id: text("id", "Column with the id, as for split"),
      messages: columns.messages,
      prompt: columns.prompt,
      template: columns.template,
      system: columns.system,
      options: columns.options,
      raw: columns.raw
    },
    concurrency: integer("concurrency", "Rows at once in this worker (default: adapts to the endpoint)"),
    drain: Options.runFlags.drain,
    requestsPerMinute: integer("requests-per-minute", "Requests of all workers per minute"),
    tokens: integer("budget-tokens", "Tokens that the whole job may use"),
    dollars: amount("budget-dollars", "Dollars that the whole job may spend; needs the price of tokens"),
    price: { inputPerMillion: price.inputPerMillion, outputPerMillion: price.outputPerMillion },
    keep,
    retries,
    pin: yes("pin", "Refuse more than one model or provider in a shard"),
    json,
    quiet: yes("quiet", "No lines about shards on standard error"),
    target: Target.flags,
    sampling: Sampling.flags
  },
  (given) =>
    Effect.gen(function*() {
      const { first, received } = yield* Signals.Signals
      const options = yield* Sampling.optionsOf(given.sampling)
      const summary = yield* over(given, ({ Worker }) =>
        Worker.run({
          job: given.job,
          worker: given.worker ?? `${hostname()}-${process.pid}`,
          batch: {
            columns: given.columns,
            options,
            pin: given.pin,
            ...(given.keep.length > 0 && { keep: given.keep }),
            ...(given.retries !== undefined && { retries: given.retries }),
            ...(Object.values(given.price).some((price) => price !== undefined) && { price: given.price }),
            ...(given.concurrency !== undefined && { concurrency: given.concurrency }),
            ...(given.drain !== undefined && { drain: `${given.drain} seconds` as const })
          },
          shared: { requestsPerMinute: given.requestsPerMinute, tokens: given.tokens, dollars: given.dollars },
          stop: Effect.map(first, (signal) => `${signal}: no new rows`),
          onEvent: (event) =>
            given.quiet
              ? Effect.void
              : event._tag === "Lost"
              ? say(event.error.message)
              : event._tag === "Claimed"
              ? say(`shard ${event.claim.shard}: taken, epoch ${event.claim.epoch}, ${event.claim.rows} rows`)
              : event._tag === "HandedIn"
              ? say(`shard ${event.claim.shard}: handed in, ${event.counts.done} done, ${event.counts.failed} failed`)
              : say(`shard ${event.claim.shard}: returned (${event.why})`)
        }).pipe(Effect.scoped, Effect.provide(Target.layer(given.target))))
      if (given.json) yield* Console.log(Json.line(summary))
      else {
        yield* say(
          `${
            summary.why ?? "the job has no more shards"
          }: ${summary.shards} handed in here, ${summary.dead} dead in the job`
        )
      }
      const signal = received()
      const code = signal !== undefined
        ? Signals.codes[signal]
        : summary.ending === "stopped"
        ? 3
        : summary.dead > 0
        ? 1
        : 0
      if (code !== 0) return yield* new CommandExit({ code })
    })
).pipe(Command.withDescription("Take shards of a job and process them until there are no more"))

const watchJob = (given: Given & { readonly once: boolean; readonly every: number; readonly json: boolean }) =>
  over(given, ({ Watch }) =>
    Effect.gen(function*() {
      let before:
        | { readonly status: Effect.Success<ReturnType<typeof Watch.status>>; readonly at: number }
        | undefined
      while (true) {
        const status = yield* Watch.status(given.job)
        const at = performance.now()
        const text = Watch.text(status, before && { status: before.status, millis: at - before.at })
        yield* Console.log(given.json ? Json.line(status) : visible(text))
        const { dead, done, total } = status.shards
        if (given.once || done + dead === total || status.state === "cancelled") {
          if (dead > 0) return yield* new CommandExit({ code: 1 })
          return
        }
        before = { status, at }
        yield* Effect.sleep(`${given.every} seconds`)
      }
    }))

const watch = Command.make(
  "watch",
  {
    ...common,
    job: optional(place.job, "The name of the job in the database"),
    output: Argument.String("output").pipe(
      Argument.withDescription("Instead of a job: the output of a batch on this machine"),
      Argument.optional
    ),
    web: yes("web", "With an output: show its report as a page on a port of this machine, refreshed while it runs"),
    port: defaulted(Flag.Int("port"), "The port of the page (default: any)", 0),
    once: yes("once", "Print it once and exit"),
    every: defaulted(Flag.Finite("every"), "Seconds between two updates", 5),
    json
  },
  (given) =>
    Effect.gen(function*() {
      if (Option.isSome(given.output)) return yield* WatchOutput.watch(given.output.value, given)
      if (given.job !== undefined) return yield* watchJob({ ...given, job: given.job })
      yield* say("Nothing to watch is named: name the output of a batch, or --job with --database")
      return yield* new CommandExit({ code: 2 })
    })
).pipe(
  Command.withDescription(
    "The progress of a batch or a job: rows, tokens, dollars; a job's shards, workers, dead letters"
  )
)

const collect = Command.make(
  "collect",
  {
    ...common,
    output: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("JSONL for the results")),
    errors: text("errors", "JSONL for failed rows (default: <output>.errors.jsonl)"),
    partial: yes("partial", "Collect what exists, even if some shards have no result yet"),
    json
  },
  (given) =>
    over(given, ({ Collect }) =>
      Effect.gen(function*() {
        const { errors, job, output, partial } = given
        const made = yield* Collect.run({ job, output, errors, partial })
        yield* Console.log(
          given.json
            ? Json.line(made)
            : `${made.done} rows in ${output}, ${made.failed} failed` +
              (made.missing === 0 ? "" : `; ${made.missing} of ${made.shards} shards have no result yet`)
        )
        if (made.failed > 0 || made.missing > 0) return yield* new CommandExit({ code: 1 })
      }))
).pipe(Command.withDescription("Merge the results into one output, in the order of the input, each row once"))

const actions = ["pause", "resume", "cancel", "retry"] as const

const job = Command.make(
  "job",
  { action: Argument.Literals("action", actions).pipe(Argument.withDescription(actions.join(", "))), ...common },
  (given) =>
    over(given, ({ Dispatch, ShardTable }) =>
      Effect.gen(function*() {
        const { action, job: name } = given
        if (action === "retry") {
          const dispatch = yield* Dispatch.Dispatch
          return yield* Console.log(`${yield* dispatch.offerAgain(name)} dead shards queued again`)
        }
        const table = yield* ShardTable.ShardTable
        const state = action === "pause" ? "paused" : action === "cancel" ? "cancelled" : "open"
        yield* table.setState(name, state)
        yield* Console.log(`job ${name}: ${state}`)
      }))
).pipe(Command.withDescription("Pause, resume or cancel a job, or queue its dead shards again"))

/** The subcommands of `batch` for many machines. */
export const commands = [split, work, watch, collect, job] as const
