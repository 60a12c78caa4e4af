/**
 * One choice of an OpenAI-like response: thinking, words or calls, and why it ended. Unlike TGI, these engines leave a
 * stop string out of the text, and count the end-of-sequence token without sending it.
 *
 * @since 0.1.0
 */
import * as Gbnf from "../grammar/Gbnf.ts"
import * as Grammar from "../grammar/Grammar.ts"
import * as SchemaSampler from "../grammar/SchemaSampler.ts"
import * as Answer from "../model/Answer.ts"
import * as Effects from "../model/Effects.ts"
import * as Lies from "../model/Lies.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Random from "../wire/Random.ts"
import type { Frame } from "../wire/Reply.ts"
import * as Writer from "../wire/Writer.ts"
import type { OpenAiRequest, Tool } from "./OpenAiRequest.ts"

/**
 * A call as it is sent: its arguments are text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly id: string
  readonly name: string
  /** The tokens in which the arguments are streamed. */
  readonly fragments: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly reasoning: ReadonlyArray<Answer.Token>
  readonly content: ReadonlyArray<Answer.Token>
  readonly calls: ReadonlyArray<Call>
  readonly finish: "stop" | "length" | "tool_calls"
  /** What the model wrote of calls that were cut, if the engine returns an unfinished call as text. */
  readonly unfinished: ReadonlyArray<Answer.Token>
  /** The stop string that ended the text. */
  readonly stopped: string | undefined
  /** Everything generated, including the end-of-sequence token. */
  readonly tokens: number
  readonly random: Random.Random
}

/** The arguments of a call as a value; of one that was cut nothing. @category conversions @since 0.2.0 */
export const inputOf = ({ fragments }: Call): unknown => {
  try {
    return JSON.parse(fragments.join(""))
  } catch {
    return {}
  }
}

const thoughts = ["The request is short.", "Nothing has to be looked up.", "A simulated answer will do."]

const callId = (random: Random.Random): string =>
  Array.from({ length: 16 }, () => Random.int(random, 36).toString(36)).join("")

const chosenTools = (request: OpenAiRequest): ReadonlyArray<Tool> => {
  const { toolChoice, tools } = request
  if (toolChoice === "none") return []
  if (typeof toolChoice === "object") return tools.filter((tool) => tool.name === toolChoice.name).slice(0, 1)
  if (toolChoice === "auto" && request.messages.at(-1)?.role === "tool") return []
  return tools.slice(0, request.parallel ? 2 : 1)
}

const calls = (
  request: OpenAiRequest,
  scripted: Answer.Answer | undefined,
  random: Random.Random
): ReadonlyArray<Call> => {
  const given = scripted === undefined
    ? chosenTools(request).map((tool): Answer.ToolCall => ({
      name: tool.name,
      arguments: SchemaSampler.sample(tool.parameters ?? { type: "object" }, random)
    }))
    : request.toolChoice === "none"
    ? []
    : scripted.toolCalls ?? []
  return given.slice(0, request.parallel ? given.length : 1).map((call) => ({
    id: call.id ?? callId(random),
    name: call.name,
    fragments: Answer.tokens(
      typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments ?? {}),
      random
    ).map((token) => token.text)
  }))
}

const constrained = (request: OpenAiRequest, random: Random.Random): string | undefined => {
  const { constraint } = request
  switch (constraint?._tag) {
    case "Schema":
      return SchemaSampler.sample(constraint.schema, random)
    case "Grammar":
      return Gbnf.sample(constraint.grammar, random)
    case "Choice":
      return constraint.choices[Random.int(random, constraint.choices.length)]
    case "Regex": {
      const drawn = Grammar.sample({ type: "regex", value: constraint.pattern }, random)
      return drawn._tag === "Ok" ? drawn.text : undefined
    }
    default:
      return undefined
  }
}

/** Cuts tokens before the first stop string, in the middle of a token if necessary. */
const stopAt = (
  tokens: ReadonlyArray<Answer.Token>,
  stop: ReadonlyArray<string>,
  isEmptyRead: boolean
): { readonly tokens: ReadonlyArray<Answer.Token>; readonly stopped: string | undefined } => {
  const text = stop.length === 0 ? "" : tokens.map((token) => token.text).join("")
  const found = stop
    .map((sequence) => ({ sequence, at: text.indexOf(sequence) }))
    .filter(({ at, sequence }) => at !== -1 && (isEmptyRead || sequence !== ""))
    .toSorted((left, right) => left.at - right.at)[0]
  if (found === undefined) return { tokens, stopped: undefined }
  const kept: Array<Answer.Token> = []
  let left = found.at
  for (const token of tokens) {
    if (left <= 0) break
    kept.push(token.text.length <= left ? token : { ...token, text: token.text.slice(0, left) })
    left -= token.text.length
  }
  return { tokens: kept, stopped: found.sequence }
}

const chance = (turn: Turn, request: OpenAiRequest, prompt: string, nth: number): Random.Random => {
  const { isGreedy, salt } = Effects.of(turn)
  const basis = Random.hash(salt + prompt, turn.settings.seed ^ 0x811c9dc5)
  const own = isGreedy || !request.sampling ? basis : Random.hash(request.seed ?? String(turn.chance), basis)
  return Random.make(nth === 0 ? own : Random.hash(String(nth), own))
}

const think = (request: OpenAiRequest, scripted: Answer.Answer | undefined, random: Random.Random) => {
  if (request.thinking === false) return []
  const text = scripted === undefined ? request.thinking === true ? thoughts.join(" ") : undefined : scripted.reasoning
  return text === undefined ? [] : Answer.tokens(text, random)
}

/** How many tokens of thinking a request allows, where the engine has a field for it. */
const budgetOf = ({ request: { json }, settings: { engine } }: Turn): number => {
  const field = engine === "vllm" ? "thinking_token_budget" : engine === "llamacpp" ? "thinking_budget_tokens" : ""
  const value = typeof json === "object" && json !== null ? Reflect.get(json, field) : undefined
  return typeof value === "number" && value >= 0 ? value : Infinity
}

/**
 * A call as the model writes it, with the markers of its form: those before the name, before the arguments, and after
 * them.
 */
const written = ({ fragments, name }: Call): readonly [head: string, middle: string, tail: string] => [
  `<tool_call>\n{"name": ${JSON.stringify(name)}`,
  `, "arguments": ${fragments.join("")}`,
  "}\n</tool_call>"
]

/** A call in the model's own form. @category generating @since 0.2.0 */
export const markup = (call: Call): string => written(call).join("")

/** The engines whose limit counts the markers around a call. */
const marking = new Set(["vllm", "hf-serve"])

/** The calls that fit in a number of tokens, the last one perhaps in part, and how many tokens all of them take. */
const fitting = (made: ReadonlyArray<Call>, room: number, marks: boolean) => {
  let left = room
  const sent = made.flatMap((call) => {
    const [head, middle, tail] = written(call)
    const size = (text: string): number => marks ? Tokenizer.count(text) : 0
    const name = size(head)
    const opening = name + Math.max(0, size(middle) - call.fragments.length)
    const fragments = call.fragments.slice(0, Math.max(0, left - opening))
    const isNamed = marks ? left >= name : fragments.length > 0 || call.fragments.length === 0
    left -= opening + call.fragments.length + size(tail)
    return isNamed ? [{ ...call, fragments }] : []
  })
  return { sent, size: room - left }
}

/**
 * Generates one choice for a prompt, at most `limit` tokens long.
 *
 * @category generating
 * @since 0.1.0
 */
export const generate = (turn: Turn, request: OpenAiRequest, prompt: string, nth: number, limit: number): Run => {
  turn.takePermit()
  const random = chance(turn, request, prompt, nth)
  const scripted = turn.answer(prompt)
  const thought = think(request, scripted, random)
  const made = calls(request, scripted, random)
  const silent = made.length > 0 && scripted?.text === undefined
  const text = scripted?.text ?? constrained(request, random) ?? Writer.write(prompt, random)
  const all = silent
    ? []
    : scripted?.tokens === undefined
    ? Answer.tokens(text, random)
    : Answer.expand(scripted, random).filter((token) => !token.special)
  const reasoning = thought.slice(0, Math.min(limit, budgetOf(turn)))
  const { stopped, tokens } = stopAt(
    Lies.told(all, turn.settings.lies),
    request.stop,
    // which ends where a text begins
    turn.settings.engine === "llamacpp"
  )
  const content = tokens.slice(0, limit - reasoning.length)
  const room = limit - reasoning.length - content.length
  const marks = marking.has(turn.settings.engine)
  const { sent, size } = fitting(made, room, marks)
  const cut = (thought.length > limit && reasoning.length === limit) || content.length < tokens.length || size > room
  const used = reasoning.length + content.length + Math.min(size, room)
  const ended = scripted?.finish === undefined ? cut : scripted.finish === "length"
  return {
    reasoning,
    content,
    calls: sent,
    unfinished: marks && size > room
      ? Answer.tokens(made.map(markup).join("\n"), random).slice(0, Math.max(0, room))
      : [],
    finish: ended ? "length" : sent.length > 0 ? "tool_calls" : "stop",
    stopped: ended ? undefined : stopped,
    tokens: Math.min(limit, used + (cut ? 0 : 1)),
    random
  }
}

/**
 * A run as a whole response shows it: calls that were cut are the text that the model wrote. A stream has already sent
 * the finished part of them.
 *
 * @category generating
 * @since 0.2.0
 */
export const whole = (run: Run): Run =>
  run.unfinished.length === 0 ? run : { ...run, content: [...run.content, ...run.unfinished], calls: [] }

/**
 * The frames of several choices, interleaved as when the choices are generated together.
 *
 * @category streaming
 * @since 0.2.0
 */
export const interleave = (all: ReadonlyArray<ReadonlyArray<Frame>>): ReadonlyArray<Frame> => {
  const [only] = all
  if (only !== undefined && all.length === 1) return only
  const longest = Math.max(0, ...all.map((frames) => frames.length))
  return Array.from({ length: longest }, (_, at) => all.flatMap((frames) => frames[at] ?? [])).flat()
}
