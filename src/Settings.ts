/**
 * How the service generates, beside the sampling options: said once for the service, and anew for each call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as GenerationOptions from "./GenerationOptions.ts"
import type { OutputSpecInput } from "./structured/OutputSpec.ts"

const count = Schema.Number.check(
  Schema.makeFilter((value) =>
    Number.isSafeInteger(value) && value >= 1 ? undefined : "must be an integer of at least 1"
  )
)

/**
 * The settings.
 *
 * - `numGenerations`: how many generations for each input (default 1), each with its own seed.
 * - `concurrency`: how many requests of one call may be under way at once (default 16).
 * - `unsupported`: an option that the engine would drop or refuse is an `error` (default), or a logged warning (`warn`).
 * - `delivery`: `stream` folds the streamed answer: it gives the time to the first token, notices a stall within a minute,
 *   and stops the server when it is interrupted. `unary` asks for the whole answer: less to parse, and TGI's own timings.
 *   The default is `stream`, but `unary` for what TGI refuses to stream (`bestOf`, `decoderInputDetails`) or streams so
 *   that its end cannot be known (tools).
 * - `splitReasoning`: takes `<think>…</think>` out of the text and into `reasoning` (default false).
 * - `countTokens`: asks the server's tokenizer for the length of the prompt where the answer does not tell it (default
 *   false).
 * - `revive`: wakes or resumes a dedicated endpoint that fell asleep or was paused meanwhile, and repeats the request
 *   (default true).
 * - `captureContent`: writes prompts and answers onto spans (default false: they may be private).
 *
 * @category models
 * @since 0.1.0
 */
export const Settings = Schema.Struct({
  numGenerations: Schema.optional(count),
  concurrency: Schema.optional(count),
  unsupported: Schema.optional(Schema.Literals(["error", "warn"])),
  delivery: Schema.optional(Schema.Literals(["stream", "unary"])),
  splitReasoning: Schema.optional(Schema.Boolean),
  countTokens: Schema.optional(Schema.Boolean),
  revive: Schema.optional(Schema.Boolean),
  captureContent: Schema.optional(Schema.Boolean)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Settings = typeof Settings.Type

/**
 * What one call may say: options and settings, over those of the service.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions extends GenerationOptions.GenerationOptions, Settings {
  /**
   * Constrains the answer, which stays text: `{ format: "json" | "regex", schema }` as in the Python original, where
   * `schema` may be a Schema too. `false` lifts the service's own. For a decoded value there is `generateObject`.
   */
  readonly structuredOutput?: OutputSpecInput | false | undefined
}

const names = new Set(Object.keys(Settings.fields))
const is = Schema.is(Settings)

/**
 * Takes settings and sampling options apart, over the defaults of the service, and says what is wrong with either.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resolve = (defaults: CallOptions, call: CallOptions): {
  readonly settings: Settings
  readonly options: GenerationOptions.GenerationOptions
  readonly issues: ReadonlyArray<GenerationOptions.Issue>
} => {
  const settings: Record<string, unknown> = {}
  const options: Record<string, unknown> = { maxNewTokens: GenerationOptions.MAX_NEW_TOKENS }
  for (const { structuredOutput: _, ...source } of [defaults, call]) {
    for (const [name, value] of Object.entries(source)) {
      if (value !== undefined) (names.has(name) ? settings : options)[name] = value
    }
  }
  // what the names say; `check` and `is` then look at the values
  const sampling = options as GenerationOptions.GenerationOptions
  return {
    settings: settings as Settings,
    options: sampling,
    issues: is(settings) ? GenerationOptions.check(sampling) : settingIssues(settings)
  }
}

const settingIssues = (settings: Record<string, unknown>): ReadonlyArray<GenerationOptions.Issue> =>
  Object.entries(settings)
    .filter(([name, value]) => !is({ [name]: value }))
    .map(([name, value]) => ({
      path: [name],
      message: `${name} cannot be ${typeof value === "string" ? JSON.stringify(value) : String(value)}`
    }))

/**
 * The settings among other options.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pick = (options: Settings): Settings =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name)))
