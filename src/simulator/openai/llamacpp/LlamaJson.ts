/**
 * What llama.cpp writes in many places: failures, usage, timings, log probabilities, settings.
 *
 * @since 0.2.0
 */
import type { Token } from "../../model/Answer.ts"
import type { Settings } from "../../model/Options.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import type { Fields } from "./LlamaField.ts"

/** Headers of every response. @category constants @since 0.2.0 */
export const headers = { server: "llama.cpp" }

const json = "application/json; charset=utf-8"

/** @category encoding @since 0.2.0 */
export const quote = (value: unknown): string => JSON.stringify(value)

/** A value as a whole response. @category replies @since 0.2.0 */
export const ok = (value: unknown): Reply.Unary =>
  Reply.unary(200, { ...headers, "content-type": json }, JSON.stringify(value))

/** A JSON text as a whole response. @category replies @since 0.2.0 */
export const text = (status: number, body: string, rest?: Parameters<typeof Reply.unary>[3]): Reply.Unary =>
  Reply.unary(status, { ...headers, "content-type": json }, body, rest)

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  501: "not_supported_error",
  503: "unavailable_error"
}

/** The body of a failure. @category failures @since 0.2.0 */
export const failure = (status: number, message: string): string =>
  `{"error":{"code":${status},"message":${quote(message)},"type":"${types[status] ?? "server_error"}"}}`

/** @category failures @since 0.2.0 */
export const failed = (status: number, message: string): Reply.Unary => text(status, failure(status, message))

/** A failure of the HTTP layer, which writes its keys in another order. @category failures @since 0.2.0 */
export const outer = (status: 401 | 404, message: string): Reply.Unary =>
  text(status, `{"error":{"message":${quote(message)},"type":"${types[status]}","code":${status}}}`)

/** A prompt that does not fit the context of a slot. @category failures @since 0.2.0 */
export const tooLong = (given: number, limit: number): Reply.Unary => {
  const message = `request (${given} tokens) exceeds the available context size (${limit} tokens), try increasing it`
  return text(
    400,
    `{"error":{"code":400,"message":${quote(message)},"type":"exceed_context_size_error",` +
      `"n_prompt_tokens":${given},"n_ctx":${limit}}}`
  )
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/** A random name of 32 letters and digits. @category encoding @since 0.2.0 */
export const name = (random: Random.Random): string =>
  Array.from({ length: 32 }, () => letters[Random.int(random, letters.length)]).join("")

/** @category encoding @since 0.2.0 */
export const usage = (prompt: number, completion: number): string =>
  `{"completion_tokens":${completion},"prompt_tokens":${prompt},"total_tokens":${prompt + completion},` +
  `"prompt_tokens_details":{"cached_tokens":0}}`

/** @category encoding @since 0.2.0 */
export const timings = (prompt: number, completion: number): string =>
  `{"cache_n":0,"prompt_n":${prompt},"prompt_ms":1.0,"prompt_per_token_ms":${1 / Math.max(1, prompt)},` +
  `"prompt_per_second":${prompt * 1000},"predicted_n":${completion},"predicted_ms":${completion}.0,` +
  `"predicted_per_token_ms":1.0,"predicted_per_second":1000.0}`

const bytes = (text: string): string => `[${[...new TextEncoder().encode(text)].join(",")}]`

const probability = (token: Token, isSampled: boolean): string =>
  `"id":${token.id},"token":${quote(token.text)},"bytes":${bytes(token.text)},` +
  (isSampled ? `"prob":${Math.exp(token.logprob)}` : `"logprob":${token.logprob}`)

/**
 * The log probabilities of tokens with their alternatives, most likely first; after sampling they are probabilities.
 *
 * @category encoding
 * @since 0.2.0
 */
export const probabilities = (
  tokens: ReadonlyArray<Token>,
  top: ReadonlyArray<ReadonlyArray<Token>>,
  isSampled: boolean
): string =>
  `[${
    tokens.map((token, at) =>
      `{${probability(token, isSampled)},"${isSampled ? "top_probs" : "top_logprobs"}":[${
        (top[at] ?? []).map((other) => `{${probability(other, isSampled)}}`).join(",")
      }]}`
    ).join(",")
  }]`

const samplers = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]

const number = (fields: Fields, name: string, fallback: number): number => {
  const value = fields[name]
  return typeof value === "number" ? value : fallback
}

/** The bias of a token; null forbids it. @category models @since 0.2.0 */
export interface Bias {
  readonly bias: number | null
  readonly token: number
}

/**
 * The settings of a generation as `/props`, `/slots` and `/completion` show them; `whole` with those that only a response
 * shows.
 *
 * @category encoding
 * @since 0.2.0
 */
export const settings = (
  fields: Fields,
  stop: ReadonlyArray<string>,
  whole: boolean,
  bias: ReadonlyArray<Bias> = []
) => {
  const limit = number(fields, "n_predict", -1)
  return {
    seed: 4294967295,
    temperature: number(fields, "temperature", 0.800000011920929),
    dynatemp_range: 0,
    dynatemp_exponent: 1,
    top_k: number(fields, "top_k", 40),
    top_p: number(fields, "top_p", 0.949999988079071),
    min_p: number(fields, "min_p", 0.05000000074505806),
    top_n_sigma: -1,
    xtc_probability: 0,
    xtc_threshold: 0.10000000149011612,
    typical_p: number(fields, "typical_p", 1),
    repeat_last_n: 64,
    repeat_penalty: number(fields, "repeat_penalty", 1),
    presence_penalty: number(fields, "presence_penalty", 0),
    frequency_penalty: number(fields, "frequency_penalty", 0),
    dry_multiplier: 0,
    dry_base: 1.75,
    dry_allowed_length: 2,
    dry_penalty_last_n: 64,
    ...(whole && { dry_sequence_breakers: ["\n", ":", "\"", "*"] }),
    mirostat: 0,
    mirostat_tau: 5,
    mirostat_eta: 0.10000000149011612,
    adaptive_target: -1,
    adaptive_decay: 0.8999999761581421,
    ...(whole && { stop }),
    max_tokens: limit,
    n_predict: limit,
    n_keep: 0,
    n_discard: 0,
    ignore_eos: false,
    stream: fields["stream"] === true,
    ...(whole && { logit_bias: bias }),
    n_probs: number(fields, "n_probs", 0),
    min_keep: 0,
    ...(whole && { grammar: "", grammar_lazy: false, grammar_triggers: [], preserved_tokens: [] }),
    chat_format: "Content-only",
    reasoning_format: whole ? "deepseek" : "none",
    reasoning_in_content: false,
    generation_prompt: "",
    samplers,
    "speculative.types": "none",
    timings_per_token: fields["timings_per_token"] === true,
    post_sampling_probs: fields["post_sampling_probs"] === true,
    backend_sampling: false,
    lora: []
  }
}

/** The keys with model and build, which follow the choices. @category encoding @since 0.2.0 */
export const origin = (settings: Settings): string =>
  `"model":${quote(settings.modelId)},"system_fingerprint":${quote(settings.version)}`
