/**
 * What is not part of the core and loaded on demand: built-in modules of the runtime, and optional packages.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as DatasetError from "./DatasetError.ts"

/**
 * A built-in module of Node, Bun or Deno; undefined if the runtime has none of that name.
 *
 * @category accessors
 * @since 0.2.0
 */
export const load = <A extends object>(name: string): A | undefined => {
  const host: unknown = Reflect.get(globalThis, "process")
  const get: unknown = typeof host === "object" && host !== null ? Reflect.get(host, "getBuiltinModule") : undefined
  const found: unknown = typeof get === "function" ? Reflect.apply(get, host, [name]) : undefined
  // the caller names what it uses of the module, as Node 22, Bun and Deno document it
  return typeof found === "object" && found !== null ? found as A : undefined
}

const optional = <A>(
  name: string,
  purpose: string,
  load: () => Promise<A>
): Effect.Effect<A, DatasetError.DatasetError> =>
  Effect.tryPromise({
    try: load,
    catch: () => DatasetError.of("load")(new DatasetError.MissingPackage({ name, purpose }))
  })

/** The reader of Parquet. @category accessors @since 0.2.0 */
export const hyparquet = optional("hyparquet", "reading Parquet", () => import("hyparquet"))

/** The writer of Parquet. @category accessors @since 0.2.0 */
export const hyparquetWriter = optional("hyparquet-writer", "writing Parquet", () => import("hyparquet-writer"))

/** The reader of CSV. @category accessors @since 0.2.0 */
export const csvParse = optional("csv-parse", "reading CSV", () => import("csv-parse"))
