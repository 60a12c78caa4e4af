/**
 * `apply_chat_template(messages, tokenize=False)` as a pure function of a compiled template.
 *
 * @since 0.1.0
 */
import { type Outcome, render, type Template } from "./jinja/Template.ts"
import { Failure } from "./jinja/values/Failure.ts"
import { fromUnknown } from "./jinja/values/Input.ts"
import type { Limits, Now } from "./jinja/values/Machine.ts"
import { trimEnd, trimStart } from "./jinja/values/Text.ts"
import { Dict, isList, type Value } from "./jinja/values/Value.ts"

/**
 * What a template is rendered with. Values are plain JSON-like data, or what `fromJson` gives where `1.0` and integers above 2^53 matter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  /** Objects with `role` and `content`, passed to the template as they are. May be empty: the template decides. */
  readonly messages: unknown
  /** A list of objects; absent and null are `None` in the template, where `tools is defined` always holds. */
  readonly tools?: unknown
  /** A list of objects, for templates that know retrieval; as `tools`. */
  readonly documents?: unknown
  /** Whether the prompt ends where the assistant is to speak. Default false, as in Python. */
  readonly addGenerationPrompt?: boolean | undefined
  /**
   * Ends the prompt inside the last message, so that the model goes on with it; a field name (`"reasoning_content"`)
   * continues that field instead of `content`. Excludes `addGenerationPrompt`.
   */
  readonly continueFinalMessage?: boolean | string | undefined
  /** `bos_token`, `eos_token`, … as the template's variables. */
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
  /** Further variables: `enable_thinking`, `date_string`, … They win over special tokens of the same name. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined
  /** What becomes of a message whose `content` is null: transformers since 5 removes the key, before it kept it. Default `"remove"`. */
  readonly nullContent?: "remove" | "keep" | undefined
}

const marker = "CONTINUE_FINAL_MESSAGE_TAG "

const reserved = new Set([
  "messages",
  "tools",
  "documents",
  "add_generation_prompt",
  "conversation",
  "chat_template",
  "continue_final_message"
])

const refuse = (detail: string): never => {
  throw new Failure("InvalidInput", detail)
}

const strip = (text: string): string => trimEnd(trimStart(text))

/** A copy of a message without a key, or with another value under it; the order of keys stays. */
const changed = (message: Dict, key: string, value: Value | undefined): Dict => {
  const copy = new Dict()
  for (const [name, entry] of message.entries) {
    const kept = name === key ? value : entry
    if (kept !== undefined) copy.set(name, message.original(name), kept)
  }
  return copy
}

const messagesOf = (request: Request): ReadonlyArray<Value> => {
  const messages = fromUnknown(request.messages, "messages")
  if (!isList(messages)) return refuse("messages must be a list")
  if (request.nullContent === "keep") return messages
  return messages.map((message) =>
    message instanceof Dict && message.get("content") === null
      ? changed(message, "content", undefined)
      : message
  )
}

const listOrNone = (value: unknown, name: string): Value => {
  if (value === undefined || value === null) return null
  const list = fromUnknown(value, name)
  return isList(list) && list.every((item) => item instanceof Dict) ? list : refuse(`${name} must be a list of objects`)
}

const variablesOf = (request: Request, messages: ReadonlyArray<Value>): Map<string, Value> => {
  const variables = new Map<string, Value>([
    ["messages", messages],
    ["tools", listOrNone(request.tools, "tools")],
    ["documents", listOrNone(request.documents, "documents")],
    ["add_generation_prompt", request.addGenerationPrompt ?? false]
  ])
  for (const [name, token] of Object.entries(request.specialTokens ?? {})) variables.set(name, token)
  for (const [name, value] of Object.entries(request.kwargs ?? {})) {
    if (reserved.has(name)) refuse(`"${name}" has a place of its own and cannot be an extra variable`)
    if (value !== undefined) variables.set(name, fromUnknown(value, name))
  }
  return variables
}

interface Marked {
  readonly messages: ReadonlyArray<Value>
  /** The text of the last message, before the marker. */
  readonly final: string
}

const markParts = (parts: ReadonlyArray<Value>): readonly [ReadonlyArray<Value>, string] => {
  const at = parts.findLastIndex((part) => part instanceof Dict && typeof part.get("text") === "string")
  const part = parts[at]
  const text = part instanceof Dict ? part.get("text") : undefined
  if (!(part instanceof Dict) || typeof text !== "string") return refuse("the final message has no text to continue")
  return [parts.map((other, index) => index === at ? changed(part, "text", text + marker) : other), text]
}

/** The messages with a marker at the end of the last one, by which the end is found again in the rendered text. */
const mark = (messages: ReadonlyArray<Value>, field: string, source: string): Marked => {
  const last = messages.at(-1)
  const content = last instanceof Dict ? last.get(field) : undefined
  if (field !== "content" && !source.includes(field)) {
    return refuse(`the template does not use "${field}", so it cannot be continued`)
  }
  if (!(last instanceof Dict) || content === undefined || content === null) {
    return refuse(`the final message has no ${field} to continue`)
  }
  const head = messages.slice(0, -1)
  if (typeof content === "string") {
    return { messages: [...head, changed(last, field, content + marker)], final: content }
  }
  if (!isList(content)) return refuse(`the ${field} of the final message is neither text nor a list of parts`)
  const [parts, final] = markParts(content)
  return { messages: [...head, changed(last, field, parts)], final }
}

/** Cuts at the last marker; where the template trimmed the message, so that the marker lost its blank, the end is trimmed too. */
const cut = (text: string, final: string): string => {
  const bare = marker.trimEnd()
  const at = text.lastIndexOf(bare)
  if (at < 0 || !text.includes(strip(final))) {
    return refuse(
      "the final message does not appear in the rendered text, so it cannot be continued: the template changes it"
    )
  }
  const head = text.slice(0, at)
  return text.startsWith(marker, at) ? head : trimEnd(head)
}

const inputProblem = (cause: unknown): Outcome<never> => {
  if (!(cause instanceof Failure)) throw cause
  return { ok: false, problem: { kind: cause.kind, message: cause.message, line: cause.line } }
}

/** Runs what may refuse its input, as data. */
const attempt = <A>(body: () => Outcome<A>): Outcome<A> => {
  try {
    return body()
  } catch (cause) {
    return inputProblem(cause)
  }
}

/**
 * Renders a conversation. Deterministic: the moment is given.
 *
 * @category conversions
 * @since 0.1.0
 */
export const apply = (template: Template, request: Request, now: Now, limits: Limits): Outcome<string> =>
  attempt(() => {
    const messages = messagesOf(request)
    const continued = request.continueFinalMessage ?? false
    if (continued === false) return render(template, variablesOf(request, messages), { now, limits })
    if (request.addGenerationPrompt === true) refuse("addGenerationPrompt and continueFinalMessage exclude each other")
    const marked = mark(messages, continued === true ? "content" : continued, template.source)
    const text = render(template, variablesOf(request, marked.messages), { now, limits })
    return text.ok ? { ok: true, value: cut(text.value, marked.final) } : text
  })

/**
 * Renders with free variables, as a bare Jinja environment would.
 *
 * @category conversions
 * @since 0.1.0
 */
export const applyVariables = (
  template: Template,
  variables: Readonly<Record<string, unknown>>,
  now: Now,
  limits: Limits
): Outcome<string> =>
  attempt(() => {
    const values = new Map<string, Value>()
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) values.set(name, fromUnknown(value, name))
    }
    return render(template, values, { now, limits })
  })
