/**
 * A prompt of `effect/ai` → messages of this package: what every chat template and chat route reads.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type * as Message from "../Message.ts"
import type { HuggingFaceMessageOptions } from "./HuggingFaceOptions.ts"

type Converted<A> = Result.Result<A, AiError.InvalidUserInputError>

/**
 * Converts a prompt. Fails for files that no chat route accepts: sounds, videos, documents, and files of an assistant.
 *
 * Images become `image_url` parts, text files text parts. Messages that consist of text are sent as a string, which all
 * templates read; several texts are joined by a line break. Reasoning goes back as `reasoning_content`. Approval requests
 * are not sent, since engines do not know them.
 *
 * @category conversions
 * @since 0.1.0
 */
export const make = (prompt: Prompt.Prompt): Converted<ReadonlyArray<Message.Message>> => {
  const messages: Array<Message.Message> = []
  for (const message of prompt.content) {
    const converted = messagesOf(message)
    if (Result.isFailure(converted)) return Result.fail(converted.failure)
    messages.push(...converted.success)
  }
  return Result.succeed(messages)
}

const messagesOf = (message: Prompt.Message): Converted<ReadonlyArray<Message.Message>> => {
  switch (message.role) {
    case "system":
      return Result.succeed([{ role: "system", content: message.content, ...keys(message.options.huggingface) }])
    case "user":
      return Result.map(contentOf(message.content), (content) => [
        { role: "user", content, ...keys(message.options.huggingface) }
      ])
    case "assistant":
      return assistant(message)
    case "tool":
      return Result.succeed(message.content.flatMap((part) => part.type === "tool-result" ? [toolResult(part)] : []))
  }
}

const keys = (options: HuggingFaceMessageOptions | null | undefined): object =>
  options === null || options === undefined
    ? {}
    : { ...(options.name !== undefined && { name: options.name }), ...options.extra }

const contentOf = (
  parts: ReadonlyArray<Prompt.UserMessagePart>
): Converted<NonNullable<Message.Message["content"]>> => {
  const converted: Array<Message.Part> = []
  for (const part of parts) {
    const one = part.type === "text" ? Result.succeed(text(part.text)) : file(part)
    if (Result.isFailure(one)) return Result.fail(one.failure)
    converted.push(one.success)
  }
  return Result.succeed(
    converted.every((part) => part.type === "text") ? converted.map(({ text }) => text).join("\n") : converted
  )
}

const text = (text: string): Extract<Message.Part, { readonly type: "text" }> => ({ type: "text", text })

const refuse = (description: string): Converted<never> =>
  Result.fail(new AiError.InvalidUserInputError({ description }))

const file = (part: Prompt.FilePart): Converted<Message.Part> => {
  if (part.mediaType.startsWith("image/")) return Result.succeed(image(part))
  if (part.mediaType.startsWith("text/") || part.mediaType === "application/json") return textFile(part)
  return refuse(
    `no engine takes files of type ${part.mediaType} here: send images, or the text of the file as a text part`
  )
}

const isAddress = (data: string): boolean => /^(?:https?|data):/i.test(data)

const image = ({ data, mediaType, options }: Prompt.FilePart): Message.Part => {
  const detail = options.huggingface?.detail
  return {
    type: "image_url",
    image_url: { url: imageUrl(data, mediaType), ...(detail !== undefined && { detail }) }
  }
}

/**
 * A string that is not a URL is the base64 of the file. A type with a wildcard is sent as PNG: engines detect the type
 * themselves.
 */
const imageUrl = (data: Prompt.FilePart["data"], mediaType: string): string => {
  if (data instanceof URL) return data.href
  if (typeof data === "string" && isAddress(data)) return data
  const type = mediaType === "image/*" ? "image/png" : mediaType
  return `data:${type};base64,${typeof data === "string" ? data : Base64.encode(data)}`
}

const utf8 = new TextDecoder()

const textFile = ({ data, fileName, mediaType }: Prompt.FilePart): Converted<Message.Part> => {
  if (data instanceof URL || (typeof data === "string" && isAddress(data))) {
    return refuse(`a ${mediaType} file is sent as text, so pass its content instead of its URL`)
  }
  const bytes = typeof data === "string" ? Base64.decode(data) : Result.succeed(data)
  if (Result.isFailure(bytes)) return refuse(`the ${mediaType} file is neither bytes nor base64`)
  const content = utf8.decode(bytes.success)
  return Result.succeed(text(fileName === undefined ? content : `${fileName}:\n${content}`))
}

/** Calls that a provider ran itself are followed by their results, so that another model reads them as any other. */
const assistant = (message: Prompt.AssistantMessage): Converted<ReadonlyArray<Message.Message>> => {
  let content = ""
  let reasoning = ""
  const calls: Array<Message.ToolCall> = []
  const results: Array<Message.Message> = []
  for (const part of message.content) {
    switch (part.type) {
      case "text":
        content += part.text
        break
      case "reasoning":
        reasoning += part.text
        break
      case "tool-call":
        calls.push({ id: part.id, type: "function", function: { name: part.name, arguments: json(part.params) } })
        break
      case "tool-result":
        results.push(toolResult(part))
        break
      case "file":
        return refuse(`an assistant's file (${part.mediaType}) cannot be sent back: no chat route takes one`)
      case "tool-approval-request":
        break
    }
  }
  const spoken: Message.Message = {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...keys(message.options.huggingface)
  }
  return Result.succeed([spoken, ...results])
}

const toolResult = ({ id, modelOutput, name, result }: Prompt.ToolResultPart): Message.Message => ({
  role: "tool",
  name,
  tool_call_id: id,
  content: modelOutput !== undefined
    ? Prompt.toolModelOutputToText(modelOutput)
    : typeof result === "string"
    ? result
    : json(result)
})

/** JSON text; values without a JSON form are written as a string (bigint) or null (undefined). */
const json = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => typeof part === "bigint" ? part.toString() : part) ?? "null"
