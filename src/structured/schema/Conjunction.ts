import * as Option from "effect/Option"
import * as Facts from "./Facts.ts"
import * as Tree from "./JsonSchemaTree.ts"
import * as Reference from "./Reference.ts"

/** The alternatives that a schema allows, or why it cannot be read. */
export type Alternatives =
  | { readonly _tag: "Read"; readonly facts: ReadonlyArray<Facts.Facts> }
  | { readonly _tag: "Refused"; readonly fault: Tree.Fault }

const MAX_ALTERNATIVES = 128
const MAX_NESTING = 96

const read = (facts: ReadonlyArray<Facts.Facts>): Alternatives => ({ _tag: "Read", facts })
const refuse = (path: Tree.Path, keyword: string, reason: string, hint: string): Alternatives => ({
  _tag: "Refused",
  fault: { path, keyword, reason, hint }
})

/** What all of the given schemas say together, as alternatives of plain conjunctions. */
export const conjoin = (
  schemas: ReadonlyArray<Facts.Located>,
  path: Tree.Path,
  reading: Facts.Reading
): Alternatives => {
  let out = read([Facts.none(path)])
  for (const at of schemas) {
    if (out._tag === "Refused") return out
    out = add(at, out.facts, reading)
  }
  return out
}

const add = (at: Facts.Located, facts: ReadonlyArray<Facts.Facts>, reading: Facts.Reading): Alternatives => {
  const { path, schema } = at
  if (--reading.budget < 0 || path.length > MAX_NESTING) {
    return refuse(path, "$ref", "the schema is too large or nests too deeply", "split it, or lower the recursion depth")
  }
  if (schema === true) return read(facts)
  if (schema === false) {
    return read(facts.map(Facts.contradict(Facts.impossible(path, "false", "this schema allows nothing"))))
  }
  if (!Tree.isObject(schema)) {
    return refuse(path, "schema", "a schema must be an object or a boolean", "correct the document")
  }
  const here = typeof schema.$id === "string" && !schema.$id.startsWith("#") ? { ...at, root: schema } : at
  let out = read(facts)
  if (schema.$ref !== undefined || schema.$dynamicRef !== undefined || schema.$recursiveRef !== undefined) {
    out = follow(here, schema, facts, reading)
  }
  if (out._tag === "Read") out = read(out.facts.map((fact) => Facts.state(here, schema, fact, reading)))
  for (const [index, member] of Facts.arrayOf(schema.allOf).entries()) {
    if (out._tag === "Read") out = add(Facts.child(here, member, "allOf", index), out.facts, reading)
  }
  for (const keyword of ["anyOf", "oneOf"]) {
    const members = schema[keyword]
    if (out._tag === "Refused" || !Array.isArray(members)) continue
    if (keyword === "oneOf" && members.length > 1) {
      reading.dropped.push({ path, keyword, reason: "that exactly one alternative matches is left to the decoder" })
    }
    out = branch(here, keyword, members, out.facts, reading)
  }
  return out
}

const branch = (
  at: Facts.Located,
  keyword: string,
  members: ReadonlyArray<unknown>,
  facts: ReadonlyArray<Facts.Facts>,
  reading: Facts.Reading
): Alternatives => {
  const all: Array<Facts.Facts> = []
  for (const [index, member] of members.entries()) {
    const out = add(Facts.child(at, member, keyword, index), facts, reading)
    if (out._tag === "Refused") return out
    all.push(...out.facts)
    if (all.length > MAX_ALTERNATIVES) {
      return refuse(at.path, keyword, "the alternatives multiply beyond measure", "combine fewer unions in one place")
    }
  }
  return read(all)
}

const follow = (
  at: Facts.Located,
  schema: Readonly<Record<string, unknown>>,
  facts: ReadonlyArray<Facts.Facts>,
  reading: Facts.Reading
): Alternatives => {
  const keyword = schema.$ref === undefined ? "$dynamicRef" : "$ref"
  const found = typeof schema.$ref === "string" ? Reference.resolve(schema.$ref, at.root) : Option.none<unknown>()
  if (Option.isNone(found)) {
    const reason = `the reference ${JSON.stringify(schema[keyword])} leads nowhere inside this document`
    return refuse([...at.path, keyword], keyword, reason, "put the target under $defs and refer to it as #/$defs/Name")
  }
  const target = found.value
  if (!Tree.isObject(target)) return add({ ...at, schema: target }, facts, reading)
  const times = at.entered.get(target) ?? 0
  if (times >= reading.depth) {
    const reason = `recursion is unrolled ${reading.depth} levels deep`
    reading.dropped.push({ path: at.path, keyword, reason })
    const hint = "make the recursive part optional, nullable or an array, so that a value can end"
    return read(facts.map(Facts.contradict({ path: at.path, keyword, reason, hint })))
  }
  return add({ ...at, schema: target, entered: new Map(at.entered).set(target, times + 1) }, facts, reading)
}
