/**
 * A request to vLLM, SGLang or llama.cpp after the engine's own reader has checked it.
 *
 * @since 0.1.0
 */
import type { Gbnf } from "../grammar/Gbnf.ts"

/**
 * What constrains the output.
 *
 * @category models
 * @since 0.1.0
 */
export type Constraint =
  | { readonly _tag: "Schema"; readonly schema: unknown }
  | { readonly _tag: "Regex"; readonly pattern: string }
  | { readonly _tag: "Choice"; readonly choices: ReadonlyArray<string> }
  | { readonly _tag: "Grammar"; readonly grammar: Gbnf }

/**
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly role: string
  readonly content: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Tool {
  readonly name: string
  readonly parameters: unknown
}

/**
 * What chat and completions requests share, and what each has of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenAiRequest {
  readonly model: string | undefined
  readonly messages: ReadonlyArray<Message>
  readonly prompts: ReadonlyArray<string>
  readonly maxTokens: number | undefined
  readonly sampling: boolean
  readonly seed: string | undefined
  readonly stop: ReadonlyArray<string>
  readonly count: number
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly continuousUsage: boolean
  readonly logprobs: boolean
  readonly topLogprobs: number
  readonly echo: boolean
  readonly tools: ReadonlyArray<Tool>
  readonly toolChoice: "auto" | "none" | "required" | { readonly name: string }
  readonly parallel: boolean
  readonly constraint: Constraint | undefined
  /** Whether to think, if the request says so. */
  readonly thinking: boolean | undefined
  /** Continue the last message of the assistant instead of opening a new one. */
  readonly continues: boolean
}

/**
 * What a request for the continuation of prompts has in place of a chat.
 *
 * @category constants
 * @since 0.2.0
 */
export const noChat = {
  messages: [],
  tools: [],
  toolChoice: "none",
  parallel: true,
  thinking: undefined,
  continues: false
} as const satisfies Partial<OpenAiRequest>
