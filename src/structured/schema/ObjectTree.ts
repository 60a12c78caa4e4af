/**
 * The facts about an object → its tree.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as RegexDialect from "../regex/RegexDialect.ts"
import * as Facts from "./Facts.ts"
import type { TreeOf } from "./KindTree.ts"
import * as KindTree from "./KindTree.ts"
import * as Compound from "./tree/Compound.ts"
import * as Tree from "./tree/JsonSchemaTree.ts"

/**
 * The object that all shapes of a conjunction describe together. It stays open unless something forbids further keys.
 *
 * @category reading
 * @since 0.1.0
 */
export const fromShapes = (facts: Facts.Facts, reading: Facts.Reading, treeOf: TreeOf): Tree.Tree => {
  const { bounds, path, required, shapes } = facts
  const names = [...new Set([...shapes.flatMap(({ properties }) => [...properties.keys()]), ...required])]
  const named = namesAllowed(shapes, reading, treeOf)
  if (named?._tag === "Never" && named.hard) return named
  const listed = named?._tag === "Literal" ? [...new Set([...names, ...literalNames(named)])] : names
  const properties = listed.map((name) => propertyOf(name, facts, reading, treeOf))
  const rests = bounds.maxProperties === 0 || (named !== undefined && named._tag !== "Text")
    ? []
    : restsOf(names, named, facts, reading, treeOf)
  for (const { name, required, value } of properties) {
    if (value._tag !== "Never" || required || rests.length === 0) continue
    const reason = "no value is allowed here, but further keys of any name are not forbidden"
    Facts.leave(reading, [...path, "properties", name], value.fault.keyword, reason)
  }
  const min = Math.ceil(bounds.minProperties ?? 0)
  const max = bounds.maxProperties === undefined ? undefined : Math.floor(bounds.maxProperties)
  const count = properties.filter((property) => property.required).length
  if (max !== undefined && (max < min || max < count)) {
    return Tree.unsatisfiable(path, "maxProperties", `it allows fewer keys than the ${Math.max(min, count)} required`)
  }
  const tree = Compound.fields({ path, properties, rests, min: Math.max(min, count), max, about: facts.about })
  return tree._tag === "Fields" && tree.rests.length === 0 && min > tree.properties.length
    ? Tree.unsatisfiable(path, "minProperties", `it exceeds the ${tree.properties.length} keys that are possible`)
    : tree
}

/** All that the shapes say about one key. */
const propertyOf = (name: string, facts: Facts.Facts, reading: Facts.Reading, treeOf: TreeOf): Tree.Property => {
  const schemas = facts.shapes.flatMap(({ additional, patterns, properties }) => {
    const own = properties.get(name)
    const matching = patterns.filter(([source]) => KindTree.matches(source, name)).map(([, at]) => at)
    const found = own === undefined ? matching : [own, ...matching]
    return found.length > 0 || additional === undefined ? found : [additional]
  })
  const path = [...facts.path, "properties", name]
  const about = schemas.map(({ schema }) => Tree.isObject(schema) ? aboutOf(schema) : undefined).find((found) =>
    found !== undefined
  )
  return {
    name,
    required: facts.required.includes(name),
    value: schemas.length === 0 ? { _tag: "Free", path, said: false } : treeOf(schemas, path, reading),
    ...about !== undefined && { about }
  }
}

const remarks = ["title", "description", "default", "examples"]

const aboutOf = (schema: Readonly<Record<string, unknown>>): Tree.About | undefined => {
  const said = remarks.filter((keyword) => schema[keyword] !== undefined)
  return said.length === 0 ? undefined : Object.fromEntries(said.map((keyword) => [keyword, schema[keyword]]))
}

const namesAllowed = (
  shapes: ReadonlyArray<Facts.Shape>,
  reading: Facts.Reading,
  treeOf: TreeOf
): Tree.Tree | undefined => {
  const [first, ...more] = shapes.flatMap(({ names }) => names === undefined ? [] : [names])
  if (first === undefined) return undefined
  const isText: Facts.Located = { ...first, schema: { type: "string" } }
  const tree = treeOf([isText, first, ...more], first.path, reading)
  if (tree._tag === "Text" || tree._tag === "Literal" || tree._tag === "Never") return tree
  Facts.leave(reading, first.path, "propertyNames", "the names are left to the decoder")
  return undefined
}

const literalNames = (tree: Tree.Tree): ReadonlyArray<string> =>
  tree._tag === "Literal" ? tree.values.filter((value) => typeof value === "string") : []

/** The keys beyond the named ones: by pattern, and all others where they are not forbidden. */
const restsOf = (
  names: ReadonlyArray<string>,
  named: Tree.Text | undefined,
  facts: Facts.Facts,
  reading: Facts.Reading,
  treeOf: TreeOf
): ReadonlyArray<Tree.Rest> => {
  const { closed, path, shapes } = facts
  const additional = shapes.flatMap(({ additional }) => additional ?? [])
  const patterned = shapes.flatMap((shape) => shape.patterns.map(([source, at]) => ({ shape, source, at })))
  const rests = patterned.flatMap(({ at, shape, source }): ReadonlyArray<Tree.Rest> => {
    const key = RegexDialect.whole(source, "")
    if (Result.isFailure(key)) {
      Facts.leave(reading, path, "patternProperties", `${key.failure.construct} does not fit a grammar`)
      return []
    }
    const others = shapes.filter((other) => other !== shape).flatMap(({ additional }) => additional ?? [])
    return [{
      key: Tree.text(path, { content: key.success }),
      value: treeOf([at, ...others], at.path, reading)
    }]
  })
  if (patterned.length > 1 || (patterned.length > 0 && named !== undefined)) {
    Facts.leave(reading, path, "patternProperties", "for a key that matches two patterns, only one of them is enforced")
  }
  if (additional.length === 0 && closed.keys) return rests
  const isSure = rests.length === patterned.length
  // an object without keywords requests keys; one whose keys are listed merely does not forbid others
  const said = additional.length > 0 || !shapes.some(({ declared, patterns }) => declared || patterns.length > 0)
  const value: Tree.Tree = additional.length > 0 && isSure
    ? treeOf(additional, path, reading)
    : { _tag: "Free", path: [...path, "additionalProperties"], said: said && facts.required.length === 0 }
  if (named !== undefined && names.length > 0) {
    Facts.leave(reading, path, "propertyNames", "the names of declared keys are left to the decoder")
  }
  return [...rests, { key: named ?? Tree.text(path), value }]
}
