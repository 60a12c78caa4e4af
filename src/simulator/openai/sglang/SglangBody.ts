/**
 * The body of a request to SGLang: how it is read, and how the response leaves a route.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

/** @category models @since 0.2.0 */
export type Handler = (turn: Turn, path: string) => Reply.Reply

/** @category models @since 0.2.0 */
export type BodyHandler = (turn: Turn, body: Pydantic.Body) => Reply.Reply | SglangRefusal.Refused

/** What a route makes of a body that is not an object. */
const notBody = (path: string, input: unknown): SglangRefusal.Refused => {
  const loc = ["body"]
  return path === "/generate"
    ? SglangRefusal.misfit([{
      type: "dataclass_type",
      loc,
      msg: "Input should be a dictionary or an instance of GenerateReqInput",
      input,
      ctx: { class_name: "GenerateReqInput" }
    }])
    : SglangRefusal.misfit([{
      type: "model_attributes_type",
      loc,
      msg: "Input should be a valid dictionary or object to extract fields from",
      input
    }])
}

/** Routes whose types look into a body, and its format, before they know what it is. */
const careless = new Set(["/v1/chat/completions", "/invocations"])

/** Whether the look into a format fails: it is neither a map nor empty. */
const isOpaque = (format: unknown): boolean =>
  Array.isArray(format) ? format.length > 0 : typeof format === "object" ? false : Boolean(format)

const broken = Reply.unary(
  500,
  { ...SglangJson.headers, "content-type": "text/plain; charset=utf-8" },
  "Internal Server Error"
)

const bodyOf = (turn: Turn, path: string, strict: boolean): Pydantic.Body | SglangRefusal.Refused | Reply.Unary => {
  const { body, headers, json } = turn.request
  const isJson = headers["content-type"]?.toLowerCase().split(";", 1)[0] === "application/json"
  if (!isJson && strict) return SglangRefusal.foreign
  if (body === "" || (isJson && (json === undefined || body.includes("\udcff")))) return SglangRefusal.unreadable(body)
  if (isJson && Pydantic.isBody(json)) return careless.has(path) && isOpaque(json["response_format"]) ? broken : json
  if (careless.has(path) && typeof json !== "number") return broken
  return notBody(path, isJson ? json : Pydantic.verbatim(`b${Pydantic.repr(body)}`))
}

const isReply = (value: object): value is Reply.Reply =>
  "_tag" in value && (value._tag === "Unary" || value._tag === "Streaming")

const isRefused = (value: object): value is SglangRefusal.Refused => "_tag" in value && value._tag === "Refused"

/** Reads a JSON object; most routes refuse another content type than JSON. @category routes @since 0.2.0 */
export const post = (handler: BodyHandler, anyType = false): Handler => (turn, path) => {
  const body = bodyOf(turn, path, !anyType)
  if (isReply(body)) return body
  const answered = isRefused(body) ? body : handler(turn, body)
  return isRefused(answered) ? SglangRefusal.reply(answered, turn.request.method, path) : answered
}
