/**
 * What SGLang writes in many places: failures and usage.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../model/Turn.ts"
import * as Reply from "../../wire/Reply.ts"

/** Headers of every response. @category constants @since 0.2.0 */
export const headers = { server: "uvicorn" }

/** @category encoding @since 0.2.0 */
export const quote = (value: unknown): string => JSON.stringify(value)

/** A value as a whole response. @category replies @since 0.2.0 */
export const ok = (value: unknown): Reply.Unary => Reply.json(200, JSON.stringify(value), headers)

/** A failure, which is flat. @category failures @since 0.2.0 */
export const failure = (status: number, message: string, type: string): string =>
  `{"object":"error","message":${quote(message)},"type":${quote(type)},"param":null,"code":${status}}`

/** @category failures @since 0.2.0 */
export const failed = (status: number, message: string, type: string): Reply.Unary =>
  Reply.json(status, failure(status, message, type), headers)

/** The framework's response to an unknown path or method. @category failures @since 0.2.0 */
export const unknown = (status: 404 | 405): Reply.Unary =>
  Reply.json(status, `{"detail":"${status === 404 ? "Not Found" : "Method Not Allowed"}"}`, headers)

/**
 * @category models
 * @since 0.2.0
 */
export interface Counts {
  readonly prompt: number
  readonly completion: number
  readonly reasoning: number
}

/** @category encoding @since 0.2.0 */
export const usage = ({ completion, prompt, reasoning }: Counts): string =>
  `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion},` +
  `"prompt_tokens_details":null,"reasoning_tokens":${reasoning},"completion_tokens_details":${
    reasoning === 0 ? "null" : `{"reasoning_tokens":${reasoning}}`
  }}`

/** Usage without the keys that are null. @category encoding @since 0.2.0 */
export const leanUsage = ({ completion, prompt, reasoning }: Counts): string =>
  `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion},` +
  `"reasoning_tokens":${reasoning}}`

/** Milliseconds of silence after which a comment is sent; never by default. @category streams @since 0.2.0 */
export const keepAlive = ({ settings }: Turn): number | undefined => settings.keepAlive
