/**
 * `batch run`, `plan` and `retry`: rows through endpoints.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Batch from "../../batch/Batch.ts"
import * as Plan from "../../batch/Plan.ts"
import * as Recall from "../../batch/Recall.ts"
import * as Report from "../../batch/report/Report.ts"
import * as Results from "../../batch/Results.ts"
import * as BatchTask from "../../batch/Task.ts"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import { integer, yes } from "../input/Flags.ts"
import * as Sampling from "../input/Sampling.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Signals from "../terminal/Signals.ts"
import { visible } from "../terminal/Visible.ts"
import { errors, file, json } from "./Flag.ts"
import { flags, optionsOf, othersOf, runFlags, toStandardError } from "./Options.ts"
import * as Task from "./Task.ts"

/** Prints the report if requested, and ends with its code. The reason why a batch stopped is always printed. */
const ended = Effect.fnUntraced(function*(
  report: Report.Report,
  { json, quiet }: { readonly json: boolean; readonly quiet: boolean },
  signal: Signals.Signal | undefined
) {
  if (json) yield* Console.log(Json.line(report))
  if (quiet && report.why !== undefined) yield* Console.error(visible(`${report.ending}: ${report.why.message}`))
  const code = report.ending === "interrupted" && signal !== undefined ? Signals.codes[signal] : Report.exitCode(report)
  if (code !== 0) return yield* new CommandExit({ code })
})

export const run = Command.make(
  "run",
  { ...flags, ...runFlags, target: Target.flags, sampling: Sampling.flags },
  (flags) =>
    Effect.gen(function*() {
      const { first, received } = yield* Signals.Signals
      const options = yield* optionsOf(flags)
      const task = yield* Task.taskOf(flags)
      const target = Task.targetOf(flags.target, task)
      const others = yield* othersOf(flags.others, target)
      const report = yield* Batch.run({
        ...options,
        limit: flags.limit,
        together: flags.together,
        pin: flags.pin,
        canary: flags.canary,
        ordered: flags.ordered,
        retryFailed: flags.retryFailed,
        accept: flags.accept,
        repair: flags.repair,
        force: flags.force,
        drain: flags.drain === undefined ? undefined : `${flags.drain} seconds`,
        stop: Effect.map(first, (signal) => `${signal}: no new rows`),
        progress: flags.quiet ? "none" : "stderr",
        others: Object.fromEntries(others),
        task
      }).pipe(Effect.provide(Target.layer(target)))
      if (flags.rows !== undefined && report.ending === "complete") {
        const target = `${flags.output}.${flags.rows}.jsonl`
        yield* Results.convert(flags, target, { form: flags.rows, perGeneration: flags.perGeneration })
      }
      return yield* ended(report, flags, received())
    }).pipe(Effect.scoped, toStandardError)
).pipe(Command.withDescription("Generate for every row; run again to continue where it stopped"))

export const plan = Command.make(
  "plan",
  {
    ...flags,
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withDefault("plan.jsonl"),
      Flag.withDescription("Where the run will write")
    ),
    sample: integer("sample", "Rows to generate for it (default 20)"),
    target: Target.flags,
    sampling: Sampling.flags
  },
  (flags) =>
    Effect.gen(function*() {
      const options = yield* optionsOf(flags)
      const task = yield* Task.taskOf(flags)
      const found = yield* Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) =>
        Plan.make(
          { ...BatchTask.rowsOf(options, task), sample: flags.sample },
          Batch.work(llm, undefined, task)
        )).pipe(Effect.provide(Target.layer(Task.targetOf(flags.target, task))))
      yield* Console.log(flags.json ? Json.line(found) : Plan.text(found))
      if (found.problems.length > 0) return yield* new CommandExit({ code: 2 })
    }).pipe(toStandardError)
).pipe(Command.withDescription("Generate a sample, and estimate what all rows will cost: tokens, dollars, hours"))

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

/** The named target, or the one that the run had. */
const targetOf = (given: Target.Target, { endpoint, template }: Recall.Recalled): Target.Target =>
  given.model !== undefined || given.endpoint !== undefined || given.baseUrl !== undefined ? given : {
    ...given,
    model: textOf(endpoint.modelId),
    provider: given.provider ?? textOf(endpoint.provider),
    endpoint: textOf(endpoint.endpointName),
    namespace: given.namespace ?? textOf(endpoint.endpointNamespace),
    baseUrl: textOf(endpoint.baseUrl),
    tokenizer: given.tokenizer ?? textOf(template.tokenizerId),
    chatTemplate: given.chatTemplate ?? textOf(template.chatTemplate),
    magpie: given.magpie ?? textOf(template.magpie)
  }

export const retry = Command.make(
  "retry",
  {
    output: file("output", "The output of a batch whose failed rows are retried"),
    errors,
    concurrency: integer("concurrency", "Rows at once, fixed (default: adapts to the endpoint)"),
    quiet: yes("quiet", "No progress on standard error"),
    json,
    target: Target.flags
  },
  ({ concurrency, errors, json, output, quiet, target }) =>
    Effect.gen(function*() {
      const { first, received } = yield* Signals.Signals
      const recalled = yield* Recall.recall(output)
      const report = yield* Batch.run({
        ...recalled.options,
        output,
        errors,
        concurrency,
        retryFailed: true,
        stop: Effect.map(first, (signal) => `${signal}: no new rows`),
        progress: quiet ? "none" : "stderr",
        // the manifest holds the task as the run was given it
        task: recalled.task as BatchTask.Task | undefined
      }).pipe(Effect.provide(Target.layer(targetOf(target, recalled))))
      return yield* ended(report, { json, quiet }, received())
    }).pipe(toStandardError)
).pipe(Command.withDescription("Retry the failed rows of a batch with the options of its run"))
