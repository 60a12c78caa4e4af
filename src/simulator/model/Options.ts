/**
 * How a simulated server is set up: the settings of a real one, what it claims to be, and how fast it is.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Chunking } from "../wire/Chunks.ts"
import type { Fault } from "../wire/Fault.ts"
import type { Received } from "../wire/Reply.ts"
import type { Timing } from "../wire/Transmission.ts"
import type { Script } from "./Answer.ts"
import type { Lie } from "./Lies.ts"

/**
 * How long things take, on the clock of Effect.
 *
 * @category models
 * @since 0.1.0
 */
export interface Latency {
  /** Before the status line. */
  readonly headers?: Duration.Input | undefined
  /** From there to the first token. */
  readonly firstToken?: Duration.Input | undefined
  /** Between one token and the next. */
  readonly perToken?: Duration.Input | undefined
}

/**
 * Whose protocol the simulator speaks.
 *
 * @category models
 * @since 0.1.0
 */
export type Engine = "tgi" | "vllm" | "sglang" | "llamacpp" | "hf-serve" | "transformers" | "tei"

/**
 * A message as a chat template sees it: content is always text.
 *
 * @category models
 * @since 0.1.0
 */
export interface TemplateMessage {
  readonly role: string
  readonly content: string
}

/**
 * Renders messages to a prompt, or raises with a text as `raise_exception` does.
 *
 * @category models
 * @since 0.1.0
 */
export type Template = (messages: ReadonlyArray<TemplateMessage>) => string | { readonly raise: string }

/**
 * Settings of a simulated server. Everything has a default, that of TGI 3.3.7 where TGI has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default `"tgi"`. */
  readonly engine?: Engine | undefined
  /** The model that the server claims to serve. Default `simulator/<engine>`. */
  readonly modelId?: string | undefined
  /** TGI's `model_pipeline_tag`; `null` is a model whose tag is unknown. Default `"text-generation"`. */
  readonly pipelineTag?: string | null | undefined
  /** The engine's version. For TGI it selects the behaviour of that version. Default `"3.3.7"` for TGI. */
  readonly version?: string | undefined
  /** Turns on bearer authentication with this key. */
  readonly apiKey?: string | undefined
  /** The seed of everything random. Default 0. */
  readonly seed?: number | undefined
  /** `null`: the model has no chat template. Default: ChatML. */
  readonly template?: Template | null | undefined
  /** Default 128. */
  readonly maxConcurrentRequests?: number | undefined
  /** Default 2. */
  readonly maxBestOf?: number | undefined
  /** Default 4. */
  readonly maxStopSequences?: number | undefined
  /** Default 5. */
  readonly maxTopNTokens?: number | undefined
  /** Prompt limit in tokens. Default `maxTotalTokens - 1`. */
  readonly maxInputTokens?: number | undefined
  /** Prompt and response together, in tokens. Default 4096. */
  readonly maxTotalTokens?: number | undefined
  /** Prompts in one `/v1/completions` call. Default 4. */
  readonly maxClientBatchSize?: number | undefined
  /** Largest request body in bytes. Default 2,000,000. */
  readonly payloadLimit?: number | undefined
  /** Only reported by `/info`. Default 2. */
  readonly validationWorkers?: number | undefined
  /** Refuses grammars and with them tools. Default false. */
  readonly disableGrammarSupport?: boolean | undefined
  /** Takes images in prompts as images and not as text. Default false. */
  readonly multimodal?: boolean | undefined
  /** Fills `details.prefill` if requested. Default false. */
  readonly prefillLogprobs?: boolean | undefined
  /** Origins that a browser may call from. Default: any. */
  readonly corsAllowOrigin?: ReadonlyArray<string> | undefined
  /** The header `x-compute-type`. Default `simulated`. */
  readonly computeType?: string | undefined
  /** A space after `data:`. Default: by version, as TGI. */
  readonly space?: boolean | undefined
  /** How long things take, on the clock of Effect. Default: no time at all. */
  readonly latency?: Latency | undefined
  /** Silence after which a comment is sent; 0 for never. Default 15 seconds, 30 on llama.cpp; never on vLLM and SGLang. */
  readonly keepAlive?: Duration.Input | undefined
  /** How bodies are cut into chunks. Default `{ events: 64 }`, which leaves a whole body in one piece. */
  readonly chunking?: Chunking | undefined
  /** Answers chosen by the caller; by default the simulator writes its own. */
  readonly script?: Script | undefined
  /** Faults by request, besides those queued with `fail`. */
  readonly faults?: ((request: Received) => ReadonlyArray<Fault>) | undefined
  /** Added to every response, as a gateway does: `x-request-id`, `x-sha`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How many requests the journal keeps. Default 2,000. */
  readonly journalLimit?: number | undefined
  /** Length of an embedding. Default 8. */
  readonly dimensions?: number | undefined
  /**
   * Generations that run at once, on all engines but TGI; the others wait in a queue. Default: 1 on hf-serve, 4 on
   * llama.cpp, where it also bounds the completions of one request, and any number elsewhere.
   */
  readonly slots?: number | undefined
  /** Requests that may wait for a slot on vLLM; one more is answered with 503. Default: any number. */
  readonly queueLimit?: number | undefined
  /** Whether vLLM, SGLang or llama.cpp was started to embed texts and not to generate. Default false. */
  readonly embeddings?: boolean | undefined
  /** What the server accepts but does not do: see `Lies`. Default: none. */
  readonly lies?: ReadonlyArray<Lie> | undefined
  /**
   * Whether streams of hf-serve misbehave as in reality: concurrent ones get each other's tokens, and a greedy one hangs the
   * server for good. Default false.
   */
  readonly unsafeStreams?: boolean | undefined
  /** Whether `/metrics` responds, for which SGLang and llama.cpp need an option at start. Default true. */
  readonly metrics?: boolean | undefined
  /**
   * Whether SGLang was started with `--tool-call-parser` and `--reasoning-parser`. Without them it reads no call from what
   * the model writes: one that is required is text. Default true.
   */
  readonly parsers?: boolean | undefined
}

/**
 * Options with every default filled in.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings =
  & {
    readonly [K in Exclude<keyof Options, Unset>]-?: Exclude<Options[K], undefined>
  }
  & Pick<Options, Exclude<Unset, "latency" | "keepAlive">>
  & {
    /** The version as numbers. */
    readonly release: readonly [major: number, minor: number, patch: number]
    readonly latency: Timing
    /** Milliseconds of silence after which a comment is sent, if set. */
    readonly keepAlive: number | undefined
  }

type Unset = "apiKey" | "template" | "corsAllowOrigin" | "latency" | "keepAlive" | "script" | "faults" | "space"

/**
 * Whether the simulated version is at least `major.minor.patch`.
 *
 * @category versions
 * @since 0.1.0
 */
export const since = (settings: Pick<Settings, "release">, major: number, minor: number, patch = 0): boolean => {
  const [a, b, c] = settings.release
  return a !== major ? a > major : b !== minor ? b > minor : c >= patch
}
