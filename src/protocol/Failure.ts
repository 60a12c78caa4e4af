/**
 * The failure bodies and failure frames of everything that can respond behind a Hugging Face URL: TGI, vLLM, SGLang,
 * llama.cpp, TEI, FastAPI containers, the gateway of Inference Endpoints, the router, the Hub and the proxies between.
 *
 * There is no common shape. `error` is a string, a list, an object or null, codes are strings or numbers, and bodies are
 * JSON, plain text, HTML or nothing. `read` accepts all of them and keeps what helps a person and what helps a program.
 *
 * @since 0.1.0
 */

/**
 * A failure body in one shape.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  /** The server's message, on one line if it said several things; `""` if it said nothing readable. */
  readonly message: string
  /** TGI's `error_type`, OpenAI's `error.type`, TEI's `type`. */
  readonly type?: string | undefined
  /** `X-Error-Code`, OpenAI's `error.code`, the gateway's `code`; numbers as decimal text. */
  readonly code?: string | undefined
  /**
   * The status that the body itself gives: `http_status_code`, `status_code`, `status` or `code`, as a number or as digits.
   * TGI always says 422 inside a stream, whatever happened.
   */
  readonly status?: number | undefined
  /** Seconds until a loading model is expected to be ready (`estimated_time`). */
  readonly estimatedTime?: number | undefined
  /** llama.cpp's numbers of a context overflow (`n_prompt_tokens`, `n_ctx`). */
  readonly context?: { readonly given: number; readonly limit: number } | undefined
  /** Notes next to the error, such as the list of parameters a model does not use. */
  readonly warnings?: ReadonlyArray<string> | undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const codeText = (value: unknown): string | undefined => typeof value === "number" ? String(value) : text(value)

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** An HTTP status of a failure, written as a number or as digits. */
const statusOf = (...values: ReadonlyArray<unknown>): number | undefined => {
  for (const value of values) {
    const status = typeof value === "string" && /^[45]\d\d$/.test(value) ? Number(value) : value
    if (typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600) return status
  }
  return undefined
}

const texts = (value: unknown): string | undefined =>
  Array.isArray(value)
    ? value.map((item: unknown) =>
      text(item) ?? (isRecord(item) ? detailItem(item) : undefined) ?? JSON.stringify(item)
    )
      .join("; ")
    : undefined

const detailItem = (item: Readonly<Record<string, unknown>>): string | undefined => {
  const message = text(item.msg) ?? text(item.message)
  return message === undefined || !Array.isArray(item.loc) ? message : `${item.loc.join(".")}: ${message}`
}

const title = (html: string): string =>
  (/<title[^>]*>([^<]{0,300})/i.exec(html)?.[1] ?? /<h1[^>]*>([^<]{0,300})/i.exec(html)?.[1] ?? "").trim()

const fromRecord = (body: Readonly<Record<string, unknown>>): Failure => {
  const nested = isRecord(body.error) ? body.error : isRecord(body.detail) ? body.detail : undefined
  const source = nested ?? body
  const message = text(body.error) ?? texts(body.error) ?? text(nested?.message) ?? text(nested?.error) ??
    texts(body.errors) ??
    text(body.detail) ??
    texts(body.detail) ?? text(body.message) ?? text(body.error_description) ?? text(body.title) ?? ""
  const warnings = Array.isArray(body.warnings) ? body.warnings.flatMap((item: unknown) => text(item) ?? []) : undefined
  const given = number(source.n_prompt_tokens)
  const limit = number(source.n_ctx)
  return {
    message,
    type: text(body.error_type) ?? text(source.type) ?? text(source.status),
    code: codeText(source.code) ?? codeText(body.code),
    status: statusOf(
      source.http_status_code,
      source.status_code,
      source.status,
      source.code,
      body.status_code,
      body.status,
      body.code
    ),
    estimatedTime: number(body.estimated_time),
    ...(given !== undefined && limit !== undefined && { context: { given, limit } }),
    ...(warnings !== undefined && warnings.length > 0 && { warnings })
  }
}

/**
 * Reads a failure body of any kind. Never fails: what cannot be understood is its own message.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (body: string): Failure => {
  const trimmed = body.trim()
  if (trimmed === "") return { message: "" }
  if (trimmed.startsWith("{") || trimmed.startsWith("[")) {
    try {
      return fromJson(JSON.parse(trimmed)) ?? { message: trimmed }
    } catch {
      return { message: trimmed }
    }
  }
  return { message: trimmed.startsWith("<") ? title(trimmed) : trimmed }
}

/**
 * A failure body without the request: FastAPI repeats what did not fit (`input`), and hf-serve the whole request (`body`),
 * so that the prompt would appear wherever errors are shown.
 *
 * @category decoding
 * @since 0.2.0
 */
export const withoutRequest = (body: string): string => {
  if (!/^\s*\{\s*"detail"\s*:\s*\[/.test(body)) return body
  try {
    const parsed: unknown = JSON.parse(body)
    if (!isRecord(parsed) || !Array.isArray(parsed.detail)) return body
    const detail = parsed.detail.map((item: unknown) => {
      if (!isRecord(item)) return item
      const { input: _input, ...rest } = item
      return rest
    })
    const { body: _body, ...rest } = parsed
    return JSON.stringify({ ...rest, detail })
  } catch {
    return ""
  }
}

/**
 * Reads an already parsed failure body. `undefined` if the value is not an object, so that there is nothing to read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromJson = (value: unknown): Failure | undefined => {
  if (isRecord(value)) return fromRecord(value)
  const list = texts(value)
  return list === undefined ? undefined : { message: list }
}

/**
 * Tells whether a payload is an error and not a token: TGI's `{"error","error_type"}`, the OpenAI-like
 * `{"error":{"message",…}}` of TGI's chat route, vLLM and llama.cpp, SGLang's flat `{"object":"error",…}`, FastAPI's
 * `{"detail":…}`, and `{"message","status_code"}` of gateways. `"error": null` is not an error.
 *
 * @category decoding
 * @since 0.1.0
 */
export const isFrame = (payload: unknown): boolean => {
  if (typeof payload !== "object" || payload === null) return false
  // an object may be read by any name
  const { choices, error, generated_text, object, token, type } = payload as Readonly<Record<string, unknown>>
  if ((error !== undefined && error !== null) || object === "error" || type === "error") return !Array.isArray(payload)
  return choices === undefined && generated_text === undefined && token === undefined && isNote(payload)
}

/** Whether a payload without a token says, in another form than `error`, that something failed. */
const isNote = (payload: object): boolean =>
  isRecord(payload) &&
  (isGiven(payload.detail) ||
    (isGiven(payload.message) && statusOf(payload.status_code, payload.status, payload.code) !== undefined))

const isGiven = (value: unknown): boolean => value !== undefined && value !== null

/**
 * The failure payload of a body that came with a success status, if it is one.
 *
 * @category decoding
 * @since 0.1.0
 */
export const frame = (body: string): unknown => {
  try {
    const payload: unknown = JSON.parse(body)
    return isFrame(payload) ? payload : undefined
  } catch {
    return undefined
  }
}
