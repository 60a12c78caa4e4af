/**
 * JSON Schema as xgrammar reads it, in its strict mode: what it refuses, and the part that it enforces. `allOf` of several
 * members, keywords next to a reference or a union, bounds without a type: nothing enforces them.
 *
 * @since 0.2.0
 */

type Body = Readonly<Record<string, unknown>>

/**
 * A schema that the compiler refuses, with its reason.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly message: string
  /** Whether the schema is invalid for every compiler (a pointer, a type, a pattern), or only this one cannot compile it. */
  readonly why: "pointer" | "type" | "pattern" | "strict"
}

/**
 * What is enforced.
 *
 * @category models
 * @since 0.2.0
 */
export interface Enforced {
  readonly _tag: "Enforced"
  readonly schema: Body
}

class Refusal {
  readonly message: string
  readonly why: Refused["why"]
  constructor(message: string, why: Refused["why"]) {
    this.message = message
    this.why = why
  }
}

const refuse = (message: string, why: Refused["why"] = "strict"): never => {
  throw new Refusal(message, why)
}

const isBody = (value: unknown): value is Body => typeof value === "object" && value !== null && !Array.isArray(value)

const anything: Body = {}

const types = ["array", "boolean", "integer", "null", "number", "object", "string"]

/** The string formats that are enforced. @category constants @since 0.2.0 */
export const formats: ReadonlySet<string> = new Set([
  "email",
  "date",
  "time",
  "date-time",
  "duration",
  "ipv4",
  "ipv6",
  "hostname",
  "uuid",
  "uri",
  "uri-reference",
  "uri-template",
  "json-pointer",
  "relative-json-pointer"
])

const largestBound = 2 ** 63

const bounds = (schema: Body, integer: boolean): Body => {
  const names = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
  const given = names.flatMap((name) => typeof schema[name] === "number" ? [[name, schema[name]] as const] : [])
  for (const [name, value] of given) {
    if (integer && !Number.isInteger(value)) refuse(`${name} must be an integer`)
    if (integer && Math.abs(value) >= largestBound) refuse(`${name} is out of the range of int64`)
  }
  return Object.fromEntries(given)
}

const unsupportedPattern = /\\[bBpPAzZ]|\\[1-9]|\(\?(?:<[=!]|>|P?<[a-z]|i)/

const isPattern = (pattern: string): boolean => {
  try {
    return new RegExp(pattern, "u").unicode
  } catch {
    return false
  }
}

const string = (schema: Body): Body => {
  const { format, pattern } = schema
  // a format wins over a pattern, and a pattern over lengths
  if (typeof format === "string" && formats.has(format)) return { type: "string", format }
  if (typeof pattern === "string") {
    if (unsupportedPattern.test(pattern)) {
      return refuse(
        `lookarounds not supported yet; WordUnicode in regex /${pattern}/`,
        /\\[pP]/.test(pattern) ? "strict" : "pattern"
      )
    }
    if (!isPattern(pattern)) {
      return refuse(`regex parse error:\n    ${pattern}\n    ^\nerror: unclosed group`, "pattern")
    }
    // the whole string has to match, anchored or not
    const bare = pattern.replaceAll(/\(\?[=!][^)]*\)/g, "").replace(/^\^/, "").replace(/\$$/, "")
    return { type: "string", pattern: `^${bare}$` }
  }
  return { type: "string", minLength: schema["minLength"], maxLength: schema["maxLength"] }
}

class Compiler {
  readonly #root: unknown
  readonly #definitions = new Map<string, Body>()

  constructor(root: unknown) {
    this.#root = root
  }

  compile(): Body {
    const root = this.node(this.#root)
    return this.#definitions.size === 0 ? root : { ...root, $defs: Object.fromEntries(this.#definitions) }
  }

  node(schema: unknown): Body {
    if (schema === true) return anything
    if (!isBody(schema)) return refuse("Schema cannot accept any value")
    if (schema["$ref"] !== undefined) return this.#reference(schema["$ref"])
    if (schema["const"] !== undefined) return { const: schema["const"] }
    if (Array.isArray(schema["enum"])) return { enum: schema["enum"] }
    for (const key of ["anyOf", "oneOf"]) {
      const members = schema[key]
      if (Array.isArray(members)) return { anyOf: members.map((member) => this.node(member)) }
    }
    if (Array.isArray(schema["allOf"])) {
      const members = schema["allOf"].map((member) => this.node(member))
      return members.length === 1 ? members[0] ?? anything : anything
    }
    return this.#typed(schema)
  }

  #typed(schema: Body): Body {
    const { type } = schema
    if (Array.isArray(type)) return { anyOf: type.map((one) => this.#typed({ ...schema, type: one })) }
    if (type !== undefined && !types.some((name) => name === type)) {
      return refuse(`Invalid type: ${String(type)}`, "type")
    }
    switch (type) {
      case "string":
        return string(schema)
      case "integer":
      case "number":
        return { type, ...bounds(schema, type === "integer") }
      case "array":
        return this.#array(schema)
      case "object":
        return this.#object(schema)
      case undefined:
        return schema["properties"] === undefined && schema["additionalProperties"] === undefined
          ? schema["items"] === undefined && schema["prefixItems"] === undefined ? anything : this.#array(schema)
          : this.#object(schema)
      default:
        return { type }
    }
  }

  #array(schema: Body): Body {
    const { items, maxItems, minItems, prefixItems } = schema
    if (Array.isArray(items)) return refuse("items must be a boolean or an object")
    const prefix = Array.isArray(prefixItems) ? prefixItems.map((item) => this.node(item)) : []
    if (items === undefined && typeof minItems === "number" && minItems > prefix.length) {
      return refuse("minItems is greater than the number of prefixItems, but additional items are not allowed")
    }
    const open = items !== undefined && items !== false
    return {
      type: "array",
      ...(prefix.length > 0 && { prefixItems: prefix }),
      items: open ? this.node(items) : false,
      minItems,
      maxItems
    }
  }

  #object(schema: Body): Body {
    const properties = isBody(schema["properties"]) ? schema["properties"] : {}
    const names = Object.keys(properties)
    const least = schema["minProperties"]
    const open = schema["additionalProperties"] !== undefined && schema["additionalProperties"] !== false
    if (typeof least === "number" && least > names.length && !open) {
      return refuse("minProperties is greater than the number of properties, but additional properties aren't allowed")
    }
    const required = Array.isArray(schema["required"]) ? schema["required"] : []
    return {
      type: "object",
      properties: Object.fromEntries(names.map((name) => [name, this.node(properties[name])])),
      required: names.filter((name) => required.includes(name))
    }
  }

  #reference(value: unknown): Body {
    if (typeof value !== "string" || !value.startsWith("#")) return anything
    if (value === "#") {
      const key = "root"
      if (!this.#definitions.has(key)) {
        this.#definitions.set(key, anything)
        this.#definitions.set(key, this.node(this.#root))
      }
      return { $ref: `#/$defs/${key}` }
    }
    if (!value.startsWith("#/")) return anything
    const target = value.slice(2).split("/").reduce<unknown>((at, part) =>
      isBody(at) && Object.hasOwn(at, part)
        ? at[part]
        : Array.isArray(at) && at[Number(part)] !== undefined
        ? at[Number(part)]
        : refuse(`Pointer '${value.slice(1)}' does not exist`, /~1|~0|%/.test(part) ? "strict" : "pointer"), this.#root)
    const key = value.slice(2).replaceAll("/", ".")
    if (!this.#definitions.has(key)) {
      this.#definitions.set(key, anything)
      this.#definitions.set(key, this.node(target))
    }
    return { $ref: `#/$defs/${encodeURIComponent(key)}` }
  }
}

/**
 * Compiles a schema.
 *
 * @category reading
 * @since 0.2.0
 */
export const compile = (schema: unknown): Enforced | Refused => {
  try {
    return { _tag: "Enforced", schema: new Compiler(schema).compile() }
  } catch (error) {
    if (error instanceof Refusal) return { _tag: "Refused", message: error.message, why: error.why }
    throw error
  }
}
