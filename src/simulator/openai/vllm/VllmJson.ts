/**
 * What vLLM writes in many places: failures, usage, names.
 *
 * @since 0.2.0
 */
import type { Settings } from "../../model/Options.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"

/** Headers of every response. @category constants @since 0.2.0 */
export const headers = { server: "uvicorn" }

/** @category encoding @since 0.2.0 */
export const quote = (value: unknown): string => JSON.stringify(value)

/** A value as a whole response. @category replies @since 0.2.0 */
export const ok = (value: unknown): Reply.Unary => Reply.json(200, JSON.stringify(value), headers)

/**
 * What the server throws: a status, a message, a type, and the parameter it is about.
 *
 * @category errors
 * @since 0.2.0
 */
export class Thrown {
  readonly status: number
  readonly message: string
  readonly type: string
  readonly param: string | null
  constructor(status: number, message: string, type: string, param: string | null = null) {
    this.status = status
    this.message = message
    this.type = type
    this.param = param
  }
}

/**
 * A mistake of the request, a 400. With a parameter the message names it, and its value if any.
 *
 * @category errors
 * @since 0.2.0
 */
export const invalid = (message: string, param?: string, value?: string): never => {
  const extras = [param === undefined ? [] : [`parameter=${param}`], value === undefined ? [] : [`value=${value}`]]
    .flat().join(", ")
  throw new Thrown(400, extras === "" ? message : `${message} (${extras})`, "BadRequestError", param ?? null)
}

/** A failure inside the engine. @category errors @since 0.2.0 */
export const broken = (message = "Internal server error"): never => {
  throw new Thrown(500, message, "InternalServerError")
}

const summary = (value: unknown): string =>
  Array.isArray(value)
    ? `<list of ${value.length} items>`
    : Pydantic.isBody(value)
    ? `<dict of ${Object.keys(value).length} items>`
    : typeof value === "string"
    ? value.length > 200 ? `${value.slice(0, 200)}...[truncated]` : value
    : Pydantic.repr(value)

const internal = /[[\]{}()]/
const markers = new Set(["str", "int", "float", "bool", "list", "dict", "union", "nullable"])

const place = (loc: Pydantic.Problem["loc"]): string => {
  const parts = loc.map(String).filter((part) => !internal.test(part) && !markers.has(part))
  return parts.join(".")
}

const mostReported = 10

const shown = ({ ctx, input, loc, msg, type }: Pydantic.Problem): string =>
  `  {'type': ${Pydantic.repr(type)}, 'loc': ${Pydantic.repr(place(loc))}, 'msg': ${Pydantic.repr(msg)}, ` +
  `'input': ${Pydantic.repr(summary(input))}${ctx === undefined ? "" : `, 'ctx': ${Pydantic.repr(ctx)}`}}`

/** A body whose types do not fit, a 400 that names the first place. @category errors @since 0.2.0 */
export const misfit = (problems: ReadonlyArray<Pydantic.Problem>): never => {
  const [first] = problems
  const count = problems.length
  const label = count === 1 ? "error" : "errors"
  const rest = count > mostReported ? `\n  ...and ${count - mostReported} more ${label}` : ""
  throw new Thrown(
    400,
    `${count} validation ${label}:\n${problems.slice(0, mostReported).map(shown).join("\n")}${rest}`,
    "Bad Request",
    first === undefined ? null : place(first.loc)
  )
}

/** The body of a failure. @category failures @since 0.2.0 */
export const failure = ({ message, param, status, type }: Thrown): string =>
  `{"error":{"message":${quote(message)},"type":${quote(type)},"param":${quote(param)},"code":${status}}}`

/** A failure inside a stream, written with spaces. @category failures @since 0.2.0 */
export const failureFrame = ({ message, param, status, type }: Thrown): Reply.Frame => ({
  payload: `{"error": {"message": ${quote(message)}, "type": ${quote(type)}, "param": ${
    quote(param)
  }, "code": ${status}}}`,
  tokens: 0
})

/** @category failures @since 0.2.0 */
export const failed = (thrown: Thrown): Reply.Unary => Reply.json(thrown.status, failure(thrown), headers)

/** The framework's response to a body that is not UTF-8. @category failures @since 0.2.0 */
export const unreadable: Reply.Unary = Reply.json(400, `{"detail":"There was an error parsing the body"}`, headers)

/** The framework's response to an unknown path or method. @category failures @since 0.2.0 */
export const unknown = (status: 404 | 405): Reply.Unary =>
  Reply.json(status, `{"detail":"${status === 404 ? "Not Found" : "Method Not Allowed"}"}`, headers)

/**
 * @category models
 * @since 0.2.0
 */
export interface Counts {
  readonly prompt: number
  readonly completion: number
  /** `undefined` on routes that do not separate thinking. */
  readonly reasoning: number | undefined
}

const details = (reasoning: number | undefined): string =>
  reasoning === undefined ? "null" : `{"reasoning_tokens":${reasoning}}`

/** Usage of a whole response. @category encoding @since 0.2.0 */
export const usage = ({ completion, prompt, reasoning }: Counts): string =>
  `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion},` +
  `"prompt_tokens_details":null,"completion_tokens_details":${details(reasoning)}}`

/** Usage inside a stream, without keys that are null. @category encoding @since 0.2.0 */
export const leanUsage = ({ completion, prompt, reasoning }: Counts): string =>
  `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion}${
    reasoning === undefined ? "" : `,"completion_tokens_details":${details(reasoning)}`
  }}`

/** The fingerprint, which contains the engine and its version. @category encoding @since 0.2.0 */
export const fingerprint = ({ modelId, version }: Settings): string =>
  `"vllm-${version}-${Random.hash(modelId).toString(16).padStart(8, "0")}"`

/** A random name of 16 hexadecimal digits. @category encoding @since 0.2.0 */
export const name = (random: Random.Random): string =>
  Array.from({ length: 16 }, () => Random.int(random, 16).toString(16)).join("")

/** Milliseconds of silence after which a comment is sent; never by default. @category streams @since 0.2.0 */
export const keepAlive = ({ keepAlive }: Settings): number | undefined => keepAlive

/** A float as Python prints it. @category encoding @since 0.2.0 */
export const float = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : Pydantic.repr(value)
