/**
 * The lines of the output and errors files.
 *
 * Every line has every field, and a field has one type, so that a reader that fixes types by the first lines of a file
 * (`datasets`, pyarrow, DuckDB) can read all of it: text is `""` if there is none, a count is `-1` if it is not known,
 * dollars always have a decimal point, and a list or a tree is a string of JSON.
 *
 * - Output: `{"id","index","generations":[…],"provenance":{…}}`, and `"input"` if columns are kept. A generation has
 *   `text`, `reasoning`, `refusal`, `toolCalls` (JSON), `finishReason`, `rawFinishReason`, `seed` (digits), `model`,
 *   `systemFingerprint`, `value` (JSON of the decoded value), `details` (JSON: tokens, prefill, best-of, server
 *   timings) and `statistics`, with the provider that generated it, the seed that was sent and the cost that the server
 *   reported.
 * - Errors: `{"id","index","error":{"stage","reason","message","status","type","attempts"}}`.
 *
 * @since 0.1.0
 */
import type * as Generation from "../../Generation.ts"
import type { Failure } from "./Failure.ts"
import type { Row } from "./Row.ts"

export type { Failure } from "./Failure.ts"

/**
 * Where the generations of a row come from.
 *
 * @category models
 * @since 0.2.0
 */
export interface Provenance {
  readonly model: string
  readonly revision: string
  readonly provider: string
  readonly engine: string
  readonly engineVersion: string
  /**
   * What rendered the prompt here: the SHA-256 of a template's text, or the repository that has it with its revision;
   * empty if the server rendered it.
   */
  readonly template: string
  /** SHA-256 of the input and the options of the row. */
  readonly prompt: string
  /** Dollars: the server's own figure, else by the known price; undefined if neither is known. */
  readonly dollars: number | undefined
  /** The version of this package. */
  readonly package: string
}

/**
 * What a row yielded.
 *
 * @category models
 * @since 0.2.0
 */
export interface Result {
  readonly generations: ReadonlyArray<Generation.Generation>
  /** The decoded values, as JSON text, if responses are decoded. */
  readonly values?: ReadonlyArray<string> | undefined
  readonly provenance?: Provenance | undefined
  /** The columns to keep, as JSON text. */
  readonly input?: string | undefined
}

const text = (value: string | undefined): string => value === undefined || value === "" ? "\"\"" : JSON.stringify(value)

const SHORT = 64
const FEW = 256

/** Names of models, engines and reasons recur in every line. */
const quoted = new Map<string, string>()

/** A text whose field holds few different values. */
const name = (value: string | undefined): string => {
  if (value === undefined || value === "") return "\"\""
  const known = quoted.get(value)
  if (known !== undefined) return known
  const made = JSON.stringify(value)
  if (value.length <= SHORT && quoted.size < FEW) quoted.set(value, made)
  return made
}

const count = (value: number | undefined): string => value === undefined ? "-1" : String(Math.round(value))

const float = (value: number | undefined): string =>
  value === undefined ? "-1.0" : Number.isInteger(value) ? value.toFixed(1) : String(value)

const bigintText = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

const details = ({ bestOf, prefill, statistics, tokens }: Generation.Generation): string =>
  bestOf === undefined && prefill === undefined && tokens === undefined && statistics.server === undefined
    ? ""
    : JSON.stringify({ tokens, prefill, bestOf, server: statistics.server }, bigintText)

const calls = (toolCalls: Generation.Generation["toolCalls"]): string =>
  toolCalls.length === 0 ? "\"[]\"" : JSON.stringify(JSON.stringify(toolCalls))

const generation = (value: Generation.Generation, decoded: string | undefined): string => {
  const { statistics } = value
  return `{"text":${JSON.stringify(value.text)},"reasoning":${text(value.reasoning)},"refusal":${
    text(value.refusal)
  },` +
    `"toolCalls":${calls(value.toolCalls)},"finishReason":${name(value.finishReason)},` +
    `"rawFinishReason":${name(value.rawFinishReason)},"seed":"${value.seed ?? statistics.seed ?? ""}","model":${
      name(value.model)
    },` +
    `"systemFingerprint":${name(value.systemFingerprint)},` +
    `"value":${text(decoded)},"details":${text(details(value))},"statistics":{"inputTokens":${
      count(statistics.inputTokens)
    },` +
    `"outputTokens":${count(statistics.outputTokens)},"cachedTokens":${count(statistics.cachedTokens)},` +
    `"reasoningTokens":${count(statistics.reasoningTokens)},"timeToFirstToken":${count(statistics.timeToFirstToken)},` +
    `"duration":${count(statistics.duration)},"attempts":${statistics.attempts},` +
    `"requestId":${text(statistics.requestId)},"provider":${name(statistics.provider)},` +
    `"seed":"${statistics.seed ?? ""}","cost":${float(statistics.cost)}}}`
}

const unknown: Provenance = {
  model: "",
  revision: "",
  provider: "",
  engine: "",
  engineVersion: "",
  template: "",
  prompt: "",
  dollars: undefined,
  package: ""
}

const origin = (provenance: Provenance): string =>
  `{"model":${name(provenance.model)},"revision":${name(provenance.revision)},"provider":${
    name(provenance.provider)
  },"engine":${name(provenance.engine)},"engineVersion":${name(provenance.engineVersion)},"template":${
    name(provenance.template)
  },"prompt":${text(provenance.prompt)},"dollars":${float(provenance.dollars)},"package":${name(provenance.package)}}`

/**
 * @category conversions
 * @since 0.1.0
 */
export const output = (
  { id, index }: Pick<Row, "id" | "index">,
  { generations, input, provenance = unknown, values }: Result
): string =>
  `{"id":${JSON.stringify(id)},"index":${index},"generations":[${
    generations.map((value, at) => generation(value, values?.[at])).join(",")
  }],"provenance":${origin(provenance)}${input === undefined ? "" : `,"input":${input}`}}`

/**
 * @category conversions
 * @since 0.1.0
 */
export const error = (
  { id, index }: Pick<Row, "id" | "index">,
  { attempts, message, reason, stage, status, type }: Failure
): string =>
  JSON.stringify({
    id,
    index,
    error: { stage, reason, message, status: status ?? -1, type: type ?? "", attempts }
  })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * A line as version 0.1.0 wrote it → the same line in today's form; one in today's form stays as it is, and so does anything
 * else.
 *
 * @category conversions
 * @since 0.2.0
 */
export const upgrade = (line: string): string => {
  const value: unknown = JSON.parse(line)
  if (!isObject(value) || typeof value.id !== "string" || typeof value.index !== "number") return line
  const row = { id: value.id, index: value.index }
  if (Array.isArray(value.generations) && !("provenance" in value)) {
    // what 0.1.0 wrote: generations of the service as JSON, with a seed above 2^53 as its digits
    return output(row, { generations: value.generations as ReadonlyArray<Generation.Generation> })
  }
  // the failure as 0.1.0 wrote it, whose absent members get their value here
  return isObject(value.error) && !("type" in value.error && "status" in value.error)
    ? error(row, value.error as unknown as Failure)
    : line
}
