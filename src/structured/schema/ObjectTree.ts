import * as Result from "effect/Result"
import * as RegexDialect from "../regex/RegexDialect.ts"
import type { Facts, Located, Reading, Shape } from "./Facts.ts"
import * as FreeValue from "./FreeValue.ts"
import * as Tree from "./JsonSchemaTree.ts"

/** How the schemas of a property become a tree. */
export type TreeOf = (schemas: ReadonlyArray<Located>, path: Tree.Path, reading: Reading) => Tree.Tree

const MAX_COUNTED_PAIRS = 60

/** The object that all shapes of a conjunction describe together, closed where nobody asked for more keys. */
export const fromShapes = (facts: Facts, reading: Reading, treeOf: TreeOf): Tree.Tree => {
  const { bounds, path, required, shapes } = facts
  const names = [...new Set([...shapes.flatMap(({ properties }) => [...properties.keys()]), ...required])]
  const named = namesAllowed(shapes, reading, treeOf)
  if (named !== undefined && named._tag === "Never" && named.hard) return named
  const listed = named === undefined || named._tag === "Text" ? names : [...new Set([...names, ...literalNames(named)])]
  const properties = listed.map((name): Tree.Property => ({
    name,
    required: required.includes(name),
    value: valueOf(name, shapes, path, reading, treeOf)
  }))
  const rests = bounds.maxProperties === 0 || (named !== undefined && named._tag !== "Text")
    ? []
    : restsOf(listed, named, facts, reading, treeOf)
  if (listed.length === 0 && rests.length === 0 && named?._tag !== "Never" && isFree(facts)) {
    return FreeValue.make(path, "properties", reading)
  }
  return counted(Tree.fields({ properties, rests, min: 0, max: undefined }), facts, reading)
}

/** Nothing says what the object holds. An explicit `properties: {}` counts as "no keys". */
const isFree = ({ bounds, shapes }: Facts): boolean =>
  bounds.maxProperties !== 0 && shapes.every(({ additional, properties, patterns }) =>
    properties.size === 0 && patterns.length === 0 && additional?.schema !== false
  ) && !shapes.some(({ declared }) =>
    declared
  )

const matches = (source: string, name: string): boolean => {
  try {
    return new RegExp(source, "u").test(name)
  } catch {
    return false
  }
}

/** All that the shapes say about one key. */
const valueOf = (name: string, shapes: ReadonlyArray<Shape>, path: Tree.Path, reading: Reading, treeOf: TreeOf) => {
  const schemas = shapes.flatMap(({ additional, patterns, properties }) => {
    const own = properties.get(name)
    const matching = patterns.filter(([source]) => matches(source, name)).map(([, at]) => at)
    const found = own === undefined ? matching : [own, ...matching]
    return found.length > 0 || additional === undefined ? found : [additional]
  })
  const at = [...path, "properties", name]
  return schemas.length === 0 ? FreeValue.make(at, "required", reading) : treeOf(schemas, at, reading)
}

const namesAllowed = (shapes: ReadonlyArray<Shape>, reading: Reading, treeOf: TreeOf): Tree.Tree | undefined => {
  const [first, ...more] = shapes.flatMap(({ names }) => names === undefined ? [] : [names])
  if (first === undefined) return undefined
  const isText: Located = { ...first, schema: { type: "string" } }
  const tree = treeOf([isText, first, ...more], first.path, reading)
  if (tree._tag === "Text" || tree._tag === "Literal" || tree._tag === "Never") return tree
  reading.dropped.push({ path: first.path, keyword: "propertyNames", reason: "the names are left to the decoder" })
  return undefined
}

const literalNames = (tree: Tree.Tree): ReadonlyArray<string> =>
  tree._tag === "Literal" ? tree.values.filter((value) => typeof value === "string") : []

/** The keys beyond the named ones, where the schema gives them a type of their own. */
const restsOf = (
  names: ReadonlyArray<string>,
  named: Tree.Text | undefined,
  facts: Facts,
  reading: Reading,
  treeOf: TreeOf
): ReadonlyArray<Tree.Rest> => {
  const { path, shapes } = facts
  const patterned = shapes.flatMap((shape) => shape.patterns.map(([source, at]) => ({ shape, source, at })))
  const leave = (keyword: string, reason: string) => reading.dropped.push({ path, keyword, reason })
  if (patterned.length > 0) {
    return patterned.flatMap(({ at, shape, source }): ReadonlyArray<Tree.Rest> => {
      const key = RegexDialect.whole(source, "")
      if (Result.isFailure(key) || names.some((name) => matches(source, name)) || named !== undefined) {
        leave("patternProperties", "keys of this pattern cannot be told from the others: none are written")
        return []
      }
      const others = shapes.filter((other) => other !== shape).flatMap(({ additional }) => additional ?? [])
      return [{ key: Tree.text({ content: key.success }), value: treeOf([at, ...others], at.path, reading) }]
    })
  }
  const additional = shapes.flatMap(({ additional }) => additional ?? [])
  const first = additional.find(({ schema }) => schema !== true)
  if (first === undefined) return []
  const value = treeOf(additional, first.path, reading)
  if (value._tag === "Never" && !value.hard) return []
  if (named !== undefined && names.length > 0) {
    leave("propertyNames", "the names of further keys are left to the decoder")
  }
  const key = names.length > 0 ? Tree.text({ content: RegexDialect.except(names) }) : named ?? Tree.text()
  return [{ key, value }]
}

/** `minProperties` and `maxProperties`, where a grammar can count; otherwise they are left to the decoder. */
const counted = (tree: Tree.Tree, { bounds, path, required }: Facts, reading: Reading): Tree.Tree => {
  if (tree._tag !== "Fields") return tree
  const min = bounds.minProperties ?? 0
  const max = bounds.maxProperties
  const drop = (keyword: string) =>
    reading.dropped.push({ path, keyword, reason: "the number of keys is left to the decoder" })
  const isRecord = tree.properties.length === 0
  const most = isRecord
    ? (tree.rests.length > 0 ? Infinity : 0)
    : tree.properties.length + (tree.rests.length > 0 ? Infinity : 0)
  if (min > most || (max !== undefined && (max < min || max < required.length))) {
    return Tree.union([], path, min > most ? "minProperties" : "maxProperties")
  }
  const enough = tree.properties.filter((property) => property.required).length
  if (isRecord) {
    if (min > MAX_COUNTED_PAIRS) drop("minProperties")
    if (max !== undefined && max > MAX_COUNTED_PAIRS) drop("maxProperties")
    const capped = max !== undefined && max > MAX_COUNTED_PAIRS ? undefined : max
    return { ...tree, min: Math.min(min, MAX_COUNTED_PAIRS), max: capped }
  }
  if (max !== undefined && max < most) drop("maxProperties")
  if (min <= enough) return tree
  if (enough === 0 && min === 1) return { ...tree, min: 1 }
  drop("minProperties")
  return enough === 0 ? { ...tree, min: 1 } : tree
}
