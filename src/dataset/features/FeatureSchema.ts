/**
 * A Schema → the columns that hold its encoded form.
 *
 * Text, whole numbers (`Schema.Int` and similar: `int64`), other numbers (`float64`), booleans, `Schema.BigInt` (`int64`),
 * `Schema.Date` and `Schema.DateTimeUtc` (`timestamp[us, tz=UTC]`), `Schema.Uint8Array` (`binary`), arrays and structs keep
 * their type; everything else, such as records, tuples, and unions of different types, becomes `Json`.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as DatasetError from "../DatasetError.ts"
import type { Feature, Features } from "./Features.ts"
import * as Columns from "./Features.ts"

/** Types that Effect describes by an id. */
const DECLARED: Readonly<Record<string, Feature>> = {
  "effect/schema/Date": Columns.timestamp,
  "effect/schema/DateTimeUtc": Columns.timestamp,
  "effect/schema/Uint8Array": Columns.binary
}

const idOf = (annotations: unknown): string | undefined => {
  const representation = typeof annotations === "object" && annotations !== null && "representation" in annotations
    ? annotations.representation
    : undefined
  return typeof representation === "object" && representation !== null && "id" in representation &&
      typeof representation.id === "string"
    ? representation.id
    : undefined
}

const isInteger = (checks: SchemaAST.Checks | undefined): boolean =>
  checks?.some((check) =>
    idOf(check.annotations) === "effect/schema/isInt" || (check._tag === "FilterGroup" && isInteger(check.checks))
  ) === true

const isAbsence = (ast: SchemaAST.AST): boolean =>
  ast._tag === "Null" || ast._tag === "Undefined" || ast._tag === "Void"

/** A union of one type and its absence, or of types that are stored the same way. */
const unionOf = (types: ReadonlyArray<SchemaAST.AST>): Feature => {
  const present = types.filter((type) => !isAbsence(type)).map(featureOf)
  const [first] = present
  return first !== undefined && present.every((other) => Columns.same(first, other)) ? first : Columns.json
}

const literalOf = (literal: unknown): Feature =>
  typeof literal === "string"
    ? Columns.string
    : typeof literal === "boolean"
    ? Columns.bool
    : typeof literal === "bigint" || Number.isInteger(literal)
    ? Columns.int64
    : Columns.float64

const structOf = (ast: SchemaAST.Objects): Feature =>
  ast.indexSignatures.length > 0 || ast.propertySignatures.length === 0 ||
    ast.propertySignatures.some(({ name }) => typeof name === "symbol")
    ? Columns.json
    : Columns.struct(ast.propertySignatures.map(({ name, type }) => ({ name: String(name), feature: featureOf(type) })))

const featureOf = (ast: SchemaAST.AST): Feature => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return Columns.string
    case "Number":
      return isInteger(ast.checks) ? Columns.int64 : Columns.float64
    case "Boolean":
      return Columns.bool
    case "BigInt":
      return Columns.int64
    case "Literal":
      return literalOf(ast.literal)
    case "Enum":
      return unionOf(ast.enums.map(([, value]) => new SchemaAST.Literal(value)))
    case "Union":
      return unionOf(ast.types)
    case "Arrays": {
      const [rest] = ast.rest
      return ast.elements.length === 0 && ast.rest.length === 1 && rest !== undefined
        ? Columns.list(featureOf(rest))
        : Columns.json
    }
    case "Objects":
      return structOf(ast)
    case "Declaration":
      return DECLARED[idOf(ast.annotations) ?? ""] ?? Columns.json
    default:
      return Columns.json
  }
}

/**
 * The columns of a struct or class.
 *
 * @category constructors
 * @since 0.2.0
 */
export const fromSchema = (schema: Schema.Constraint): Result.Result<Features, DatasetError.DatasetError> => {
  const feature = featureOf(SchemaAST.toEncoded(schema.ast))
  return feature._tag === "Struct"
    ? Result.succeed(feature.fields)
    : Result.fail(
      DatasetError.of("fromSchema")(
        new DatasetError.UnsupportedType({
          column: "(all)",
          problem: "cannot be named: the Schema of a row is a Struct or a Class"
        })
      )
    )
}
