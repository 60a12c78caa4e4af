/**
 * How an engine will treat a schema: what it enforces and what it does not, what it cannot write, and the cost.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Automaton from "../regex/Automaton.ts"
import * as RegexSyntax from "../regex/RegexSyntax.ts"
import * as Members from "../schema/Members.ts"
import * as Sample from "../schema/Sample.ts"
import type { Dropped, Path } from "../schema/tree/Dropped.ts"
import type { Document, Tree } from "../schema/tree/JsonSchemaTree.ts"
import { isObject, isSafeLimit, needsEscape } from "../schema/tree/JsonSchemaTree.ts"
import * as JsonText from "./JsonText.ts"
import * as Cost from "./tgi/Cost.ts"
import * as RegexGrammar from "./tgi/RegexGrammar.ts"
import type * as TgiLowering from "./tgi/TgiLowering.ts"

/**
 * A constraint of the schema that holds for everything that is written.
 *
 * @category models
 * @since 0.2.0
 */
export interface Held {
  readonly path: Path
  readonly keyword: string
}

const SAMPLES = 60
const SHOWN = 5
/** Longer texts are not followed through an automaton. */
const MAX_TEXT = 2000

/**
 * The constraints of a document except those that are dropped.
 *
 * @category accessors
 * @since 0.2.0
 */
export const enforced = ({ definitions, tree }: Document, dropped: ReadonlyArray<Dropped>): ReadonlyArray<Held> => {
  const lost = new Set(
    dropped.filter(({ effect }) => effect === "unenforced").map(({ keyword, path }) => JSON.stringify([path, keyword]))
  )
  const out: Array<Held> = []
  const seen = new Set<Tree>()
  const hold = (path: Path, keywords: Readonly<Record<string, boolean>>) => {
    for (const [keyword, isSaid] of Object.entries(keywords)) {
      const at = keyword === "pattern" || keyword === "format" ? [...path, keyword] : path
      if (isSaid && !lost.has(JSON.stringify([at, keyword]))) out.push({ path: at, keyword })
    }
  }
  const visit = (tree: Tree | undefined, path: Path): void => {
    const at = Members.follow(tree, definitions)
    if (at === undefined || seen.has(at)) return
    seen.add(at)
    switch (at._tag) {
      case "Literal":
        return hold(path, { enum: true })
      case "Text":
        return hold(at.path, {
          type: true,
          pattern: at.content !== undefined,
          format: at.format !== undefined,
          minLength: at.min > 0,
          maxLength: at.max !== undefined
        })
      case "Numeric":
        return hold(at.path, {
          type: true,
          minimum: at.minimum !== undefined && !isSafeLimit(at, at.minimum),
          maximum: at.maximum !== undefined && !isSafeLimit(at, at.maximum),
          exclusiveMinimum: at.exclusiveMinimum !== undefined,
          exclusiveMaximum: at.exclusiveMaximum !== undefined,
          multipleOf: at.multipleOf !== undefined
        })
      case "List":
        hold(at.path, {
          type: true,
          prefixItems: at.prefix.length > 0,
          minItems: at.min > 0,
          maxItems: at.max !== undefined
        })
        for (const item of at.prefix) visit(item, at.path)
        return visit(at.rest, [...at.path, "items"])
      case "Fields": {
        const required = at.properties.filter((property) => property.required).length
        hold(at.path, {
          type: true,
          required: required > 0,
          additionalProperties: at.rests.length === 0,
          patternProperties: at.rests.some(({ key }) => key.content !== undefined),
          minProperties: at.min > required,
          maxProperties: at.max !== undefined
        })
        for (const { name, value } of at.properties) visit(value, [...at.path, "properties", name])
        for (const { value } of at.rests) visit(value, [...at.path, "additionalProperties"])
        return
      }
      case "Union":
        for (const member of at.members) visit(member, path)
        return
      default:
        return
    }
  }
  visit(tree, [])
  return out
}

/**
 * Some values of the schema that cannot be written.
 *
 * @category accessors
 * @since 0.2.0
 */
export const unwritten = (
  document: Document,
  isWritable: (value: Schema.Json) => boolean
): ReadonlyArray<Schema.Json> => {
  const found = new Map<string, Schema.Json>()
  for (let seed = 0; seed < SAMPLES && found.size < SHOWN; seed++) {
    const value = Sample.make(document, seed)
    if (value !== undefined && !isWritable(value)) found.set(JSON.stringify(value), value)
  }
  return [...found.values()].toSorted((a, b) => JSON.stringify(a).length - JSON.stringify(b).length)
}

/**
 * Whether TGI can write a value: its text is followed through the automaton of the grammar.
 *
 * @category guards
 * @since 0.2.0
 */
export const onTgi = ({ grammar, tree }: TgiLowering.Lowered): (value: Schema.Json) => boolean => {
  if (tree === undefined) return () => true
  const source = grammar.type === "regex" ? grammar.value : RegexGrammar.print(tree, Cost.MAX_OPTIONAL)
  const regex = RegexSyntax.parse(source, "tgi")
  return (value) => {
    const text = JsonText.write(tree, value)
    return Result.isFailure(regex) || text.length > MAX_TEXT || Automaton.test(regex.success, text)
  }
}

/**
 * Whether an engine that takes a schema can write a value, by what its printer reports as unwritable.
 *
 * @category guards
 * @since 0.2.0
 */
export const byNotes = (
  { definitions, tree }: Document,
  dropped: ReadonlyArray<Dropped>
): (value: Schema.Json) => boolean => {
  const notes = new Set(
    dropped.filter(({ effect }) => effect === "unwritable").map(({ keyword, path }) => JSON.stringify([path, keyword]))
  )
  const noted = (path: Path, ...keywords: ReadonlyArray<string>) =>
    keywords.some((keyword) => notes.has(JSON.stringify([path, keyword])))
  const fits = (tree: Tree | undefined, value: unknown): boolean => {
    const at = Members.follow(tree, definitions)
    switch (at?._tag) {
      case "Union":
        return at.members.some((member) => Members.holds(member, value, definitions) && fits(member, value))
      case "Text":
        return typeof value !== "string" || !needsEscape(value) ||
          !(noted(at.path, "maxLength") || notes.has(JSON.stringify([[...at.path, "pattern"], "pattern"])))
      case "List":
        return !Array.isArray(value) || (value.length <= at.prefix.length || !noted(at.path, "items")) &&
            value.every((item, index) => fits(at.prefix[index] ?? at.rest, item))
      case "Fields": {
        const known = new Map(at.properties.map((property) => [property.name, property.value]))
        return !isObject(value) ||
          Object.entries(value).every(([name, item]) =>
            known.has(name) ? fits(known.get(name), item) : !noted(at.path, "additionalProperties", "patternProperties")
          )
      }
      default:
        return true
    }
  }
  return (value) => fits(tree, value)
}
