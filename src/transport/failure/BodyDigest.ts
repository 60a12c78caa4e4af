/**
 * Tells one request body from another without keeping it.
 *
 * @since 0.2.0
 */
import * as Hash from "effect/Hash"
import * as Json from "../../protocol/Json.ts"

type Body = Readonly<Record<string, unknown>>

const digestOf = (text: string): string => (Hash.string(text) >>> 0).toString(16).padStart(8, "0")

/**
 * A short string that is the same for the same body.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (body: Body): string => {
  const text = Json.stringify(body)
  return `${text.length}:${digestOf(text)}`
}

/** The fields, of all engines, under which tools and grammars are sent. */
const FIELDS = [
  "tools",
  "tool_choice",
  "response_format",
  "structured_outputs",
  "json_schema",
  "grammar",
  "regex",
  "ebnf",
  "structural_tag"
]

const isRecord = (value: unknown): value is Body => typeof value === "object" && value !== null

/** The tools and grammars of a body; on TGI's native route they are among its parameters. */
const structured = (body: Body): ReadonlyArray<readonly [string, unknown]> => {
  const parameters = isRecord(body["parameters"]) ? body["parameters"] : {}
  return FIELDS.flatMap((field) => {
    const value = body[field] ?? parameters[field]
    return value === undefined || value === null ? [] : [[field, value] as const]
  })
}

/**
 * The same for its tools and grammar only; `undefined` if it has none.
 *
 * @category constructors
 * @since 0.2.0
 */
export const structure = (body: Body): string | undefined => {
  const all = structured(body)
  return all.length === 0 ? undefined : make(Object.fromEntries(all))
}

const NAMED = 5

/** The names of the tools that are offered. */
const toolsOf = ({ tools }: Body): ReadonlyArray<string> =>
  (Array.isArray(tools) ? tools : []).flatMap((tool: unknown) => {
    const name = isRecord(tool) && isRecord(tool["function"]) ? tool["function"]["name"] : undefined
    return typeof name === "string" ? [name] : []
  })

/**
 * Describes a body for people without its content: its digest, its length, and the tools or the grammar in it.
 *
 * @category conversions
 * @since 0.2.0
 */
export const describe = (body: Body): string => {
  const text = Json.stringify(body)
  const tools = toolsOf(body)
  const named = tools.length > NAMED ? `${tools.slice(0, NAMED).join(", ")}, …` : tools.join(", ")
  const grammar = structured(body).find(([field]) => field !== "tools" && field !== "tool_choice")?.[0]
  return [
    `${digestOf(text)}, ${text.length} characters`,
    ...(tools.length === 0 ? [] : [`with the tools ${named}`]),
    ...(grammar === undefined ? [] : [`with ${grammar}`])
  ].join(", ")
}
