/**
 * What callers of the promise entry write, in types that need no other package. They are the options of the service, name
 * for name; a test keeps the two in step.
 *
 * @since 0.2.0
 */

/**
 * A length of time: milliseconds, or a number with its unit.
 *
 * @category models
 * @since 0.2.0
 */
export type Time =
  | number
  | `${number} ${
    | "millis"
    | "second"
    | "seconds"
    | "minute"
    | "minutes"
    | "hour"
    | "hours"
    | "day"
    | "days"
    | "week"
    | "weeks"}`

/**
 * A tool that the model may call. `parameters` is a JSON Schema.
 *
 * @category models
 * @since 0.2.0
 */
export interface Tool {
  readonly name: string
  readonly description?: string
  readonly parameters: unknown
}

/**
 * One message. Roles and keys beyond these reach the chat template and the chat route as they are.
 *
 * @category models
 * @since 0.2.0
 */
export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool" | (string & {})
  /** Text, parts, or null with `tool_calls`. */
  readonly content?: string | ReadonlyArray<Part> | null | undefined
  readonly tool_calls?: ReadonlyArray<MessageToolCall> | undefined
  /** Which call a `tool` message is the result of. */
  readonly tool_call_id?: string | undefined
  readonly name?: string | undefined
  readonly reasoning_content?: string | undefined
}

/**
 * A part of a message: text, or an image by its URL.
 *
 * @category models
 * @since 0.2.0
 */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string; readonly detail?: string } }

/**
 * A call that the model made in an earlier turn.
 *
 * @category models
 * @since 0.2.0
 */
export interface MessageToolCall {
  readonly id: string
  readonly type: "function"
  readonly function: { readonly name: string; readonly arguments: unknown }
}

/**
 * A prompt as one user message, a conversation, or raw text that is sent without a chat template.
 *
 * @category models
 * @since 0.2.0
 */
export type Input = string | ReadonlyArray<Message> | { readonly raw: string }

/**
 * The options of one generation. An absent one is the server's default, but `maxNewTokens` is 128; the documentation of
 * engines says what each means and what happens to it on each engine.
 *
 * @category models
 * @since 0.2.0
 */
export interface GenerationOptions {
  readonly maxNewTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly topK?: number | undefined
  readonly minP?: number | undefined
  readonly typicalP?: number | undefined
  readonly repetitionPenalty?: number | undefined
  readonly frequencyPenalty?: number | undefined
  readonly presencePenalty?: number | undefined
  readonly logitBias?: Readonly<Record<string, number>> | undefined
  readonly seed?: number | bigint | undefined
  readonly stopSequences?: ReadonlyArray<string> | undefined
  readonly doSample?: boolean | undefined
  readonly returnFullText?: boolean | undefined
  readonly watermark?: boolean | undefined
  readonly truncate?: number | undefined
  readonly bestOf?: number | undefined
  readonly topNTokens?: number | undefined
  readonly decoderInputDetails?: boolean | undefined
  readonly adapterId?: string | undefined
  readonly logprobs?: boolean | undefined
  readonly topLogprobs?: number | undefined
  readonly tools?: ReadonlyArray<Tool> | undefined
  readonly toolChoice?: "auto" | "none" | "required" | { readonly name: string } | undefined
  readonly toolPrompt?: string | undefined
  readonly parallelToolCalls?: boolean | undefined
  readonly reasoningEffort?: string | undefined
  readonly thinkingBudget?: number | undefined
  readonly continueFinalMessage?: boolean | undefined
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/**
 * How to generate, besides the sampling options.
 *
 * @category models
 * @since 0.2.0
 */
export interface Settings {
  readonly numGenerations?: number | undefined
  readonly concurrency?: number | undefined
  readonly unsupported?: "error" | "warn" | undefined
  readonly delivery?: "stream" | "unary" | undefined
  readonly wholeUpTo?: number | undefined
  readonly splitReasoning?: boolean | "opened" | undefined
  readonly countTokens?: boolean | undefined
  readonly revive?: boolean | undefined
  readonly captureContent?: boolean | undefined
  /** Whether more than the 1,024 tokens that TGI generates at once are requested in several parts; true by default. */
  readonly continuation?: boolean | undefined
  /** How many times a broken TGI stream is continued; 0 by default. */
  readonly resume?: number | undefined
  /** Text that TGI continues. */
  readonly continueFrom?: string | undefined
}

/**
 * A signal that ends a call: the socket is closed, so that the server stops, and the promise is rejected with the
 * signal's reason.
 *
 * @category models
 * @since 0.2.0
 */
export interface Abortable {
  readonly signal?: AbortSignal | undefined
}

/**
 * What one call may set, over what was given to `connect`.
 *
 * @category models
 * @since 0.2.0
 */
export interface CallOptions extends GenerationOptions, Settings, Abortable {
  /** Constrains the text to a regex or a JSON Schema; `false` lifts the one given to `connect`. For values: `object`. */
  readonly structuredOutput?: StructuredOutput | false | undefined
}

/**
 * A constraint on text that stays text.
 *
 * @category models
 * @since 0.2.0
 */
export type StructuredOutput =
  | { readonly format: "json"; readonly schema: string | JsonObject }
  | { readonly format: "regex"; readonly schema: string }

/**
 * A JSON value.
 *
 * @category models
 * @since 0.2.0
 */
export type Json = null | number | boolean | string | ReadonlyArray<Json> | JsonObject

/**
 * A JSON object.
 *
 * @category models
 * @since 0.2.0
 */
export interface JsonObject {
  readonly [key: string]: Json
}

/**
 * Where the model is: exactly one of a model id, the name of a dedicated endpoint, or the address of a server.
 *
 * @category models
 * @since 0.2.0
 */
export type Target =
  | {
    /** A model on the Hub, served by the serverless router. */
    readonly modelId: string
    /** A provider by name, or `fastest`, `cheapest`, `preferred`. */
    readonly provider?: string
    /** The organisation that pays. */
    readonly billTo?: string
    readonly endpointName?: never
    readonly baseUrl?: never
  }
  | {
    /** A dedicated endpoint, which is resumed or woken, and waited for. */
    readonly endpointName: string
    /** Its owner; by default the owner of the token. */
    readonly endpointNamespace?: string
    readonly modelId?: never
    readonly baseUrl?: never
  }
  | {
    /** Any server: with or without `/v1`. */
    readonly baseUrl: string
    readonly modelId?: never
    readonly endpointName?: never
  }

/**
 * The options of `connect`.
 *
 * @category models
 * @since 0.2.0
 */
export type Options = Target & Settings & {
  /** The token; by default `HF_TOKEN`, or the file that `hf auth login` saved. `false` sends none. */
  readonly apiKey?: string | false
  /** How long to wait for an endpoint to wake up: 300 seconds by default. */
  readonly waitTimeout?: Time
  /** The engine, if known: no request is then needed to find out. */
  readonly engine?: "tgi" | "vllm" | "sglang" | "llamacpp" | "hf-serve" | "transformers" | "openai"
  /** Defaults of every call. */
  readonly generationOptions?: GenerationOptions
  readonly structuredOutput?: StructuredOutput
  /** The repository whose chat template renders prompts here, or the text of a template. */
  readonly tokenizerId?: string
  readonly chatTemplate?: string
  readonly useMagpieTemplate?: boolean
  readonly magpiePreQueryTemplate?: string
  /** Time limits of a call; `total` is 10 minutes by default. */
  readonly timeouts?: {
    readonly connect?: Time
    readonly headers?: Time
    readonly firstEvent?: Time
    readonly idle?: Time
    readonly total?: Time
  }
  /** Attempts of a call, including the first; 4 by default. */
  readonly attempts?: number
}
