/**
 * What an engine is known to refuse, or to misread, whatever the server's settings: checked before a request is sent. The
 * limits that a server reports are checked in `GenerationOptions.beyond`.
 *
 * @since 0.2.0
 */
import type { Kind } from "../endpoint/address/Engine.ts"
import type { GenerationOptions, Issue, ServerLimits } from "../GenerationOptions.ts"
import { names, type Route } from "./Dialect.ts"

/**
 * What is known about the engine and the request.
 *
 * @category models
 * @since 0.2.0
 */
export interface Asked {
  readonly kind: Kind
  /** As the engine writes it, if known. */
  readonly version?: string | undefined
  readonly limits?: (ServerLimits & { readonly contextLength?: number }) | undefined
  readonly route: Route
  readonly stream: boolean
}

/**
 * What an engine would refuse, or would understand as something else.
 *
 * @category models
 * @since 0.2.0
 */
export type Check = (options: GenerationOptions, asked: Asked) => ReadonlyArray<Issue>

const issue = (name: string, rule: string, given: unknown): Issue => ({
  path: [name],
  message: `${name} ${rule}, given ${typeof given === "bigint" ? `${given}` : JSON.stringify(given)}`
})

/** Whether a version such as `0.32.0` is at least another; an unknown one is not. */
const isAtLeast = (version: string | undefined, major: number, minor: number): boolean => {
  const [, first, second] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? []
  return first !== undefined && second !== undefined &&
    (Number(first) > major || (Number(first) === major && Number(second) >= minor))
}

const U64_MAX = 2n ** 64n - 1n
const I64_MAX = 2n ** 63n - 1n
const LOW_32 = 0xffff_ffffn

const contextLength: Check = ({ maxNewTokens }, { kind, limits }) =>
  maxNewTokens !== undefined && limits?.contextLength !== undefined && maxNewTokens > limits.contextLength
    ? [
      issue(
        "maxNewTokens",
        `must be at most ${limits.contextLength} (the context length at ${names[kind]})`,
        maxNewTokens
      )
    ]
    : []

/** TGI samples only if an option requires it, and takes the best of several only then. */
const tgi: Check = (options, { route, stream }) => {
  const { bestOf = 1, decoderInputDetails, doSample, temperature, topK = 0, topP = 1, typicalP = 1 } = options
  if (route !== "generate") return []
  const samples = temperature !== 0 && doSample !== false &&
    (doSample === true || temperature !== undefined || topK > 0 || topP < 1 || typicalP < 1)
  return [
    ...(bestOf > 1 && !samples
      ? [issue("bestOf", "above 1 needs sampling: set doSample, temperature, topK, topP or typicalP", bestOf)]
      : []),
    ...(bestOf > 1 && stream ? [issue("bestOf", "above 1 cannot be streamed: leave delivery unset", bestOf)] : []),
    ...(decoderInputDetails === true && stream
      ? [issue("decoderInputDetails", "cannot be streamed: leave delivery unset", true)]
      : [])
  ]
}

/** vLLM 0.32 and later. Before, stop sequences and temperatures had no limit. */
const vllm: Check = (options, asked) => {
  const { seed, stopSequences = [], temperature = 0 } = options
  const issues = [...contextLength(options, asked)]
  if (seed !== undefined && BigInt(seed) === U64_MAX) {
    issues.push(issue("seed", "must be below 2^64 - 1, which vLLM reads as -1: a random seed", seed))
  }
  if (isAtLeast(asked.version, 0, 32)) {
    if (stopSequences.length > 4) {
      issues.push(issue("stopSequences", "can hold at most 4 texts on vLLM", stopSequences.length))
    }
    if (temperature > 2) issues.push(issue("temperature", "must be at most 2 on vLLM", temperature))
  }
  return issues
}

const sglang: Check = (options, asked) => {
  const { repetitionPenalty = 1, seed = 0 } = options
  const issues = [...contextLength(options, asked)]
  if (repetitionPenalty > 2) {
    issues.push(issue("repetitionPenalty", "must be at most 2 on SGLang", repetitionPenalty))
  }
  if (BigInt(seed) > I64_MAX) issues.push(issue("seed", "must be below 2^63 on SGLang", seed))
  return issues
}

/** llama.cpp reads the low 32 bits of a seed. */
const llamacpp: Check = ({ seed }) =>
  seed !== undefined && (BigInt(seed) & LOW_32) === LOW_32
    ? [issue("seed", "must not end in 32 set bits, which llama.cpp reads as a random seed", seed)]
    : []

/** hf-serve treats seed 0 as none, and refuses those of more than 32 bits. */
const hfServe: Check = ({ seed, temperature = 0 }) => [
  ...(seed !== undefined && (BigInt(seed) === 0n || BigInt(seed) > LOW_32)
    ? [issue("seed", "must be from 1 to 2^32 - 1 on hf-serve", seed)]
    : []),
  ...(temperature > 2 ? [issue("temperature", "must be at most 2 on hf-serve", temperature)] : [])
]

/**
 * The check of each engine that has one.
 *
 * @category validation
 * @since 0.2.0
 */
export const checks: { readonly [K in Kind]?: Check } = { tgi, vllm, sglang, llamacpp, "hf-serve": hfServe }
