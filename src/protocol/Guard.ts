import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

/**
 * A wire check in two speeds: `is` is the compiled check of the schema and keeps the parsed value as it is; only when it
 * says no does `explain` run the interpreted decoder to find the path and the reason.
 *
 * The compiler needs `new Function`. Where a platform forbids that (edge, strict CSP), the same schema is interpreted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Guard<A> {
  readonly is: (value: unknown) => value is A
  /** What is wrong with a value that `is` refused, with its path; the value itself is not shown. */
  readonly explain: (value: unknown) => string
}

/**
 * Makes the check of one wire schema. The schema must be plain: what it accepts is what callers read, nothing is
 * transformed and unknown keys stay.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(schema: Schema.Codec<A, A>): Guard<A> => {
  SchemaJITCompiler.enable(schema.ast)
  const decode = Schema.decodeUnknownResult(schema)
  return {
    is: Schema.is(schema),
    explain: (value) => {
      const result = decode(value)
      return Result.isFailure(result) ? result.failure.message : "the value changed while it was checked"
    }
  }
}
