/**
 * A row of the input → its id and its request.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"
import type { Columns } from "./Columns.ts"
import * as Exact from "./Exact.ts"
import * as OpenAiRequest from "./OpenAiRequest.ts"
import type { Request } from "./Request.ts"
import * as RowError from "./RowError.ts"

export type { Columns } from "./Columns.ts"

/**
 * A row of the input, with its columns as `JSON.parse` returns them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  readonly id: string
  /** Counted from 0 over the rows of the whole input. */
  readonly index: number
  readonly columns: Readonly<Record<string, unknown>>
  /** The JSON text that the columns were read from, which keeps what a JavaScript number loses. */
  readonly text?: string
}

export type { Request }

/**
 * A row → its request.
 *
 * @category models
 * @since 0.1.0
 */
export type Mapping = (row: Row) => Result.Result<Request, RowError.RowError>

/** A prompt template that is already compiled. */
export type Render = (row: Pick<Row, "columns" | "text">) => Result.Result<string, string>

/**
 * @category predicates
 * @since 0.1.0
 */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isMessages = Schema.is(Message.Messages)
const isTools = Schema.is(Schema.Array(GenerationOptions.Tool))

/**
 * The id of a row; undefined if the column holds neither a string nor an integer. A large integer keeps the digits of
 * the row's text.
 *
 * @category accessors
 * @since 0.1.0
 */
export const id = (
  row: Readonly<Record<string, unknown>>,
  columns: Columns,
  index: number,
  text?: string
): string | undefined => {
  const column = columns.id ?? (OpenAiRequest.is(row) ? "custom_id" : "id")
  const value = row[column]
  if (typeof value === "string") return value
  if (Number.isSafeInteger(value)) return String(value)
  if (Number.isInteger(value)) return text === undefined ? undefined : Exact.integer(text, column)
  return (value === undefined || value === null) && columns.id === undefined ? String(index) : undefined
}

const wrong = (column: string, problem: string) =>
  Result.fail(RowError.make(new RowError.WrongColumn({ column, problem })))

const DIGITS = /^\d{1,20}$/

/** Options as JSON holds them, a large seed as its digits. */
const options = (column: string, value: unknown): Result.Result<CallOptions, RowError.RowError> => {
  if (value === undefined || value === null) return Result.succeed({})
  if (!isRecord(value)) return wrong(column, "must be an object of options")
  const { numGenerations, ...rest } = value
  const given = typeof rest.seed === "string" && DIGITS.test(rest.seed) ? { ...rest, seed: BigInt(rest.seed) } : rest
  if (numGenerations !== undefined && !(Number.isSafeInteger(numGenerations) && Number(numGenerations) > 0)) {
    return wrong(column, "numGenerations must be an integer of at least 1")
  }
  const [issue] = GenerationOptions.check(given)
  if (issue !== undefined) return wrong(column, issue.message)
  return Result.succeed({
    ...given,
    ...(typeof numGenerations === "number" && { numGenerations })
  })
}

/**
 * Makes the mapping: by the columns that are named, otherwise by the form of the row.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mapping = (columns: Columns, render?: Render): Mapping => {
  const system = (row: Row): Result.Result<ReadonlyArray<Message.Message>, RowError.RowError> => {
    if (columns.system === undefined) return Result.succeed([])
    const value = row.columns[columns.system]
    return typeof value === "string"
      ? Result.succeed([Message.system(value)])
      : wrong(columns.system, "must be a string")
  }

  const text = (row: Row, content: string): Result.Result<Message.Input, RowError.RowError> =>
    columns.raw === true
      ? Result.succeed({ raw: content })
      : Result.map(system(row), (before) => [...before, Message.user(content)])

  const prompt = (row: Row, column: string): Result.Result<Message.Input, RowError.RowError> => {
    const value = row.columns[column]
    return typeof value === "string" ? text(row, value) : wrong(column, "must be a string")
  }

  const conversation = (row: Row, column: string): Result.Result<Message.Input, RowError.RowError> => {
    const value = row.columns[column]
    if (!isMessages(value)) return wrong(column, "must be a list of messages with role and content")
    return Result.flatMap(system(row), (before) =>
      before.length > 0 && value[0]?.role === "system"
        ? wrong(
          column,
          "begins with a system message of its own; leave out the system column, or remove that message"
        )
        : Result.succeed(before.length === 0 ? value : [...before, ...value]))
  }

  /** A query and texts, as one text that the work reads. */
  const pair = (row: Row, column: string): Result.Result<Message.Input, RowError.RowError> => {
    const query = row.columns[column]
    const name = columns.texts ?? "texts"
    const given = row.columns[name]
    const texts: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
    if (typeof query !== "string") return wrong(column, "must be a string")
    return texts.length > 0 && texts.every((text) => typeof text === "string")
      ? Result.succeed({ raw: JSON.stringify({ query, texts }) })
      : wrong(name, "must be a string, or a list of strings")
  }

  /** A row with neither has one text, which is scored alone. */
  const isPair = (row: Row, column: string): boolean =>
    [column, columns.texts ?? "texts"].some((name) => row.columns[name] !== undefined && row.columns[name] !== null)

  const input = (row: Row): Result.Result<Message.Input, RowError.RowError> => {
    if (columns.query !== undefined && isPair(row, columns.query)) return pair(row, columns.query)
    if (render !== undefined) {
      const rendered = render(row)
      return Result.isSuccess(rendered)
        ? text(row, rendered.success)
        : Result.fail(RowError.make(new RowError.TemplateFailed({ problem: rendered.failure })))
    }
    if (columns.messages !== undefined) return conversation(row, columns.messages)
    if (columns.prompt !== undefined) return prompt(row, columns.prompt)
    if (row.columns.messages !== undefined) return conversation(row, "messages")
    if (row.columns.prompt !== undefined) return prompt(row, "prompt")
    return Result.fail(RowError.make(
      new RowError.MissingColumn({ looked: ["messages", "prompt"], found: Object.keys(row.columns).slice(0, 20) })
    ))
  }

  const tools = (row: Row): Result.Result<CallOptions, RowError.RowError> => {
    const implied = columns.tools === undefined
    const column = columns.tools ?? "tools"
    const value = row.columns[column]
    const inText = render !== undefined || columns.prompt !== undefined
    if (value === undefined || value === null || (implied && (inText || !Array.isArray(value)))) {
      return Result.succeed({})
    }
    const tools = OpenAiRequest.tools(value)
    return isTools(tools)
      ? Result.succeed({ tools })
      : wrong(column, "must be a list of tools with name and parameters")
  }

  const plain = render === undefined && columns.messages === undefined && columns.prompt === undefined
  return (given) => {
    const row = Exact.row(given)
    if (plain && OpenAiRequest.is(row.columns)) return OpenAiRequest.toRequest(row.columns)
    const asked = input(row)
    if (Result.isFailure(asked)) return Result.fail(asked.failure)
    const more = tools(row)
    if (Result.isFailure(more)) return Result.fail(more.failure)
    if (columns.options === undefined) return Result.succeed({ input: asked.success, options: more.success })
    return Result.map(
      options(columns.options, row.columns[columns.options]),
      (options) => ({ input: asked.success, options: { ...more.success, ...options } })
    )
  }
}
