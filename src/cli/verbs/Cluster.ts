/**
 * `batch split`, `work`, `watch`, `collect` and `job`: one batch by many machines. Nothing of databases is loaded before one
 * of them runs.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { hostname } from "node:os"
import type * as ClusterError from "../../cluster/ClusterError.ts"
import { CommandExit } from "../CommandExit.ts"
import * as Sampling from "../Sampling.ts"
import * as Signals from "../Signals.ts"
import * as Target from "../Target.ts"
import { visible } from "../Visible.ts"

const optional = <A>(flag: Flag.Flag<A>, description: string): Flag.Flag<A | undefined> =>
  flag.pipe(Flag.withDescription(description), Flag.optional, Flag.map(Option.getOrUndefined))

const yes = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const place = {
  job: Flag.String("job").pipe(Flag.withAlias("j"), Flag.withDescription("The name of the job in the database")),
  database: Flag.Redacted("database").pipe(
    Flag.withDescription("postgres://…, or a file of SQLite for one machine; better said as DATABASE_URL"),
    Flag.optional
  ),
  folder: Flag.String("folder").pipe(Flag.withDescription("The folder that all workers see"), Flag.withDefault("."))
}

const timing = {
  lease: Flag.Finite("lease").pipe(
    Flag.withDescription("Seconds after which a silent worker's shard goes to another; the same for all workers"),
    Flag.withDefault(90)
  ),
  poll: Flag.Finite("poll").pipe(
    Flag.withDescription("Seconds between looks for a shard"),
    Flag.withDefault(2)
  ),
  attempts: Flag.Int("attempts").pipe(
    Flag.withDescription("Attempts before a shard is a dead letter"),
    Flag.withDefault(20)
  ),
  patience: Flag.Finite("database-patience").pipe(
    Flag.withDescription("Minutes to wait for a database that is away"),
    Flag.withDefault(15)
  )
}

const json = yes("json", "Print JSON on standard output")

type Given = Command.Command.Config.Infer<typeof place & typeof timing>

const load = Effect.promise(() => import("../../cluster/index.ts"))

/** One line each, on standard error: what a job logs is for people. */
const lines = Logger.layer([
  Logger.withConsoleError(Logger.make(({ message }) => visible(Array.isArray(message) ? message.join(" ") : String(message))))
])

const say = (line: string) => Console.error(visible(line))

/** Runs over the services of the job; a refusal is said in its words and has its exit code. */
const over = <A, E, R>(given: Given, effect: Effect.Effect<A, E | ClusterError.ClusterError, R>) =>
  Effect.gen(function*() {
    const { Cluster, ClusterError } = yield* load
    const { Redacted, database } = yield* databaseOf(given)
    const services = Cluster.layer({
      database: Redacted.make(database),
      folder: given.folder,
      lease: `${given.lease} seconds`,
      poll: `${given.poll} seconds`,
      maxAttempts: given.attempts,
      patience: `${given.patience} minutes`
    })
    return yield* effect.pipe(
      Effect.provide(Layer.mergeAll(services, lines)),
      Effect.catchIf(
        (error): error is ClusterError.ClusterError => error instanceof ClusterError.ClusterError,
        (error) => Effect.andThen(say(error.message), Effect.fail(new CommandExit({ code: error.exitCode })))
      )
    )
  })
