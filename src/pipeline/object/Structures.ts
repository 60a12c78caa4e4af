/**
 * Loads what structured output needs, once.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Structure from "./Structure.ts"

let loaded: typeof Structure | undefined

/**
 * The modules of structured output. Once they are loaded, using them does not wait.
 *
 * @category loading
 * @since 0.2.0
 */
export const load: Effect.Effect<typeof Structure> = Effect.suspend(() =>
  loaded === undefined
    ? Effect.map(Effect.promise(() => import("./Structure.ts")), (structure) => loaded = structure)
    : Effect.succeed(loaded)
)
