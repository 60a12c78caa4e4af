/**
 * A JSON Schema document → its tree. Draft 2020-12 is read, with the spellings of older drafts understood.
 *
 * @since 0.1.0
 */
import * as Conjunction from "./Conjunction.ts"
import * as Endings from "./Endings.ts"
import * as Facts from "./Facts.ts"
import * as Identity from "./Identity.ts"
import * as KindTree from "./KindTree.ts"
import * as Members from "./Members.ts"
import * as ObjectTree from "./ObjectTree.ts"
import * as Compound from "./tree/Compound.ts"
import * as Dropped from "./tree/Dropped.ts"
import * as Tree from "./tree/JsonSchemaTree.ts"

/** Schema objects times the alternatives that they are read into: about 50 ms. */
const BUDGET = 20_000

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Reads `{ not: { type: "null" } }` as the empty object, which is how Effect emits `Schema.Struct({})`. */
  readonly emptyStruct: boolean
}

/**
 * Reads a document. A part that recurs, or is used more than once, becomes a definition, so that a tree is never larger than
 * its document by more than a constant factor.
 *
 * @category reading
 * @since 0.1.0
 */
export const normalise = (schema: unknown, options: Options): Tree.Document => {
  const document = typeof schema === "object" && schema !== null ? schema : {}
  const reading: Facts.Reading = {
    ...options,
    document,
    dropped: [],
    entries: new Map(),
    names: new Map(),
    budget: BUDGET
  }
  const tree = treeOf([{ schema, path: [], root: document, entered: new Set() }], [], reading)
  const definitions = new Map<string, Tree.Tree>()
  for (const entry of reading.entries.values()) {
    if (entry.isUsed && entry.tree !== undefined) definitions.set(entry.name, entry.tree)
  }
  const hard = [...definitions.values()].find((at) => at._tag === "Never" && at.hard)
  const ended = Endings.prune({ tree: hard ?? tree, definitions })
  return { ...ended, dropped: Dropped.distinct(reading.dropped) }
}

/** The tree of the conjunction of the given schemas; read once for the same schemas. */
const treeOf = (schemas: ReadonlyArray<Facts.Located>, path: Dropped.Path, reading: Facts.Reading): Tree.Tree => {
  const chased = schemas.map((at) => Identity.chase(at, reading.document))
  const key = Identity.keyOf(chased)
  const known = reading.entries.get(key)
  if (known !== undefined) {
    if (known.tree !== undefined && !isComposite(known.tree)) return known.tree
    known.isUsed = true
    return { _tag: "Ref", name: known.name }
  }
  const entry: Facts.Entry = { name: Identity.nameOf(schemas, reading.names), tree: undefined, isUsed: false }
  reading.entries.set(key, entry)
  const entered = chased.map((at) => ({
    ...at,
    entered: new Set(typeof at.schema === "object" && at.schema !== null ? [at.schema] : [])
  }))
  const found = Conjunction.conjoin(entered, path, reading)
  const at = schemas[0]?.path ?? path
  entry.tree = found._tag === "Refused"
    ? Tree.never(found.fault, true)
    : Compound.union(found.facts.map((facts) => fromFacts({ ...facts, path: at }, reading)), at, "anyOf")
  return entry.isUsed && isComposite(entry.tree) ? { _tag: "Ref", name: entry.name } : entry.tree
}

const isComposite = (tree: Tree.Tree): boolean =>
  tree._tag === "Fields" || tree._tag === "List" || (tree._tag === "Union" && tree.members.some(isComposite))

const fromFacts = (facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  if (facts.never !== undefined) return Tree.never(facts.never)
  if (facts.values !== undefined) return fromValues(facts, facts.values, reading)
  const kinds = facts.kinds ?? inferred(facts)
  if (kinds.length === 0) return { _tag: "Free", path: facts.path, said: true }
  if (facts.kinds === undefined) {
    const reason = `without "type", only values of the kind that the keywords are about are written: ${
      kinds.join(", ")
    }`
    Facts.leave(reading, facts.path, "type", reason, "unwritable")
  }
  return Compound.union(kinds.map((kind) => fromKind(kind, facts, reading)), facts.path, "type")
}

/** The kinds that a schema without `type` is about: its keywords constrain one kind of value, so that kind is meant. */
const inferred = (facts: Facts.Facts): ReadonlyArray<Facts.Kind> => {
  const has = (...keywords: ReadonlyArray<string>) => keywords.some((keyword) => facts.bounds[keyword] !== undefined)
  const kinds: Array<Facts.Kind> = []
  const speaks = facts.shapes.length > 0 || facts.required.length > 0 || facts.closed.keys
  if (speaks || has("minProperties", "maxProperties")) kinds.push("object")
  if (facts.items.length > 0 || facts.closed.items || has("minItems", "maxItems")) kinds.push("array")
  if (facts.patterns.length > 0 || facts.formats.length > 0 || has("minLength", "maxLength")) kinds.push("string")
  if (facts.multiples.length > 0 || has("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")) {
    kinds.push("number")
  }
  return kinds
}

const fromKind = (kind: Facts.Kind, facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  switch (kind) {
    case "null":
      return Tree.literal([null])
    case "boolean":
      return Tree.literal([true, false])
    case "integer":
    case "number":
      return KindTree.fromNumber(kind, facts, reading)
    case "string":
      return KindTree.fromText(facts, reading)
    case "array":
      return KindTree.fromItems(facts, reading, treeOf)
    case "object":
      return ObjectTree.fromShapes(facts, reading, treeOf)
  }
}

const fromValues = (facts: Facts.Facts, values: ReadonlyArray<unknown>, reading: Facts.Reading): Tree.Tree => {
  // the other keywords of the conjunction decide about values with parts of their own
  const beside = facts.shapes.length + facts.required.length + facts.items.length > 0
    ? fromFacts({ ...facts, values: undefined }, { ...reading, dropped: [] })
    : undefined
  const definitions = beside === undefined ? new Map<string, Tree.Tree>() : new Map(
    [...reading.entries.values()].flatMap(({ name, tree }) => tree === undefined ? [] : [[name, tree] as const])
  )
  const allowed = (value: unknown) =>
    beside === undefined || Tree.isScalar(value) ||
    (beside._tag === "Never" ? beside.hard : Members.holds(beside, value, definitions))
  const fitting = values.filter((value) => KindTree.fits(value, facts) && allowed(value))
  return fitting.length === 0
    ? Tree.unsatisfiable(facts.path, "enum", "none of its values fits the keywords next to it")
    : Compound.union(fitting.map((value) => Compound.constant(value, facts.path)), facts.path, "enum")
}
