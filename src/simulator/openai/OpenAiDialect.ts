/**
 * Where vLLM, SGLang and llama.cpp differ in what they say. Everything here is JSON text made of values.
 *
 * @since 0.1.0
 */
import type { Settings } from "../model/Options.ts"
import * as Reply from "../wire/Reply.ts"
import type { Run } from "./OpenAiRun.ts"

/**
 * The OpenAI-like engines.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "vllm" | "sglang" | "llamacpp"

/**
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly prompt: number
  readonly completion: number
  readonly reasoning: number
}

/**
 * What one engine writes in its own way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dialect {
  readonly kind: Kind
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds of silence after which a comment is sent; only llama.cpp does. */
  readonly keepAlive: number | undefined
  /** The failure as the value of a whole body. */
  readonly failure: (failure: Reply.Failure) => string
  /** The failure as a payload of a stream. */
  readonly failureFrame: (failure: Reply.Failure) => string
  readonly reasoningKey: "reasoning" | "reasoning_content"
  readonly callPrefix: string
  readonly fingerprint: (settings: Settings) => string
  /** Keys of a message that hold nothing. */
  readonly messageRest: string
  /** Keys of a finished choice beside its finish reason, each with a comma in front. */
  readonly choiceRest: (run: Run | undefined) => string
  readonly roleDelta: string
  readonly finalDelta: string
  readonly usage: (counts: Counts) => string
  /** Keys at the end of a whole answer, each with a comma in front. */
  readonly answerRest: (counts: Counts) => string
}

const quote = (value: unknown): string => JSON.stringify(value)

const sum = (counts: Counts): string =>
  `"prompt_tokens":${counts.prompt},"total_tokens":${
    counts.prompt + counts.completion
  },"completion_tokens":${counts.completion}`

const vllmFailure = (failure: Reply.Failure): string =>
  `{"error":{"message":${quote(failure.message)},"type":${quote(failure.type)},"param":null,"code":${failure.status}}}`

const vllm: Dialect = {
  kind: "vllm",
  headers: { server: "uvicorn" },
  keepAlive: undefined,
  failure: vllmFailure,
  failureFrame: vllmFailure,
  reasoningKey: "reasoning",
  callPrefix: "chatcmpl-tool-",
  fingerprint: () => "",
  messageRest: `,"refusal":null,"annotations":null,"audio":null,"function_call":null`,
  choiceRest: (run) => `,"stop_reason":${quote(run?.stopped ?? null)}`,
  roleDelta: `{"role":"assistant","content":""}`,
  finalDelta: `{"content":""}`,
  usage: (counts) => `{${sum(counts)},"prompt_tokens_details":null}`,
  answerRest: () => `,"service_tier":null,"system_fingerprint":null,"prompt_logprobs":null,"kv_transfer_params":null`
}

const sglangFailure = ({ message, status, type }: Reply.Failure): string =>
  `"object":"error","message":${quote(message)},"type":${quote(type)},"param":null,"code":${status}`

const sglang: Dialect = {
  kind: "sglang",
  headers: { server: "uvicorn" },
  keepAlive: undefined,
  failure: (failure) => `{${sglangFailure(failure)}}`,
  failureFrame: (failure) => `{"error":{${sglangFailure(failure)}}}`,
  reasoningKey: "reasoning_content",
  callPrefix: "call_",
  fingerprint: () => "",
  messageRest: "",
  choiceRest: (run) => `,"matched_stop":${run?.finish === "stop" ? quote(run.stopped ?? 2) : "null"}`,
  roleDelta: `{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null}`,
  finalDelta: `{"role":null,"content":null,"reasoning_content":null,"tool_calls":null}`,
  usage: (counts) => `{${sum(counts)},"prompt_tokens_details":null,"reasoning_tokens":${counts.reasoning}}`,
  answerRest: () => `,"metadata":{"weight_version":"default"}`
}

const llamaTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  501: "not_supported_error",
  503: "unavailable_error"
}

const llamaFailure = ({ message, status, type }: Reply.Failure): string => {
  const kind = type === "exceed_context_size_error" ? type : llamaTypes[status] ?? "server_error"
  const [given, limit] = kind === type ? message.match(/\d+/g) ?? [] : []
  const numbers = given === undefined || limit === undefined ? "" : `,"n_prompt_tokens":${given},"n_ctx":${limit}`
  return `{"error":{"code":${status},"message":${quote(message)},"type":${quote(kind)}${numbers}}}`
}

const llamaTimings = (counts: Counts): string =>
  `,"timings":{"cache_n":0,"prompt_n":${counts.prompt},"prompt_ms":0.0,"predicted_n":${counts.completion},"predicted_ms":0.0}`

const llamacpp: Dialect = {
  kind: "llamacpp",
  headers: { server: "llama.cpp" },
  keepAlive: 30_000,
  failure: llamaFailure,
  failureFrame: llamaFailure,
  reasoningKey: "reasoning_content",
  callPrefix: "",
  fingerprint: (settings) => `,"system_fingerprint":${quote(settings.version)}`,
  messageRest: "",
  choiceRest: () => "",
  roleDelta: `{"role":"assistant","content":null}`,
  finalDelta: "{}",
  usage: (counts) => `{${sum(counts)},"prompt_tokens_details":{"cached_tokens":0}}`,
  answerRest: llamaTimings
}

/**
 * @category dialects
 * @since 0.1.0
 */
export const dialects: Readonly<Record<Kind, Dialect>> = { vllm, sglang, llamacpp }

/** A failure as a whole reply. @category replies @since 0.1.0 */
export const failed = (dialect: Dialect, failure: Reply.Failure): Reply.Unary =>
  Reply.json(failure.status, dialect.failure(failure), dialect.headers)
