/**
 * Reads request bodies the way a Python server with pydantic does: lenient about how a number or a flag is written, all
 * problems collected, each with a type, a place and a message. The texts are part of the protocol, because clients see them.
 *
 * @since 0.2.0
 */

/**
 * One thing that is wrong with a body.
 *
 * @category models
 * @since 0.2.0
 */
export interface Problem {
  readonly type: string
  readonly loc: ReadonlyArray<string | number>
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Converts a value as the server's type does, or records what is wrong.
 *
 * @category models
 * @since 0.2.0
 */
export type Reader<A> = (value: unknown, loc: Problem["loc"], problems: Array<Problem>) => A | undefined

/** A JSON object. @category models @since 0.2.0 */
export type Body = Readonly<Record<string, unknown>>

/** @category guards @since 0.2.0 */
export const isBody = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const problem = (
  type: string,
  msg: string,
  ctx?: Problem["ctx"]
): <A>(value: unknown, loc: Problem["loc"], problems: Array<Problem>) => A | undefined =>
(input, loc, problems) => {
  problems.push({ type, loc, msg, input, ctx })
  return undefined
}

/** @category readers @since 0.2.0 */
export const text: Reader<string> = (value, loc, problems) =>
  typeof value === "string" ? value : problem("string_type", "Input should be a valid string")(value, loc, problems)

const whole = /^\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*$/
const decimal = /^\s*[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf(?:inity)?|nan)\s*$/i

/** @category readers @since 0.2.0 */
export const integer: Reader<number> = (value, loc, problems) => {
  if (typeof value === "boolean") return Number(value)
  if (typeof value === "string") {
    return whole.test(value) ? Number(value.replaceAll("_", "")) : problem(
      "int_parsing",
      "Input should be a valid integer, unable to parse string as an integer"
    )(value, loc, problems)
  }
  if (typeof value !== "number") return problem("int_type", "Input should be a valid integer")(value, loc, problems)
  if (Number.isInteger(value)) return value
  return Number.isFinite(value)
    ? problem("int_from_float", "Input should be a valid integer, got a number with a fractional part")(
      value,
      loc,
      problems
    )
    : problem("finite_number", "Input should be a finite number")(value, loc, problems)
}

/** @category readers @since 0.2.0 */
export const float: Reader<number> = (value, loc, problems) => {
  if (typeof value === "number" || typeof value === "boolean") return Number(value)
  if (typeof value !== "string") return problem("float_type", "Input should be a valid number")(value, loc, problems)
  return decimal.test(value) ? Number(value) : problem(
    "float_parsing",
    "Input should be a valid number, unable to parse string as a number"
  )(value, loc, problems)
}

const yes = new Set(["1", "on", "t", "true", "y", "yes"])
const no = new Set(["0", "off", "f", "false", "n", "no"])

/** @category readers @since 0.2.0 */
export const flag: Reader<boolean> = (value, loc, problems) => {
  if (typeof value === "boolean") return value
  if (value === 0 || value === 1) return value === 1
  const word = typeof value === "string" ? value.toLowerCase() : ""
  if (yes.has(word) || no.has(word)) return yes.has(word)
  return typeof value === "string" || typeof value === "number"
    ? problem("bool_parsing", "Input should be a valid boolean, unable to interpret input")(value, loc, problems)
    : problem("bool_type", "Input should be a valid boolean")(value, loc, problems)
}

/** @category readers @since 0.2.0 */
export const record: Reader<Body> = (value, loc, problems) =>
  isBody(value) ? value : problem("dict_type", "Input should be a valid dictionary")(value, loc, problems)

/** @category readers @since 0.2.0 */
export const anything: Reader<unknown> = (value) => value

/** One of some texts. @category readers @since 0.2.0 */
export const literal = <const T extends string>(...names: ReadonlyArray<T>): Reader<T> => {
  const quoted = names.map((name) => `'${name}'`)
  const expected = quoted.length === 1
    ? quoted.join("")
    : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1) ?? ""}`
  return (value, loc, problems) =>
    names.find((name) => name === value) ??
      problem("literal_error", `Input should be ${expected}`, { expected })(value, loc, problems)
}

/** A number within its bounds. @category readers @since 0.2.0 */
export const within = (reader: Reader<number>, low: number, high: number): Reader<number> => (value, loc, problems) => {
  const number = reader(value, loc, problems)
  if (number === undefined) return undefined
  // NaN is not above a bound either
  if (!(number >= low)) {
    return problem("greater_than_equal", `Input should be greater than or equal to ${low}`, { ge: low })(
      value,
      loc,
      problems
    )
  }
  return number > high
    ? problem("less_than_equal", `Input should be less than or equal to ${high}`, { le: high })(value, loc, problems)
    : number
}

/** @category readers @since 0.2.0 */
export const list = <A>(item: Reader<A>, most = Infinity): Reader<ReadonlyArray<A>> => (value, loc, problems) => {
  if (!Array.isArray(value)) return problem("list_type", "Input should be a valid list")(value, loc, problems)
  if (value.length > most) {
    return problem("too_long", `List should have at most ${most} items after validation, not ${value.length}`, {
      field_type: "List",
      max_length: most,
      actual_length: value.length
    })(value, loc, problems)
  }
  const before = problems.length
  const items = value.map((element: unknown, at) => item(element, [...loc, at], problems))
  return problems.length === before ? items.filter((element) => element !== undefined) : undefined
}

/**
 * A value of a tagged union whose tag, in a field of this name, names no member; `shown` is the tag in words.
 *
 * @category readers
 * @since 0.2.0
 */
export const wrongTag = (
  input: unknown,
  loc: Problem["loc"],
  { field, shown, tag, tags }: {
    readonly field: string
    readonly tag: unknown
    readonly shown: string
    readonly tags: ReadonlyArray<string>
  }
): Problem => {
  const expected_tags = tags.map((one) => `'${one}'`).join(", ")
  return {
    type: "union_tag_invalid",
    loc,
    msg: `Input tag ${shown} found using '${field}' does not match any of the expected tags: ${expected_tags}`,
    input,
    ctx: { discriminator: `'${field}'`, tag, expected_tags }
  }
}

/** A member of a union: its name in places, and its reader. @category models @since 0.2.0 */
export type Member<A> = readonly [name: string, reader: Reader<A>]

/** The first member that accepts the value; if none does, the problems of all. @category readers @since 0.2.0 */
export const union = <A>(...members: ReadonlyArray<Member<A>>): Reader<A> => (value, loc, problems) => {
  const all: Array<Problem> = []
  for (const [name, reader] of members) {
    const own: Array<Problem> = []
    const read = reader(value, [...loc, name], own)
    if (own.length === 0) return read
    all.push(...own)
  }
  problems.push(...all)
  return undefined
}

/** Null counts as absent. @category readers @since 0.2.0 */
export const nullable = <A>(reader: Reader<A>): Reader<A> => (value, loc, problems) =>
  value === null ? undefined : reader(value, loc, problems)

type Field = <A>(
  body: Body,
  name: string,
  reader: Reader<A>,
  loc: Problem["loc"],
  problems: Array<Problem>
) => A | undefined

/** A required field. @category fields @since 0.2.0 */
export const required: Field = (body, name, reader, loc, problems) => {
  const value = body[name]
  if (value !== undefined) return reader(value, [...loc, name], problems)
  return problem("missing", "Field required")(body, [...loc, name], problems)
}

/** An optional field. @category fields @since 0.2.0 */
export const optional: Field = (body, name, reader, loc, problems) => {
  const value = body[name]
  return value === undefined ? undefined : reader(value, [...loc, name], problems)
}

/** A model: fields, each read by its name. @category readers @since 0.2.0 */
export const model = <A>(
  read: (body: Body, loc: Problem["loc"], problems: Array<Problem>) => A
): Reader<A> =>
(value, loc, problems) => {
  if (!isBody(value)) {
    return problem("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")(
      value,
      loc,
      problems
    )
  }
  const before = problems.length
  const made = read(value, loc, problems)
  return problems.length === before ? made : undefined
}

/** A number too large for a double, printed as it is written. */
class Verbatim {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A number that {@link repr} prints as it is written. @category encoding @since 0.2.0 */
export const verbatim = (text: string): unknown => new Verbatim(text)

const quoteText = (text: string): string => {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t")
  return escaped.includes("'") && !escaped.includes("\"") ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`
}

/**
 * A value as Python prints it.
 *
 * @category encoding
 * @since 0.2.0
 */
export const repr = (value: unknown): string => {
  if (value === null || value === undefined) return "None"
  if (value === true) return "True"
  if (value === false) return "False"
  if (typeof value === "string") return quoteText(value)
  if (value instanceof Verbatim) return value.text
  if (typeof value === "number" && !Number.isFinite(value)) {
    return String(value).toLowerCase().replace("infinity", "inf")
  }
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`
  if (isBody(value)) {
    return `{${Object.entries(value).map(([key, item]) => `${quoteText(key)}: ${repr(item)}`).join(", ")}}`
  }
  return String(value)
}
