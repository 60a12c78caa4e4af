/**
 * What a simulated server does by default.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type { Engine, Options, Settings } from "./Options.ts"

const versions: Readonly<Record<Engine, string>> = {
  tgi: "3.3.7",
  vllm: "0.32.0",
  sglang: "0.5.23",
  llamacpp: "v0.5.0",
  "hf-serve": "0.2.0",
  transformers: "5.24.0",
  tei: "1.9.0"
}

/**
 * Options with every default filled in, and every time in milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (options: Options): Settings => {
  const engine = options.engine ?? "tgi"
  const version = options.version ?? versions[engine]
  const maxTotalTokens = options.maxTotalTokens ?? 4096
  const { firstToken, headers, perToken } = options.latency ?? {}
  return {
    ...options,
    engine,
    modelId: options.modelId ?? `simulator/${engine}`,
    pipelineTag: options.pipelineTag === undefined ? "text-generation" : options.pipelineTag,
    version,
    release: releaseOf(version),
    latency: { headers: millis(headers), firstToken: millis(firstToken), perToken: millis(perToken) },
    keepAlive: options.keepAlive === undefined ? undefined : millis(options.keepAlive),
    seed: options.seed ?? 0,
    maxConcurrentRequests: options.maxConcurrentRequests ?? 128,
    maxBestOf: options.maxBestOf ?? 2,
    maxStopSequences: options.maxStopSequences ?? 4,
    maxTopNTokens: options.maxTopNTokens ?? 5,
    maxTotalTokens,
    maxInputTokens: options.maxInputTokens ?? maxTotalTokens - 1,
    maxClientBatchSize: options.maxClientBatchSize ?? 4,
    payloadLimit: options.payloadLimit ?? 2_000_000,
    validationWorkers: options.validationWorkers ?? 2,
    disableGrammarSupport: options.disableGrammarSupport ?? false,
    multimodal: options.multimodal ?? false,
    prefillLogprobs: options.prefillLogprobs ?? false,
    computeType: options.computeType ?? "simulated",
    chunking: options.chunking ?? { events: 64 },
    headers: options.headers ?? {},
    journalLimit: options.journalLimit ?? 2_000,
    dimensions: options.dimensions ?? 8,
    slots: options.slots ?? (engine === "llamacpp" ? 4 : engine === "hf-serve" ? 1 : Infinity),
    queueLimit: options.queueLimit ?? Infinity,
    embeddings: options.embeddings ?? false,
    unsafeStreams: options.unsafeStreams ?? false,
    metrics: options.metrics ?? true,
    parsers: options.parsers ?? true,
    lies: options.lies ?? []
  }
}

const millis = (input: Duration.Input | undefined): number => input === undefined ? 0 : Duration.toMillis(input)

const releaseOf = (version: string): Settings["release"] => {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0)
  return [major, minor, patch]
}
