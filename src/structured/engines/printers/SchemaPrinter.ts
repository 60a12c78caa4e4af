/**
 * A tree → the JSON Schema that one compiler reads correctly. This is what all such printers share: references,
 * alternatives, literals. What a compiler does differently is its form.
 *
 * @since 0.2.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Dropped, Path } from "../../schema/tree/Dropped.ts"
import { difference, distinct } from "../../schema/tree/Dropped.ts"
import type {
  Document,
  Fields,
  Free,
  List,
  Numeric,
  Property,
  Scalar,
  Text,
  Tree
} from "../../schema/tree/JsonSchemaTree.ts"
import type * as Enforcement from "./Enforcement.ts"
import { formats, isHeld, keywords } from "./Enforcement.ts"

/**
 * @category models
 * @since 0.2.0
 */
export type Schema = { readonly [keyword: string]: unknown }

/**
 * What a form uses to print.
 *
 * @category models
 * @since 0.2.0
 */
export interface Pen {
  readonly print: (tree: Tree) => Schema
  /** Reports where the printed schema differs from the tree. */
  readonly drop: (path: Path, keyword: string, reason: string, effect?: Dropped["effect"]) => void
  /** A keyword if the compiler enforces it; otherwise it is dropped. */
  readonly keep: (path: Path, keyword: Enforcement.Keyword, value: unknown) => Schema
  /** The annotations of a key; none next to a reference, where no compiler accepts them. */
  readonly about: (property: Property) => Schema
}

/**
 * How a compiler wants each kind of value.
 *
 * @category models
 * @since 0.2.0
 */
export interface Form {
  readonly compiler: Enforcement.Compiler
  readonly text: (tree: Text, pen: Pen) => Schema
  readonly numeric: (tree: Numeric, pen: Pen) => Schema
  readonly list: (tree: List, pen: Pen) => Schema
  readonly fields: (tree: Fields, pen: Pen) => Schema
  readonly free: (tree: Free, pen: Pen) => Schema
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Printed {
  readonly schema: Schema
  /** The definitions that the schema refers to, under the names that it uses. */
  readonly definitions: Readonly<Record<string, Schema>>
  readonly dropped: ReadonlyArray<Dropped>
}

/**
 * Prints a document. The root is written out even if it is a definition, since engines look for `type` there. With
 * `described`, annotations are kept, for schemas that a model sees.
 *
 * @category printing
 * @since 0.2.0
 */
export const print = (document: Document, form: Form, options: { readonly described: boolean }): Printed => {
  const dropped = [...document.dropped]
  const names = new Map<Tree, string>()
  for (const [name, tree] of document.definitions) names.set(tree, name)
  const open = new Set<string>()
  const drop: Pen["drop"] = (path, keyword, reason, effect = "unenforced") => {
    dropped.push(difference(path, keyword, reason, effect))
  }
  const write = (tree: Tree): Schema => {
    switch (tree._tag) {
      case "Never":
        // only the root can be one, which is refused before
        return { type: "object", properties: {}, additionalProperties: false }
      case "Literal":
        return literal(tree.values)
      case "Union":
        return { anyOf: tree.members.map(go) }
      case "Text":
        return form.text(tree, pen)
      case "Numeric":
        return form.numeric(tree, pen)
      case "List":
        return form.list(tree, pen)
      case "Fields":
        return form.fields(tree, pen)
      case "Free":
        return form.free(tree, pen)
      case "Ref":
        open.add(tree.name)
        return { $ref: `#/$defs/${tree.name}` }
    }
  }
  const go = (tree: Tree): Schema => {
    const name = names.get(tree)
    if (name === undefined) return write(tree)
    open.add(name)
    return { $ref: `#/$defs/${name}` }
  }
  const pen: Pen = {
    print: go,
    drop,
    keep: (path, keyword, value) => {
      if (isHeld(form.compiler, keyword)) return { [keyword]: value }
      drop(path, keyword, keywords[keyword].note)
      return {}
    },
    about: ({ about, value }) =>
      !options.described || about === undefined || value._tag === "Ref" || names.has(value) ? {} : about
  }
  const root = document.tree._tag === "Ref" ? document.definitions.get(document.tree.name) : document.tree
  const schema = write(root ?? document.tree)
  const definitions: Record<string, Schema> = {}
  // a printed definition may refer to further ones, which the loop reaches
  for (const name of open) {
    const tree = document.definitions.get(name)
    if (tree !== undefined) definitions[name] = write(tree)
  }
  return { schema, definitions, dropped: distinct(dropped) }
}

/**
 * A text for compilers that match patterns against the whole text: with its format and its length where they are enforced.
 *
 * @category printing
 * @since 0.2.0
 */
export const text = (compiler: Enforcement.Compiler): Form["text"] => ({ content, format, max, min, path }, pen) => {
  const isKnown = format !== undefined && formats[compiler].has(format)
  if (format !== undefined && !isKnown) pen.drop(path, "format", keywords.format.note)
  return {
    type: "string",
    ...content !== undefined && { pattern: `^(?:${RegexDialect.printPlain(content)})$` },
    ...isKnown && { format },
    ...min > 0 && pen.keep(path, "minLength", min),
    ...max !== undefined && pen.keep(path, "maxLength", max)
  }
}

const literal = (values: ReadonlyArray<Scalar>): Schema =>
  values.length === 1 && values[0] === null
    ? { type: "null" }
    : values.length === 2 && values.includes(true) && values.includes(false)
    ? { type: "boolean" }
    : { enum: values }

/**
 * The keywords of an object that all compilers read alike.
 *
 * @category printing
 * @since 0.2.0
 */
export const properties = (tree: Fields, pen: Pen): { readonly properties: Schema; readonly required?: unknown } => {
  const required = tree.properties.filter((property) => property.required).map(({ name }) => name)
  return {
    properties: record(
      tree.properties.map((property) => [property.name, { ...pen.print(property.value), ...pen.about(property) }])
    ),
    ...required.length > 0 && { required }
  }
}

/**
 * An object of the given entries; `__proto__` is a key like any other.
 *
 * @category printing
 * @since 0.2.0
 */
export const record = (entries: ReadonlyArray<readonly [string, Schema]>): Schema => Object.fromEntries(entries)
