/**
 * A Schema of Effect → its JSON Schema document.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaRepresentation from "effect/SchemaRepresentation"

type Representation = SchemaRepresentation.Representation
type Check = SchemaRepresentation.Check

/**
 * A JSON Schema document of draft 2020-12, its definitions under `$defs`.
 *
 * @category models
 * @since 0.1.0
 */
export type Document = { readonly [keyword: string]: unknown }

/**
 * The JSON Schema of what the model writes for a Schema: the encoded side of its JSON codec. It adds what
 * `Schema.toJsonSchemaDocument` leaves out: patterns without the `u` flag (with the keyword `patternFlags`, which never
 * leaves this package), full string lengths, and that dates are dates; and it leaves out what no model should write: the
 * three numbers that JSON does not have.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSchema = (schema: Schema.Constraint): Document => {
  const codec = Schema.toCodecJson(schema)
  const source = SchemaRepresentation.toRepresentation(codec.ast)
  const references: Record<string, Representation> = { ...source.references }
  const representation = new Rewrite(references).rewrite(source.representation, codec.ast)
  const document = SchemaRepresentation.toJsonSchemaDocument({ representation, references }, {
    onExcessProperty: "error"
  })
  return Object.keys(document.definitions).length === 0
    ? document.schema
    : { ...document.schema, $defs: document.definitions }
}

/** Walks the representation and the AST that it was made from side by side: only the AST knows the decoded side. */
class Rewrite {
  readonly #references: Record<string, Representation>
  readonly #seen = new Set<string>()

  constructor(references: Record<string, Representation>) {
    this.#references = references
  }

  rewrite(node: Representation, ast: SchemaAST.AST): Representation {
    if (node._tag === "Reference") {
      const target = this.#references[node.$ref]
      if (target !== undefined && !this.#seen.has(node.$ref)) {
        this.#seen.add(node.$ref)
        this.#references[node.$ref] = this.rewrite(target, ast)
      }
      return node
    }
    const encoded = lastEncoding(ast)
    if (node._tag === "Suspend") {
      return encoded._tag === "Suspend" ? { ...node, thunk: this.rewrite(node.thunk, encoded.thunk()) } : node
    }
    const checked = { ...node, checks: node.checks.map(explain) }
    return this.#children(isDate(checked, ast) ? dated(checked) : checked, encoded)
  }

  #children(node: Representation, ast: SchemaAST.AST): Representation {
    if (node._tag === "Objects" && ast._tag === "Objects") {
      return {
        ...node,
        propertySignatures: node.propertySignatures.map((property, index) => ({
          ...property,
          type: this.#child(property.type, ast.propertySignatures[index]?.type)
        })),
        indexSignatures: node.indexSignatures.map((signature, index) => ({
          ...signature,
          type: this.#child(signature.type, ast.indexSignatures[index]?.type)
        }))
      }
    }
    if (node._tag === "Arrays" && ast._tag === "Arrays") {
      return {
        ...node,
        elements: node.elements.map((element, index) => ({
          ...element,
          type: this.#child(element.type, ast.elements[index])
        })),
        rest: node.rest.map((rest, index) => this.#child(rest, ast.rest[index]))
      }
    }
    if (node._tag !== "Union" || ast._tag !== "Union") return node
    const types = node.types.map((type, index) => this.#child(type, ast.types[index]))
    const [first, second] = types
    return first?._tag === "Number" && types.length === 2 && isNotANumber(second) ? first : { ...node, types }
  }

  #child(node: Representation, ast: SchemaAST.AST | undefined): Representation {
    return ast === undefined ? node : this.rewrite(node, ast)
  }
}

const lastEncoding = (ast: SchemaAST.AST): SchemaAST.AST =>
  ast.encoding === undefined ? ast : lastEncoding(ast.encoding[ast.encoding.length - 1]?.to ?? ast.encoding[0].to)

const isNotANumber = (node: Representation | undefined): boolean =>
  node?._tag === "Union" && node.types.length === 3 &&
  node.types.every((type) => type._tag === "Literal" && ["NaN", "Infinity", "-Infinity"].includes(String(type.literal)))

const DATES = ["effect/schema/Date", "effect/schema/DateTimeUtc"]
const DATE_TEXTS = ["a string that will be decoded as a Date", "a string that will be decoded as a DateTime.Utc"]

/** A bare string that decodes to an instant; other date texts, such as those of HTTP, are marked by their annotation. */
const isDate = (node: Representation, ast: SchemaAST.AST): boolean => {
  if (node._tag !== "String" || node.checks.length > 0 || node.annotations?.format !== undefined) return false
  const expected = node.annotations?.expected
  if (expected !== undefined) return DATE_TEXTS.some((text) => text === expected)
  for (let at: SchemaAST.AST | undefined = ast; at?.encoding !== undefined; at = at.encoding[0].to) {
    if (at._tag !== "Declaration") continue
    const representation = at.annotations?.representation
    if (typeof representation === "object" && representation !== null && "id" in representation) {
      return DATES.some((id) => id === representation.id)
    }
  }
  return false
}

const dated = (node: Representation): Representation =>
  node._tag === "Reference" ? node : { ...node, annotations: { ...node.annotations, format: "date-time" } }

/** Gives a check the JSON Schema that Effect leaves out because it is not exactly the same; the decoder is exact. */
const explain = (check: Check): Check => {
  if (check._tag === "FilterGroup") {
    const [first, ...rest] = check.checks
    return { ...check, checks: [explain(first), ...rest.map(explain)] }
  }
  const { id, payload } = check.representation ?? {}
  if (typeof payload !== "object" || payload === null) return check
  const toJsonSchema = id === "effect/schema/isPattern"
    ? patterned(Reflect.get(payload, "source"), Reflect.get(payload, "flags"))
    : id === "effect/schema/isMinLength"
    ? atLeast(Reflect.get(payload, "minLength"))
    : undefined
  return toJsonSchema === undefined ? check : { ...check, annotations: { ...check.annotations, toJsonSchema } }
}

/** Flag `v` has a syntax of its own; `y` anchors the pattern at the start. */
const patterned = (source: unknown, flags: unknown) => {
  if (typeof source !== "string" || typeof flags !== "string" || flags.includes("v")) return undefined
  const pattern = flags.includes("y") ? `^(?:${source})` : source
  return () => /[ims]/.test(flags) ? { pattern, patternFlags: flags } : { pattern }
}

const atLeast = (length: unknown) => ({ type }: SchemaRepresentation.ToJsonSchema.CheckInput) =>
  type === "array" ? { minItems: length } : { minLength: length }
