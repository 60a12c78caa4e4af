/**
 * How SGLang refuses a request: with a validation error, or with a reason of its own.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import * as PythonJson from "../../wire/PythonJson.ts"
import * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"

/**
 * A refused request: with a validation error, or with a reason of its own.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly message: string
  /** `Bad Request` where a type did not fit, `BadRequestError` or `BadRequest` where a check failed. */
  readonly type: string
  /** What did not fit; a check has none. */
  readonly problems?: ReadonlyArray<Pydantic.Problem>
}

/** @category constructors @since 0.2.0 */
export const refused = (message: string, type = "BadRequestError"): Refused => ({ _tag: "Refused", message, type })

/** A value that its type accepts and a check of the type does not. @category constructors @since 0.2.0 */
export const unfit = (message: string, loc: Pydantic.Problem["loc"], input: unknown): Pydantic.Problem => ({
  type: "value_error",
  loc,
  msg: `Value error, ${message}`,
  input,
  ctx: { error: Pydantic.verbatim(`ValueError(${Pydantic.repr(message)})`) }
})

const shown = (problem: Pydantic.Problem): string =>
  `{'type': ${Pydantic.repr(problem.type)}, 'loc': (${problem.loc.map(Pydantic.repr).join(", ")}${
    problem.loc.length === 1 ? "," : ""
  }), 'msg': ${Pydantic.repr(problem.msg)}, 'input': ${Pydantic.repr(problem.input)}${
    problem.ctx === undefined ? "" : `, 'ctx': ${Pydantic.repr(problem.ctx)}`
  }}`

const media = "Unsupported Media Type: Only 'application/json' is allowed"
const header = "header"

/** A content type other than JSON. @category constants @since 0.2.0 */
export const foreign: Refused = {
  ...refused("", "Bad Request"),
  problems: [{ type: "value_error", loc: [header, "content-type"], msg: media, input: undefined }]
}

/** Where the server's own file declares each route, which its validation errors show. */
const places: Readonly<Record<string, readonly [line: number, name: string]>> = {
  "/generate": [928, "generate_request"],
  "/encode": [993, "encode_request"],
  "/classify": [1006, "classify_request"],
  "/abort_request": [1721, "abort_request"],
  "/parse_function_call": [1734, "parse_function_call_request"],
  "/separate_reasoning": [1774, "separate_reasoning_request"],
  "/v1/completions": [1860, "openai_v1_completions"],
  "/v1/chat/completions": [1870, "openai_v1_chat_completions"],
  "/v1/embeddings": [1882, "openai_v1_embeddings"],
  "/v1/classify": [1894, "openai_v1_classify"],
  "/v1/tokenize": [1906, "openai_v1_tokenize"],
  "/tokenize": [1906, "openai_v1_tokenize"],
  "/v1/detokenize": [1924, "openai_v1_detokenize"],
  "/detokenize": [1924, "openai_v1_detokenize"],
  "/v1/score": [2050, "v1_score_request"],
  "/v1/decisions": [2058, "v1_decisions_request"],
  "/v1/responses": [2066, "v1_responses_request"],
  "/v1/rerank": [2101, "v1_rerank_request"],
  "/api/chat": [2131, "ollama_chat"],
  "/api/generate": [2137, "ollama_generate"],
  "/api/show": [2151, "ollama_show"],
  "/invocations": [2202, "sagemaker_chat_completions"],
  "/vertex_generate": [2215, "vertex_generate"]
}

const file = "/sgl-workspace/sglang/python/sglang/srt/entrypoints/http_server.py"

/** The validation error, which shows the problems twice and says which function they were meant for. */
const complaint = (problems: ReadonlyArray<Pydantic.Problem>, method: string, path: string): string => {
  const count = `${problems.length} validation error${problems.length === 1 ? "" : "s"}:`
  if (problems[0]?.loc[0] === header) {
    const text = `{'loc': ['header', 'content-type'], 'msg': ${Pydantic.repr(media)}, 'type': 'value_error'}`
    return `${count}\n  ${text} [${text}]`
  }
  const lines = problems.map((problem) => `\n  ${shown(problem)}`).join("")
  const [line, name] = places[path] ?? []
  const place = line === undefined ? "" : `\n\n  File "${file}", line ${line}, in ${name}\n    ${method} ${path}`
  return `${count}${lines}${place} [${problems.map(shown).join(", ")}]`
}

/** The validation error. @category constructors @since 0.2.0 */
export const misfit = (problems: ReadonlyArray<Pydantic.Problem>): Refused => ({
  ...refused(complaint(problems, "", ""), "Bad Request"),
  problems
})

/** As Anthropic's route reports it: places and messages, and no more than 500 characters. */
const digest = (problems: ReadonlyArray<Pydantic.Problem>): string => {
  const text = problems.map(({ loc, msg }) => {
    const place = loc.filter((part) => part !== "body").join(".")
    return place === "" ? msg : `${place}: ${msg}`
  }).join("; ")
  return text.length > 500 ? `${text.slice(0, 500)}…` : text
}

/** As System One's route reports it: a list, without the values. */
const detail = ({ ctx, loc, msg, type }: Pydantic.Problem): object => ({
  type,
  loc,
  msg,
  ...(ctx !== undefined && { ctx: type === "value_error" ? { error: {} } : ctx })
})

const json = (status: number, value: object) => Reply.json(status, JSON.stringify(value), SglangJson.headers)

/** A refusal as the route reports it. @category replies @since 0.2.0 */
export const reply = ({ message, problems, type }: Refused, method: string, path: string): Reply.Unary => {
  if (path.startsWith("/v1/messages")) {
    const said = problems === undefined ? message : digest(problems)
    return json(400, { type: "error", error: { type: "invalid_request_error", message: said } })
  }
  if (problems === undefined) return SglangJson.failed(400, message, type)
  if (path === "/v1/systemone") {
    return json(422, {
      detail: problems[0]?.loc[0] === header
        ? [{ loc: [header, "content-type"], msg: media, type: "value_error" }]
        : problems.map(detail)
    })
  }
  const said = complaint(problems, method, path)
  return path.startsWith("/v1/responses")
    ? json(400, { error: { message: said, type: "Bad Request", param: null, code: 400 } })
    : SglangJson.failed(400, said, "Bad Request")
}

/** In the words of the parser that this server reads bodies with. */
const words = (body: string, { at, msg }: PythonJson.Mistake): readonly [string, number] => {
  if (body.trim() === "") return ["input data is empty", 0]
  if (at >= body.length || msg.startsWith("Unterminated")) return ["unexpected end of data", body.length]
  if ("}]".includes(body.charAt(at)) && body.slice(0, at).trimEnd().endsWith(",")) {
    return ["trailing comma is not allowed", body.slice(0, at).lastIndexOf(",")]
  }
  switch (msg) {
    case "Expecting property name enclosed in double quotes":
      return ["unexpected character, expected a string key", at]
    case "Expecting value":
      return ["unexpected character, expected a JSON value", at]
    case "Expecting ':' delimiter":
      return ["unexpected character, expected ':' after key", at]
    case "Expecting ',' delimiter":
      return ["unexpected character, expected ',' or ']'", at]
    case "Invalid control character at":
      return ["unexpected control character in string", at]
    case "Extra data":
      return ["unexpected content after document", at]
    default:
      return ["invalid escaped sequence in string", at]
  }
}

/** A body that is not JSON, or is empty. @category constructors @since 0.2.0 */
export const unreadable = (body: string): Refused => {
  if (body === "") return misfit([{ type: "missing", loc: ["body"], msg: "Field required", input: null }])
  const number = /[:[,]\s*(?=-?Infinity|NaN)/.exec(body)
  const mistake = PythonJson.mistake(body) ??
    { msg: "Expecting value", at: number === null ? 0 : number.index + number[0].length }
  const [error, at] = body.includes("\udcff")
    ? ["str is not valid UTF-8: surrogates not allowed", 0]
    : words(body, mistake)
  return misfit([{ type: "json_invalid", loc: ["body", at], msg: "JSON decode error", input: {}, ctx: { error } }])
}
