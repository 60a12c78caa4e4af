/**
 * What can be done with the files of batches: look at one, merge several, and convert one into the form of other tools.
 *
 * Nothing here changes the files it reads; what it writes appears whole or not at all.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as BatchError from "./BatchError.ts"
import { noBatch, refuse } from "./Claim.ts"
import * as Durable from "./log/Durable.ts"
import * as Files from "./log/Files.ts"
import * as Ids from "./log/Ids.ts"
import * as Ledger from "./log/Ledger.ts"
import * as Manifest from "./log/Manifest.ts"
import * as Options from "./Options.ts"
import * as Jsonl from "./rows/Jsonl.ts"
import * as Row from "./rows/Row.ts"
import * as RowTemplate from "./rows/RowTemplate.ts"

/**
 * How far a batch has come, by its files.
 *
 * @category models
 * @since 0.2.0
 */
export interface Status {
  readonly output: string
  readonly rows: { readonly total: number; readonly done: number; readonly failed: number; readonly pending: number }
  readonly tokens: { readonly input: number; readonly output: number }
  readonly uncounted: number
  /** As the lines report them; 0 if no price was known. */
  readonly dollars: number
  readonly failures: Readonly<Record<string, number>>
  /** A run holds the output now, or held it when it was killed. */
  readonly locked: boolean
}

/**
 * @category running
 * @since 0.2.0
 */
export const status = Effect.fnUntraced(function*(files: Pick<Options.Options, "output" | "errors">) {
  const fs = yield* FileSystem.FileSystem
  const paths = Options.paths(files)
  const manifest = yield* Manifest.read(paths.manifest)
  if (manifest === undefined) return yield* noBatch(paths.output)
  const { rows } = manifest.input
  const ledger = yield* Ledger.look(paths, { rows })
  const [done, failed] = [ledger.done.size(), ledger.failed.size()]
  const found: Status = {
    output: paths.output,
    rows: { total: rows, done, failed, pending: rows - done - failed },
    tokens: { input: ledger.inputTokens, output: ledger.outputTokens },
    uncounted: ledger.uncounted,
    dollars: ledger.dollars,
    failures: Object.fromEntries(ledger.failures),
    locked: yield* Effect.mapError(fs.exists(paths.lock), BatchError.disk(paths.lock))
  }
  return found
})

/** Passes every whole line of a file, parsed, to a function; fails at the first that is not JSON. */
const eachLine = Effect.fnUntraced(function*(
  path: string,
  each: (value: Readonly<Record<string, unknown>>, line: Jsonl.Line) => Effect.Effect<void, BatchError.BatchError>
) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "r" })
  yield* Jsonl.forEach(file, {}, (line) => {
    // a last line without its end is a write that was cut off
    if (line.index < 0 || !line.complete) return undefined
    const value = line.text === undefined ? undefined : Jsonl.parse(line.text)
    return Row.isRecord(value)
      ? each(value, line)
      : Effect.fail(BatchError.invalidInput(path, [{ line: line.number, problem: "is not a line of a batch" }]))
  })
}, Effect.scoped)

const fromDisk = (path: string) => (error: PlatformError | BatchError.BatchError): BatchError.BatchError =>
  error._tag === "PlatformError" ? BatchError.disk(path)(error) : error

/** Refuses a target that is one of the sources, or exists. */
const checkTarget = Effect.fnUntraced(function*(sources: ReadonlyArray<string>, target: string) {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Files.shared([...sources.map((path) => ["source", path] as const), ["target", target]])
  if (found !== undefined) return yield* refuse(`${target} is one of the files to read; name another one`)
  if (yield* Effect.mapError(fs.exists(target), BatchError.disk(target))) {
    return yield* refuse(`${target} exists; remove it, or name another one`)
  }
})

/**
 * The outputs of several batches as one file. Rows are renumbered, in the order of the files; an id that occurs twice is
 * refused. Returns the number of rows.
 *
 * @category running
 * @since 0.2.0
 */
export const merge = Effect.fnUntraced(function*(sources: ReadonlyArray<string>, target: string) {
  yield* checkTarget(sources, target)
  const ids = yield* Ids.make()
  let rows = 0
  yield* Durable.replace(
    target,
    (file) => {
      const lines = Durable.lines(file)
      return Effect.forEach(sources, (source) =>
        eachLine(source, ({ id, index }, { text = "" }) => {
          if (typeof id !== "string" || typeof index !== "number") {
            return Effect.fail(BatchError.invalidInput(source, [{ problem: "is not an output of a batch" }]))
          }
          ids.add(id)
          const renumbered = text.replace(`"index":${index}`, `"index":${rows++}`)
          return Effect.mapError(Effect.andThen(lines.add(renumbered), ids.settle), BatchError.disk(target))
        }), { discard: true }).pipe(
          Effect.andThen(lines.flush),
          Effect.andThen(ids.repeated),
          Effect.flatMap(({ size }) =>
            size === 0
              ? Effect.void
              : Effect.fail(refuse(`${size} ids occur in more than one row of these files; nothing was written`))
          )
        )
    }
  ).pipe(Effect.mapError(fromDisk(target)))
  return rows
}, Effect.scoped)

/**
 * The forms in which results can be written.
 *
 * - `openai`: the output file of OpenAI's Batch API.
 * - `distilabel`: the rows of distilabel's `TextGeneration`: the columns of the input, `generation`, `model_name` and
 *   `distilabel_metadata` with raw input, output and statistics. Needs an output that keeps its input columns.
 *   `generation` is a string, or, if any row of the output has several, a list in every row; a count that is not known
 *   is -1.
 * - `flat`: the columns that are kept, with `id`, `generation`, `finish_reason` and `model_name`; one row per
 *   generation.
 *
 * @category models
 * @since 0.2.0
 */
export type Form = "openai" | "distilabel" | "flat"

const field = (value: unknown, name: string): unknown => Row.isRecord(value) ? value[name] : undefined

const listOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

const count = (value: unknown): number | null => typeof value === "number" && value >= 0 ? value : null

const known = (count: number | null): number => count ?? 0

const callsOf = (generation: unknown): ReadonlyArray<unknown> => {
  const calls = Jsonl.parse(String(field(generation, "toolCalls") ?? "[]"))
  return listOf(calls).map((call) => ({
    id: field(call, "id"),
    type: "function",
    function: { name: field(call, "name"), arguments: field(call, "arguments") }
  }))
}

type Line = Readonly<Record<string, unknown>>

const modelOf = (line: Line, generation: unknown): unknown =>
  field(line.provenance, "model") || field(generation, "model") || ""

const toOpenAi = (line: Line): ReadonlyArray<unknown> => {
  const generations = listOf(line.generations)
  const [first] = generations
  const tokens = (name: string) =>
    generations.reduce((sum: number, generation) => sum + known(count(field(field(generation, "statistics"), name))), 0)
  const [input, output] = [tokens("inputTokens"), tokens("outputTokens")]
  return [{
    id: `batch_req_${String(line.index)}`,
    custom_id: line.id,
    response: {
      status_code: 200,
      request_id: field(field(first, "statistics"), "requestId"),
      body: {
        object: "chat.completion",
        model: modelOf(line, first),
        choices: generations.map((generation, index) => {
          const calls = callsOf(generation)
          return {
            index,
            message: {
              role: "assistant",
              content: field(generation, "text"),
              ...(calls.length > 0 && { tool_calls: calls })
            },
            finish_reason: field(generation, "finishReason")
          }
        }),
        usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
      }
    },
    error: null
  }]
}

const flat = (line: Line): ReadonlyArray<unknown> =>
  listOf(line.generations).map((generation) => ({
    ...(Row.isRecord(line.input) ? line.input : {}),
    id: line.id,
    generation: field(generation, "text"),
    finish_reason: field(generation, "finishReason"),
    model_name: modelOf(line, generation)
  }))

/** Counts as the lines have them: a number in every row, -1 if it is not known. */
const statistics = (generation: unknown) => ({
  input_tokens: count(field(field(generation, "statistics"), "inputTokens")) ?? -1,
  output_tokens: count(field(field(generation, "statistics"), "outputTokens")) ?? -1
})

const STEP = "text_generation_0"

/** `isList`: each row has the list of its generations, however many there are. */
const toDistilabel = (mapping: Row.Mapping, isList: boolean) => (line: Line): ReadonlyArray<unknown> => {
  const columns = Row.isRecord(line.input) ? line.input : {}
  const mapped = mapping({ id: String(line.id), index: Number(line.index), columns })
  const input = Result.isSuccess(mapped) ? mapped.success.input : null
  const messages = input !== null && typeof input === "object" && "raw" in input ? input.raw : input
  const generations = listOf(line.generations)
  const row = (generation: unknown, metadata: object) => ({
    ...columns,
    generation,
    model_name: modelOf(line, generations[0]),
    distilabel_metadata: metadata
  })
  const metadata = (raw: unknown, told: unknown) => ({
    [`raw_input_${STEP}`]: messages,
    [`raw_output_${STEP}`]: raw,
    [`statistics_${STEP}`]: told
  })
  const texts = generations.map((generation) => field(generation, "text"))
  if (!isList) {
    return generations.map((generation, at) => row(texts[at], metadata(texts[at], statistics(generation))))
  }
  return [row(texts, metadata(texts, generations.map(statistics)))]
}

/** Whether any row has more than one generation, or none. */
const hasSeveral = Effect.fnUntraced(function*(output: string) {
  let found = false
  yield* Effect.mapError(
    eachLine(output, ({ generations }) => {
      found ||= listOf(generations).length !== 1
      return Effect.void
    }),
    fromDisk(output)
  )
  return found
})

const writerOf = (form: Form, columns: Row.Columns, isList: boolean) => {
  switch (form) {
    case "openai":
      return toOpenAi
    case "flat":
      return flat
    case "distilabel": {
      const template = columns.template === undefined ? undefined : RowTemplate.compile(columns.template)
      const render = template === undefined ? undefined : Result.getOrUndefined(template)?.render
      return toDistilabel(Row.mapping(columns, render), isList)
    }
  }
}

/**
 * Writes an output in another form. Returns the number of rows written.
 *
 * @category running
 * @since 0.2.0
 */
export const convert = Effect.fnUntraced(function*(
  { output }: Pick<Options.Options, "output">,
  target: string,
  { form, perGeneration = false }: { readonly form: Form; readonly perGeneration?: boolean | undefined }
) {
  yield* checkTarget([output], target)
  const manifest = yield* Manifest.read(Options.paths({ output }).manifest)
  const configuration = field(manifest?.configuration, "columns")
  // the manifest holds the columns as an earlier run of this package was given them
  const columns = (Row.isRecord(configuration) ? configuration : {}) as Row.Columns
  const isList = form === "distilabel" && !perGeneration && (yield* hasSeveral(output))
  const write = writerOf(form, columns, isList)
  let rows = 0
  yield* Durable.replace(target, (file) => {
    const lines = Durable.lines(file)
    const each = eachLine(output, (line, { number }) => {
      if (form === "distilabel" && !Row.isRecord(line.input)) {
        return Effect.fail(BatchError.invalidInput(output, [{
          line: number,
          problem: "has no input columns, which this form needs: run the batch with --keep-all"
        }]))
      }
      const written = write(line)
      rows += written.length
      return Effect.mapError(
        Effect.forEach(written, (row) => lines.add(JSON.stringify(row)), { discard: true }),
        BatchError.disk(target)
      )
    })
    return Effect.andThen(each, lines.flush)
  }).pipe(Effect.mapError(fromDisk(target)))
  return rows
})
