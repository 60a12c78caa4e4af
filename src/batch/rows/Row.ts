/**
 * A line of the input → its id, and what is asked for it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"
import * as OpenAiRequest from "./OpenAiRequest.ts"
import * as RowError from "./RowError.ts"

/**
 * Where the parts of a request are in a row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Columns {
  /** A string or an integer, distinct in the whole input. Default: `id`, and the row's index where that is not there. */
  readonly id?: string | undefined
  /** A conversation. Default: `messages`. */
  readonly messages?: string | undefined
  /** A text, taken as one user message. Default: `prompt`, where there are no messages. */
  readonly prompt?: string | undefined
  /** A Jinja template over the row's columns that makes the text; it wins over columns. */
  readonly template?: string | undefined
  /** A text that becomes a system message before the prompt. */
  readonly system?: string | undefined
  /** Sends the text as it is, without a chat template. Default false. */
  readonly raw?: boolean | undefined
  /** Options of the row, over those of the batch. A seed above 2^53 is a string of digits. */
  readonly options?: string | undefined
}

/**
 * A row of the input, its columns as `JSON.parse` gives them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row {
  readonly id: string
  /** Counted from 0 over the lines that are not blank. */
  readonly index: number
  readonly columns: Readonly<Record<string, unknown>>
}

/**
 * What is asked for a row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly input: Message.Input
  readonly options: CallOptions
}

/**
 * A row → what is asked for it.
 *
 * @category models
 * @since 0.1.0
 */
export type Mapping = (row: Row) => Result.Result<Request, RowError.RowError>

/** A prompt template that is compiled already. */
export type Render = (columns: Readonly<Record<string, unknown>>) => Result.Result<string, string>

/**
 * @category predicates
 * @since 0.1.0
 */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isMessages = Schema.is(Message.Messages)

/**
 * The id of a row; undefined where the column holds neither a string nor an integer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const id = (row: Readonly<Record<string, unknown>>, columns: Columns, index: number): string | undefined => {
  const value = row[columns.id ?? (OpenAiRequest.is(row) ? "custom_id" : "id")]
  if (typeof value === "string") return value
  if (Number.isSafeInteger(value)) return String(value)
  return (value === undefined || value === null) && columns.id === undefined ? String(index) : undefined
}

const wrong = (column: string, problem: string) =>
  Result.fail(RowError.make(new RowError.WrongColumn({ column, problem })))

const DIGITS = /^\d{1,20}$/

/** Options as JSON holds them, a large seed as its digits. */
const options = (column: string, value: unknown): Result.Result<CallOptions, RowError.RowError> => {
  if (value === undefined || value === null) return Result.succeed({})
  if (!isRecord(value)) return wrong(column, "is no object of options")
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

const conversation = (row: Row, column: string): Result.Result<Message.Input, RowError.RowError> => {
  const value = row.columns[column]
  return isMessages(value)
    ? Result.succeed(value)
    : wrong(column, "is no list of messages with role and content")
}

/**
 * Makes the mapping: the columns named, else what the row looks like.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mapping = (columns: Columns, render?: Render): Mapping => {
  const text = (row: Row, content: string): Result.Result<Message.Input, RowError.RowError> => {
    if (columns.raw === true) return Result.succeed({ raw: content })
    if (columns.system === undefined) return Result.succeed([Message.user(content)])
    const system = row.columns[columns.system]
    return typeof system === "string"
      ? Result.succeed([Message.system(system), Message.user(content)])
      : wrong(columns.system, "is no text")
  }

  const prompt = (row: Row, column: string): Result.Result<Message.Input, RowError.RowError> => {
    const value = row.columns[column]
    return typeof value === "string" ? text(row, value) : wrong(column, "is no text")
  }

  const input = (row: Row): Result.Result<Message.Input, RowError.RowError> => {
    if (render !== undefined) {
      const rendered = render(row.columns)
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

  const plain = render === undefined && columns.messages === undefined && columns.prompt === undefined
  return (row) => {
    if (plain && OpenAiRequest.is(row.columns)) return OpenAiRequest.toRequest(row.columns)
    const asked = input(row)
    if (Result.isFailure(asked)) return Result.fail(asked.failure)
    if (columns.options === undefined) return Result.succeed({ input: asked.success, options: {} })
    return Result.map(
      options(columns.options, row.columns[columns.options]),
      (options) => ({ input: asked.success, options })
    )
  }
}
