/**
 * What prompts, responses and errors of `effect/ai` carry for and from Hugging Face endpoints, under the key
 * `huggingface`. Importing any module of `effect-inference-endpoints/ai` makes the types known.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * Options of a message.
 *
 * @category models
 * @since 0.1.0
 */
export type HuggingFaceMessageOptions = {
  /** The speaker, for templates and engines that read `name`. */
  readonly name?: string
  /** Keys that reach the chat template and the chat route as they are. They win over those made from the prompt. */
  readonly extra?: { readonly [key: string]: Schema.Json }
}

/**
 * Options of a file.
 *
 * @category models
 * @since 0.1.0
 */
export type HuggingFaceFileOptions = {
  /** How closely to look at an image, on engines that know the field. */
  readonly detail?: "auto" | "low" | "high"
}

/**
 * What is known about a finished response besides reason and usage. Times are milliseconds of this client's clock.
 *
 * @category models
 * @since 0.1.0
 */
export type HuggingFaceFinishMetadata = {
  /** The server's own word for why the model stopped. */
  readonly rawFinishReason?: string
  readonly requestId?: string
  /** The model that the server says it used. */
  readonly model?: string
  /** The seed that the server sampled with, or else the one that was sent, in digits. */
  readonly seed?: string
  /** What the model wrote when it refused, if the engine has a field for it. */
  readonly refusal?: string
  /** The server's `system_fingerprint`, which often names the engine and its version. */
  readonly systemFingerprint?: string
  /** The provider behind a router. */
  readonly provider?: string
  /** What the server says it cost, in US dollars. */
  readonly cost?: number
  readonly attempts: number
  readonly duration: number
  readonly timeToFirstToken?: number
}

/**
 * The error of this package behind an `AiError`.
 *
 * @category models
 * @since 0.1.0
 */
export type HuggingFaceErrorMetadata = {
  readonly stage: "EndpointError" | "TemplateError" | "InferenceError" | "StructuredOutputError"
  /** The reason's tag, such as `Loading`. */
  readonly reason: string
  /** The route, or what was being done. */
  readonly method: string
  readonly requestId?: string
  /** The server's `error_type` or similar. */
  readonly type?: string
  readonly code?: string
  /** How long the server asked to wait, even if the reason of `AiError` has no `retryAfter`. */
  readonly retryAfterMillis?: number
  readonly attempts?: number
  /** What a stream had delivered before it failed. */
  readonly receivedText?: string
}

declare module "effect/ai/Prompt" {
  interface SystemMessageOptions {
    readonly huggingface?: HuggingFaceMessageOptions | null
  }
  interface UserMessageOptions {
    readonly huggingface?: HuggingFaceMessageOptions | null
  }
  interface AssistantMessageOptions {
    readonly huggingface?: HuggingFaceMessageOptions | null
  }
  interface FilePartOptions {
    readonly huggingface?: HuggingFaceFileOptions | null
  }
}

declare module "effect/ai/Response" {
  interface FinishPartMetadata {
    readonly huggingface?: HuggingFaceFinishMetadata | null
  }
}

declare module "effect/ai/AiError" {
  interface RateLimitErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface QuotaExhaustedErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface AuthenticationErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface ContentPolicyErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface InvalidRequestErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface InvalidResponseErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface InvalidOutputErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface InternalProviderErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface StructuredOutputErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface UnsupportedSchemaErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
  interface UnknownErrorMetadata {
    readonly huggingface?: HuggingFaceErrorMetadata | null
  }
}
