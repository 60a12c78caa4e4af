/**
 * The fields of a completion as llama.cpp reads them: each by its names in order, null as if it were absent, a value outside
 * hard limits refused, and everything that is not a field ignored.
 *
 * @since 0.2.0
 */

/** A JSON object as it came over the wire. @category models @since 0.2.0 */
export type Body = Readonly<Record<string, unknown>>

/** @category guards @since 0.2.0 */
export const isBody = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * What the server throws: `invalid` becomes a 400, everything else a 500.
 *
 * @category errors
 * @since 0.2.0
 */
export class Thrown {
  readonly message: string
  readonly invalid: boolean
  constructor(message: string, invalid: boolean) {
    this.message = message
    this.invalid = invalid
  }
}

/** Ends reading with a 400. @category errors @since 0.2.0 */
export const invalid = (message: string): never => {
  throw new Thrown(message, true)
}

/** Ends reading with a 500. @category errors @since 0.2.0 */
export const broken = (message: string): never => {
  throw new Thrown(message, false)
}

/** The name that the server's JSON library gives to a type. @category reading @since 0.2.0 */
export const typeName = (value: unknown): string =>
  value === null || value === undefined ? "null" : Array.isArray(value) ? "array" : typeof value

/** The library's complaint about a type. @category errors @since 0.2.0 */
export const typeError = (expected: string, value: unknown): string =>
  `[json.exception.type_error.302] type must be ${expected}, but is ${typeName(value)}`

/**
 * A value of the wanted type, or the fallback where it is absent, null or of another type.
 *
 * @category reading
 * @since 0.2.0
 */
export const lenient = <A>(body: Body, key: string, is: (value: unknown) => value is A, fallback: A): A => {
  const value = body[key]
  return is(value) ? value : fallback
}

/** @category guards @since 0.2.0 */
export const isText = (value: unknown): value is string => typeof value === "string"

/** @category guards @since 0.2.0 */
export const isFlag = (value: unknown): value is boolean => typeof value === "boolean"

/** @category guards @since 0.2.0 */
export const isNumber = (value: unknown): value is number => typeof value === "number"

const top = 2_147_483_647

type Hard = readonly [low: number, high: number]

interface Field {
  readonly names: ReadonlyArray<string>
  readonly kind: "flag" | "int" | "long" | "float" | "text"
  readonly hard?: Hard
}

const flag = (...names: ReadonlyArray<string>): Field => ({ names, kind: "flag" })
const int = (hard: Hard | undefined, ...names: ReadonlyArray<string>): Field => ({
  names,
  kind: "int",
  ...(hard !== undefined && { hard })
})
const float = (...names: ReadonlyArray<string>): Field => ({ names, kind: "float" })

/** The first fields, in the order in which they are read. */
const first: ReadonlyArray<Field> = [
  flag("verbose"),
  flag("timings_per_token"),
  flag("stream")
]

const rest = (slots: number): ReadonlyArray<Field> => [
  flag("cache_prompt"),
  flag("return_tokens"),
  flag("return_progress"),
  int([-1, top], "sse_ping_interval"),
  int([-1, top], "n_predict", "max_completion_tokens", "max_tokens"),
  int([0, top], "n_indent"),
  int([-1, top], "n_keep"),
  int([0, top], "n_discard"),
  int([1, slots], "n_cmpl", "n"),
  int([0, top], "n_cache_reuse"),
  { names: ["t_max_predict_ms"], kind: "long", hard: [-1, Number.MAX_SAFE_INTEGER] },
  int(undefined, "top_k"),
  float("top_p"),
  float("min_p"),
  float("top_n_sigma"),
  float("xtc_probability"),
  float("xtc_threshold"),
  float("typical_p"),
  float("temperature"),
  float("dynatemp_range"),
  float("dynatemp_exponent"),
  int([0, top], "repeat_last_n"),
  float("repeat_penalty"),
  float("frequency_penalty"),
  float("presence_penalty"),
  float("dry_multiplier"),
  float("dry_base"),
  int([0, top], "dry_allowed_length"),
  int([0, top], "dry_penalty_last_n"),
  int(undefined, "mirostat"),
  float("mirostat_tau"),
  float("mirostat_eta"),
  float("adaptive_target"),
  { names: ["adaptive_decay"], kind: "float", hard: [0, 0.99] },
  int(undefined, "seed"),
  int(undefined, "n_probs", "logprobs"),
  int([0, top], "min_keep"),
  flag("backend_sampling"),
  flag("post_sampling_probs")
]

/** The fields that the server reads after its numbers. */
const last: ReadonlyArray<Field> = [flag("grammar_lazy"), flag("parse_tool_calls"), flag("echo"), flag("ignore_eos")]

const checkAdapters = (body: Body): void => {
  const { lora } = body
  if (lora === undefined || lora === null) return
  named("lora", () =>
    Array.isArray(lora)
      ? lora
      : invalid("Error: 'lora' must be an array of objects with 'id' and 'scale' fields"))
}

const checkBreakers = (body: Body): void => {
  const breakers = body["dry_sequence_breakers"]
  if (breakers === undefined || breakers === null) return
  named("dry_sequence_breakers", () =>
    Array.isArray(breakers) && breakers.length > 0 && breakers.every(isText)
      ? breakers
      : invalid("Error: dry_sequence_breakers must be a non-empty array of strings"))
}

const checkSamplers = (body: Body): void => {
  const { samplers } = body
  const wrong: unknown = Array.isArray(samplers) ? samplers.find((name) => typeof name !== "string") : undefined
  if (wrong !== undefined) named("samplers", () => invalid(typeError("string", wrong)))
}

const limit = (field: Field, value: number): string => field.kind === "float" ? value.toFixed(6) : String(value)

const numeric = (field: Field, value: unknown): number => {
  if (typeof value !== "number" && typeof value !== "boolean") return invalid(typeError("number", value))
  const number = Number(value)
  // an integer takes the low 32 bits of the given value
  const read = field.kind === "int" ? Math.trunc(number) | 0 : number
  const [low, high] = field.hard ?? [-Infinity, Infinity]
  if (read >= low && read <= high) return read
  return invalid(
    `Value must be between ${limit(field, low)} <= value <= ${limit(field, high)}, but got ${limit(field, read)}`
  )
}

const evaluate = (field: Field, body: Body): number | boolean | string | undefined => {
  const name = field.names.find((name) => body[name] !== undefined && body[name] !== null)
  if (name === undefined) return undefined
  return named(name, () => {
    const value = body[name]
    if (field.kind === "flag") return typeof value === "boolean" ? value : invalid(typeError("boolean", value))
    if (field.kind === "text") return typeof value === "string" ? value : invalid(typeError("string", value))
    return numeric(field, value)
  })
}

/** Puts the name of a field before its complaint. @category reading @since 0.2.0 */
export const named = <A>(name: string, read: () => A): A => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Thrown) throw new Thrown(`Field '${name}': ${error.message}`, true)
    throw error
  }
}

/** A stop string or a list of them; anything else counts as none. @category reading @since 0.2.0 */
export const stops = (body: Body): ReadonlyArray<string> => {
  const { stop } = body
  if (typeof stop === "string") return [stop]
  if (!Array.isArray(stop)) return []
  return named("stop", () => {
    const wrong: unknown = stop.find((word) => typeof word !== "string")
    return wrong === undefined ? stop : invalid(typeError("string", wrong))
  })
}

/** The fields that a response depends on, by the first of their names. @category models @since 0.2.0 */
export type Fields = Readonly<Record<string, number | boolean | string | undefined>>

/**
 * Reads all fields of a completion. `slots` is the most completions that one request may ask for.
 *
 * @category reading
 * @since 0.2.0
 */
export const read = (body: Body, slots: number): Fields => {
  const fields: Record<string, number | boolean | string | undefined> = {}
  const take = (list: ReadonlyArray<Field>): void => {
    for (const field of list) fields[field.names[0] ?? ""] = evaluate(field, body)
  }
  take(first)
  const options = body["stream_options"]
  if (isBody(options)) fields["include_usage"] = evaluate(flag("include_usage"), options)
  take(rest(slots))
  checkAdapters(body)
  checkBreakers(body)
  take(last)
  checkSamplers(body)
  return fields
}
