/**
 * A schema's tree → one that TGI's compilers can hold: references written out, free values bounded, what cannot be
 * counted left to the decoder.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Automaton from "../regex/Automaton.ts"
import * as RegexDialect from "../regex/RegexDialect.ts"
import type { Regex } from "../regex/RegexSyntax.ts"
import * as Formats from "../schema/Formats.ts"
import * as Tree from "../schema/JsonSchemaTree.ts"
import * as Cost from "./Cost.ts"
import * as FreeValue from "./FreeValue.ts"
import type { Plan } from "./TgiPlan.ts"

const MAX_RANGE = 256
const MAX_PATTERN_STATES = 600
const MAX_ENUM_STATES = 1500
const MAX_PAIRS = 60
const MAX_NODES = 800

/**
 * @category models
 * @since 0.2.0
 */
export interface Options extends Plan {
  /** Which of the two grammars it is for: a regex holds the sign of a number. */
  readonly target: "json" | "regex"
  /** What becomes of free values. */
  readonly onFree: "refuse" | "scalars" | "bounded"
}

interface Writing extends Options {
  readonly definitions: Tree.Document["definitions"]
  /** The names of definitions by their trees: the first use of one stands in its place, not as a reference. */
  readonly names: ReadonlyMap<Tree.Tree, string>
  readonly dropped: Array<Tree.Dropped>
  readonly entered: ReadonlyMap<string, number>
  readonly size: { nodes: number }
}

/**
 * @category rewriting
 * @since 0.2.0
 */
export const make = (
  { definitions, dropped, tree }: Tree.Document,
  options: Options
): { readonly tree: Tree.Tree; readonly dropped: ReadonlyArray<Tree.Dropped> } => {
  const all = [...dropped]
  const names = new Map(Array.from(definitions, ([name, tree]) => [tree, name] as const))
  const size = { nodes: 0 }
  const made = write(tree, [], { ...options, definitions, names, dropped: all, entered: new Map(), size })
  return { tree: made, dropped: Tree.distinct(all) }
}

const drop = (
  writing: Writing,
  path: Tree.Path,
  keyword: string,
  reason: string,
  effect: Tree.Dropped["effect"] = "unenforced"
): void => {
  writing.dropped.push(Tree.difference(path, keyword, reason, effect))
}

const write = (tree: Tree.Tree, path: Tree.Path, writing: Writing): Tree.Tree => {
  const name = tree._tag === "Ref" ? tree.name : writing.names.get(tree)
  return name === undefined ? plain(tree, path, writing) : unrolled(name, path, writing)
}

const plain = (tree: Tree.Tree, path: Tree.Path, writing: Writing): Tree.Tree => {
  if (++writing.size.nodes > MAX_NODES) return Tree.never(tooLarge(path), true)
  switch (tree._tag) {
    case "Never":
      return tree
    case "Literal":
      return literal(tree, path, writing)
    case "Text":
      return text(tree, writing)
    case "Numeric":
      return numeric(tree, writing)
    case "List":
      return list(tree, writing)
    case "Fields":
      return fields(tree, writing)
    case "Union":
      return Tree.union(tree.members.map((member) => write(member, path, writing)), path, "anyOf")
    case "Free":
      return free(tree.path, writing)
    case "Ref":
      return unrolled(tree.name, path, writing)
  }
}

/**
 * @category errors
 * @since 0.2.0
 */
export const tooLarge = (path: Tree.Path): Tree.Fault => ({
  path,
  keyword: "schema",
  reason: "written out, its references make a grammar that would keep the server busy for seconds",
  hint: "use fewer references to large parts, or bound the recursion with the option depth"
})

const unrolled = (name: string, path: Tree.Path, writing: Writing): Tree.Tree => {
  const target = writing.definitions.get(name)
  const times = writing.entered.get(name) ?? 0
  if (target === undefined || times >= writing.depth) {
    const reason = `recursion is unrolled ${writing.depth} levels deep`
    drop(writing, path, "$ref", reason, "unwritable")
    const hint = "make the recursive part optional, nullable or an array, so that a value can end"
    return Tree.never({ path, keyword: "$ref", reason, hint })
  }
  return plain(target, path, { ...writing, entered: new Map(writing.entered).set(name, times + 1) })
}

const free = (path: Tree.Path, writing: Writing): Tree.Tree => {
  if (writing.onFree === "refuse") {
    return Tree.never({
      path,
      keyword: "schema",
      reason: "any JSON value is allowed here, and no grammar can hold that at a bearable cost",
      hint: "give the value a type (instead of Unknown, Any or Json), or leave the option free unset for bounded values"
    }, true)
  }
  const depth = writing.free === 0 ? "only scalars are written" : `values nest at most ${writing.free} deep`
  drop(writing, path, "schema", `any JSON value may stand here: ${depth}`, "unwritable")
  return FreeValue.make(path, writing.free, writing.escapes ? RegexDialect.anything : undefined)
}

const literal = (tree: Extract<Tree.Tree, { readonly _tag: "Literal" }>, path: Tree.Path, writing: Writing) => {
  if (!tree.values.every((value) => typeof value === "string") || Cost.states(tree) <= MAX_ENUM_STATES) return tree
  drop(writing, path, "enum", "so many values are left to the decoder")
  return string(path, 0, undefined, writing)
}

const string = (path: Tree.Path, min: number, max: number | undefined, { escapes }: Writing): Tree.Tree => {
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
  if (high !== max) drop(writing, path, "maxLength", "counting so far would cost the server seconds")
  if (low !== min) drop(writing, path, "minLength", "counting so far would cost the server seconds")
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
  const source = Formats.patterns.get(format)
  const read = source === undefined ? undefined : RegexDialect.whole(source, "")
  if (kept !== undefined || read === undefined || Result.isFailure(read)) {
    const reason = kept === undefined ? "the format is left to the decoder" : "the pattern is held instead"
    drop(writing, path, "format", reason)
    return kept
  }
  const loose = Formats.loose.get(format)
  if (loose !== undefined) drop(writing, path, "format", loose)
  return read.success
}

const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] as const

const numeric = (tree: Tree.Numeric, writing: Writing): Tree.Tree => {
  const { integer, maximum, minimum, multipleOf = 1, path } = tree
  if (integer && minimum !== undefined && maximum !== undefined && maximum - minimum < MAX_RANGE) {
    const values = Array.from({ length: maximum - minimum + 1 }, (_, index) => minimum + index)
    return Tree.union(
      values.filter((value) => value % multipleOf === 0).map((value) => Tree.literal([value === 0 ? 0 : value])),
      path,
      "minimum"
    )
  }
  for (const keyword of bounds) {
    const bound = tree[keyword]
    const isSign = keyword === "minimum" && bound === 0 && writing.target === "regex"
    if (bound === undefined || isSign || Tree.isSafeLimit(tree, bound)) continue
    drop(writing, path, keyword, "the size of numbers is left to the decoder")
  }
  return tree
}

const list = (tree: Tree.List, writing: Writing): Tree.Tree => {
  const { max, min, path } = tree
  const prefix = tree.prefix.map((item) => write(item, path, writing))
  const ended = tree.rest?._tag === "Free" && !tree.rest.said && prefix.length > 0 && prefix.length >= min
  if (ended) drop(writing, path, "items", "no items are written behind the tuple", "unwritable")
  const rest = tree.rest === undefined || ended ? undefined : write(tree.rest, [...path, "items"], writing)
  if (rest === undefined || rest._tag === "Never") return Tree.list({ path, prefix, rest, min, max })
  const most = prefix.length + Math.max(1, Math.floor(writing.counted / (Cost.states(rest) + 2)))
  if (min > most) drop(writing, path, "minItems", "counting so far would cost the server seconds")
  if (max !== undefined && max > most) drop(writing, path, "maxItems", "counting so far would cost the server seconds")
  return Tree.list({
    path,
    prefix,
    rest,
    min: Math.min(min, most),
    max: max !== undefined && max > most ? undefined : max
  })
}

const fields = (tree: Tree.Fields, writing: Writing): Tree.Tree => {
  const { path } = tree
  const properties = tree.properties.flatMap((property): ReadonlyArray<Tree.Property> => {
    const at = [...path, "properties", property.name]
    if (property.value._tag === "Free" && !property.required && writing.sparse && writing.onFree !== "refuse") {
      drop(writing, at, "schema", "any JSON value may stand here: the key is left out", "unwritable")
      return []
    }
    return [{ ...property, value: write(property.value, at, writing) }]
  })
  const rests = tree.rests.flatMap((rest) => further(rest, tree, writing))
  return counted(Tree.fields({ ...tree, properties, rests }), tree, writing)
}

/** Keys beyond the named ones, where they can be told from them and the plan has room for them. */
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
      return shut("keys of this pattern cannot be told from the declared ones")
    }
  }
  const value = write(rest.value, path, writing)
  if (value._tag === "Never" && !value.hard) return []
  const key = content === undefined
    ? string(path, rest.key.min, rest.key.max, { ...writing, escapes: false })
    : Tree.text(path, { content })
  return key._tag === "Text" ? [{ key, value }] : []
}

/** `minProperties` and `maxProperties`, where a grammar can count; otherwise they are left to the decoder. */
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
      reason: `it exceeds the ${properties.length} declared keys, and a grammar of TGI writes no others here`,
      hint: "declare the keys, or lower minProperties"
    })
  }
  if (max !== undefined && (rests.length > 0 || max < properties.length)) least("maxProperties")
  if (min > Math.max(required, 1) || (min > required && required > 0)) least("minProperties")
  return { ...made, min: required === 0 && min > 0 ? 1 : 0, max: undefined }
}
