/**
 * A tape: recorded exchanges, as JSON lines, so that the same requests get the same responses without a model. It holds
 * the boundaries of events, their times, and how the response ended; bodies are decoded; headers are limited to an
 * allow-list.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The first line: when and with what the tape was made.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Head = Schema.Struct({
  tape: Schema.Literal(1),
  /** ISO 8601, in UTC. */
  date: Schema.String,
  /** Name and version of the recorder. */
  package: Schema.String
})

/**
 * @category models
 * @since 0.2.0
 */
export type Head = typeof Head.Type

const Headers = Schema.Record(Schema.String, Schema.String)

/**
 * One exchange. Times are milliseconds since the arrival of the request.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Exchange = Schema.Struct({
  request: Schema.Struct({ method: Schema.String, path: Schema.String, body: Schema.Json }),
  response: Schema.Struct({
    status: Schema.Int,
    headers: Headers,
    /** When the headers were sent. */
    at: Schema.Finite,
    body: Schema.optionalKey(Schema.Json),
    /** The data of each event, with its time. */
    events: Schema.optionalKey(Schema.Array(Schema.Tuple([Schema.Finite, Schema.String])))
  }),
  /** `cut` by the server, or `left` by the client: such a response breaks off again. */
  ending: Schema.Literals(["complete", "cut", "left"]),
  /** The server that responded, if known. */
  by: Schema.optionalKey(Schema.Struct({
    model: Schema.String,
    engine: Schema.String,
    version: Schema.optionalKey(Schema.String)
  }))
})

/**
 * @category models
 * @since 0.2.0
 */
export type Exchange = typeof Exchange.Type

/**
 * A whole tape.
 *
 * @category models
 * @since 0.2.0
 */
export interface Tape {
  readonly head: Head
  readonly exchanges: ReadonlyArray<Exchange>
}

/** The replacement of a secret. */
const MASK = "[secret]"

/** Secrets by their form: known API keys, bearer values, signed tokens. */
const shapes =
  /\b(?:hf_[A-Za-z0-9]{16,}|sk-[\w-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16}|xox[a-z]-[\w-]{10,}|ey[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})|(?<=\bbearer +)[\w.~+/=-]{8,}/gi

/** Fields that hold secrets, by their names. */
const names =
  /^(?:api[-_]?key|authorization|cookie|set-cookie|password|secret|client[-_]?secret|access[-_]?token|refresh[-_]?token|hf[-_]?token)$/i

/**
 * A text without what looks like a secret.
 *
 * @category redaction
 * @since 0.2.0
 */
export const maskText = (text: string): string => text.replaceAll(shapes, MASK)

/**
 * A value without what looks like a secret, or is in a field for one.
 *
 * @category redaction
 * @since 0.2.0
 */
export const mask = (value: Schema.Json): Schema.Json => {
  if (typeof value === "string") return maskText(value)
  if (Array.isArray(value)) return value.map(mask)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, names.test(name) && member !== null ? MASK : mask(member)])
  )
}

/**
 * What differs from run to run without meaning, by name: if selected, requests that differ only in it are the same.
 *
 * @category constants
 * @since 0.2.0
 */
export const normalisers = {
  date: [/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?/g, "<date>"],
  uuid: [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, "<uuid>"],
  port: [/(?<=\b(?:localhost|127\.0\.0\.1|\[::1\])):\d{2,5}\b/g, ":<port>"]
} as const

/**
 * @category models
 * @since 0.2.0
 */
export type Normaliser = keyof typeof normalisers

const normal = (text: string, by: ReadonlyArray<Normaliser>): string =>
  by.reduce((all, name) => all.replaceAll(normalisers[name][0], normalisers[name][1]), text)

/**
 * A value as it is compared: masked, normalised, with its keys in order.
 *
 * @category comparison
 * @since 0.2.0
 */
export const canonical = (value: Schema.Json, by: ReadonlyArray<Normaliser> = []): Schema.Json => {
  const sorted = (one: Schema.Json): Schema.Json => {
    if (typeof one === "string") return normal(one, by)
    if (Array.isArray(one)) return one.map(sorted)
    if (typeof one !== "object" || one === null) return one
    return Object.fromEntries(
      Object.entries(one).toSorted(([a], [b]) => a < b ? -1 : 1).map(([name, member]) => [name, sorted(member)])
    )
  }
  return sorted(mask(value))
}

/**
 * The key of a request: its route and its canonical body.
 *
 * @category comparison
 * @since 0.2.0
 */
export const keyOf = (
  { body, method, path }: Exchange["request"],
  by: ReadonlyArray<Normaliser> = []
): string => `${method} ${path} ${JSON.stringify(canonical(body, by))}`

const encodeHead = Schema.encodeSync(Schema.fromJsonString(Head))
const encodeExchange = Schema.encodeSync(Schema.fromJsonString(Exchange))

/**
 * The first line of a tape.
 *
 * @category encoding
 * @since 0.2.0
 */
export const headLine = (head: Head): string => `${encodeHead(head)}\n`

/**
 * The line of an exchange, masked; undefined if it still contains one of the secrets.
 *
 * @category encoding
 * @since 0.2.0
 */
export const line = (exchange: Exchange, secrets: ReadonlyArray<string>): string | undefined => {
  const { body, events } = exchange.response
  const text = encodeExchange({
    ...exchange,
    request: { ...exchange.request, body: mask(exchange.request.body) },
    response: {
      ...exchange.response,
      ...(body !== undefined && { body: mask(body) }),
      ...(events !== undefined && { events: events.map(([at, data]) => [at, maskText(data)] as const) })
    }
  })
  // a secret in a text of JSON, and in a text of JSON within one
  const forms = secrets.filter((secret) => secret !== "").flatMap((secret) => {
    const once = JSON.stringify(secret).slice(1, -1)
    return [secret, once, JSON.stringify(once).slice(1, -1), encodeURIComponent(secret)]
  })
  return forms.some((form) => text.includes(form)) ? undefined : `${text}\n`
}

const decodeHead = Schema.decodeUnknownResult(Schema.fromJsonString(Head))
const decodeExchange = Schema.decodeUnknownResult(Schema.fromJsonString(Exchange))

const problem = (number: number) => (error: { readonly message: string }) =>
  `line ${number} of the tape: ${error.message}`

/**
 * Reads a tape; fails with the first invalid line.
 *
 * @category decoding
 * @since 0.2.0
 */
export const read = (text: string): Result.Result<Tape, string> =>
  Result.gen(function*() {
    const lines = text.split("\n").filter((line) => line.trim() !== "")
    const head = yield* Result.mapError(decodeHead(lines[0] ?? ""), problem(1))
    const exchanges: Array<Exchange> = []
    for (const [index, one] of lines.slice(1).entries()) {
      exchanges.push(yield* Result.mapError(decodeExchange(one), problem(index + 2)))
    }
    return { head, exchanges }
  })
