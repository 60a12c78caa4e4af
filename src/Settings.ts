/**
 * How the service generates, besides the sampling options: set for the service, and overridden for a call.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as GenerationOptions from "./GenerationOptions.ts"
import type { OutputSpecInput } from "./structured/OutputSpec.ts"

const wanted = "must be an integer of at least 1"

const count = Schema.Number.check(
  Schema.isFinite({ message: wanted }),
  Schema.makeFilter((value) => Number.isSafeInteger(value) && value >= 1 ? undefined : wanted)
)

const setting = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optional(schema).annotate({ description })

/**
 * The settings. The description of each field says what it means.
 *
 * @category models
 * @since 0.1.0
 */
export const Settings = Schema.Struct({
  numGenerations: setting(count, "How many generations per input (default 1), each with its own seed."),
  concurrency: setting(count, "How many requests of one call may be in flight at once (default 16)."),
  unsupported: setting(
    Schema.Literals(["error", "warn"]),
    "What happens to an option that the engine would drop or refuse: an `error` (default), or a logged warning (`warn`)."
  ),
  delivery: setting(
    Schema.Literals(["stream", "unary"]),
    "`stream` reads a streamed response: it measures the time to the first token, notices a stall within a minute, and reports in " +
      "an error what had arrived. `unary` requests the whole response: half the cost of a short one, and TGI's own timings. The " +
      "default is `stream`, but `unary` for short responses of which no part is shown early (`wholeUpTo`), and for what TGI " +
      "refuses to stream (`bestOf`, `decoderInputDetails`) or streams without a recognisable end (tools)."
  ),
  wholeUpTo: setting(
    Schema.Number.check(
      Schema.makeFilter((value) =>
        Number.isSafeInteger(value) && value >= 0 ? undefined : "must be an integer of at least 0"
      )
    ),
    "Up to how many `maxNewTokens` a response is requested as a whole where `delivery` is not set and no part of it is shown " +
      "early (default 256): `stream` and `streamObject` always stream. 0 streams them all. A whole response has no time to the " +
      "first token, no notice of a stall between two tokens, and no part of its text in an error; a proxy's limit on silence " +
      "counts for all of it."
  ),
  splitReasoning: setting(
    Schema.Union([Schema.Boolean, Schema.Literal("opened")]),
    "Takes `<think>…</think>` out of the text and into `reasoning` (default false). `opened` means that the server's template " +
      "opens the thought in the prompt, so that only `</think>` is generated; for prompts that are rendered here this is known " +
      "themselves."
  ),
  countTokens: setting(
    Schema.Boolean,
    "Asks the server's tokenizer for the length of the prompt where the response does not contain it (default false)."
  ),
  revive: setting(
    Schema.Boolean,
    "Wakes or resumes a dedicated endpoint that fell asleep or was paused, and repeats the request (default true)."
  ),
  continuation: setting(
    Schema.Boolean,
    "Whether more than the 1,024 tokens that TGI generates at once are requested piece by piece (default true): a " +
      "constrained response continues under the rest of its grammar, which TGI itself would start over, and a raw prompt gives " +
      "exactly the tokens requested."
  ),
  resume: setting(
    Schema.Number.check(
      Schema.makeFilter((value) =>
        Number.isSafeInteger(value) && value >= 0 ? undefined : "must be an integer of at least 0"
      )
    ),
    "How many times a broken TGI stream is continued from the text that has arrived (default 0: it fails)."
  ),
  continueFrom: setting(
    Schema.String,
    "Text from a response that was cut off or damaged: TGI continues after it, or, if the response is " +
      "constrained, after the longest part that its grammar allows. The generation includes that part."
  ),
  captureContent: setting(
    Schema.Boolean,
    "Records prompts and generations on spans (default false: they may be private)."
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type Settings = typeof Settings.Type

/**
 * What one call may set: options and settings, over those of the service.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions extends GenerationOptions.GenerationOptions, Settings {
  /**
   * Constrains the response, which stays text: `{ format: "json" | "regex", schema }` as in the Python original, where
   * `schema` may be a Schema too. `false` lifts the service's own. For a decoded value use `generateObject`.
   */
  readonly structuredOutput?: OutputSpecInput | false | undefined
}

/**
 * The default of `wholeUpTo`.
 *
 * @category constants
 * @since 0.2.0
 */
export const WHOLE_UP_TO = 256

const names = new Set(Object.keys(Settings.fields))
const is = Schema.is(Settings)

/**
 * Settings and sampling options, and what is wrong with either.
 *
 * @category models
 * @since 0.2.0
 */
export interface Resolved {
  readonly settings: Settings
  readonly options: GenerationOptions.GenerationOptions
  readonly issues: ReadonlyArray<GenerationOptions.Issue>
}

/**
 * Separates settings from sampling options, over the service's defaults, and says what is wrong with either. If the
 * defaults by themselves are `known`, a call that sets no sampling option gets theirs, which are not checked again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const resolve = (defaults: CallOptions, call: CallOptions, known?: Resolved): Resolved => {
  const isKnown = known !== undefined && known.issues.length === 0
  const settings: Record<string, unknown> = { ...(isKnown && known.settings) }
  let own: Record<string, unknown> | undefined = isKnown
    ? undefined
    : { maxNewTokens: GenerationOptions.MAX_NEW_TOKENS }
  for (const { structuredOutput: _, ...source } of isKnown ? [call] : [defaults, call]) {
    for (const [name, value] of Object.entries(source)) {
      if (value === undefined) continue
      if (names.has(name)) settings[name] = value
      else (own ??= { ...known?.options })[name] = value
    }
  }
  // sorted by name; `check` and `is` then look at the values
  const options = (own ?? known?.options ?? {}) as GenerationOptions.GenerationOptions
  return {
    settings: settings as Settings,
    options,
    issues: !is(settings) ? settingIssues(settings) : own === undefined ? [] : GenerationOptions.check(options)
  }
}

const settingIssues = (settings: Record<string, unknown>): ReadonlyArray<GenerationOptions.Issue> =>
  Object.entries(settings)
    .filter(([name, value]) => !is({ [name]: value }))
    .map(([name, value]) => ({
      path: [name],
      message: `${name} must be ${expected[name] ?? "true or false"}, got ${
        typeof value === "string" ? JSON.stringify(value) : String(value)
      }`
    }))

const expected: { readonly [name: string]: string } = {
  numGenerations: "an integer of at least 1",
  concurrency: "an integer of at least 1",
  unsupported: `"error" or "warn"`,
  delivery: `"stream" or "unary"`,
  wholeUpTo: "an integer of at least 0",
  resume: "an integer of at least 0",
  continueFrom: "a string"
}

/**
 * The settings among other options.
 *
 * @category accessors
 * @since 0.1.0
 */
export const pick = (options: Settings): Settings =>
  Object.fromEntries(Object.entries(options).filter(([name]) => names.has(name)))
