/**
 * The environment variables that Hugging Face's clients agree on, read through `Config`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * A variable, `undefined` when it is absent or empty. Never fails: a source that cannot be read counts as absent.
 *
 * @category configuration
 * @since 0.1.0
 */
export const variable = (name: string): Effect.Effect<string | undefined> =>
  Config.option(Config.String(name)).pipe(
    Effect.map(Option.getOrUndefined),
    Effect.map((value) => value === "" ? undefined : value),
    Effect.orElseSucceed(() => undefined)
  )

/**
 * A switch: on for `1`, `ON`, `YES` and `TRUE` in any case, off for everything else.
 *
 * @category configuration
 * @since 0.1.0
 */
export const flag = (name: string): Effect.Effect<boolean> =>
  Effect.map(variable(name), (value) => value !== undefined && /^(1|on|yes|true)$/i.test(value.trim()))

/**
 * The Hub's address: `HF_ENDPOINT`, else the staging Hub under `HUGGINGFACE_CO_STAGING`, else `https://huggingface.co`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const hubUrl: Effect.Effect<string> = Effect.gen(function*() {
  const custom = yield* variable("HF_ENDPOINT")
  if (custom !== undefined) return custom
  return (yield* flag("HUGGINGFACE_CO_STAGING")) ? "https://hub-ci.huggingface.co" : "https://huggingface.co"
})

/**
 * Whether network calls to the Hub are forbidden: `HF_HUB_OFFLINE` or `TRANSFORMERS_OFFLINE`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const offline: Effect.Effect<boolean> = Effect.zipWith(
  flag("HF_HUB_OFFLINE"),
  flag("TRANSFORMERS_OFFLINE"),
  (hub, transformers) => hub || transformers
)
