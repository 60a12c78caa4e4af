/**
 * What is wrong with an input, before a template or a server sees it: templates read what they know and pass over the rest
 * without a word.
 *
 * @since 0.2.0
 */
import type { GenerationOptions, Issue } from "../GenerationOptions.ts"
import type * as Message from "../Message.ts"
import * as Json from "../protocol/Json.ts"

const keys = new Set(["role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"])

const folded = (key: string): string => key.toLowerCase().replaceAll(/[^a-z]/g, "")

/** `toolCallId` → `tool_call_id`. */
const known = new Map([...keys].map((key) => [folded(key), key]))

const speaking = new Set(["system", "developer", "user", "tool"])

const messageIssues = (message: Message.Message, index: number): ReadonlyArray<Issue> => {
  const issues: Array<Issue> = []
  for (const key of Object.keys(message)) {
    if (keys.has(key)) continue
    const meant = known.get(folded(key))
    if (meant !== undefined) {
      issues.push({
        path: ["messages", String(index), key],
        message: `messages.${index}.${key} is not a key of a message; write ${meant}`
      })
    }
  }
  if (speaking.has(message.role) && (message.content === undefined || message.content === null)) {
    issues.push({
      path: ["messages", String(index), "content"],
      message: `messages.${index} has the role ${message.role} and no content`
    })
  }
  return issues
}

const broken = (value: unknown, path: ReadonlyArray<string>): ReadonlyArray<Issue> => {
  const found = Json.brokenText(value, path)
  return found === undefined
    ? []
    : [{ path: found, message: `${found.join(".")} holds half of a surrogate pair, which is not a character` }]
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
