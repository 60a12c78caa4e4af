/**
 * JSON Schema as llama.cpp's converter reads it: what it refuses, in its words, and the part that its grammar enforces. An
 * unknown keyword, a bound of a `number`, a pattern without anchors: nothing enforces them.
 *
 * @since 0.2.0
 */
import * as Gbnf from "../../grammar/Gbnf.ts"
import { type Body, invalid, isBody } from "./LlamaField.ts"

type Enforced = Readonly<Record<string, unknown>>

const fail = (path: string, message: string): never => invalid(`JSON schema error at ${path}: ${message}`)

const anything: Enforced = {}

const count = (schema: Body, key: string, path: string): number | undefined => {
  const value = schema[key]
  if (value === undefined) return undefined
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value
  return fail(path, `${key} must be a non-negative integer`)
}

/** The most repetitions of a part that a grammar may require; the number that it may allow is not limited. */
const repeatable = (times: number | undefined): void => {
  if (times !== undefined && times > Gbnf.mostRepetitions) {
    invalid("Failed to initialize samplers: failed to parse grammar")
  }
}

const format = (schema: Body, path: string): string | undefined => {
  const value = schema["format"]
  if (value === undefined) return undefined
  if (typeof value !== "string") return fail(path, "format must be a string")
  if (/^uuid[1-5]?$/.test(value)) return "uuid"
  return value === "date" || value === "time" || value === "date-time" ? value : undefined
}

const conversion = (pattern: string, message: string): never =>
  invalid(`JSON schema conversion failed:\nInvalid pattern ${pattern}: ${message}`)

const plainEscapes = "^$.[]()|{}*+?"
const escapeLength = (source: string, at: number): number => {
  const letter = source[at + 1] ?? ""
  const digits = letter === "x" ? 2 : letter === "u" ? 4 : letter === "U" ? 8 : undefined
  if (digits !== undefined) {
    return new RegExp(`^[0-9a-fA-F]{${digits}}`).test(source.slice(at + 2)) ? digits + 2 : 0
  }
  return "nrt\\\"[]".includes(letter) && letter !== "" ? 2 : 0
}

/** Whether the converter has rules for a pattern; if not, any string is accepted. */
const patternHolds = (pattern: string): boolean => {
  if (pattern.length < 2 || !pattern.startsWith("^") || !pattern.endsWith("$")) return false
  const source = pattern.slice(1, -1)
  let depth = 0
  let repeatable = false
  for (let at = 0; at < source.length;) {
    const char = source[at] ?? ""
    if (char === "(") {
      if (source[at + 1] === "?" && source[at + 2] !== ":") return false
      at += source[at + 1] === "?" ? 3 : 1
      depth++
      repeatable = false
    } else if (char === ")") {
      if (depth === 0) return conversion(pattern, "unbalanced parentheses")
      depth--
      at++
      repeatable = true
    } else if (char === "^" || char === "$") {
      return false
    } else if (char === "[") {
      at++
      while (at < source.length && source[at] !== "]") {
        const length = source[at] === "\\" ? escapeLength(source, at) : 1
        if (length === 0) return false
        at += length
      }
      if (at >= source.length) return conversion(pattern, "unterminated character class")
      at++
      repeatable = true
    } else if ("*+?".includes(char)) {
      if (!repeatable) return conversion(pattern, "nothing to repeat")
      at++
    } else if (char === "{") {
      const end = source.indexOf("}", at)
      const numbers = end === -1 ? [] : source.slice(at + 1, end).split(",")
      if (
        numbers.length === 0 || numbers.length > 2 || numbers.some((text) => text !== "" && !/^\s*[+-]?\d/.test(text))
      ) {
        return false
      }
      if (!repeatable) return conversion(pattern, "nothing to repeat")
      at = end + 1
    } else if (char === "|") {
      at++
      repeatable = true
    } else if (char === "\\") {
      if (at === source.length - 1) return conversion(pattern, "trailing backslash")
      const length = plainEscapes.includes(source[at + 1] ?? "") ? 2 : escapeLength(source, at)
      if (length === 0) return false
      at += length
      repeatable = true
    } else if (char === "]" || char === "}") {
      return false
    } else {
      at++
      repeatable = true
    }
  }
  return depth === 0 || conversion(pattern, "unbalanced parentheses")
}

class Converter {
  readonly #root: unknown
  readonly #references = new Map<string, Enforced>()

  constructor(root: unknown) {
    this.#root = root
  }

  convert(): Enforced {
    const root = this.node(this.#root, "#")
    const definitions = Object.fromEntries(
      [...this.#references].map(([name, node]) => [encodeURIComponent(name), node])
    )
    return this.#references.size === 0 ? root : { ...root, $defs: definitions }
  }

  node(schema: unknown, path: string): Enforced {
    if (!isBody(schema)) return fail(path, "schema must be an object")
    if (schema["$ref"] !== undefined) return this.#reference(schema["$ref"], path)
    const union = schema["oneOf"] !== undefined ? "oneOf" : schema["anyOf"] !== undefined ? "anyOf" : undefined
    if (union !== undefined) return { anyOf: this.#alternatives(schema[union], `${path}/${union}`) }
    const { type } = schema
    if (Array.isArray(type)) {
      if (type.length === 0) return fail(path, "type must not be empty")
      return { anyOf: type.map((one, at) => this.node({ ...schema, type: one }, `${path}/type/${at}`)) }
    }
    if (schema["const"] !== undefined) return { const: schema["const"] }
    if (schema["enum"] !== undefined) {
      const values = schema["enum"]
      return Array.isArray(values) && values.length > 0
        ? { enum: values }
        : fail(path, "enum must be a non-empty array")
    }
    if (type !== undefined && type !== null && typeof type !== "string") {
      return fail(path, "type must be a string or an array of strings")
    }
    return this.#typed(typeof type === "string" ? type : "", schema, path)
  }

  #typed(type: string, schema: Body, path: string): Enforced {
    const additional = schema["additionalProperties"]
    const described = schema["properties"] !== undefined || (additional !== undefined && additional !== true)
    switch (type) {
      case "":
        if (described) return this.#object(schema, path)
        if (schema["allOf"] !== undefined) return this.#all(schema, path)
        if (schema["items"] !== undefined || schema["prefixItems"] !== undefined) return this.#array(schema, path)
        return schema["pattern"] !== undefined || schema["minLength"] !== undefined ||
            schema["maxLength"] !== undefined || format(schema, path) !== undefined
          ? this.#string(schema, path)
          : anything
      case "object":
        return !described && schema["allOf"] !== undefined ? this.#all(schema, path) : this.#object(schema, path)
      case "string":
        return schema["allOf"] !== undefined ? this.#all(schema, path) : this.#string(schema, path)
      case "array":
        return this.#array(schema, path)
      case "integer":
        return this.#integer(schema, path)
      case "number":
      case "boolean":
      case "null":
        return { type }
      default:
        return fail(path, `unrecognized type ${type}`)
    }
  }

  #alternatives(list: unknown, path: string): ReadonlyArray<Enforced> {
    if (!Array.isArray(list)) return fail(path, "must be an array of schemas")
    if (list.length === 0) return fail(path, "must not be empty")
    return list.map((item, at) => this.node(item, `${path}/${at}`))
  }

  /** The members' properties side by side: those of a plain member required, those of a union's optional. */
  #all(schema: Body, path: string): Enforced {
    const properties: Record<string, unknown> = {}
    const required: Array<string> = []
    const values: Array<ReadonlyArray<unknown>> = []
    const add = (member: Enforced, needed: boolean): void => {
      const target = typeof member["$ref"] === "string" ? this.#target(member["$ref"]) : member
      if (isBody(target["properties"])) {
        Object.assign(properties, target["properties"])
        if (needed) required.push(...Object.keys(target["properties"]))
      } else if (Array.isArray(target["enum"])) values.push(target["enum"])
    }
    const members = this.#alternatives(schema["allOf"], `${path}/allOf`)
    for (const member of members) {
      if (Array.isArray(member["anyOf"])) { for (const one of member["anyOf"]) add(one, false) }
      else add(member, true)
    }
    const [first = []] = values
    const shared = values.length === members.length
      ? first.filter((value) =>
        values.every((list) => list.some((other) => JSON.stringify(other) === JSON.stringify(value)))
      )
      : []
    return shared.length > 0 ? { enum: shared } : { type: "object", properties, required }
  }

  #target(reference: string): Enforced {
    return this.#references.get(decodeURIComponent(reference.replace("#/$defs/", ""))) ?? anything
  }

  #object(schema: Body, path: string): Enforced {
    const properties = schema["properties"]
    const additional = schema["additionalProperties"]
    if (properties !== undefined && !isBody(properties)) return fail(path, "properties must be an object")
    const known = Object.entries(properties ?? {}).map(([name, value]) =>
      [name, this.node(value, `${path}/properties/${name}`)] as const
    )
    if (additional !== undefined && typeof additional !== "boolean") {
      if (!isBody(additional)) return fail(path, "additionalProperties must be a boolean or a schema")
      this.node(additional, `${path}/additionalProperties`)
    }
    const required = Array.isArray(schema["required"]) ? schema["required"] : []
    return {
      type: "object",
      properties: Object.fromEntries(known),
      required: known.map(([name]) => name).filter((name) => required.includes(name))
    }
  }

  #array(schema: Body, path: string): Enforced {
    const key = schema["items"] !== undefined ? "items" : "prefixItems"
    const items = schema[key]
    if (Array.isArray(items)) {
      const prefixItems = items.map((item, at) => this.node(item, `${path}/${key}/${at}`))
      return { type: "array", prefixItems, items: false }
    }
    const item = items === undefined ? anything : this.node(items, `${path}/${key}`)
    const [minItems, maxItems] = [count(schema, "minItems", path), count(schema, "maxItems", path)]
    repeatable(minItems)
    return { type: "array", items: item, minItems, maxItems }
  }

  #string(schema: Body, path: string): Enforced {
    const { pattern } = schema
    if (pattern !== undefined && typeof pattern !== "string") return fail(path, "pattern must be a string")
    const named = format(schema, path)
    const [minLength, maxLength] = [count(schema, "minLength", path), count(schema, "maxLength", path)]
    if (pattern !== undefined && pattern !== "") {
      return patternHolds(pattern) ? { type: "string", pattern } : { type: "string" }
    }
    if (named !== undefined) return { type: "string", format: named }
    repeatable(minLength)
    return { type: "string", minLength, maxLength }
  }

  #integer(schema: Body, path: string): Enforced {
    const bound = (key: string): number | undefined => {
      const value = schema[key]
      return value === undefined || typeof value === "number" ? value : fail(path, `${key} must be a number`)
    }
    const minimum = bound("minimum")
    const maximum = bound("maximum")
    return {
      type: "integer",
      ...(minimum === undefined ? { exclusiveMinimum: bound("exclusiveMinimum") } : { minimum }),
      ...(maximum === undefined ? { exclusiveMaximum: bound("exclusiveMaximum") } : { maximum })
    }
  }

  #reference(value: unknown, path: string): Enforced {
    if (typeof value !== "string") return fail(path, "$ref must be a string")
    if (!value.startsWith("#/")) {
      return fail(path, `unsupported $ref ${value}, only references into the same document are supported`)
    }
    if (!this.#references.has(value)) {
      this.#references.set(value, anything)
      this.#references.set(value, this.node(this.#resolve(value, path), value))
    }
    return { $ref: `#/$defs/${encodeURIComponent(encodeURIComponent(value))}` }
  }

  #resolve(reference: string, path: string): unknown {
    return reference.slice(2).split("/").reduce<unknown>((at, part) => {
      if (isBody(at) && Object.hasOwn(at, part)) return at[part]
      const why = Array.isArray(at) && !(Number(part) < at.length) ? "is out of range" : "not found"
      return Array.isArray(at) && why === "not found"
        ? at[Number(part)]
        : fail(path, `cannot resolve $ref ${reference}, ${part} ${why}`)
    }, this.#root)
  }
}

/**
 * The schema that is enforced, or the server's complaint (thrown as `Thrown`).
 *
 * @category reading
 * @since 0.2.0
 */
export const enforced = (schema: unknown): Enforced => new Converter(schema).convert()
