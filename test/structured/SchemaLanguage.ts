/**
 * JSON Schema as it is written in the standard, for judging what is sent to engines and what should have been: a reading
 * of its own, which shares nothing with the one that is tested.
 */
type Fields = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const listOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

const kindOf = (value: unknown): ReadonlyArray<string> =>
  value === null
    ? ["null"]
    : Array.isArray(value)
    ? ["array"]
    : typeof value === "number"
    ? Number.isInteger(value) ? ["integer", "number"] : ["number"]
    : [typeof value]

/** The formats that are looked at; others allow every text. */
const formats: Readonly<Record<string, RegExp>> = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  uuid: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
  email: /^[^@\s]+@[^@\s]+$/
}

/** llama.cpp's spelling of large code points, and its classes, in JavaScript's syntax. */
const regexOf = (source: string): RegExp => {
  const spelled = source.replaceAll(/\\U([0-9A-F]{8})/g, (_, code) => `\\u{${String(code).replace(/^0+(?=.)/, "")}}`)
  try {
    return new RegExp(spelled, "u")
  } catch {
    return new RegExp(spelled)
  }
}

const target = (ref: string, root: unknown): unknown =>
  ref.replace(/^#\/?/, "").split("/").filter((step) => step !== "").reduce(
    (at: unknown, step) => {
      const key = decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")
      return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
    },
    root
  )

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const ofNumber = (schema: Fields, value: number): boolean => {
  const above = (keyword: string, test: (bound: number) => boolean) =>
    typeof schema[keyword] !== "number" || test(schema[keyword])
  return above("minimum", (bound) => schema.exclusiveMinimum === true ? value > bound : value >= bound) &&
    above("maximum", (bound) => schema.exclusiveMaximum === true ? value < bound : value <= bound) &&
    above("exclusiveMinimum", (bound) => value > bound) && above("exclusiveMaximum", (bound) => value < bound) &&
    above("multipleOf", (step) => Math.abs(value / step - Math.round(value / step)) < 1e-9)
}

/**
 * Whether a schema allows a value. With `written`, patterns are matched against the JSON text of strings, as compilers
 * do that paste a pattern between quotes.
 */
export const allows = (root: unknown, options: { readonly written: boolean }): (value: unknown) => boolean => {
  const matches = (pattern: unknown, text: string) =>
    regexOf(String(pattern)).test(options.written ? JSON.stringify(text).slice(1, -1) : text)

  const visit = (schema: unknown, value: unknown): boolean => {
    if (schema === true) return true
    if (!isObject(schema)) return false
    const has = (keyword: string) => schema[keyword] !== undefined
    if (typeof schema.$ref === "string" && !visit(target(schema.$ref, root), value)) return false
    const types = typeof schema.type === "string" ? [schema.type] : listOf(schema.type)
    const isNull = schema.nullable === true && value === null
    if (types.length > 0 && !isNull && !types.some((type) => kindOf(value).includes(String(type)))) return false
    if (has("enum") && !listOf(schema.enum).some((allowed) => same(allowed, value))) return false
    if (Object.hasOwn(schema, "const") && !same(schema.const, value)) return false
    if (has("anyOf") && !listOf(schema.anyOf).some((member) => visit(member, value))) return false
    if (has("oneOf") && listOf(schema.oneOf).filter((member) => visit(member, value)).length !== 1) return false
    if (!listOf(schema.allOf).every((member) => visit(member, value))) return false
    if (has("not") && visit(schema.not, value)) return false
    if (typeof value === "number") return ofNumber(schema, value)
    if (typeof value === "string") return ofString(schema, value)
    if (Array.isArray(value)) return ofArray(schema, value)
    return !isObject(value) || ofObject(schema, value)
  }

  const ofString = (schema: Fields, value: string): boolean => {
    const length = Array.from(value).length
    return length >= Number(schema.minLength ?? 0) && length <= Number(schema.maxLength ?? Infinity) &&
      (schema.pattern === undefined || matches(schema.pattern, value)) &&
      (formats[String(schema.format)]?.test(value) ?? true)
  }

  const ofArray = (schema: Fields, value: ReadonlyArray<unknown>): boolean => {
    const prefix = listOf(schema.prefixItems)
    return value.length >= Number(schema.minItems ?? 0) && value.length <= Number(schema.maxItems ?? Infinity) &&
      value.every((item, index) =>
        index < prefix.length
          ? visit(prefix[index], item)
          : schema.items === undefined || visit(schema.items, item)
      ) &&
      (schema.uniqueItems !== true || new Set(value.map((item) => JSON.stringify(item))).size === value.length)
  }

  const ofObject = (schema: Fields, value: Fields): boolean => {
    const properties = isObject(schema.properties) ? schema.properties : {}
    const patterns = isObject(schema.patternProperties) ? Object.entries(schema.patternProperties) : []
    const names = Object.keys(value)
    return listOf(schema.required).every((name) => Object.hasOwn(value, String(name))) &&
      names.length >= Number(schema.minProperties ?? 0) && names.length <= Number(schema.maxProperties ?? Infinity) &&
      names.every((name) => {
        const matching = patterns.filter(([pattern]) => matches(pattern, name))
        const isNamed = Object.hasOwn(properties, name)
        return (!isNamed || visit(properties[name], value[name])) &&
          matching.every(([, member]) => visit(member, value[name])) &&
          (isNamed || matching.length > 0 || schema.additionalProperties === undefined ||
            visit(schema.additionalProperties, value[name]))
      })
  }

  return (value) => visit(root, value)
}

/** Every schema object inside a printed schema, with the keywords that it uses. */
export const objectsOf = (schema: unknown): ReadonlyArray<Fields> => {
  if (!isObject(schema)) return []
  const maps = ["properties", "patternProperties", "$defs"]
  const lists = ["anyOf", "prefixItems"]
  const single = ["items", "additionalProperties"]
  return [
    schema,
    ...maps.flatMap((keyword) => Object.values(isObject(schema[keyword]) ? schema[keyword] : {})),
    ...lists.flatMap((keyword) => listOf(schema[keyword])),
    ...single.map((keyword) => schema[keyword])
  ].flatMap((part, index) => index === 0 ? [schema] : objectsOf(part))
}

/** The references of a printed schema that lead nowhere. */
export const dangling = (schema: unknown): ReadonlyArray<unknown> =>
  objectsOf(schema).flatMap(({ $ref }) =>
    $ref === undefined || target(String($ref), schema) !== undefined ? [] : [$ref]
  )
