/**
 * How a data set was made, and what it looks like, as Markdown.
 *
 * @since 0.2.0
 */
import type { Features } from "../features/Features.ts"
import { jsonText } from "../parquet/ParquetValue.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Provenance {
  readonly models: ReadonlyArray<{
    readonly id: string
    readonly revision?: string | undefined
    /** Who served it: a provider of the router, `dedicated endpoint`, … */
    readonly provider?: string | undefined
    /** With its version: `vllm 0.32.0`. */
    readonly engine?: string | undefined
  }>
  /** What rendered conversations: the SHA-256 of a chat template, or the repository that has it. */
  readonly chatTemplate?: string | undefined
  /** The template of the prompts, or its name. */
  readonly template?: string | undefined
  /** Options of generation. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  readonly rows?: { readonly done: number; readonly failed: number } | undefined
  readonly tokens?: { readonly input: number; readonly output: number } | undefined
  readonly dollars?: number | undefined
  /** Failures by their reason. */
  readonly failures?: Readonly<Record<string, number>> | undefined
  /** The command that made it. */
  readonly command?: string | undefined
}

/** Text in a cell of a table: one line, without Markdown or HTML syntax. */
const cell = (text: string, length = 100): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  const cut = line.length > length ? `${line.slice(0, length).toWellFormed()}…` : line
  return cut.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(/[\\|`*_[\]]/g, (char) => `\\${char}`)
}

/** A block of code that its text cannot end. */
const block = (text: string): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = "`".repeat(longest + 1)
  return `${fence}text\n${text.trimEnd()}\n${fence}`
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n")

const factsOf = (made: Provenance): ReadonlyArray<ReadonlyArray<string>> => [
  ...made.models.map(({ engine, id, provider, revision }) => [
    "model",
    cell(
      [id + (revision === undefined ? "" : `@${revision}`), provider, engine].filter((part) => part !== undefined).join(
        ", "
      )
    )
  ]),
  ...(made.chatTemplate === undefined ? [] : [["chat template", cell(made.chatTemplate)]]),
  ...(made.options === undefined ? [] : [["options", cell(jsonText(made.options), 1000)]]),
  ...(made.rows === undefined ? [] : [["rows", `${made.rows.done} done, ${made.rows.failed} failed`]]),
  ...Object.entries(made.failures ?? {}).map(([reason, count]) => [`failed: ${cell(reason)}`, String(count)]),
  ...(made.tokens === undefined ? [] : [["tokens", `${made.tokens.input} in, ${made.tokens.output} out`]]),
  ...(made.dollars === undefined ? [] : [["cost", `$${made.dollars.toFixed(2)}`]])
]

/**
 * The section on how it was made; empty if nothing is known.
 *
 * @category conversions
 * @since 0.2.0
 */
export const markdown = (made: Provenance | undefined): ReadonlyArray<string> =>
  made === undefined ? [] : [
    "## How it was made",
    table(["what", ""], factsOf(made)),
    ...(made.template === undefined ? [] : ["The template of the prompts:", block(made.template)]),
    ...(made.command === undefined ? [] : ["The command:", block(made.command)])
  ]

const shown = (value: unknown): string =>
  value === null || value === undefined
    ? ""
    : typeof value === "string"
    ? value
    : value instanceof Uint8Array
    ? `${value.length} bytes`
    : jsonText(value)

/**
 * The section with the first rows; empty if there are none.
 *
 * @category conversions
 * @since 0.2.0
 */
export const preview = (
  features: Features,
  rows: ReadonlyArray<Readonly<Record<string, unknown>>> = []
): ReadonlyArray<string> =>
  rows.length === 0 ? [] : [
    "## Preview",
    table(
      features.map(({ name }) => cell(name)),
      rows.slice(0, 5).map((row) => features.map(({ name }) => cell(shown(row[name]))))
    )
  ]
