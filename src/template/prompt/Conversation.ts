/**
 * `apply_chat_template(messages, tokenize=False)` as a pure function of a parsed template, whichever engine parsed it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Compatibility from "../engine/Compatibility.ts"
import type { Output, Surroundings, Template } from "../engine/TemplateEngine.ts"
import { trimEnd, trimStart } from "../jinja/values/Space.ts"
import { InvalidInput, TemplateError } from "../TemplateError.ts"
import { neutralize } from "./ControlTokens.ts"

/**
 * What a template is rendered with. Values are plain JSON-like data, or what `fromJson` returns if `1.0` and integers
 * above 2^53 matter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  /** Objects with `role` and `content`, passed to the template as they are. May be empty: the template decides. */
  readonly messages: unknown
  /** A list of objects; absent and null are `None` in the template, where `tools is defined` always holds. */
  readonly tools?: unknown
  /** A list of objects, for templates that support retrieval; like `tools`. */
  readonly documents?: unknown
  /** Whether the prompt ends at the start of the assistant's turn. Default false, as in Python. */
  readonly addGenerationPrompt?: boolean | undefined
  /**
   * Ends the prompt inside the last message, so that the model continues it; a field name (`"reasoning_content"`)
   * continues that field instead of `content`. The field must occur in the template. Excludes `addGenerationPrompt`.
   */
  readonly continueFinalMessage?: boolean | string | undefined
  /** `bos_token`, `eos_token`, … as the template's variables. */
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
  /** Further variables: `enable_thinking`, `date_string`, … They win over special tokens of the same name. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined
  /** The version of transformers whose bytes are wanted. Default: the newest one known, `Compatibility.newest`. */
  readonly compatibility?: Compatibility.Compatibility | undefined
  /**
   * Tokens that the texts of messages, tools, documents and variables may not contain: each is broken up by a
   * zero-width space, so that the server's tokenizer reads text. Default: none, as in Python.
   */
  readonly controlTokens?: Iterable<string> | undefined
}

const marker = "CONTINUE_FINAL_MESSAGE_TAG "

/** Names of a message's reasoning. The first is the one that templates read. */
const reasoningNames = ["reasoning_content", "thinking", "reasoning"]

const reserved = new Set([
  "messages",
  "tools",
  "documents",
  "add_generation_prompt",
  "conversation",
  "chat_template",
  "continue_final_message"
])

type Prepared<A> = Result.Result<A, InvalidInput>

const refuse = (detail: string): Result.Result<never, InvalidInput> => Result.fail(new InvalidInput({ detail }))

/** An object, as JavaScript has it or as `fromJson` gives it. */
type Fields = Readonly<Record<string, unknown>> | Map<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const entriesOf = (fields: Fields): ReadonlyArray<readonly [string, unknown]> =>
  fields instanceof Map ? [...fields] : Object.entries(fields)

const get = (fields: Fields, name: string): unknown =>
  fields instanceof Map ? fields.get(name) : Object.hasOwn(fields, name) ? fields[name] : undefined

/**
 * An object of the same kind; of entries with the same name the first gives the place and the last the value, as in Python.
 */
const like = (fields: Fields, entries: ReadonlyArray<readonly [string, unknown]>): Fields =>
  fields instanceof Map ? new Map(entries) : Object.fromEntries(entries)

const isNothing = (value: unknown): boolean => value === null || value === undefined

/** Whether a version's rules change anything about a message; most messages need no copy. */
const isTouched = (fields: Fields, rules: Compatibility.Rules): boolean => {
  if (fields instanceof Map) return true
  for (const name in fields) {
    if (rules.dropsNullKeys && fields[name] === null) return true
    if (rules.aliasesReasoning && reasoningNames.includes(name)) return true
  }
  return false
}

const normalized = (message: Fields, rules: Compatibility.Rules): Fields => {
  if (!isTouched(message, rules)) return message
  const entries = entriesOf(message).filter(([, value]) =>
    value !== undefined && (value !== null || !rules.dropsNullKeys)
  )
  const kept = like(message, entries)
  const named = reasoningNames.find((name) => !isNothing(get(kept, name)))
  if (!rules.aliasesReasoning || named === undefined) return kept
  const reasoning = get(kept, named)
  return like(kept, [["thinking", reasoning], ...entries, ["reasoning_content", reasoning]])
}

const messagesOf = (request: Request, rules: Compatibility.Rules): Prepared<ReadonlyArray<unknown>> => {
  if (!Array.isArray(request.messages)) return refuse("messages must be a list")
  const given: ReadonlyArray<unknown> = request.messages
  const messages: Array<unknown> = []
  for (const message of given) {
    if (isFields(message)) messages.push(normalized(message, rules))
    else if (rules.plainData) return refuse(`messages[${messages.length}] must be an object with role and content`)
    else messages.push(message)
  }
  return Result.succeed(messages)
}

const listOrNull = (value: unknown, name: string): Prepared<unknown> => {
  if (isNothing(value)) return Result.succeed(null)
  return Array.isArray(value) && value.every(isFields)
    ? Result.succeed(value)
    : refuse(`${name} must be a list of objects`)
}

type Variables = Map<string, unknown>

const variablesOf = (request: Request, messages: ReadonlyArray<unknown>): Prepared<Variables> => {
  const tools = listOrNull(request.tools, "tools")
  if (Result.isFailure(tools)) return Result.fail(tools.failure)
  const documents = listOrNull(request.documents, "documents")
  if (Result.isFailure(documents)) return Result.fail(documents.failure)
  const variables: Variables = new Map<string, unknown>([
    ["messages", messages],
    ["tools", tools.success],
    ["documents", documents.success],
    ["add_generation_prompt", request.addGenerationPrompt ?? false]
  ])
  for (const [name, token] of Object.entries(request.specialTokens ?? {})) variables.set(name, token)
  for (const [name, value] of Object.entries(request.kwargs ?? {})) {
    if (reserved.has(name)) return refuse(`"${name}" is an option of its own and cannot be an extra variable`)
    if (value !== undefined) variables.set(name, value)
  }
  return Result.succeed(variables)
}

/** The request with its control tokens broken; the special tokens, which are the template's own, stay. */
const guarded = (request: Request): Request => {
  const { controlTokens, documents, kwargs, messages, tools } = request
  if (controlTokens === undefined) return request
  const tokens = [...controlTokens]
  const entries = Object.entries(kwargs ?? {}).map(([name, value]) => [name, neutralize(value, tokens)] as const)
  return {
    ...request,
    messages: neutralize(messages, tokens),
    tools: neutralize(tools, tokens),
    documents: neutralize(documents, tokens),
    kwargs: Object.fromEntries(entries)
  }
}

interface Marked {
  readonly messages: ReadonlyArray<unknown>
  /** The text of the last message, before the marker. */
  readonly final: string
}

const withField = (fields: Fields, name: string, value: unknown): Fields =>
  like(fields, [...entriesOf(fields), [name, value]])

const markParts = (parts: ReadonlyArray<unknown>): Prepared<readonly [ReadonlyArray<unknown>, string]> => {
  const at = parts.findLastIndex((part) => isFields(part) && typeof get(part, "text") === "string")
  const part = parts[at]
  const text = isFields(part) ? get(part, "text") : undefined
  if (!isFields(part) || typeof text !== "string") return refuse("the final message has no text to continue")
  return Result.succeed([
    parts.map((other, index) => index === at ? withField(part, "text", text + marker) : other),
    text
  ])
}

const markValue = (content: unknown, field: string): Prepared<readonly [unknown, string]> => {
  if (typeof content === "string") return Result.succeed([content + marker, content])
  return Array.isArray(content)
    ? markParts(content)
    : refuse(`the ${field} of the final message is neither text nor a list of parts`)
}

/** The messages with a marker at the end of the last one, which marks that place in the rendered text. */
const mark = (
  messages: ReadonlyArray<unknown>,
  field: string,
  source: string,
  rules: Compatibility.Rules
): Prepared<Marked> => {
  const last = messages.at(-1)
  const content = isFields(last) ? get(last, field) : undefined
  if (!isFields(last) || isNothing(content)) return refuse(`the final message has no ${field} to continue`)
  // reasoning has several names: each copy is marked, since the template may read any of them
  const fields = rules.aliasesReasoning && reasoningNames.includes(field)
    ? reasoningNames.filter((name) => get(last, name) === content)
    : [field]
  if (!fields.some((name) => source.includes(name))) {
    return refuse(`the template does not use "${field}", so it cannot be continued`)
  }
  return Result.map(markValue(content, field), ([marked, final]) => ({
    messages: [...messages.slice(0, -1), fields.reduce((message, name) => withField(message, name, marked), last)],
    final
  }))
}

/**
 * Cuts at the last marker; if the template trimmed the message, so that the marker lost its space, the end is trimmed
 * too.
 */
const cut = (text: string, final: string): Prepared<string> => {
  const bare = marker.trimEnd()
  const at = text.lastIndexOf(bare)
  if (at < 0 || !text.includes(trimEnd(trimStart(final)))) {
    return refuse(
      "the final message does not appear in the rendered text, so it cannot be continued: the template changes it"
    )
  }
  const head = text.slice(0, at)
  return Result.succeed(text.startsWith(marker, at) ? head : trimEnd(head))
}

const failed = (reason: InvalidInput): TemplateError => new TemplateError({ method: "apply", reason })

const renderContinued = (
  template: Template,
  request: Request,
  messages: ReadonlyArray<unknown>,
  field: string,
  surroundings: Surroundings
): Result.Result<Output, TemplateError> => {
  const marked = mark(messages, field, template.source, surroundings.rules)
  if (Result.isFailure(marked)) return Result.fail(failed(marked.failure))
  const variables = variablesOf(request, marked.success.messages)
  if (Result.isFailure(variables)) return Result.fail(failed(variables.failure))
  return Result.flatMap(
    template.render(variables.success, surroundings),
    ({ text }) =>
      Result.mapBoth(cut(text, marked.success.final), {
        onSuccess: (prompt) => ({ text: prompt, assistant: [] }),
        onFailure: failed
      })
  )
}

/**
 * Renders a conversation. Deterministic: the moment is given.
 *
 * @category conversions
 * @since 0.1.0
 */
export const apply = (
  template: Template,
  given: Request,
  surroundings: Omit<Surroundings, "rules">
): Result.Result<Output, TemplateError> => {
  const rules = Compatibility.rules(given.compatibility)
  if (Result.isFailure(rules)) return Result.fail(failed(rules.failure))
  const around = { ...surroundings, rules: rules.success }
  const request = guarded(given)
  const messages = messagesOf(request, rules.success)
  if (Result.isFailure(messages)) return Result.fail(failed(messages.failure))
  const continued = request.continueFinalMessage ?? false
  if (continued !== false) {
    if (request.addGenerationPrompt === true) {
      return Result.fail(
        failed(new InvalidInput({ detail: "addGenerationPrompt and continueFinalMessage cannot be combined" }))
      )
    }
    return renderContinued(template, request, messages.success, continued === true ? "content" : continued, around)
  }
  const variables = variablesOf(request, messages.success)
  return Result.isFailure(variables)
    ? Result.fail(failed(variables.failure))
    : template.render(variables.success, around)
}
