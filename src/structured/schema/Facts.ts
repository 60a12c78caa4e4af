import { isObject } from "./JsonSchemaTree.ts"
import type { Dropped, Fault, Path } from "./JsonSchemaTree.ts"

/** A subschema in its document: what `$ref` is relative to, and how often each target was entered on the way here. */
export interface Located {
  readonly schema: unknown
  readonly path: Path
  readonly root: object
  readonly entered: ReadonlyMap<object, number>
}

/** The object keywords of one schema object, which speak of each other: what "additional" means depends on its siblings. */
export interface Shape {
  /** Whether `properties` is written at all: an empty one means that there are no keys. */
  readonly declared: boolean
  readonly properties: ReadonlyMap<string, Located>
  readonly patterns: ReadonlyArray<readonly [string, Located]>
  readonly additional: Located | undefined
  readonly names: Located | undefined
}

export interface Items {
  readonly prefix: ReadonlyArray<Located>
  readonly rest: Located | undefined
}

/** One keyword with a text, and where it stands. */
export interface Rule {
  readonly source: string
  readonly flags: string
  readonly path: Path
}

export type Kind = "string" | "number" | "integer" | "boolean" | "null" | "array" | "object"

/** Everything that a conjunction of schema objects says about one value. */
export interface Facts {
  readonly path: Path
  readonly never: Fault | undefined
  readonly kinds: ReadonlyArray<Kind> | undefined
  readonly values: ReadonlyArray<unknown> | undefined
  readonly bounds: Readonly<Record<string, number>>
  readonly multiples: ReadonlyArray<number>
  readonly patterns: ReadonlyArray<Rule>
  readonly formats: ReadonlyArray<Rule>
  readonly shapes: ReadonlyArray<Shape>
  readonly required: ReadonlyArray<string>
  readonly items: ReadonlyArray<Items>
}

/** What a reading carries along: how deep recursion may go, what free values become, and what had to be left out. */
export interface Reading {
  readonly depth: number
  readonly free: "refuse" | "scalars"
  readonly emptyStruct: boolean
  readonly dropped: Array<Dropped>
  budget: number
}

export const none = (path: Path): Facts => ({
  path,
  never: undefined,
  kinds: undefined,
  values: undefined,
  bounds: {},
  multiples: [],
  patterns: [],
  formats: [],
  shapes: [],
  required: [],
  items: []
})

/** The fault of a contradiction. */
export const impossible = (path: Path, keyword: string, reason: string): Fault => ({
  path,
  keyword,
  reason,
  hint: "no JSON value can satisfy this part of the schema"
})

/** A part of a schema. */
export const child = (at: Located, schema: unknown, ...steps: ReadonlyArray<string | number>): Located => ({
  ...at,
  schema,
  path: [...at.path, ...steps]
})

export const arrayOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Nothing satisfies the facts any more; the first reason counts. */
export const contradict = (fault: Fault) => (facts: Facts): Facts => ({ ...facts, never: facts.never ?? fault })

const lower = ["minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"]
const upper = ["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"]
const left: ReadonlyArray<readonly [string, string]> = [
  ["if", "conditions are left to the decoder"],
  ["dependentRequired", "dependencies between keys are left to the decoder"],
  ["dependentSchemas", "dependencies between keys are left to the decoder"],
  ["dependencies", "dependencies between keys are left to the decoder"],
  ["uniqueItems", "that items differ is left to the decoder"],
  ["contains", "that an item exists is left to the decoder"],
  ["unevaluatedItems", "it is left to the decoder"],
  ["contentSchema", "the text inside the string is left to the decoder"]
]

/** The keywords of one schema object itself, added to what is known. */
export const state = (
  at: Located,
  schema: Readonly<Record<string, unknown>>,
  known: Facts,
  reading: Reading
): Facts => {
  const { path } = at
  for (const [keyword, reason] of left) {
    if (schema[keyword] !== undefined && schema[keyword] !== false) reading.dropped.push({ path, keyword, reason })
  }
  let facts = stateValue(at, schema, known, reading)
  facts = stateBounds(schema, facts)
  if (typeof schema.pattern === "string") {
    const flags = typeof schema.patternFlags === "string" ? schema.patternFlags : ""
    facts = { ...facts, patterns: [...facts.patterns, { source: schema.pattern, flags, path: [...path, "pattern"] }] }
  }
  const format = schema.format ?? (schema.contentEncoding === "base64" ? "byte" : undefined)
  if (typeof format === "string") {
    facts = { ...facts, formats: [...facts.formats, { source: format, flags: "", path: [...path, "format"] }] }
  }
  if (Array.isArray(schema.required)) {
    const names = schema.required.filter((name) => typeof name === "string")
    facts = { ...facts, required: [...new Set([...facts.required, ...names])] }
  }
  const shape = shapeOf(at, schema)
  if (shape !== undefined) facts = { ...facts, shapes: [...facts.shapes, shape] }
  const items = itemsOf(at, schema)
  return items === undefined ? facts : { ...facts, items: [...facts.items, items] }
}

const stateValue = (
  at: Located,
  schema: Readonly<Record<string, unknown>>,
  known: Facts,
  reading: Reading
): Facts => {
  const { path } = at
  let facts = known
  if (typeof schema.type === "string" || Array.isArray(schema.type)) {
    const kinds = kindsOf(schema)
    const both = facts.kinds === undefined ? kinds : meet(facts.kinds, kinds)
    const reason = kinds.length === 0 ? `${JSON.stringify(schema.type)} is no type` : "the types contradict each other"
    facts = { ...facts, kinds: both }
    if (both.length === 0) facts = contradict(impossible(path, "type", reason))(facts)
  }
  const given = Object.hasOwn(schema, "const") ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : undefined
  if (given !== undefined) {
    const others = facts.values?.map((value) => JSON.stringify(value))
    facts = { ...facts, values: given.filter((value) => others?.includes(JSON.stringify(value)) ?? true) }
  }
  if (schema.not === undefined || schema.not === false) return facts
  if (schema.not === true || (isObject(schema.not) && Object.keys(schema.not).length === 0)) {
    return contradict(impossible(path, "not", "this schema allows nothing"))(facts)
  }
  if (reading.emptyStruct && isObject(schema.not) && schema.not.type === "null" && Object.keys(schema).length === 1) {
    const closed = { ...at, schema: false }
    return {
      ...facts,
      kinds: ["object"],
      shapes: [
        ...facts.shapes,
        { declared: true, properties: new Map(), patterns: [], additional: closed, names: undefined }
      ]
    }
  }
  reading.dropped.push({ path, keyword: "not", reason: "negation is left to the decoder" })
  return facts
}

const KINDS: ReadonlyArray<Kind> = ["string", "number", "integer", "boolean", "null", "array", "object"]

const kindsOf = (schema: Readonly<Record<string, unknown>>): ReadonlyArray<Kind> => {
  const names: ReadonlyArray<unknown> = Array.isArray(schema.type) ? schema.type : [schema.type]
  const kinds = KINDS.filter((kind) => names.includes(kind))
  return schema.nullable === true && kinds.length > 0 && !kinds.includes("null") ? [...kinds, "null"] : kinds
}

const meet = (some: ReadonlyArray<Kind>, others: ReadonlyArray<Kind>): ReadonlyArray<Kind> =>
  KINDS.filter((kind) =>
    [some, others].every((kinds) => kinds.includes(kind) || (kind === "integer" && kinds.includes("number"))) &&
    (some.includes(kind) || others.includes(kind))
  )

const stateBounds = (schema: Readonly<Record<string, unknown>>, facts: Facts): Facts => {
  const bounds: Record<string, number> = { ...facts.bounds }
  for (const [keywords, tighter] of [[lower, Math.max], [upper, Math.min]] as const) {
    for (const keyword of keywords) {
      let value = schema[keyword]
      // draft-04: a flag that makes the neighbouring bound exclusive
      if (value === true) value = schema[keyword === "exclusiveMinimum" ? "minimum" : "maximum"]
      if (typeof value === "number") bounds[keyword] = tighter(bounds[keyword] ?? value, value)
    }
  }
  return typeof schema.multipleOf === "number"
    ? { ...facts, bounds, multiples: [...facts.multiples, schema.multipleOf] }
    : { ...facts, bounds }
}

const shapeOf = (at: Located, schema: Readonly<Record<string, unknown>>): Shape | undefined => {
  const { additionalProperties, patternProperties, properties, propertyNames, unevaluatedProperties } = schema
  const additional = additionalProperties ?? (unevaluatedProperties === false ? undefined : unevaluatedProperties)
  if ([properties, patternProperties, additional, propertyNames].every((value) => value === undefined)) return undefined
  const entries = isObject(properties) ? Object.entries(properties) : []
  return {
    declared: properties !== undefined,
    properties: new Map(entries.map(([name, value]) => [name, child(at, value, "properties", name)])),
    patterns: isObject(patternProperties)
      ? Object.entries(patternProperties).map(([source, value]) =>
        [source, child(at, value, "patternProperties", source)] as const
      )
      : [],
    additional: additional === undefined ? undefined : child(at, additional, "additionalProperties"),
    names: propertyNames === undefined ? undefined : child(at, propertyNames, "propertyNames")
  }
}

const itemsOf = (at: Located, schema: Readonly<Record<string, unknown>>): Items | undefined => {
  // draft-07 wrote tuples as a list under `items`
  const old = Array.isArray(schema.items)
  const prefix = arrayOf(old ? schema.items : schema.prefixItems)
  const rest = old ? schema.additionalItems : schema.items
  if (prefix.length === 0 && rest === undefined && !Array.isArray(schema.prefixItems)) return undefined
  return {
    prefix: prefix.map((item, index) => child(at, item, old ? "items" : "prefixItems", index)),
    rest: rest === undefined ? undefined : child(at, rest, old ? "additionalItems" : "items")
  }
}
