/**
 * vllm-router 0.1.17, as observed in front of two workers: it passes on unknown routes and fields, reads numbers as
 * 32-bit floats, and drops `strict` from tools.
 *
 * @since 0.2.0
 */
import * as DoubleResponse from "../wire/DoubleResponse.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Serde from "../wire/Serde.ts"
import * as Payload from "../wire/shape/Payload.ts"
import * as Face from "./Face.ts"
import * as Typed from "./Typed.ts"

/** Fields that it reads as 32-bit floats. */
const floats = ["top_p", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty"]

const withoutStrict = (tool: unknown): unknown => {
  if (!Payload.isFields(tool) || !Payload.isFields(tool.function)) return tool
  const { strict: _, ...rest } = tool.function
  return { ...tool, function: rest }
}

const withoutThoughts = (message: unknown): unknown => {
  if (!Payload.isFields(message)) return message
  const { reasoning_content: _, ...rest } = message
  return rest
}

const rounded = (fields: Payload.Fields): Payload.Fields =>
  Object.fromEntries(floats.flatMap((name) => {
    const value = fields[name]
    return typeof value === "number" ? [[name, Math.fround(value)]] : []
  }))

const read = (fields: Payload.Fields): Payload.Fields => ({
  ...fields,
  ...rounded(fields),
  ...(Array.isArray(fields.tools) && { tools: fields.tools.map(withoutStrict) }),
  ...(Array.isArray(fields.messages) && { messages: fields.messages.map(withoutThoughts) }),
  stream: fields.stream === true
})

const typed: Readonly<Record<string, Serde.Reader<void>>> = {
  "/v1/chat/completions": Typed.chat,
  "/v1/completions": Typed.completion
}

const info = (workers: Face.Workers): Readonly<Record<string, Exchange.Response>> => {
  const count = workers.urls.length
  return {
    "/health": Face.text(200, "All servers healthy"),
    "/liveness": Face.text(200, "OK"),
    "/readiness": DoubleResponse.json(200, { status: "ready", healthy_workers: count, total_workers: count })
  }
}

/**
 * @category constants
 * @since 0.2.0
 */
export const face: Face.Face = {
  own: (request, workers) => {
    const path = Face.pathOf(request)
    if (request.method === "GET") return info(workers)[path]
    const reader = typed[path]
    const body = reader === undefined ? undefined : Serde.read(request.body, reader)
    return body?._tag === "Refused" ? Face.text(body.status, body.text) : undefined
  },
  passed: (request) => {
    const fields = Payload.parse(request.body)
    if (fields === undefined || typed[Face.pathOf(request)] === undefined) return request
    const { authorization } = request.headers
    const headers = { "content-type": "application/json", ...(authorization !== undefined && { authorization }) }
    return { ...Face.withBody(request, read(fields)), headers }
  },
  unreachable: (path, url) =>
    typed[path] === undefined && path !== "/v1/models"
      ? Face.text(502, `Backend request failed: error sending request for url (${url}${path})`)
      : Face.text(500, `Request failed: error sending request for url (${url}${path})`),
  noWorkers: Face.text(503, "No available workers")
}
