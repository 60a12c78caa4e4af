/**
 * The request that follows a request: the same prompt, with the text generated so far.
 *
 * @since 0.2.0
 */
import type * as Dialect from "../../dialect/Dialect.ts"

/**
 * The request that continues a text: under a regex if there is one, for a number of tokens. On the chat route TGI continues
 * a last message of the assistant.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (call: Dialect.Call, text: string, regex: string | undefined, tokens: number): Dialect.Call => {
  const grammar = regex === undefined ? undefined : { type: "regex", value: regex } as const
  switch (call.route) {
    case "generate": {
      const { inputs, parameters } = call.body
      return {
        route: "generate",
        body: {
          ...call.body,
          inputs: inputs + text,
          parameters: { ...parameters, max_new_tokens: tokens, ...grammar !== undefined && { grammar } }
        }
      }
    }
    case "chat": {
      const last = call.body.messages.at(-1)
      const isOpen = last?.role === "assistant" && typeof last.content === "string"
      const messages = text === ""
        ? call.body.messages
        : isOpen
        ? [...call.body.messages.slice(0, -1), { ...last, content: `${last.content}${text}` }]
        : [...call.body.messages, { role: "assistant", content: text }]
      return {
        route: "chat",
        body: {
          ...call.body,
          messages,
          max_tokens: tokens,
          ...grammar !== undefined && { response_format: grammar }
        }
      }
    }
    case "completion":
      return call
  }
}
