import * as Result from "effect/Result"
import * as RegexDialect from "../regex/RegexDialect.ts"
import type { Regex } from "../regex/RegexSyntax.ts"
import * as Conjunction from "./Conjunction.ts"
import type * as Facts from "./Facts.ts"
import * as Formats from "./Formats.ts"
import * as FreeValue from "./FreeValue.ts"
import * as Tree from "./JsonSchemaTree.ts"
import * as ObjectTree from "./ObjectTree.ts"

/** Longer strings are bounded by the decoder alone: counting characters costs the server two states each. */
export const MAX_COUNTED_LENGTH = 200
/** A repetition may cost this many states; a larger bound is left to the decoder. */
export const MAX_COUNTED_STATES = 400
const MAX_RANGE = 256
const MAX_PATTERN_STATES = 600
const MAX_ENUM_STATES = 1500
const BUDGET = 40_000

export interface Options {
  /** How many levels of a recursive schema are written out. */
  readonly depth: number
  /** What a schema that allows any value becomes: a refusal, or any scalar. */
  readonly free: "refuse" | "scalars"
  /** Reads `{ not: { type: "null" } }` as the empty object, which is how Effect emits `Schema.Struct({})`. */
  readonly emptyStruct: boolean
}

/** Reads a JSON Schema document (draft 2020-12, with the spellings of older drafts understood) into a tree. */
export const normalise = (
  schema: unknown,
  options: Options
): { readonly tree: Tree.Tree; readonly dropped: ReadonlyArray<Tree.Dropped> } => {
  const reading: Facts.Reading = { ...options, dropped: [], budget: BUDGET }
  const root = typeof schema === "object" && schema !== null ? schema : {}
  const tree = treeOf([{ schema, path: [], root, entered: new Map() }], [], reading)
  const seen = new Set<string>()
  const dropped = reading.dropped.filter(({ keyword, path }) => {
    const key = JSON.stringify([path, keyword])
    return seen.has(key) ? false : seen.add(key)
  })
  return { tree, dropped }
}

/** The tree of everything that the given schemas say together. */
const treeOf = (schemas: ReadonlyArray<Facts.Located>, path: Tree.Path, reading: Facts.Reading): Tree.Tree => {
  const found = Conjunction.conjoin(schemas, path, reading)
  if (found._tag === "Refused") return Tree.never(found.fault, true)
  const at = schemas[0]?.path ?? path
  return Tree.union(found.facts.map((facts) => fromFacts({ ...facts, path: at }, reading)), at, "anyOf")
}

const fromFacts = (facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  if (facts.never !== undefined) return Tree.never(facts.never)
  if (facts.values !== undefined) return fromValues(facts, facts.values, reading)
  const kinds = facts.kinds ?? inferred(facts)
  if (kinds.length === 0) return FreeValue.make(facts.path, "schema", reading)
  return Tree.union(kinds.map((kind) => fromKind(kind, facts, reading)), facts.path, "type")
}

/** What a schema without `type` speaks of: its keywords constrain one kind of value, so that kind is meant. */
const inferred = (facts: Facts.Facts): ReadonlyArray<Facts.Kind> => {
  const has = (...keywords: ReadonlyArray<string>) => keywords.some((keyword) => facts.bounds[keyword] !== undefined)
  const kinds: Array<Facts.Kind> = []
  if (facts.shapes.length > 0 || facts.required.length > 0 || has("minProperties", "maxProperties")) {
    kinds.push("object")
  }
  if (facts.items.length > 0 || has("minItems", "maxItems")) kinds.push("array")
  if (facts.patterns.length > 0 || facts.formats.length > 0 || has("minLength", "maxLength")) kinds.push("string")
  if (facts.multiples.length > 0 || has("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")) {
    kinds.push("number")
  }
  return kinds
}

const fromValues = (facts: Facts.Facts, values: ReadonlyArray<unknown>, reading: Facts.Reading): Tree.Tree => {
  const { values: _, ...others } = facts
  // what the conjunction says beside the values decides about the ones with parts of their own
  const beside = facts.shapes.length + facts.required.length + facts.items.length > 0
    ? fromFacts({ ...others, values: undefined }, { ...reading, dropped: [] })
    : undefined
  const allowed = (value: unknown) =>
    beside === undefined || Tree.isScalar(value) || (beside._tag === "Never" ? beside.hard : Tree.holds(beside, value))
  const fitting = values.filter((value) => fits(value, facts) && allowed(value))
  const out = Tree.union(fitting.map((value) => Tree.constant(value, facts.path)), facts.path, "enum")
  if (out._tag !== "Literal" || Tree.states(out) <= MAX_ENUM_STATES) return out
  if (!out.values.every((value) => typeof value === "string")) return out
  reading.dropped.push({ path: facts.path, keyword: "enum", reason: "so many values are left to the decoder" })
  return Tree.text()
}

const fits = (value: unknown, facts: Facts.Facts): boolean => {
  const { bounds } = facts
  const kind = value === null
    ? "null"
    : Array.isArray(value)
    ? "array"
    : Number.isInteger(value)
    ? "integer"
    : typeof value
  const known = facts.kinds?.some((name) => name === kind || (kind === "integer" && name === "number"))
  if (known === false) return false
  if (typeof value === "number") return inRange(value, bounds) && isMultiple(value, facts.multiples)
  if (typeof value !== "string") return true
  const length = Array.from(value).length
  return length >= (bounds.minLength ?? 0) && length <= (bounds.maxLength ?? Infinity)
}

const inRange = (value: number, bounds: Facts.Facts["bounds"]): boolean =>
  value >= (bounds.minimum ?? -Infinity) && value <= (bounds.maximum ?? Infinity) &&
  value > (bounds.exclusiveMinimum ?? -Infinity) && value < (bounds.exclusiveMaximum ?? Infinity)

const isMultiple = (value: number, of: ReadonlyArray<number>): boolean =>
  of.every((divisor) => Math.abs(value / divisor - Math.round(value / divisor)) < 1e-9)

const fromKind = (kind: Facts.Kind, facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  switch (kind) {
    case "null":
      return Tree.literal([null])
    case "boolean":
      return Tree.literal([true, false])
    case "integer":
    case "number":
      return fromNumber(kind, facts, reading)
    case "string":
      return fromText(facts, reading)
    case "array":
      return fromItems(facts, reading)
    case "object":
      return ObjectTree.fromShapes(facts, reading, treeOf)
  }
}

const fromNumber = (kind: "integer" | "number", facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  const { bounds, path } = facts
  const above = Math.max(bounds.minimum ?? -Infinity, bounds.exclusiveMinimum ?? -Infinity)
  const below = Math.min(bounds.maximum ?? Infinity, bounds.exclusiveMaximum ?? Infinity)
  if (above > below || (above === below && !inRange(above, bounds))) {
    return Tree.union([], path, "minimum")
  }
  const low = Math.ceil(above)
  const high = Math.floor(below)
  if (kind === "integer" && high - low < MAX_RANGE) {
    const values = Array.from({ length: Math.max(0, high - low + 1) }, (_, index) => low + index)
    const allowed = values.filter((value) => inRange(value, bounds) && isMultiple(value, facts.multiples))
    return Tree.union(allowed.map((value) => Tree.literal([value === 0 ? 0 : value])), path, "minimum")
  }
  // the whole range of safe integers is no wish of the author
  const limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].filter((keyword) =>
    Math.abs(bounds[keyword] ?? Infinity) < Number.MAX_SAFE_INTEGER
  )
  for (const keyword of facts.multiples.length > 0 ? [...limits, "multipleOf"] : limits) {
    reading.dropped.push({ path, keyword, reason: "the size of numbers is left to the decoder" })
  }
  return kind === "number" ? { _tag: "Decimal" } : { _tag: "Integer", signed: above < 0 }
}

/** A string: of its pattern, format and lengths the most telling one that a grammar can carry. */
const fromText = (facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  const min = Math.max(0, Math.ceil(facts.bounds.minLength ?? 0))
  const max = facts.bounds.maxLength === undefined ? undefined : Math.floor(facts.bounds.maxLength)
  if (max !== undefined && max < min) return Tree.union([], facts.path, "maxLength")
  const content = contentOf(facts, reading)
  const drop = (keyword: string, reason: string) => reading.dropped.push({ path: facts.path, keyword, reason })
  if (content !== undefined) {
    const fits = (max ?? 0) <= MAX_COUNTED_LENGTH && min <= MAX_COUNTED_LENGTH
    const bounded = (min > 0 || max !== undefined) && fits ? RegexDialect.bound(content, min, max) : undefined
    if (bounded === undefined && facts.bounds.minLength !== undefined) drop("minLength", "the pattern counts instead")
    if (bounded === undefined && max !== undefined) drop("maxLength", "the pattern counts instead")
    return Tree.text({ content: bounded ?? content })
  }
  if (max !== undefined && max > MAX_COUNTED_LENGTH) drop("maxLength", "counting so far would cost the server seconds")
  if (min > MAX_COUNTED_LENGTH) drop("minLength", "counting so far would cost the server seconds")
  return Tree.text({
    min: Math.min(min, MAX_COUNTED_LENGTH),
    max: max !== undefined && max > MAX_COUNTED_LENGTH ? undefined : max
  })
}

const contentOf = (facts: Facts.Facts, reading: Facts.Reading): Regex | undefined => {
  let content: Regex | undefined
  const formats = facts.formats.map((rule) => ({
    ...rule,
    source: Formats.patterns.get(rule.source),
    keyword: "format"
  }))
  for (
    const { flags, keyword, path, source } of [
      ...facts.patterns.map((rule) => ({ ...rule, keyword: "pattern" })),
      ...formats
    ]
  ) {
    if (content !== undefined && keyword === "format") continue
    if (content !== undefined || source === undefined) {
      const reason = source === undefined
        ? "the format is left to the decoder"
        : "a grammar holds one pattern for a string"
      reading.dropped.push({ path, keyword, reason })
      continue
    }
    const read = RegexDialect.whole(source, flags)
    if (Result.isFailure(read)) {
      const { construct, hint, position } = read.failure
      reading.dropped.push({ path, keyword, reason: `${construct} at ${position} does not fit a grammar: ${hint}` })
    } else if (RegexDialect.states(read.success) > MAX_PATTERN_STATES) {
      reading.dropped.push({ path, keyword, reason: "its repetitions would cost the server seconds" })
    } else content = read.success
  }
  return content
}

const fromItems = (facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  const { bounds, items, path } = facts
  const min = Math.max(0, Math.ceil(bounds.minItems ?? 0))
  const max = bounds.maxItems === undefined ? undefined : Math.floor(bounds.maxItems)
  const length = Math.min(Math.max(0, ...items.map(({ prefix }) => prefix.length)), max ?? Infinity)
  const at = (index: number) =>
    items.flatMap(({ prefix, rest }) => {
      const item = prefix[index] ?? rest
      return item === undefined ? [] : [item]
    })
  const prefix = Array.from({ length }, (_, index) => treeOf(at(index), path, reading))
  const others = items.flatMap(({ rest }) => rest === undefined ? [] : [rest])
  const isOpen = others.every(({ schema }) => schema === true)
  // beyond a prefix, and where nothing fits, an array may always end
  if (max === length || (isOpen && length > 0 && length >= min)) {
    return Tree.list({ prefix, rest: undefined, min, max }, path)
  }
  const rest = isOpen ? FreeValue.make([...path, "items"], "items", reading) : treeOf(others, path, reading)
  return Tree.list({ prefix, rest, ...counted(rest, min, max, length, path, reading) }, path)
}

const counted = (
  item: Tree.Tree,
  min: number,
  max: number | undefined,
  prefix: number,
  path: Tree.Path,
  reading: Facts.Reading
): { readonly min: number; readonly max: number | undefined } => {
  const most = prefix + Math.max(1, Math.floor(MAX_COUNTED_STATES / (Tree.states(item) + 2)))
  if (item._tag === "Never") return { min, max }
  const drop = (keyword: string) =>
    reading.dropped.push({ path, keyword, reason: "counting so far would cost the server seconds" })
  if (min > most) drop("minItems")
  if (max !== undefined && max > most) drop("maxItems")
  return { min: Math.min(min, most), max: max !== undefined && max > most ? undefined : max }
}
