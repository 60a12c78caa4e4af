/**
 * What a caller writes: messages in the form that data sets hold, chat templates read and chat routes take.
 *
 * The names are those of that form (`tool_calls`, `tool_call_id`), unlike elsewhere in this package: a template reads
 * `message.tool_calls`, so any other name would have to be translated on every path.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { Generation } from "./Generation.ts"

/**
 * A piece of text.
 *
 * @category models
 * @since 0.1.0
 */
export const TextPart = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })

/**
 * An image: an `https:` URL that the server fetches, or a `data:` URL. TGI takes png, jpeg, gif, webp and tiff.
 *
 * @category models
 * @since 0.1.0
 */
export const ImagePart = Schema.Struct({
  type: Schema.Literal("image_url"),
  image_url: Schema.Struct({ url: Schema.String, detail: Schema.optionalKey(Schema.String) })
})

/**
 * @category models
 * @since 0.1.0
 */
export const Part = Schema.Union([TextPart, ImagePart])

/**
 * @category models
 * @since 0.1.0
 */
export type Part = typeof Part.Type

/**
 * A call that the model made in an earlier turn. `arguments` is JSON text, as engines write it, or a value.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCall = Schema.Struct({
  id: Schema.String,
  type: Schema.Literal("function"),
  function: Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })
})

/**
 * @category models
 * @since 0.1.0
 */
export type ToolCall = typeof ToolCall.Type

/**
 * One message. Roles are open, since templates know more of them (`developer`, `ipython`, …); keys beyond these reach the
 * template and the chat route as they are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool" | (string & {})
  /** Text, parts, or null with `tool_calls`. */
  readonly content?: string | ReadonlyArray<Part> | null | undefined
  /** The calls of an assistant message. */
  readonly tool_calls?: ReadonlyArray<ToolCall> | undefined
  /** Which call a `tool` message belongs to. */
  readonly tool_call_id?: string | undefined
  readonly name?: string | undefined
  /** The thinking of an assistant message, for templates and engines that accept it. */
  readonly reasoning_content?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export const Message: Schema.Codec<Message> = Schema.StructWithRest(
  Schema.Struct({
    role: Schema.String.check(Schema.isNonEmpty()),
    content: Schema.optional(Schema.NullOr(Schema.Union([Schema.String, Schema.Array(Part)]))),
    tool_calls: Schema.optional(Schema.Array(ToolCall)),
    tool_call_id: Schema.optional(Schema.String),
    name: Schema.optional(Schema.String),
    reasoning_content: Schema.optional(Schema.String)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/**
 * A conversation.
 *
 * @category models
 * @since 0.1.0
 */
export const Messages = Schema.Array(Message)

/**
 * What generation takes: a conversation, or a prompt as plain text. Plain text becomes one user message for a template or a
 * chat route; `raw` text goes to the model as it is.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = string | ReadonlyArray<Message> | { readonly raw: string }

/**
 * @category constructors
 * @since 0.1.0
 */
export const system = (content: string): Message => ({ role: "system", content })

/**
 * @category constructors
 * @since 0.1.0
 */
export const user = (content: string | ReadonlyArray<Part>): Message => ({ role: "user", content })

/**
 * @category constructors
 * @since 0.1.0
 */
export const assistant = (content: string, toolCalls?: ReadonlyArray<ToolCall>): Message =>
  toolCalls === undefined || toolCalls.length === 0
    ? { role: "assistant", content }
    : { role: "assistant", content: content === "" ? null : content, tool_calls: toolCalls }

/**
 * The assistant's turn of a generation, calls included, for the history of the next request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const calls = (generation: Pick<Generation, "text" | "toolCalls">): Message =>
  assistant(
    generation.text,
    generation.toolCalls.map(({ arguments: text, id, name }) => ({
      id,
      type: "function",
      function: { name, arguments: text }
    }))
  )

/**
 * The result of a tool call, as text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = (callId: string, content: string): Message => ({ role: "tool", content, tool_call_id: callId })

/**
 * The text of a message: parts joined, images left out.
 *
 * @category accessors
 * @since 0.1.0
 */
export const text = ({ content }: Message): string =>
  content === undefined || content === null
    ? ""
    : typeof content === "string"
    ? content
    : content.map((part) => part.type === "text" ? part.text : "").join("")
