/**
 * A JSON Schema by its meaning: references resolved, conjunctions merged, kinds of values separated. Every printer of a
 * grammar reads this tree; none reads the schema itself.
 *
 * @since 0.1.0
 */
import type { Regex } from "../../regex/RegexSyntax.ts"
import type { Dropped, Fault, Path } from "./Dropped.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Scalar = string | number | boolean | null

/**
 * What a schema tells people and models: `title`, `description`, `default`, `examples`.
 *
 * @category models
 * @since 0.2.0
 */
export type About = Readonly<Record<string, unknown>>

/**
 * A named key of an object.
 *
 * @category models
 * @since 0.1.0
 */
export interface Property {
  readonly name: string
  readonly value: Tree
  readonly required: boolean
  readonly about?: About | undefined
}

/**
 * Keys beyond the named ones: what they look like and what they hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  readonly key: Text
  readonly value: Tree
}

/**
 * A string. `content` is the language of its decoded text, lengths are counted in code points, and both hold together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Text {
  readonly _tag: "Text"
  readonly path: Path
  readonly min: number
  readonly max: number | undefined
  readonly content: Regex | undefined
  readonly format: string | undefined
}

/**
 * A number; the bounds of an integer are whole.
 *
 * @category models
 * @since 0.2.0
 */
export interface Numeric {
  readonly _tag: "Numeric"
  readonly path: Path
  readonly integer: boolean
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly exclusiveMinimum: number | undefined
  readonly exclusiveMaximum: number | undefined
  readonly multipleOf: number | undefined
}

/**
 * An array: `prefix` by position, then `rest`, counted together; without `rest` it ends after the prefix.
 *
 * @category models
 * @since 0.1.0
 */
export interface List {
  readonly _tag: "List"
  readonly path: Path
  readonly prefix: ReadonlyArray<Tree>
  readonly rest: Tree | undefined
  readonly min: number
  readonly max: number | undefined
}

/**
 * An object: its named properties in order, then keys of the rests. `min` and `max` count all of its keys.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fields {
  readonly _tag: "Fields"
  readonly path: Path
  readonly properties: ReadonlyArray<Property>
  readonly rests: ReadonlyArray<Rest>
  readonly min: number
  readonly max: number | undefined
  readonly about?: About | undefined
}

/**
 * Any JSON value. `said`: whether the schema asks for it, or merely does not forbid it (an absent `additionalProperties` or
 * `items`).
 *
 * @category models
 * @since 0.2.0
 */
export interface Free {
  readonly _tag: "Free"
  readonly path: Path
  readonly said: boolean
}

/**
 * `Never` has no values. A soft one (a contradiction) is left out if it is optional; a hard one (something that is not a
 * schema) refuses the whole. `Ref` stands for a definition of the same document: a part that recurs, or is used more than
 * once.
 *
 * @category models
 * @since 0.1.0
 */
export type Tree =
  | { readonly _tag: "Never"; readonly fault: Fault; readonly hard: boolean }
  | { readonly _tag: "Literal"; readonly values: ReadonlyArray<Scalar> }
  | Text
  | Numeric
  | List
  | Fields
  | { readonly _tag: "Union"; readonly members: ReadonlyArray<Tree> }
  | Free
  | { readonly _tag: "Ref"; readonly name: string }

/**
 * A tree with the definitions that its references name.
 *
 * @category models
 * @since 0.2.0
 */
export interface Document {
  readonly tree: Tree
  readonly definitions: ReadonlyMap<string, Tree>
  /** What no grammar can enforce, on any engine. */
  readonly dropped: ReadonlyArray<Dropped>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const text = (path: Path, options: Partial<Omit<Text, "_tag" | "path">> = {}): Text => ({
  _tag: "Text",
  path,
  min: options.min ?? 0,
  max: options.max,
  content: options.content,
  format: options.format
})

/**
 * @category constructors
 * @since 0.2.0
 */
export const numeric = (path: Path, options: Partial<Omit<Numeric, "_tag" | "path">> = {}): Numeric => ({
  _tag: "Numeric",
  path,
  integer: options.integer ?? false,
  minimum: options.minimum,
  maximum: options.maximum,
  exclusiveMinimum: options.exclusiveMinimum,
  exclusiveMaximum: options.exclusiveMaximum,
  multipleOf: options.multipleOf
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const literal = (values: ReadonlyArray<Scalar>): Tree => ({ _tag: "Literal", values })

/**
 * @category constructors
 * @since 0.1.0
 */
export const never = (fault: Fault, hard = false): Tree => ({ _tag: "Never", fault, hard })

/**
 * Whether a tree refuses the whole schema that it is in.
 *
 * @category guards
 * @since 0.2.0
 */
export const isHard = (tree: Tree): boolean => tree._tag === "Never" && tree.hard

/**
 * The tree of a contradiction.
 *
 * @category constructors
 * @since 0.2.0
 */
export const unsatisfiable = (path: Path, keyword: string, reason: string): Tree =>
  never({ path, keyword, reason, hint: "no JSON value can satisfy this part of the schema" })

/**
 * @category guards
 * @since 0.1.0
 */
export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number"

/**
 * @category guards
 * @since 0.1.0
 */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Whether a key is written with escapes in JSON.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsEscape = (name: string): boolean => JSON.stringify(name) !== `"${name}"`

/**
 * Whether a bound of an integer only says that JavaScript can represent it: the author did not ask for it.
 *
 * @category guards
 * @since 0.2.0
 */
export const isSafeLimit = ({ integer }: Numeric, bound: number | undefined): boolean =>
  integer && bound !== undefined && Math.abs(bound) === Number.MAX_SAFE_INTEGER
