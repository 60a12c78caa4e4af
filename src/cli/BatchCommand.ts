/**
 * `inference-endpoints batch`: rows through endpoints, and what to do with the resulting files.
 */
import * as Command from "effect/cli/Command"
import { cache, convert, merge, report, status } from "./batch/Files.ts"
import { plan, retry, run } from "./batch/Run.ts"
import * as Program from "./terminal/Program.ts"
import * as Cluster from "./verbs/Cluster.ts"

/** `batch` with its subcommands. */
export const main = Program.make(
  Command.make("batch").pipe(
    Command.withDescription("Many rows, files to files"),
    Command.withSubcommands([run, plan, retry, status, merge, convert, report, cache, ...Cluster.commands])
  )
)
