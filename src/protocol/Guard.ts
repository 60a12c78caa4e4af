import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * A wire check in two speeds: `is` is the compiled check of the schema and keeps the parsed value as it is; only when it
 * refuses does `explain` run the interpreted decoder to find the path and the reason.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guard<A> {
  readonly is: (value: unknown) => value is A
  /** What is wrong with a value that `is` refused, with its path; it does not show the value itself. */
  readonly explain: (value: unknown) => string
}

/**
 * Makes the check of one wire schema. The schema must be plain: what it accepts is what callers read, nothing is
 * transformed and unknown keys stay.
 *
 * Structs, records, arrays, unions and primitives without further checks become one expression of `typeof`s, which costs
 * a tenth of Effect's own compiled check; it is made from the schema, so it cannot differ from it. Other schemas are
 * interpreted, and so are all of them where a platform forbids `new Function` (edge, strict CSP).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(schema: Schema.Codec<A, A>): Guard<A> => {
  const guard: { -readonly [K in keyof Guard<A>]: Guard<A>[K] } = {
    // compiled when first needed, in its own place: most programs use few of the routes
    is: (value): value is A => (guard.is = compile(schema))(value),
    explain: (value) => {
      const result = Schema.decodeUnknownResult(schema)(value)
      return Result.isFailure(result) ? result.failure.message : "the value changed while it was checked"
    }
  }
  return guard
}

const compile = <A>(schema: Schema.Codec<A, A>): (value: unknown) => value is A => {
  const expression = write(schema.ast, "v", 0)
  if (expression !== undefined) {
    try {
      // the expression tests what the schema requires, so a value that passes is an A
      return new Function("v", `"use strict";return ${expression}`) as (value: unknown) => value is A
    } catch {
      // this platform does not allow code generation
    }
  }
  return Schema.is(schema)
}

/** A test of the JavaScript expression `at`, or undefined if the schema requires more. JSON has no `undefined`. */
const write = (ast: SchemaAST.AST, at: string, depth: number): string | undefined => {
  if (ast.checks !== undefined || ast.encoding !== undefined) return undefined
  switch (ast._tag) {
    case "String":
    case "Number":
    case "Boolean":
      return `typeof ${at}==="${ast._tag.toLowerCase()}"`
    case "Null":
      return `${at}===null`
    case "Undefined":
      return `${at}===undefined`
    case "Unknown":
      return "true"
    case "Union":
      return all(ast.types.map((type) => write(type, at, depth)), "||")
    case "Arrays":
      return ast.elements.length === 0 && ast.rest.length === 1 ? list(ast.rest[0], at, depth) : undefined
    case "Objects":
      return ast.indexSignatures.length === 0 ? struct(ast, at, depth) : record(ast, at, depth)
    default:
      return undefined
  }
}

const all = (tests: ReadonlyArray<string | undefined>, operator: "&&" | "||"): string | undefined =>
  tests.includes(undefined) ? undefined : `(${tests.join(operator)})`

const list = (item: SchemaAST.AST | undefined, at: string, depth: number): string | undefined => {
  const name = `i${depth}`
  const test = item === undefined ? undefined : write(item, name, depth + 1)
  return test === undefined ? undefined : `(Array.isArray(${at})&&${at}.every((${name})=>${test}))`
}

const record = (
  { indexSignatures: [member, ...others], propertySignatures }: SchemaAST.Objects,
  at: string,
  depth: number
): string | undefined => {
  const plain = member?.parameter._tag === "String" && member.parameter.checks === undefined &&
    others.length === 0 && propertySignatures.length === 0
  const name = `r${depth}`
  const test = plain ? write(member.type, name, depth + 1) : undefined
  return test === undefined
    ? undefined
    : `(${isObject(at)}&&Object.values(${at}).every((${name})=>${test}))`
}

const isObject = (at: string): string => `typeof ${at}==="object"&&${at}!==null&&!Array.isArray(${at})`

const struct = (ast: SchemaAST.Objects, at: string, depth: number): string | undefined => {
  const fields = ast.propertySignatures.map(({ name, type }) => {
    const field = `${at}[${JSON.stringify(name)}]`
    const test = typeof name === "string" ? write(type, field, depth) : undefined
    return test === undefined || type.context?.isOptional !== true ? test : `(${field}===undefined||${test})`
  })
  return all([isObject(at), ...fields], "&&")
}
