/**
 * What a conjunction of schema objects says about one value, keyword by keyword.
 *
 * @since 0.1.0
 */
import { KINDS } from "./Malformed.ts"
import { difference } from "./tree/Dropped.ts"
import type { Dropped, Fault, Path } from "./tree/Dropped.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"
import type { About, Tree } from "./tree/JsonSchemaTree.ts"

/**
 * A subschema in its document: what `$ref` is relative to, and which targets were entered without a step into a value in
 * between.
 *
 * @category models
 * @since 0.1.0
 */
export interface Located {
  readonly schema: unknown
  readonly path: Path
  readonly root: object
  readonly entered: ReadonlySet<object>
}

/**
 * The object keywords of one schema object, which refer to each other: what "additional" means depends on its siblings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  readonly declared: boolean
  readonly properties: ReadonlyMap<string, Located>
  readonly patterns: ReadonlyArray<readonly [string, Located]>
  readonly additional: Located | undefined
  readonly names: Located | undefined
}

/**
 * The array keywords of one schema object.
 *
 * @category models
 * @since 0.1.0
 */
export interface Items {
  readonly prefix: ReadonlyArray<Located>
  readonly rest: Located | undefined
}

/**
 * One keyword with a text, and its place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly source: string
  readonly flags: string
  readonly path: Path
}

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof KINDS[number]

/**
 * Everything that a conjunction of schema objects says about one value.
 *
 * @category models
 * @since 0.1.0
 */
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
  /** Whether `unevaluatedProperties` and `unevaluatedItems` forbid what nothing else mentions. */
  readonly closed: { readonly keys: boolean; readonly items: boolean }
  readonly about: About | undefined
}

/**
 * A part of the document that was read, or is being read.
 *
 * @category models
 * @since 0.2.0
 */
export interface Entry {
  readonly name: string
  tree: Tree | undefined
  isUsed: boolean
}

/**
 * The state of a reading.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly document: object
  readonly emptyStruct: boolean
  readonly dropped: Array<Dropped>
  /** What was read, by the identity of the schema objects that were read together. */
  readonly entries: Map<string, Entry>
  /** The names that were given, each with its count. */
  readonly names: Map<string, number>
  /** How many more schema objects may be read, so that every reading ends. */
  budget: number
}

/**
 * @category constructors
 * @since 0.1.0
 */
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
  items: [],
  closed: { keys: false, items: false },
  about: undefined
})

/**
 * The fault of a contradiction.
 *
 * @category constructors
 * @since 0.1.0
 */
export const impossible = (path: Path, keyword: string, reason: string): Fault => ({
  path,
  keyword,
  reason,
  hint: "no JSON value can satisfy this part of the schema"
})

/**
 * A part of a schema that is about the same value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const child = (at: Located, schema: unknown, ...steps: ReadonlyArray<string | number>): Located => ({
  ...at,
  schema,
  path: [...at.path, ...steps]
})

/**
 * @category accessors
 * @since 0.1.0
 */
export const arrayOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/**
 * The facts can no longer be satisfied; the first reason counts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const contradict = (fault: Fault) => (facts: Facts): Facts => ({ ...facts, never: facts.never ?? fault })

const lower = ["minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"]
const upper = ["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"]
const left: ReadonlyMap<string, string> = new Map([
  ["if", "conditions are left to the decoder"],
  ["dependentRequired", "dependencies between keys are left to the decoder"],
  ["dependentSchemas", "dependencies between keys are left to the decoder"],
  ["dependencies", "dependencies between keys are left to the decoder"],
  ["uniqueItems", "the decoder checks that items differ"],
  ["contains", "the decoder checks that an item exists"],
  ["minContains", "the decoder checks that items exist"],
  ["maxContains", "how many items match is left to the decoder"],
  ["contentSchema", "the text inside the string is left to the decoder"]
])
const numbers = new Set([...lower, ...upper, "multipleOf"])
const abouts = ["title", "description", "default", "examples"]

type Statement = (at: Located, schema: Readonly<Record<string, unknown>>, known: Facts, reading: Reading) => Facts

/**
 * The keywords of one schema object itself, added to what is known.
 *
 * @category combinators
 * @since 0.1.0
 */
export const state: Statement = (at, schema, known, reading) => {
  const { path } = at
  for (const keyword of Object.keys(schema)) {
    const reason = left.get(keyword)
    if (reason !== undefined && schema[keyword] !== undefined && schema[keyword] !== false) {
      leave(reading, path, keyword, reason)
    }
  }
  let facts = stateBounds(schema, stateUnevaluated(path, schema, stateValue(at, schema, known, reading), reading))
  if (facts.about === undefined && abouts.some((keyword) => schema[keyword] !== undefined)) {
    facts = {
      ...facts,
      about: Object.fromEntries(
        abouts.flatMap((keyword) => schema[keyword] === undefined ? [] : [[keyword, schema[keyword]]])
      )
    }
  }
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

/**
 * Reports that no grammar enforces a keyword.
 *
 * @category combinators
 * @since 0.2.0
 */
export const leave = (
  reading: Reading,
  path: Path,
  keyword: string,
  reason: string,
  effect: Dropped["effect"] = "unenforced"
): void => {
  reading.dropped.push(difference(path, keyword, reason, effect))
}

const stateValue: Statement = ({ path }, schema, known, reading) => {
  let facts = known
  if (schema.type !== undefined) {
    const kinds = kindsOf(schema)
    const both = facts.kinds === undefined ? kinds : meet(facts.kinds, kinds)
    facts = { ...facts, kinds: both }
    if (both.length === 0) facts = contradict(impossible(path, "type", "the types contradict each other"))(facts)
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
    return { ...facts, kinds: ["object"], closed: { ...facts.closed, keys: true } }
  }
  const others = isObject(schema.not) ? kindsBeside(schema.not) : undefined
  if (others !== undefined) {
    const both = facts.kinds === undefined ? others : meet(facts.kinds, others)
    return both.length === 0
      ? contradict(impossible(path, "not", "it forbids the only remaining type"))(facts)
      : { ...facts, kinds: both }
  }
  leave(reading, path, "not", "negation is left to the decoder")
  return facts
}

/** The kinds that are left if only kinds are forbidden; "a number that is not an integer" cannot be expressed this way. */
const kindsBeside = (forbidden: Readonly<Record<string, unknown>>): ReadonlyArray<Kind> | undefined => {
  if (forbidden.type === undefined || Object.keys(forbidden).length > 1) return undefined
  const kinds = kindsOf(forbidden)
  if (kinds.includes("integer")) return undefined
  return KINDS.filter((kind) => kind !== "integer" && !kinds.includes(kind))
}

const stateUnevaluated = (
  path: Path,
  schema: Readonly<Record<string, unknown>>,
  facts: Facts,
  reading: Reading
): Facts => {
  const { unevaluatedItems, unevaluatedProperties } = schema
  if (unevaluatedItems === undefined && unevaluatedProperties === undefined) return facts
  for (const [keyword, value] of Object.entries({ unevaluatedItems, unevaluatedProperties })) {
    if (isObject(value) && Object.keys(value).length > 0) {
      leave(reading, path, keyword, "what it says about further parts is left to the decoder")
    }
  }
  const closed = {
    keys: facts.closed.keys || unevaluatedProperties === false,
    items: facts.closed.items || unevaluatedItems === false
  }
  return { ...facts, closed }
}

const kindsOf = (schema: Readonly<Record<string, unknown>>): ReadonlyArray<Kind> => {
  const names: ReadonlyArray<unknown> = Array.isArray(schema.type) ? schema.type : [schema.type]
  const kinds = KINDS.filter((kind) => names.includes(kind))
  return schema.nullable === true && !kinds.includes("null") ? [...kinds, "null"] : kinds
}

const meet = (some: ReadonlyArray<Kind>, others: ReadonlyArray<Kind>): ReadonlyArray<Kind> =>
  KINDS.filter((kind) =>
    [some, others].every((kinds) => kinds.includes(kind) || (kind === "integer" && kinds.includes("number"))) &&
    (some.includes(kind) || others.includes(kind))
  )

const stateBounds = (schema: Readonly<Record<string, unknown>>, facts: Facts): Facts => {
  if (!Object.keys(schema).some((keyword) => numbers.has(keyword))) return facts
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
  const { additionalProperties, patternProperties, properties, propertyNames } = schema
  const said = [properties, patternProperties, additionalProperties, propertyNames]
  if (said.every((value) => value === undefined)) return undefined
  const entries = isObject(properties) ? Object.entries(properties) : []
  return {
    declared: properties !== undefined,
    properties: new Map(entries.map(([name, value]) => [name, child(at, value, "properties", name)])),
    patterns: isObject(patternProperties)
      ? Object.entries(patternProperties).map(([source, value]) =>
        [source, child(at, value, "patternProperties", source)] as const
      )
      : [],
    additional: additionalProperties === undefined
      ? undefined
      : child(at, additionalProperties, "additionalProperties"),
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
