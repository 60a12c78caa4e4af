/**
 * The request behind a request: the same prompt, with the text that came of it.
 *
 * @since 0.2.0
 */
import type * as Dialect from "../../dialect/Dialect.ts"

/**
 * The request that goes on behind a text: under a regex where there is one, for so many tokens. On the chat
 * route TGI goes on with a last message of the assistant.
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
