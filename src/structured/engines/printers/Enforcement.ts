/**
 * How each grammar compiler treats each keyword of JSON Schema, as data: the printers, the list of what is dropped,
 * the table in the docs and the tests read it from here.
 *
 * Each entry was found by running the compiler itself on a schema with the keyword, and on texts that must pass and
 * fail.
 *
 * @since 0.2.0
 */

/**
 * The programs that turn a schema into a grammar. `openai` is the published rule of OpenAI's strict mode, which the
 * providers behind the router follow.
 *
 * @category models
 * @since 0.2.0
 */
export type Compiler = "tgi" | "xgrammar" | "llguidance" | "llamacpp" | "openai"

/**
 * What happens to a keyword, as it is sent:
 *
 * - `enforced`: what is written fits it.
 * - `narrowed`: what is written fits it, and some values that fit cannot be written.
 * - `ignored`: silently accepted and not enforced.
 * - `refused`: the request fails.
 *
 * @category models
 * @since 0.2.0
 */
export type Fate = "enforced" | "narrowed" | "ignored" | "refused"

/**
 * The versions that were tested.
 *
 * @category constants
 * @since 0.2.0
 */
export const versions: { readonly [C in Compiler]: string } = {
  tgi: "TGI 3.3.7 (outlines-core ba10c61, interegular 0.3.3)",
  xgrammar: "xgrammar 0.2.8 (vLLM 0.32, SGLang 0.5.23)",
  llguidance: "llguidance 1.9.1",
  llamacpp: "llama.cpp v0.5.0",
  openai: "OpenAI's strict mode, as published in November 2026"
}

/**
 * A keyword with its outcome on each compiler, and remarks.
 *
 * @category models
 * @since 0.2.0
 */
export interface Row {
  readonly fates: { readonly [C in Compiler]: Fate }
  /** The reason in `dropped`. */
  readonly note: string
}

const row = (tgi: Fate, xgrammar: Fate, llguidance: Fate, llamacpp: Fate, openai: Fate, note: string): Row => ({
  fates: { tgi, xgrammar, llguidance, llamacpp, openai },
  note
})

/**
 * The table. `multipleOf` has two entries, since compilers can only count in whole steps.
 *
 * @category constants
 * @since 0.2.0
 */
export const keywords = {
  type: row("enforced", "enforced", "enforced", "enforced", "enforced", "the kind of value"),
  enum: row("enforced", "enforced", "enforced", "enforced", "enforced", "the listed values"),
  const: row("enforced", "enforced", "enforced", "enforced", "enforced", "the one value"),
  properties: row("enforced", "enforced", "enforced", "enforced", "enforced", "keys come in the declared order"),
  required: row("enforced", "enforced", "enforced", "enforced", "enforced", "which keys are required"),
  additionalProperties: row(
    "narrowed",
    "enforced",
    "enforced",
    "enforced",
    "narrowed",
    "further keys are only written if the engine can enforce them"
  ),
  patternProperties: row(
    "narrowed",
    "narrowed",
    "narrowed",
    "ignored",
    "refused",
    "the engine does not distinguish keys by pattern here"
  ),
  propertyNames: row("enforced", "enforced", "refused", "ignored", "refused", "the names of keys are not checked"),
  minProperties: row("narrowed", "enforced", "refused", "ignored", "refused", "the number of keys is not counted"),
  maxProperties: row("ignored", "enforced", "refused", "ignored", "refused", "the number of keys is not counted"),
  items: row("enforced", "enforced", "enforced", "enforced", "enforced", "what an array holds"),
  prefixItems: row(
    "enforced",
    "enforced",
    "enforced",
    "narrowed",
    "refused",
    "the items of tuples are not distinguished by position"
  ),
  minItems: row("enforced", "enforced", "enforced", "enforced", "enforced", "items are not counted this far"),
  maxItems: row("enforced", "enforced", "enforced", "enforced", "enforced", "items are not counted this far"),
  uniqueItems: row("ignored", "refused", "refused", "ignored", "refused", "it is not checked that items differ"),
  contains: row("ignored", "refused", "refused", "ignored", "refused", "it is not checked that an item exists"),
  minLength: row("enforced", "narrowed", "enforced", "enforced", "refused", "characters are not counted"),
  maxLength: row("enforced", "narrowed", "enforced", "enforced", "refused", "characters are not counted"),
  pattern: row("enforced", "narrowed", "enforced", "enforced", "enforced", "the pattern is not checked"),
  format: row("enforced", "enforced", "enforced", "narrowed", "enforced", "the format is not checked"),
  // llama.cpp enforces the bounds of integers, and ignores those of other numbers
  minimum: row("ignored", "enforced", "enforced", "enforced", "enforced", "the size of numbers is not checked"),
  maximum: row("ignored", "enforced", "enforced", "enforced", "enforced", "the size of numbers is not checked"),
  exclusiveMinimum: row("ignored", "enforced", "enforced", "ignored", "enforced", "the size of numbers is not checked"),
  exclusiveMaximum: row("ignored", "enforced", "enforced", "ignored", "enforced", "the size of numbers is not checked"),
  multipleOf: row("ignored", "refused", "enforced", "ignored", "enforced", "the step of numbers is not checked"),
  anyOf: row("enforced", "enforced", "enforced", "enforced", "enforced", "one of the alternatives"),
  oneOf: row(
    "ignored",
    "ignored",
    "refused",
    "ignored",
    "refused",
    "it is not checked that only one alternative matches"
  ),
  allOf: row("enforced", "enforced", "enforced", "enforced", "enforced", "merged before it is sent"),
  $ref: row("narrowed", "enforced", "enforced", "enforced", "enforced", "recursion is written out to a depth on TGI"),
  not: row("refused", "ignored", "refused", "ignored", "refused", "negation is not checked"),
  if: row("ignored", "ignored", "refused", "ignored", "refused", "conditions are not checked"),
  dependentRequired: row("ignored", "ignored", "refused", "ignored", "refused", "dependencies are not checked"),
  dependentSchemas: row("ignored", "ignored", "refused", "ignored", "refused", "dependencies are not checked"),
  unevaluatedProperties: row("enforced", "enforced", "enforced", "enforced", "enforced", "`false` closes the object"),
  unevaluatedItems: row("enforced", "enforced", "enforced", "enforced", "enforced", "`false` closes the array"),
  contentSchema: row("ignored", "ignored", "ignored", "ignored", "refused", "the text inside a string is not checked")
} satisfies Readonly<Record<string, Row>>

/**
 * @category models
 * @since 0.2.0
 */
export type Keyword = keyof typeof keywords

/**
 * The formats that are sent to a compiler by name, since it enforces them. xgrammar knows four more (`uri-reference`,
 * `uri-template` and the JSON pointers), which llguidance refuses on a server that runs it instead.
 *
 * @category constants
 * @since 0.2.0
 */
export const formats: { readonly [C in Compiler]: ReadonlySet<string> } = {
  tgi: new Set(),
  xgrammar: new Set([
    "email",
    "date",
    "time",
    "date-time",
    "duration",
    "ipv4",
    "ipv6",
    "hostname",
    "uuid",
    "uri"
  ]),
  llguidance: new Set([
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "uri"
  ]),
  llamacpp: new Set(["date", "time", "date-time", "uuid"]),
  openai: new Set(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
}

/**
 * Whether a keyword may be sent to a compiler and is enforced there.
 *
 * @category guards
 * @since 0.2.0
 */
export const isHeld = (compiler: Compiler, keyword: Keyword): boolean => {
  const fate = keywords[keyword].fates[compiler]
  return fate === "enforced" || fate === "narrowed"
}
