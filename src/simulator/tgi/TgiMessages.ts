/**
 * Messages in the form of TGI's template.
 *
 * @since 0.2.0
 */
import type { TemplateMessage } from "../model/Options.ts"
import * as Json from "../wire/Json.ts"
import type { Message } from "./ChatRequest.ts"

const historyText = (message: Message): string =>
  `[${
    (message.toolCalls ?? []).map((call) =>
      `{"id":${JSON.stringify(call.id)},"type":${JSON.stringify(call.type)},"function":{"description":null,` +
      `"name":${JSON.stringify(call.name)},"arguments":${JSON.stringify(Json.compact(call.arguments))}}}`
    ).join(",")
  }]`

/**
 * The part of messages that the template sees: only text. Tool calls of the past become JSON text, and `extra` follows the
 * last message if that has content.
 *
 * @category conversions
 * @since 0.2.0
 */
export const templateMessages = (messages: ReadonlyArray<Message>, extra: string): ReadonlyArray<TemplateMessage> =>
  messages.map((message, index) => ({
    role: message.role,
    content: message.content === undefined
      ? historyText(message)
      : index === messages.length - 1
      ? message.content + extra
      : message.content
  }))
