/**
 * Reads request bodies the way a Rust server does: a type per field, unknown keys ignored, duplicates refused, and a
 * complaint that names the path and the place. The texts are part of the protocol, because clients see them.
 *
 * @since 0.1.0
 */
import * as Json from "./Json.ts"

/**
 * A value that does not fit its type. Thrown by readers and caught by {@link read}, nowhere else.
 *
 * @category models
 * @since 0.1.0
 */
export class Misfit {
  readonly path: string
  readonly message: string
  /** Where in the text, or `undefined` if the server names no place. */
  readonly offset: number | undefined
  /**
   * Whether the server has read the next character, and skipped it if it closes the object or list, before it
   * complains.
   */
  readonly late: boolean
  constructor(path: string, message: string, offset: number | undefined, late = false) {
    this.path = path
    this.message = message
    this.offset = offset
    this.late = late
  }
}

/**
 * Turns a node at a path into a value, or throws a {@link Misfit}.
 *
 * @category models
 * @since 0.1.0
 */
export type Reader<A> = (node: Json.Node, path: string) => A

/**
 * A refused body: 400 for broken JSON, 422 for JSON of another type; always plain text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly status: 400 | 422
  readonly text: string
}

/**
 * A body that fitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accepted<A> {
  readonly _tag: "Accepted"
  readonly value: A
}

/**
 * Reads a whole body.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = <A>(body: string, reader: Reader<A>): Accepted<A> | Refused => {
  const node = Json.parse(body)
  if (node instanceof Json.SyntaxFailure) {
    const detail = `${node.path === "" ? "" : `${node.path}: `}${node.message}${Json.position(body, node.offset)}`
    return { _tag: "Refused", status: 400, text: `Failed to parse the request body as JSON: ${detail}` }
  }
  const value = attempt(node, "", reader)
  if (!(value instanceof Misfit)) return { _tag: "Accepted", value }
  const offset = value.offset !== undefined && value.late ? after(body, value.offset) : value.offset
  const place = offset === undefined ? "" : Json.position(body, offset)
  const detail = `${value.path === "" ? "" : `${value.path}: `}${value.message}${place}`
  return { _tag: "Refused", status: 422, text: `Failed to deserialize the JSON body into the target type: ${detail}` }
}

const after = (body: string, offset: number): number => {
  const blanks = /^\s*[}\]]?/.exec(body.slice(offset))
  return offset + (blanks?.[0].length ?? 0)
}

/**
 * Reads one node, returning the misfit instead of throwing it: this is how an untagged union tries its members.
 *
 * @category reading
 * @since 0.1.0
 */
export const attempt = <A>(node: Json.Node, path: string, reader: Reader<A>): A | Misfit => {
  try {
    return reader(node, path)
  } catch (misfit) {
    if (misfit instanceof Misfit) return misfit
    throw misfit
  }
}

/** Integers that do not fit into 64 bits are floats there. */
const isInteger = (raw: string): boolean => /^-?\d+$/.test(raw) && (raw.length < 19 || isHeld(BigInt(raw)))

const isHeld = (value: bigint): boolean => value >= -(two ** BigInt(63)) && value <= u64Max

const unexpected = (node: Json.Node): string => {
  switch (node.kind) {
    case "null":
      return "null"
    case "boolean":
      return `boolean \`${node.value}\``
    case "number":
      return isInteger(node.raw) ? `integer \`${node.raw}\`` : `floating point \`${float(node.raw)}\``
    case "string":
      return `string ${JSON.stringify(node.value)}`
    case "array":
      return "sequence"
    case "object":
      return "map"
  }
}

const float = (raw: string): string => {
  const value = Number(raw)
  const size = Math.abs(value)
  const text = size >= 1e16 || (size > 0 && size < 1e-5) ? value.toExponential().replace("+", "") : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

/**
 * The misfit of a node of the wrong type. Containers are named where they begin, everything else where it ends.
 *
 * @category reading
 * @since 0.1.0
 */
export const invalidType = (node: Json.Node, path: string, expected: string): Misfit =>
  new Misfit(
    path,
    `invalid type: ${unexpected(node)}, expected ${expected}`,
    node.kind === "array" || node.kind === "object" ? node.start : node.end
  )

/** @category readers @since 0.1.0 */
export const string: Reader<string> = (node, path) => {
  if (node.kind === "string") return node.value
  throw invalidType(node, path, "a string")
}

/** @category readers @since 0.1.0 */
export const boolean: Reader<boolean> = (node, path) => {
  if (node.kind === "boolean") return node.value
  throw invalidType(node, path, "a boolean")
}

/** @category readers @since 0.1.0 */
export const f32: Reader<number> = (node, path) => {
  if (node.kind === "number") return Math.fround(Number(node.raw))
  throw invalidType(node, path, "f32")
}

const integer = (name: string, min: bigint, max: bigint): Reader<bigint> => (node, path) => {
  if (node.kind !== "number" || !isInteger(node.raw)) throw invalidType(node, path, name)
  const value = BigInt(node.raw)
  if (value >= min && value <= max) return value
  throw new Misfit(path, `invalid value: integer \`${node.raw}\`, expected ${name}`, node.end)
}

const two = BigInt(2)
const zero = BigInt(0)
const one = BigInt(1)
const u64Max = two ** BigInt(64) - one
const narrow = (reader: Reader<bigint>): Reader<number> => (node, path) => Number(reader(node, path))

/** @category readers @since 0.1.0 */
export const u64: Reader<bigint> = integer("u64", zero, u64Max)

/** @category readers @since 0.1.0 */
export const usize: Reader<number> = narrow(integer("usize", zero, u64Max))

/** @category readers @since 0.1.0 */
export const u32: Reader<number> = narrow(integer("u32", zero, two ** BigInt(32) - one))

/** @category readers @since 0.1.0 */
export const i32: Reader<number> = narrow(integer("i32", -(two ** BigInt(31)), two ** BigInt(31) - one))

/**
 * Any JSON, as a plain value.
 *
 * @category readers
 * @since 0.1.0
 */
export const unknown: Reader<unknown> = Json.toUnknown

/** @category readers @since 0.1.0 */
export const array = <A>(item: Reader<A>): Reader<ReadonlyArray<A>> => (node, path) => {
  if (node.kind !== "array") throw invalidType(node, path, "a sequence")
  return node.items.map((element, index) => item(element, `${path}[${index}]`))
}

/**
 * The fields of a struct, by canonical name.
 *
 * @category structs
 * @since 0.1.0
 */
export interface Struct {
  readonly path: string
  readonly end: number
  readonly fields: ReadonlyMap<string, Json.Node>
}

/**
 * Reads an object of known fields. `aliases` maps other spellings to a field; both spellings at once are a duplicate.
 *
 * @category structs
 * @since 0.1.0
 */
export const struct = (
  node: Json.Node,
  path: string,
  name: string,
  names: ReadonlySet<string>,
  aliases: Readonly<Record<string, string>> = {}
): Struct => {
  if (node.kind === "array" && path === "") {
    const message = `invalid length ${node.items.length}, expected ${name} with ${names.size} element${
      names.size === 1 ? "" : "s"
    }`
    throw new Misfit(path, message, node.end)
  }
  if (node.kind !== "object") throw invalidType(node, path, name)
  const fields = new Map<string, Json.Node>()
  for (const entry of node.entries) {
    const field = Object.hasOwn(aliases, entry.key) ? aliases[entry.key] ?? entry.key : entry.key
    if (!names.has(field)) continue
    if (fields.has(field)) throw new Misfit(path, `duplicate field \`${field}\``, entry.keyEnd)
    fields.set(field, entry.value)
  }
  return { path, end: node.end, fields }
}

const join = (path: string, field: string): string => path === "" ? field : `${path}.${field}`

/** A required field. @category structs @since 0.1.0 */
export const required = <A>(self: Struct, field: string, reader: Reader<A>): A => {
  const node = self.fields.get(field)
  if (node === undefined) throw new Misfit(self.path, `missing field \`${field}\``, self.end)
  return reader(node, join(self.path, field))
}

/** A field that may be absent or null. @category structs @since 0.1.0 */
export const optional = <A>(self: Struct, field: string, reader: Reader<A>): A | undefined => {
  const node = self.fields.get(field)
  return node === undefined || node.kind === "null" ? undefined : reader(node, join(self.path, field))
}

/** A field that may be absent but not null. @category structs @since 0.1.0 */
export const defaulted = <A>(self: Struct, field: string, reader: Reader<A>, fallback: A): A => {
  const node = self.fields.get(field)
  return node === undefined ? fallback : reader(node, join(self.path, field))
}
