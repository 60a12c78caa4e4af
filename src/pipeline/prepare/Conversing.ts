/**
 * What is wrong with an input, before a template or a server sees it: templates read what they know, and silently
 * ignore the rest.
 *
 * @since 0.2.0
 */
import type { GenerationOptions, Issue } from "../../GenerationOptions.ts"
import type * as Message from "../../Message.ts"
import * as Json from "../../protocol/Json.ts"

/** The keys that each part of a conversation has; others pass, since engines and templates have their own. */
const known = {
  message: ["role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"],
  "content part": ["type", "text", "image_url", "input_audio", "video_url"],
  "tool call": ["id", "type", "function"],
  "tool call's function": ["name", "arguments"]
} as const

type What = keyof typeof known

const keys: { readonly [W in What]: ReadonlySet<string> } = {
  message: new Set(known.message),
  "content part": new Set(known["content part"]),
  "tool call": new Set(known["tool call"]),
  "tool call's function": new Set(known["tool call's function"])
}

const folded = (key: string): string => key.toLowerCase().replaceAll(/[^a-z]/g, "")

const SHORTEST = 4

/** Whether two texts differ by one letter that is missing, added, replaced, or swapped with its neighbour. */
const isNear = (one: string, other: string): boolean => {
  if (Math.min(one.length, other.length) < SHORTEST - 1 || Math.max(one.length, other.length) < SHORTEST) return false
  let start = 0
  while (start < one.length && one[start] === other[start]) start++
  const [first, second] = [one.slice(start), other.slice(start)]
  return first.slice(1) === second.slice(1) || first === second.slice(1) || first.slice(1) === second ||
    (first[0] === second[1] && first[1] === second[0] && first.slice(2) === second.slice(2))
}

/** `toolCallId` and `tool_cal_id` → `tool_call_id`. */
const meant = (key: string, what: What): string | undefined => {
  const own = folded(key)
  return known[what].find((known) => folded(known) === own) ?? known[what].find((known) => isNear(folded(known), own))
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

type Path = ReadonlyArray<string | number>

/** Adds an issue for each misspelt key. Nearly every key is known, which costs one lookup. */
const addKeyIssues = (issues: Array<Issue>, value: unknown, what: What, path: Path): void => {
  if (!isRecord(value)) return
  for (const key of Object.keys(value)) {
    if (keys[what].has(key)) continue
    const right = meant(key, what)
    if (right === undefined || right in value) continue
    const at = [...path, key].map(String)
    issues.push({ path: at, message: `${at.join(".")} is not a key of a ${what}; write ${right}` })
  }
}

const addCallIssues = (issues: Array<Issue>, call: unknown, path: Path): void => {
  addKeyIssues(issues, call, "tool call", path)
  if (isRecord(call)) addKeyIssues(issues, call["function"], "tool call's function", [...path, "function"])
}

const speaking = new Set(["system", "developer", "user", "tool"])

const messageIssues = (message: Message.Message, index: number): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  addKeyIssues(issues, message, "message", ["messages", index])
  const { content } = message
  if (Array.isArray(content)) {
    for (const [at, part] of content.entries()) {
      addKeyIssues(issues, part, "content part", ["messages", index, "content", at])
    }
  }
  const calls: unknown = "tool_calls" in message ? message.tool_calls : undefined
  if (Array.isArray(calls)) {
    for (const [at, call] of calls.entries()) addCallIssues(issues, call, ["messages", index, "tool_calls", at])
  }
  if (speaking.has(message.role) && (message.content === undefined || message.content === null)) {
    issues.push({
      path: ["messages", String(index), "content"],
      message: `messages.${index} has the role ${message.role} but no content`
    })
  }
  return issues
}

const broken = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<Issue> => {
  const found = Json.brokenText(value, path)
  return found === undefined
    ? []
    : [{ path: found, message: `${found.join(".")} contains half of a surrogate pair, which is not a character` }]
}

/**
 * What is wrong with messages or a prompt, and with the texts among the options.
 *
 * @category validation
 * @since 0.2.0
 */
export const check = (input: Message.Input, options: GenerationOptions): ReadonlyArray<Issue> => {
  const said = typeof input === "string"
    ? broken(input, ["prompt"])
    : "raw" in input
    ? broken(input.raw, ["raw"])
    : [...input.flatMap(messageIssues), ...broken(input, ["messages"])]
  const { adapterId, extra, stopSequences, templateVariables, toolPrompt, tools } = options
  return [...said, ...broken({ adapterId, extra, stopSequences, templateVariables, toolPrompt, tools }, [])]
}
