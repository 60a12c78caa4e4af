/**
 * A schema's tree → one that TGI's compilers can enforce: references written out, free values bounded, what cannot be
 * counted left to the decoder.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Automaton from "../../regex/Automaton.ts"
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Regex } from "../../regex/RegexSyntax.ts"
import * as Formats from "../../schema/Formats.ts"
import * as Compound from "../../schema/tree/Compound.ts"
import * as Dropped from "../../schema/tree/Dropped.ts"
import * as Tree from "../../schema/tree/JsonSchemaTree.ts"
import * as Cost from "./Cost.ts"
import * as FreeValue from "./FreeValue.ts"
import * as Reach from "./Reach.ts"
import type { Plan } from "./TgiPlan.ts"

const MAX_RANGE = 256
const MAX_PATTERN_STATES = 600
const MAX_ENUM_STATES = 1500
const MAX_PAIRS = 60
/** How many parts are written: each one once, however often it is used. */
const MAX_NODES = 1500

/**
 * @category models
 * @since 0.2.0
 */
export interface Options extends Plan {
  /** What happens to free values. */
  readonly onFree: "refuse" | "scalars" | "bounded"
  /** The length of the regex up to which it is worth continuing. */
  readonly most: number
}

/**
 * A tree for TGI, and which parts of the schema its grammars do not enforce.
 *
 * @category models
 * @since 0.2.0
 */
export interface Written {
  readonly tree: Tree.Tree
  readonly dropped: ReadonlyArray<Dropped.Dropped>
  /** The same for the JSON grammar, which does not enforce the sign of a number, as a regex does. */
  readonly unsigned: ReadonlyArray<Dropped.Dropped>
}

interface Writing extends Options {
  readonly definitions: Tree.Document["definitions"]
  /** The names of definitions by their trees: the first use of one is written in place, not as a reference. */
  readonly names: ReadonlyMap<Tree.Tree, string>
  readonly dropped: Array<Dropped.Dropped>
  readonly signs: Set<Dropped.Dropped>
  readonly entered: ReadonlyMap<string, number>
  readonly size: { nodes: number; characters: number }
  /** Definitions that were written, by what was entered before them: a part that is used twice is written once. */
  readonly written: Map<string, Tree.Tree>
}

/**
 * @category rewriting
 * @since 0.2.0
 */
export const make = ({ definitions, dropped, tree }: Tree.Document, options: Options): Written => {
  const all = [...dropped]
  const signs = new Set<Dropped.Dropped>()
  const made = write(tree, [], {
    ...options,
    definitions,
    names: new Map(Array.from(definitions, ([name, tree]) => [tree, name] as const)),
    dropped: all,
    signs,
    entered: new Map(),
    size: { nodes: 0, characters: 0 },
    written: new Map()
  })
  return made._tag === "Never"
    ? { tree: made, dropped: [], unsigned: [] }
    : { tree: made, dropped: Dropped.distinct(all.filter((at) => !signs.has(at))), unsigned: Dropped.distinct(all) }
}

const drop = (
  writing: Writing,
  path: Dropped.Path,
  keyword: string,
  reason: string,
  effect: Dropped.Dropped["effect"] = "unenforced"
): void => {
  writing.dropped.push(Dropped.difference(path, keyword, reason, effect))
}

const write = (tree: Tree.Tree, path: Dropped.Path, writing: Writing): Tree.Tree => {
  const name = tree._tag === "Ref" ? tree.name : writing.names.get(tree)
  return name === undefined ? plain(tree, path, writing) : unrolled(name, path, writing)
}

const plain = (tree: Tree.Tree, path: Dropped.Path, writing: Writing): Tree.Tree => {
  if (++writing.size.nodes > MAX_NODES) return Tree.never(tooLarge(path), true)
  switch (tree._tag) {
    case "Never":
      return tree
    case "Literal":
      return spent(literal(tree, path, writing), path, writing)
    case "Text":
      return spent(text(tree, writing), path, writing)
    case "Numeric":
      return spent(numeric(tree, writing), path, writing)
    case "List":
      return list(tree, writing)
    case "Fields":
      return fields(tree, writing)
    case "Union":
      return Compound.union(each(tree.members, (member) => write(member, path, writing)), path, "anyOf")
    case "Free":
      return spent(free(tree.path, writing), path, writing)
    case "Ref":
      return unrolled(tree.name, path, writing)
  }
}

/** A part that is repeated in the grammar; undefined if that makes it too long. */
const spent = (tree: Tree.Tree, path: Dropped.Path, writing: Writing): Tree.Tree => {
  writing.size.characters += Cost.of(tree, writing.optional).characters
  return writing.size.characters > writing.most ? Tree.never(tooLarge(path), true) : tree
}

/** The trees in order, up to the first that refuses the whole. */
const each = <A>(parts: ReadonlyArray<A>, write: (part: A) => Tree.Tree): ReadonlyArray<Tree.Tree> => {
  const out: Array<Tree.Tree> = []
  for (const part of parts) {
    const tree = write(part)
    out.push(tree)
    if (tree._tag === "Never" && tree.hard) break
  }
  return out
}

/**
 * @category errors
 * @since 0.2.0
 */
export const tooLarge = (path: Dropped.Path): Dropped.Fault => ({
  path,
  keyword: "schema",
  reason: "written out, its references make a grammar that would keep the server busy for seconds",
  hint: "use fewer references to large parts, or bound the recursion with the option depth"
})

const unrolled = (name: string, path: Dropped.Path, writing: Writing): Tree.Tree => {
  const target = writing.definitions.get(name)
  const times = writing.entered.get(name) ?? 0
  const key = keyOf(name, writing)
  const known = writing.written.get(key)
  if (known !== undefined) return spent(known, path, writing)
  if (target === undefined || times >= writing.depth) {
    const reason = `recursion is unrolled ${writing.depth} levels deep`
    drop(writing, path, "$ref", reason, "unwritable")
    const hint = "make the recursive part optional, nullable or an array, so that a value can end"
    return Tree.never({ path, keyword: "$ref", reason, hint })
  }
  const made = plain(target, path, { ...writing, entered: new Map(writing.entered).set(name, times + 1) })
  writing.written.set(key, made)
  return made
}

/** What the tree of a definition depends on: how often the definitions that it leads to were entered. */
const keyOf = (name: string, { definitions, entered }: Writing): string => {
  let key = name
  for (const other of Reach.of(definitions).get(name) ?? []) {
    const times = entered.get(other)
    if (times !== undefined) key += ` ${other} ${times}`
  }
  return key
}

const free = (path: Dropped.Path, writing: Writing): Tree.Tree => {
  if (writing.onFree === "refuse") {
    return Tree.never({
      path,
      keyword: "schema",
      reason: "any JSON value is allowed here, which no grammar can express at an acceptable cost",
      hint: "give the value a type (instead of Unknown, Any or Json), or leave the option free unset for bounded values"
    }, true)
  }
  const depth = writing.free === 0 ? "only scalars are written" : `values nest at most ${writing.free} deep`
  drop(writing, path, "schema", `any JSON value is allowed here: ${depth}`, "unwritable")
  return FreeValue.make(path, writing.free, writing.escapes ? RegexDialect.anything : undefined)
}

const literal = (tree: Extract<Tree.Tree, { readonly _tag: "Literal" }>, path: Dropped.Path, writing: Writing) => {
  if (!tree.values.every((value) => typeof value === "string") || Cost.states(tree) <= MAX_ENUM_STATES) return tree
  drop(writing, path, "enum", "this many values are left to the decoder")
  return string(path, 0, undefined, writing)
}

const string = (path: Dropped.Path, min: number, max: number | undefined, { escapes }: Writing): Tree.Tree => {
  // counting characters that may be escapes costs three times as many states
  const rich = escapes && Math.max(min, max ?? 0) <= 24
  const content = rich ? RegexDialect.bound(RegexDialect.anything, min, max) : undefined
  return Tree.text(path, content === undefined ? { min, max } : { content })
}

const text = (tree: Tree.Text, writing: Writing): Tree.Tree => {
  const { max, min, path } = tree
  const content = contentOf(tree, writing)
  if (content !== undefined) {
    const counts = (min > 0 || max !== undefined) && Math.max(min, max ?? 0) <= writing.length
    const bounded = counts ? RegexDialect.bound(content, min, max) : undefined
    if (bounded === undefined && min > 0) drop(writing, path, "minLength", "the pattern counts instead")
    if (bounded === undefined && max !== undefined) drop(writing, path, "maxLength", "the pattern counts instead")
    return Tree.text(path, { content: bounded ?? content })
  }
  const [low, high] = [Math.min(min, writing.length), max !== undefined && max > writing.length ? undefined : max]
  if (high !== max) drop(writing, path, "maxLength", "counting this far would cost the server seconds")
  if (low !== min) drop(writing, path, "minLength", "counting this far would cost the server seconds")
  const out = string(path, low, high, writing)
  if (out._tag === "Text" && out.content === undefined) {
    drop(writing, path, "escapes", "no line breaks and tabs: with them, the grammar would cost too much", "unwritable")
  }
  return out
}

const contentOf = ({ content, format, path }: Tree.Text, writing: Writing): Regex | undefined => {
  const kept = content !== undefined && RegexDialect.states(content) <= MAX_PATTERN_STATES ? content : undefined
  if (content !== kept) drop(writing, path, "pattern", "its repetitions would cost the server seconds")
  if (format === undefined) return kept
  const read = kept === undefined ? patternOf(format) : undefined
  if (read === undefined) {
    const reason = kept === undefined ? "the format is left to the decoder" : "the pattern is enforced instead"
    drop(writing, path, "format", reason)
    return kept
  }
  const loose = Formats.loose.get(format)
  if (loose !== undefined) drop(writing, path, "format", loose)
  return read
}

/** The language of a format, read once. */
const patternOf = (format: string): Regex | undefined => {
  if (!formats.has(format)) {
    const source = Formats.patterns.get(format)
    const read = source === undefined ? undefined : RegexDialect.whole(source, "")
    formats.set(format, read === undefined || Result.isFailure(read) ? undefined : read.success)
  }
  return formats.get(format)
}

const formats = new Map<string, Regex | undefined>()

const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] as const

const numeric = (tree: Tree.Numeric, writing: Writing): Tree.Tree => {
  const { integer, maximum, minimum, multipleOf = 1, path } = tree
  if (integer && minimum !== undefined && maximum !== undefined && maximum - minimum < MAX_RANGE) {
    const values = Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index)
    return Compound.union(
      values.filter((value) => value % multipleOf === 0).map((value) => Tree.literal([value === 0 ? 0 : value])),
      path,
      "minimum"
    )
  }
  for (const keyword of bounds) {
    const bound = tree[keyword]
    if (bound === undefined || Tree.isSafeLimit(tree, bound)) continue
    const difference = Dropped.difference(path, keyword, "the size of numbers is left to the decoder")
    writing.dropped.push(difference)
    if (keyword === "minimum" && bound === 0) writing.signs.add(difference)
  }
  return tree
}

const list = (tree: Tree.List, writing: Writing): Tree.Tree => {
  const { max, min, path } = tree
  const prefix = each(tree.prefix, (item) => write(item, path, writing))
  const ended = tree.rest?._tag === "Free" && !tree.rest.said && prefix.length > 0 && prefix.length >= min
  if (ended) drop(writing, path, "items", "no items are written after the tuple", "unwritable")
  const rest = tree.rest === undefined || ended ? undefined : write(tree.rest, [...path, "items"], writing)
  if (rest === undefined || rest._tag === "Never") return Compound.list({ path, prefix, rest, min, max })
  const most = prefix.length + Math.max(1, Math.floor(writing.counted / (Cost.states(rest) + 2)))
  if (min > most) drop(writing, path, "minItems", "counting this far would cost the server seconds")
  if (max !== undefined && max > most) {
    drop(writing, path, "maxItems", "counting this far would cost the server seconds")
  }
  return Compound.list({
    path,
    prefix,
    rest,
    min: Math.min(min, most),
    max: max !== undefined && max > most ? undefined : max
  })
}

const fields = (tree: Tree.Fields, writing: Writing): Tree.Tree => {
  const { path } = tree
  const properties: Array<Tree.Property> = []
  for (const property of tree.properties) {
    const at = [...path, "properties", property.name]
    if (property.value._tag === "Free" && !property.required && writing.sparse && writing.onFree !== "refuse") {
      drop(writing, at, "schema", "any JSON value is allowed here: the key is left out", "unwritable")
      continue
    }
    writing.size.characters += property.name.length
    const value = write(property.value, at, writing)
    if (value._tag === "Never" && value.hard) return value
    properties.push({ ...property, value })
  }
  const rests = tree.rests.flatMap((rest) => further(rest, tree, writing))
  return counted(Compound.fields({ ...tree, properties, rests }), tree, writing)
}

/** Keys beyond the named ones, if they can be distinguished from them and the plan has room for them. */
const further = (rest: Tree.Rest, tree: Tree.Fields, writing: Writing): ReadonlyArray<Tree.Rest> => {
  const { path, properties } = tree
  const { content } = rest.key
  const shut = (reason: string): ReadonlyArray<Tree.Rest> => {
    drop(writing, path, content === undefined ? "additionalProperties" : "patternProperties", reason, "unwritable")
    return []
  }
  if (rest.value._tag === "Free" && properties.length > 0) {
    const needed = tree.min > properties.length
    if (!rest.value.said && !needed) return shut("only the declared keys are written")
    if (!writing.open && !needed) return shut("with further keys of any value, the grammar would cost too much")
  }
  if (rest.value._tag === "Free" && !rest.value.said && properties.length === 0 && tree.min === 0) {
    return shut("only the declared keys are written")
  }
  if (content !== undefined && properties.length > 0) {
    if (properties.some(({ name }) => Automaton.test(content, name))) {
      return shut("keys of this pattern cannot be distinguished from the declared ones")
    }
  }
  const value = write(rest.value, path, writing)
  if (value._tag === "Never" && !value.hard) return []
  const key = content === undefined
    ? string(path, rest.key.min, rest.key.max, { ...writing, escapes: false })
    : Tree.text(path, { content })
  return key._tag === "Text" ? [{ key, value }] : []
}

/** `minProperties` and `maxProperties`, if a grammar can count; otherwise they are left to the decoder. */
const counted = (made: Tree.Tree, { max, min, path }: Tree.Fields, writing: Writing): Tree.Tree => {
  if (made._tag !== "Fields") return made
  const { properties, rests } = made
  const required = properties.filter((property) => property.required).length
  const least = (keyword: string) => drop(writing, path, keyword, "the number of keys is left to the decoder")
  if (properties.length === 0) {
    if (min > MAX_PAIRS) least("minProperties")
    if (max !== undefined && max > MAX_PAIRS && rests.length > 0) least("maxProperties")
    return { ...made, min: Math.min(min, MAX_PAIRS), max: max !== undefined && max > MAX_PAIRS ? undefined : max }
  }
  if (rests.length === 0 && min > properties.length) {
    return Tree.never({
      path,
      keyword: "minProperties",
      reason: `it exceeds the ${properties.length} declared keys, and TGI's grammar writes no others here`,
      hint: "declare the keys, or lower minProperties"
    })
  }
  if (max !== undefined && (rests.length > 0 || max < properties.length)) least("maxProperties")
  if (min > Math.max(required, 1) || (min > required && required > 0)) least("minProperties")
  return { ...made, min: required === 0 && min > 0 ? 1 : 0, max: undefined }
}
