/**
 * The service that renders prompts, and its requests.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Compatibility } from "./engine/Compatibility.ts"
import type { Limits } from "./jinja/values/Machine.ts"
import type { BosRule, Rendered } from "./prompt/Bos.ts"
import type { Request } from "./prompt/Conversation.ts"
import type { TemplateError } from "./TemplateError.ts"

/**
 * A request to the service: special tokens come from the tokenizer.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceRequest extends Omit<Request, "specialTokens" | "controlTokens"> {
  /** Another template of the tokenizer by name, or the text of one. */
  readonly template?: string | undefined
  readonly bos?: BosRule | undefined
  /**
   * Breaks up control tokens in the texts of messages, tools, documents and variables with a zero-width space, so that
   * the server's tokenizer reads them as text. Control tokens are the special tokens, the added tokens that the
   * template writes, and if no file names them, text that looks like one in the template. Default false, as in Python.
   */
  readonly sanitizeControlTokens?: boolean | undefined
}

/**
 * @category services
 * @since 0.1.0
 */
export class ChatTemplate extends Context.Service<ChatTemplate, {
  /** Renders a conversation, with the time of Effect's `Clock` for `strftime_now`. */
  readonly render: (request: ServiceRequest) => Effect.Effect<Rendered, TemplateError>
  /** The text of the template that a request would be rendered with. */
  readonly source: (request: Pick<ServiceRequest, "template" | "tools">) => Effect.Effect<string, TemplateError>
  /** `bos_token`, `eos_token`, … of the tokenizer. */
  readonly specialTokens: Readonly<Record<string, string>>
}>()("effect-inference-endpoints/template/ChatTemplate") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Added to the tokenizer's own special tokens, which they replace by name. */
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
  /** Default `"auto"`. A request may override it. */
  readonly bos?: BosRule | undefined
  /** Whether the server adds a BOS to raw texts, if the files do not say so or are wrong. */
  readonly serverAddsBos?: boolean | undefined
  /** Minutes that local time is ahead of UTC, for `strftime_now`. Default: the time zone of the machine. */
  readonly offsetMinutes?: number | undefined
  /** Whether to load as a processor (multimodal models) does. Default false. */
  readonly processor?: boolean | undefined
  /** The version of transformers whose bytes are wanted. Default: the newest one known. A request may override it. */
  readonly compatibility?: Compatibility | undefined
  /** Default false. A request may override it. */
  readonly sanitizeControlTokens?: boolean | undefined
  readonly limits?: Limits | undefined
}
