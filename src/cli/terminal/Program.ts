/**
 * A verb as a value, and the exit code of each of its outcomes.
 *
 * 0 success · 1 failed, or some rows failed · 2 refused: usage, changed input, lock · 3 stopped: endpoint or disk ·
 * 130 and 143 interrupted.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Logger from "effect/Logger"
import { BatchError } from "../../batch/BatchError.ts"
import { CommandExit } from "./CommandExit.ts"
import * as Notice from "./Notice.ts"
import type * as Signals from "./Signals.ts"
import { visible } from "./Visible.ts"
import * as WaitNotice from "./WaitNotice.ts"

/**
 * A verb that is ready to run with its arguments. Returns the exit code.
 *
 * @category models
 * @since 0.2.0
 */
export type Main = (
  args: ReadonlyArray<string>,
  version: string
) => Effect.Effect<number, never, Command.Environment | Signals.Signals>

const INTERRUPTED = 130

/** Options of the library by their names in a shell. */
const flagOf: Readonly<Record<string, string>> = {
  apiKey: "--token-file",
  baseUrl: "--base-url",
  billTo: "--bill-to",
  chatTemplate: "--chat-template",
  endpointName: "--endpoint",
  endpointNamespace: "--namespace",
  magpiePreQueryTemplate: "--magpie",
  maxNewTokens: "--max-new-tokens",
  minimumMass: "--minimum-mass",
  modelDisplayName: "--display-name",
  modelId: "--model",
  modelName: "--model-name",
  numGenerations: "--num-generations",
  tokenizerId: "--tokenizer",
  topP: "--top-p",
  waitTimeout: "--wait"
}

// `options.maxNewTokens` is the name of a difference, which `--continue` takes as it is
const options = new RegExp(`(?<![.\\w])(?:${Object.keys(flagOf).join("|")})\\b`, "g")

/** A message with options written as flags. It may contain the words of a server. */
const say = (code: number, message: string) =>
  Effect.as(Console.error(visible(message.replaceAll(options, (name) => flagOf[name] ?? name))), code)

const wordOf = (part: unknown): string => typeof part === "string" ? part : Formatter.format(part)

/** Logs are not results: they go to standard error, one line each. */
const logs = Logger.layer([
  Logger.withConsoleError(Logger.make(({ logLevel, message }) => {
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    return visible(`${logLevel.toLowerCase()}: ${parts.map(wordOf).join(" ")}`)
  }))
])

const codeOf = (error: unknown): Effect.Effect<number> => {
  if (error instanceof CommandExit) return Effect.succeed(error.code)
  if (error instanceof BatchError) return say(error.exitCode, error.message)
  // requested help is not a failure, and a problem has already been printed
  if (CliError.isCliError(error)) return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2)
  return say(1, error instanceof Error ? error.message : String(error))
}

/** Verbs that read `--quiet` themselves. */
const ownQuiet: ReadonlySet<string> = new Set(["batch"])

/** Verbs that report by themselves what they wait for. */
const waits: ReadonlySet<string> = new Set(["batch", "chat", "generate", "proxy", "simulate"])

/** The arguments without `--quiet`, which every verb has, and whether it was there. What follows `--` is text. */
const quieted = (args: ReadonlyArray<string>, verb: string): readonly [ReadonlyArray<string>, boolean] => {
  const end = args.includes("--") ? args.indexOf("--") : args.length
  const isQuiet = args.slice(0, end).includes("--quiet")
  return [ownQuiet.has(verb) ? args : args.filter((arg, index) => index >= end || arg !== "--quiet"), isQuiet]
}

/**
 * Makes a verb of its command.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, Command.Environment | Signals.Signals>
): Main => {
  const root = Command.make("inference-endpoints").pipe(Command.withSubcommands([command]))
  return (given, version) => {
    const [args, isQuiet] = quieted(given, command.name)
    const run = Command.runWith(root, { version })([command.name, ...args])
    return (waits.has(command.name) ? run : Notice.unlessHeard(run)).pipe(
      WaitNotice.said(command.name),
      Effect.provideService(Notice.Quiet, isQuiet),
      Effect.provide(logs),
      Effect.as(0),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.succeed(INTERRUPTED) : codeOf(Cause.squash(cause))
      )
    )
  }
}
