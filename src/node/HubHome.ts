/**
 * Where Hugging Face keeps its local state on this machine, by the rules of its Python client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { homedir } from "node:os"
import * as HubEnv from "../hub/HubEnv.ts"

/** `~` and `$VAR` or `${VAR}`, as a shell would expand them; an unset variable stays as it is written. */
const expand = Effect.fnUntraced(function*(path: string) {
  let expanded = path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path
  for (const [written, braced, plain] of path.matchAll(/\$\{(\w+)\}|\$(\w+)/g)) {
    const value = yield* HubEnv.variable(braced ?? plain ?? "")
    if (value !== undefined) expanded = expanded.replace(written, () => value)
  }
  return expanded
})

/** The first of some variables that is set, expanded. */
const firstOf = Effect.fnUntraced(function*(...names: ReadonlyArray<string>) {
  for (const name of names) {
    const value = yield* HubEnv.variable(name)
    if (value !== undefined) return yield* expand(value)
  }
  return undefined
})

/**
 * `HF_HOME`, else `huggingface` below `XDG_CACHE_HOME` or `~/.cache` (`huggingface_staging` for the staging Hub).
 *
 * @category paths
 * @since 0.1.0
 */
export const home = Effect.gen(function*() {
  const path = yield* Path.Path
  const custom = yield* firstOf("HF_HOME")
  if (custom !== undefined) return custom
  const staging = yield* HubEnv.flag("HUGGINGFACE_CO_STAGING")
  const cache = (yield* firstOf("XDG_CACHE_HOME")) ?? path.join(homedir(), ".cache")
  return path.join(cache, staging ? "huggingface_staging" : "huggingface")
})

/**
 * The token file: `HF_TOKEN_PATH`, else `token` below `home`.
 *
 * @category paths
 * @since 0.1.0
 */
export const tokenFile = Effect.gen(function*() {
  const path = yield* Path.Path
  return (yield* firstOf("HF_TOKEN_PATH")) ?? path.join(yield* home, "token")
})

/**
 * The file cache: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, else `hub` below `home`.
 *
 * @category paths
 * @since 0.1.0
 */
export const hubCache = Effect.gen(function*() {
  const path = yield* Path.Path
  return (yield* firstOf("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")) ?? path.join(yield* home, "hub")
})
