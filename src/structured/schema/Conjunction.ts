/**
 * `allOf`, `anyOf`, `oneOf` and `$ref` → the alternatives that they amount to, each a plain conjunction of facts.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Disjoint from "./Disjoint.ts"
import * as Facts from "./Facts.ts"
import * as Malformed from "./Malformed.ts"
import * as Reference from "./Reference.ts"
import type * as Dropped from "./tree/Dropped.ts"
import * as Tree from "./tree/JsonSchemaTree.ts"

/**
 * The alternatives that a schema allows, or why it cannot be read.
 *
 * @category models
 * @since 0.1.0
 */
export type Alternatives =
  | { readonly _tag: "Read"; readonly facts: ReadonlyArray<Facts.Facts> }
  | { readonly _tag: "Refused"; readonly fault: Dropped.Fault }

const MAX_ALTERNATIVES = 256
const MAX_NESTING = 128
const ITSELF = "itself"

const read = (facts: ReadonlyArray<Facts.Facts>): Alternatives => ({ _tag: "Read", facts })
const refuse = (path: Dropped.Path, keyword: string, reason: string, hint: string): Alternatives => ({
  _tag: "Refused",
  fault: { path, keyword, reason, hint }
})

/**
 * The conjunction of the given schemas, as alternatives of plain conjunctions.
 *
 * @category reading
 * @since 0.1.0
 */
export const conjoin = (
  schemas: ReadonlyArray<Facts.Located>,
  path: Dropped.Path,
  reading: Facts.Reading
): Alternatives => {
  let out = read([Facts.none(path)])
  for (const at of schemas) if (out._tag === "Read") out = add(at, out.facts, reading)
  return out._tag === "Refused" && out.fault.keyword === ITSELF
    ? { _tag: "Refused", fault: { ...out.fault, keyword: "$ref" } }
    : out
}

const add = (at: Facts.Located, facts: ReadonlyArray<Facts.Facts>, reading: Facts.Reading): Alternatives => {
  const { path, schema } = at
  reading.budget -= facts.length
  if (reading.budget < 0 || path.length > MAX_NESTING) {
    Facts.leave(reading, path, "schema", "the schema is too large to read further: the rest is left to the decoder")
    return read(facts)
  }
  if (schema === true) return read(facts)
  if (schema === false) {
    return read(facts.map(Facts.contradict(Facts.impossible(path, "false", "this schema allows nothing"))))
  }
  if (!Tree.isObject(schema)) {
    return refuse(path, "schema", "a schema must be an object or a boolean", "correct the document")
  }
  const fault = Malformed.find(schema, path)
  if (fault !== undefined) return { _tag: "Refused", fault }
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
    const isOne = keyword === "oneOf" && members.length > 1
    if (isOne && !Disjoint.are(members.map((member) => Facts.child(here, member)), reading.document)) {
      Facts.leave(reading, path, keyword, "the decoder checks that exactly one alternative matches")
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
  if (members.length * facts.length > MAX_ALTERNATIVES) {
    Facts.leave(reading, at.path, keyword, "its alternatives multiply with others to more than can be written")
    return read(facts)
  }
  const all: Array<Facts.Facts> = []
  let itself: Alternatives | undefined
  for (const [index, member] of members.entries()) {
    const out = add(Facts.child(at, member, keyword, index), facts, reading)
    if (out._tag === "Read") all.push(...out.facts)
    // an alternative that only leads back here adds nothing to the others
    else if (out.fault.keyword === ITSELF) itself = { _tag: "Refused", fault: { ...out.fault, keyword: "$ref" } }
    else return out
  }
  return all.length === 0 && itself !== undefined ? itself : read(all)
}

const follow = (
  at: Facts.Located,
  schema: Readonly<Record<string, unknown>>,
  facts: ReadonlyArray<Facts.Facts>,
  reading: Facts.Reading
): Alternatives => {
  const [keyword = "$ref", ref] =
    Object.entries(schema).find(([name]) => ["$ref", "$dynamicRef", "$recursiveRef"].includes(name)) ?? []
  const path = [...at.path, keyword]
  const found = typeof ref === "string"
    ? Reference.resolve(ref, at.root, reading.document)
    : Option.none<Reference.Target>()
  if (Option.isNone(found)) {
    const reason = `the reference ${JSON.stringify(ref)} has no target inside this document`
    return refuse(path, keyword, reason, "put the target under $defs and refer to it as #/$defs/Name")
  }
  const target = found.value
  if (!Tree.isObject(target.schema)) return add({ ...at, ...target }, facts, reading)
  if (at.entered.has(target.schema)) {
    const reason = `the reference ${JSON.stringify(ref)} leads back to itself`
    return refuse(path, ITSELF, reason, "describe the value before it refers to itself")
  }
  return add({ ...at, ...target, entered: new Set(at.entered).add(target.schema) }, facts, reading)
}
