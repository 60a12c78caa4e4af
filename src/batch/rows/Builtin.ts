/**
 * Modules that the runtime itself carries, asked for by name, so that nothing here imports what is of Node.
 *
 * @since 0.2.0
 */

/**
 * A built-in module of Node, Bun or Deno; undefined where the runtime has none of that name.
 *
 * @category accessors
 * @since 0.2.0
 */
export const load = (name: string): object | undefined => {
  const host: unknown = Reflect.get(globalThis, "process")
  const get: unknown = typeof host === "object" && host !== null ? Reflect.get(host, "getBuiltinModule") : undefined
  const found: unknown = typeof get === "function" ? Reflect.apply(get, host, [name]) : undefined
  return typeof found === "object" && found !== null ? found : undefined
}
