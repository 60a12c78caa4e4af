/**
 * `inference-endpoints hub push`: rows → a data set on the Hub, with a card that says how they were made.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { Provenance } from "../../dataset/card/Provenance.ts"
import * as DatasetError from "../../dataset/DatasetError.ts"
import * as FeatureInference from "../../dataset/features/FeatureInference.ts"
import * as Parquet from "../../dataset/parquet/Parquet.ts"
import * as DatasetFiles from "../../dataset/push/DatasetFiles.ts"
import * as Push from "../../dataset/push/Push.ts"
import * as DatasetSource from "../../dataset/source/DatasetSource.ts"
import * as Splits from "../../dataset/source/Splits.ts"
import * as HubDatasets from "../../hub/HubDatasets.ts"
import * as HubEnv from "../../hub/HubEnv.ts"
import { HubError } from "../../hub/HubError.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import * as BatchCard from "../batch/BatchCard.ts"
import { optional, text, texts, yes } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Confirm from "../terminal/Confirm.ts"
import * as Json from "../terminal/Json.ts"
import * as Program from "../terminal/Program.ts"
import { visible } from "../terminal/Visible.ts"

const flags = {
  repo: Argument.String("repo").pipe(Argument.withDescription("org/name; created if absent")),
  input: Argument.String("input").pipe(
    Argument.withDescription(
      "Rows: JSONL, CSV, Parquet, a folder or hf://datasets/…, prefixed with the split unless it is train (test=rows.jsonl)"
    ),
    Argument.variadic({ min: 1 })
  ),
  license: text(
    "license",
    "The licence, by its identifier on the Hub (apache-2.0, cc-by-4.0, other); prompted for, never guessed"
  ),
  config: text("config", "The configuration (default: default)"),
  revision: text("revision", "An existing branch (default: main)"),
  private: yes("private", "Make a new repository private"),
  title: text("title", "Title of a new card (default: the name)"),
  description: text("description", "Text below the title of a new card"),
  language: texts("language", "Language of the rows, such as en; may be repeated"),
  tag: texts("tag", "Tag of the card; may be repeated"),
  batch: text(
    "batch",
    "The output of the batch that the rows come from, for the card (default: the input, if it is one)"
  ),
  made: text("command", "The command that made the rows, for the card"),
  format: optional(Flag.Literals("format", ["parquet", "jsonl"]), "Files to push (default: parquet)"),
  compression: optional(
    Flag.Literals("compression", ["snappy", "zstd", "gzip", "none"]),
    "Compression of Parquet (default: snappy)"
  ),
  folder: text("folder", "Folder for the files (default: a temporary one)"),
  message: text("message", "Summary of the commit (default: Upload dataset)"),
  xet: yes("xet", "Send large files by Xet; needs the package @huggingface/hub"),
  dryRun: yes("dry-run", "Show what would be pushed, with the card, without sending anything"),
  yes: Confirm.yes,
  json: yes("json", "Print what would be or was pushed as JSON"),
  token: Target.flags.token,
  tokenFile: Target.flags.tokenFile
}

interface Given {
  readonly repo: string
  readonly input: ReadonlyArray<string>
  readonly config: string | undefined
  readonly batch: string | undefined
  readonly made: string | undefined
  readonly format: "parquet" | "jsonl" | undefined
  readonly compression: "snappy" | "zstd" | "gzip" | "none" | undefined
}

const say = (line: string) => Console.error(visible(line))

/** The columns of a split: declared by a card or by Parquet, else the narrowest types that hold all rows. */
const columnsOf = Effect.fnUntraced(function*(found: DatasetSource.Found, split: Splits.DatasetSplit) {
  const [first = ""] = split.files
  if (split.features !== undefined) return split.features
  if (Splits.formatOf(first) === "parquet") {
    return yield* Effect.scoped(
      Effect.map(Effect.flatMap(found.open(first, true), (file) => Parquet.open(file)), ({ features }) => features)
    )
  }
  const shape = yield* Stream.runFold(
    DatasetSource.fileRows(found, split.files, {}),
    () => FeatureInference.nothing,
    FeatureInference.addRow
  )
  return FeatureInference.features(shape)
})

/** The splits that an argument names: `test=rows.jsonl`, or all splits of `rows.jsonl`. */
const splitsOf = Effect.fnUntraced(function*(argument: string) {
  const [, name, source = argument] = /^(\w+(?:[.-]\w+)*)=(.+)$/.exec(argument) ?? []
  const found = yield* DatasetSource.find(source)
  if (name === undefined) {
    return found.splits.filter(({ config }) => config === found.defaultConfig).map((split) => ({ found, split }))
  }
  const split = yield* Effect.fromResult(DatasetSource.choose(found, {}))
  return [{ found, split: { ...split, split: name } }]
})

const written = Effect.fnUntraced(function*({ compression, config, format, input }: Given, folder: string) {
  const inputs = (yield* Effect.forEach(input, splitsOf)).flat()
  const twice = inputs.find(({ split }, at) => inputs.findIndex((other) => other.split.split === split.split) !== at)
  if (twice !== undefined) {
    return yield* DatasetError.of("push")(
      new DatasetError.InvalidSource({
        source: twice.found.source,
        problem: `the split ${twice.split.split} is given twice: prefix one with another name, as in test=rows.jsonl`
      })
    )
  }
  return yield* Effect.forEach(inputs, ({ found, split }) =>
    Effect.gen(function*() {
      const features = yield* columnsOf(found, split)
      const made = yield* DatasetFiles.write(DatasetSource.fileRows(found, split.files, {}), {
        folder,
        features,
        split: split.split,
        config,
        format,
        compression
      })
      yield* say(
        `${made.split}: ${made.rows} rows in ${made.files.length === 1 ? "1 file" : `${made.files.length} files`}`
      )
      return made
    }))
})

/** How the rows were made, as far as a batch records it. */
const madeOf = Effect.fnUntraced(function*({ batch, input, made: command }: Given) {
  const [first = ""] = input
  const output = batch ?? ((yield* BatchCard.isOutput(first)) ? first : undefined)
  if (output === undefined) return command === undefined ? undefined : { models: [], command }
  const made: Provenance = { ...yield* BatchCard.provenance(output), command }
  return made
})

const bytes = (size: number): string =>
  size < 1e6
    ? `${Math.ceil(size / 1e3)} kB`
    : size < 1e9
    ? `${(size / 1e6).toFixed(1)} MB`
    : `${(size / 1e9).toFixed(2)} GB`

const lines = ({ cardChanges, creates, deletes, files, repo }: Push.Plan): ReadonlyArray<string> => [
  `${repo}${creates ? ", a new data set" : ""}`,
  ...files.map(({ path, size, status }) => `  ${status.padEnd(8)} ${path} (${bytes(size)})`),
  ...deletes.map((path) => `  deleted  ${path}`),
  `  ${(cardChanges ? "changed" : "same").padEnd(8)} README.md`
]

/** Plans; if no licence is known and somebody can be asked, asks for it. */
const planned = Effect.fnUntraced(function*(options: Push.Options) {
  return yield* Push.plan(options).pipe(
    Effect.map((plan) => ({ options, plan })),
    Effect.catchReason("DatasetError", "MissingLicense", (reason, error) =>
      Effect.gen(function*() {
        if (!(yield* Confirm.isAsked)) {
          yield* say(`${reason.message}: pass --license`)
          return yield* new CommandExit({ code: 2 })
        }
        yield* say(reason.message)
        const license = (yield* Prompt.run(Prompt.String({ message: "The licence" }))).trim()
        if (license === "") return yield* error
        const licensed = { ...options, card: { ...options.card, license } }
        return { options: licensed, plan: yield* Push.plan(licensed) }
      }))
  )
})

/** A temporary failure may be retried; anything else was refused. */
const codeOf = (error: DatasetError.DatasetError | HubError): 1 | 2 | 3 =>
  error.reason.isRetryable ? 3 : error instanceof HubError ? 1 : 2

const push = Command.make("push", flags, (given) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const folder = given.folder ?? (yield* fs.makeTempDirectoryScoped({ prefix: "hub-push-" }))
    const { options, plan } = yield* planned({
      repo: given.repo,
      private: given.private,
      revision: given.revision,
      splits: yield* written(given, folder),
      summary: given.message,
      xet: given.xet,
      card: {
        license: given.license,
        title: given.title,
        description: given.description,
        made: yield* madeOf(given),
        ...(given.language.length > 0 && { languages: given.language }),
        ...(given.tag.length > 0 && { tags: given.tag })
      }
    })
    if (given.dryRun) {
      if (given.json) return yield* Console.log(Json.line(plan))
      for (const line of lines(plan)) yield* Console.log(visible(line))
      return yield* Console.log(visible(`\n${plan.card}`))
    }
    for (const line of lines(plan)) yield* say(line)
    yield* Confirm.confirmed(`Push to ${given.repo}?`, given.yes)
    const pushed = yield* Push.push(options)
    yield* Console.log(
      given.json
        ? Json.line(pushed)
        : pushed.commits.length === 0
        ? `${given.repo}: nothing has changed`
        : `${given.repo}: ${pushed.uploaded} files sent, commit ${pushed.commits.at(-1)}`
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.unwrap(Effect.gen(function*() {
      const token = yield* Target.tokenOf(given)
      const settings = { token, baseUrl: yield* HubEnv.hubUrl, offline: yield* HubEnv.offline }
      return HubDatasets.layer(settings).pipe(Layer.provideMerge(NodeInferenceEndpoints.platform()))
    }))),
    Effect.catchIf(
      (error) => error instanceof DatasetError.DatasetError || error instanceof HubError,
      (error) => Effect.andThen(say(error.message), Effect.fail(new CommandExit({ code: codeOf(error) })))
    )
  )).pipe(
    Command.withDescription(
      "Rows to a data set on the Hub: files, splits and a card. Files that are already there are not sent again, so an interrupted push can be repeated"
    )
  )

/** `hub` with its subcommands. */
export const main = Program.make(
  Command.make("hub").pipe(Command.withDescription("Data sets on the Hub"), Command.withSubcommands([push]))
)
