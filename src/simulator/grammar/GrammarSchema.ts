/**
 * JSON Schema as TGI's compiler reads it: in each object the first keyword it knows decides, the others are ignored.
 *
 * @since 0.1.0
 */
import { isObject } from "./GrammarMetaSchema.ts"
import type { Fields } from "./GrammarMetaSchema.ts"
import * as GrammarPattern from "./GrammarPattern.ts"
import { anything, choose, count, number, refuse, text, words } from "./GrammarScalar.ts"
import type { Write } from "./GrammarScalar.ts"

/**
 * A recursive reference: the real router overflows its stack and dies.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overflow {
  readonly reference: string
  constructor(reference: string) {
    this.reference = reference
  }
}

/**
 * Compiles a schema to a writer of texts, or throws `Refusal`, `Overflow` or the pattern's `Unsupported`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (root: Fields): Write => new Compiler(root).node(root, [root])

const ORDER = ["properties", "allOf", "anyOf", "oneOf", "prefixItems", "enum", "const", "$ref", "type"]

const oneOf = (writers: ReadonlyArray<Write>): Write => (random) => choose(writers, random)?.(random) ?? ""

class Compiler {
  readonly #root: Fields

  constructor(root: Fields) {
    this.#root = root
  }

  node(schema: unknown, seen: ReadonlyArray<unknown>): Write {
    if (!isObject(schema)) return refuse("Invalid JSON Schema: expected an object")
    if (Object.keys(schema).length === 0) return anything(1)
    const keyword = ORDER.find((name) => Object.hasOwn(schema, name))
    switch (keyword) {
      case "properties":
        return this.#properties(schema, seen)
      case "allOf": {
        // TGI writes the members one after the other
        const all = this.#all(schema.allOf, seen)
        return (random) => all.map((write) => write(random)).join("")
      }
      case "anyOf":
      case "oneOf":
        return oneOf(this.#all(schema[keyword], seen))
      case "prefixItems": {
        const items = this.#all(schema.prefixItems, seen)
        return (random) => `[${items.map((write) => write(random)).join(", ")}]`
      }
      case "enum":
        return oneOf((Array.isArray(schema.enum) ? schema.enum : []).map(scalar("enum")))
      case "const":
        return scalar("const")(schema.const)
      case "$ref":
        return this.#reference(schema.$ref, seen)
      case "type":
        return this.#type(schema, seen)
      default:
        return refuse(unsupported(schema))
    }
  }

  #all(members: unknown, seen: ReadonlyArray<unknown>): ReadonlyArray<Write> {
    return (Array.isArray(members) ? members : []).map((member) => this.node(member, seen))
  }

  #reference(ref: unknown, seen: ReadonlyArray<unknown>): Write {
    const [base = "", pointer] = String(ref).split("#")
    if (pointer === undefined) return refuse(`Invalid reference path: ${base.split("/", 1)[0]}`)
    if ((base !== "" && base !== this.#root.$id)) {
      return refuse(`External references are not supported: ${String(ref)}`)
    }
    let at: unknown = this.#root
    for (const part of pointer.split("/").filter((part) => part !== "")) {
      if (!isObject(at) || !Object.hasOwn(at, part)) return refuse(`Invalid reference path: ${part}`)
      at = at[part]
    }
    if (seen.includes(at)) throw new Overflow(String(ref))
    return this.node(at, [...seen, at])
  }

  #properties(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const required = Array.isArray(schema.required) ? schema.required : []
    const properties = Object.entries(isObject(schema.properties) ? schema.properties : {}).map(([name, value]) => ({
      // names are not escaped as JSON here, which is a bug of the server
      key: `"${name}"`,
      write: this.node(value, seen),
      needed: required.includes(name)
    }))
    return (random) => {
      const present = properties.filter(({ needed }) => needed || random() < 0.7)
      return `{${present.map(({ key, write }) => `${key}: ${write(random)}`).join(", ")}}`
    }
  }

  #type(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    switch (schema.type) {
      case "string":
        return text(schema)
      case "integer":
        digits(schema, "Digits")
        return (random) => String(number(schema, random, 1))
      case "number":
        for (const part of ["DigitsInteger", "DigitsFraction", "DigitsExponent"]) digits(schema, part)
        return (random) => String(number(schema, random, 0.5))
      case "boolean":
        return (random) => String(random() < 0.5)
      case "null":
        return () => "null"
      case "array":
        return this.#array(schema, seen)
      case "object":
        return this.#record(schema, seen)
      default:
        return refuse(typeof schema.type === "string" ? `Unsupported type: ${schema.type}` : "'type' must be a string")
    }
  }

  #array(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const low = count(schema.minItems) ?? 0
    const high = count(schema.maxItems)
    if (high === 0) return () => "[]"
    if (high !== undefined && high < low) throw new GrammarPattern.Unsupported("Repetition bounds are reversed")
    const item = Object.hasOwn(schema, "items") ? this.node(schema.items, seen) : anything(count(schema.depth) ?? 1)
    return (random) => {
      const length = low + Math.floor(random() * (Math.min(high ?? Infinity, Math.max(low, 1) + 2) - low + 1))
      return `[${Array.from({ length }, () => item(random)).join(", ")}]`
    }
  }

  #record(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const { additionalProperties: values } = schema
    if (schema.maxProperties === 0) return () => "{}"
    const value = values === undefined || values === true ? anything(count(schema.depth) ?? 1) : this.node(values, seen)
    const low = count(schema.minProperties) ?? 0
    return (random) => {
      const length = Math.max(low, Math.floor(random() * 3))
      return `{${
        Array.from({ length }, (_, index) =>
          `"${words[index % words.length]}${index < words.length ? "" : index}": ${value(random)}`).join(", ")
      }}`
    }
  }
}

/** Bounds on digits are read, and refused if the lower exceeds the upper. */
const digits = (schema: Fields, part: string): void => {
  const low = count(schema[`min${part}`])
  const high = count(schema[`max${part}`])
  if (low !== undefined && high !== undefined && low > high) {
    refuse("max bound must be greater than or equal to min bound")
  }
}

/** A value in Rust's debug format. */
const debug = (value: unknown): string => {
  if (Array.isArray(value)) return `Array [${value.map(debug).join(", ")}]`
  if (isObject(value)) {
    return `Object {${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${debug(item)}`).join(", ")}}`
  }
  if (typeof value === "string") return `String(${JSON.stringify(value)})`
  if (typeof value === "boolean") return `Bool(${value})`
  return typeof value === "number" ? `Number(${value})` : "Null"
}

const unsupported = (schema: unknown): string =>
  `Unsupported JSON Schema structure ${
    JSON.stringify(schema)
  } \nMake sure it is valid to the JSON Schema specification` +
  " and check if it's supported by Outlines.\nIf it should be supported, please open an issue."

const scalar = (keyword: string) => (value: unknown): Write => {
  if (typeof value === "object" && value !== null) {
    return refuse(`Unsupported data type in ${keyword}: ${debug(value)}`)
  }
  return () => JSON.stringify(value)
}
