/**
 * Tool calls as regexes for TGI, in the form in which a chat template writes them. Its router's own grammar for tools loses
 * arguments, and crashes on a recursive schema.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Cost from "./engines/tgi/Cost.ts"
import * as Grammar from "./Grammar.ts"
import * as CharSet from "./regex/CharSet.ts"
import * as RegexDialect from "./regex/RegexDialect.ts"
import type * as Dropped from "./schema/tree/Dropped.ts"
import * as Tree from "./schema/tree/JsonSchemaTree.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"
import * as ToolGrammar from "./ToolGrammar.ts"

/**
 * The texts around the name and the arguments of a call.
 *
 * @category models
 * @since 0.2.0
 */
export interface Form {
  readonly open: string
  readonly middle: string
  readonly between: string | undefined
  readonly close: string
}

/**
 * The offered tools.
 *
 * @category models
 * @since 0.2.0
 */
export interface Offer {
  readonly tools: ReadonlyArray<{ readonly name: string; readonly parameters: unknown }>
  /** Whether a call must be made, and which. */
  readonly choice: "auto" | "required" | { readonly name: string }
  readonly parallel: boolean
  /** What closes the thought that the prompt opens, if it opens one: the model thinks before it calls. */
  readonly thought?: string | undefined
}

/**
 * The next stage: a text that the client writes itself, and the regex of what follows it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Stage {
  readonly written: string
  readonly regex: string
}

/**
 * How a response with tool calls is constrained.
 *
 * @category models
 * @since 0.2.0
 */
export interface ToolRegex {
  /** The regex of the first request. */
  readonly regex: string
  /**
   * What follows a text that is complete under the regex of its stage; undefined at the end. Absent if there is only
   * one stage.
   */
  readonly next: ((written: string) => Stage | undefined) | undefined
  readonly dropped: ReadonlyArray<Grammar.Dropped>
}

/** Up to this many tools go into one regex, which takes a server a second or two to compile. */
const MAX_CHARACTERS = 1200
const MAX_STATES = 500

/** How much of the opening of a call must not occur in other text. */
const MARK = 6

type Attempted<A> = Result.Result<A, StructuredOutputError.StructuredOutputError>

/** The parameters of a tool without any. */
const none = { type: "object", properties: {}, additionalProperties: false }

/**
 * The regexes for an offer, or why there is none: an error with the path from the tool's name on.
 *
 * @category lowering
 * @since 0.2.0
 */
export const make = (form: Form, { choice, parallel, thought, tools }: Offer): Attempted<ToolRegex> => {
  const offered = typeof choice === "object" ? tools.filter(({ name }) => name === choice.name) : tools
  const lowered = Result.all(
    offered.map((tool) => Result.map(argumentsOf(tool), (lowered) => ({ name: tool.name, lowered })))
  )
  return Result.map(lowered, (calls) => {
    const dropped = calls.flatMap(({ lowered, name }) =>
      lowered.dropped.map((at) => ({ ...at, path: ["tools", name, ...at.path] }))
    )
    const isMany = parallel && form.between !== undefined
    const { literal } = RegexDialect
    const thinking = thought === undefined ? "" : `${textWithout(thought, thought.length)}${literal(thought)}[ \\n]*`
    const whole = (regex: string) =>
      choice === "auto" ? `${textWithout(form.open, MARK)}(?:${regex})?` : thinking + regex
    const single = group(calls.map(({ lowered, name }) => literal(name + form.middle) + regexOf(lowered)))
    const one = whole(around(form, single, isMany))
    const states = calls.reduce((sum, { lowered }) => sum + lowered.cost.states + 12, 20)
    if (one.length <= MAX_CHARACTERS && states <= MAX_STATES) return { regex: one, next: undefined, dropped }
    const names = group(calls.map(({ name }) => literal(name)))
    const { between, close, open } = form
    const further = between === undefined ? undefined : `(?:${literal(between)}${names}|${literal(close)})`
    const next = (written: string): Stage | undefined => {
      const begun = calls.filter(({ name }) =>
        [open, between].some((before) => before !== undefined && written.endsWith(before + name))
      )
      // of two names with the same end, the longer one was written
      const [call] = begun.toSorted((a, b) => b.name.length - a.name.length)
      if (call !== undefined) return { written: form.middle, regex: regexOf(call.lowered) }
      const isOpen = written.includes(open) && written.endsWith("}") && !written.endsWith(close)
      return isMany && further !== undefined && isOpen
        ? { written: "", regex: further }
        : undefined
    }
    return { regex: whole(literal(open) + names), next, dropped }
  })
}

const regexOf = ({ grammar }: Grammar.Lowered): string => grammar.type === "regex" ? grammar.value : ""

const group = (options: ReadonlyArray<string>): string =>
  options.length === 1 ? options[0] ?? "" : `(?:${options.join("|")})`

/** Several calls: if each has its own tags, as a repetition, so that the tags are written once. */
const around = ({ between, close, open }: Form, call: string, isMany: boolean): string => {
  const { literal } = RegexDialect
  const [opening, closing] = [literal(open), literal(close)]
  if (!isMany || between === undefined) return opening + call + closing
  if (close !== "" && between.startsWith(close) && between.endsWith(open)) {
    const gap = between.slice(close.length, between.length - open.length)
    return `(?:${opening}${call}${closing}${gap === "" ? "" : `(?:${literal(gap)})?`})+`
  }
  return `${opening}${call}(?:${literal(between)}${call})*${closing}`
}

/** Any text that does not contain the beginning of another. */
const textWithout = (text: string, length: number): string => {
  const mark = Array.from(text).slice(0, length)
  const ways = mark.map((char, index) => {
    const other = CharSet.print(CharSet.complement(CharSet.ofText(char)))
    return RegexDialect.literal(mark.slice(0, index).join("")) + other
  })
  return `(?:${ways.join("|")})*`
}

const argumentsOf = (tool: Offer["tools"][number]): Attempted<Grammar.Lowered> => {
  const { name, parameters } = tool
  const isEmpty = !Tree.isObject(parameters) || Object.keys(parameters).length === 0
  const lowered = Grammar.lower(sourceOf(isEmpty ? none : parameters), { target: "regex" })
  const under = (fault: Dropped.Fault) =>
    StructuredOutputError.unsupported({ ...fault, path: ["tools", name, ...fault.path] })
  if (Result.isFailure(lowered)) {
    const { reason } = lowered.failure
    return Result.fail(
      reason._tag === "UnsupportedSchema" ? under({ ...reason, reason: reason.description }) : lowered.failure
    )
  }
  return lowered.success.tree?._tag === "Fields" ? lowered : Result.fail(under(ToolGrammar.notAnObject))
}

const sources = new WeakMap<object, Grammar.JsonSource>()

/** The same parameters are lowered once. */
const sourceOf = (parameters: object): Grammar.JsonSource => {
  const known = sources.get(parameters) ?? Grammar.fromJsonSchema(parameters)
  sources.set(parameters, known)
  return known
}

/**
 * Roughly what the regex costs the server.
 *
 * @category accessors
 * @since 0.2.0
 */
export const costOf = ({ regex }: ToolRegex): Cost.Cost =>
  Cost.make(regex.length, Math.min(regex.length, MAX_STATES), 0)
