/**
 * Which engine answers, and how it is recognised: from the control plane's image, from what `/v1/models` and `/info` say,
 * from a route that only one engine has.
 *
 * Telling engines apart matters because all of them ignore fields that they do not know: a grammar in the wrong dialect
 * is dropped in silence, and the model answers unconstrained.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Wire from "../protocol/Info.ts"

/**
 * The engines whose dialects are spoken. `router` is Hugging Face's serverless router, `openai` the plain dialect for
 * everything that could not be told apart.
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.Literals(["tgi", "vllm", "sglang", "llamacpp", "router", "openai"])

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * What a server accepts at most, as far as it says so. Tokens, but for the counts.
 *
 * @category models
 * @since 0.1.0
 */
export const Limits = Schema.Struct({
  maxInputTokens: Schema.optionalKey(Schema.Finite),
  maxTotalTokens: Schema.optionalKey(Schema.Finite),
  maxBestOf: Schema.optionalKey(Schema.Finite),
  maxStopSequences: Schema.optionalKey(Schema.Finite),
  maxClientBatchSize: Schema.optionalKey(Schema.Finite),
  maxConcurrentRequests: Schema.optionalKey(Schema.Finite),
  /** Prompt and answer together. */
  contextLength: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Limits = typeof Limits.Type

/**
 * The engine that answers at a target.
 *
 * @category models
 * @since 0.1.0
 */
export const Engine = Schema.Struct({
  kind: Kind,
  version: Schema.optionalKey(Schema.String),
  /** What the engine calls its model. vLLM refuses every other name. */
  modelName: Schema.optionalKey(Schema.String),
  limits: Schema.optionalKey(Limits),
  /** The token that the engine puts before a raw prompt, where it tells it (llama.cpp). */
  bosToken: Schema.optionalKey(Schema.String),
  /**
   * Where the knowledge comes from: the caller, the control plane's image, `/v1/models`, `/info`, the engine's own route,
   * the kind of target, or nowhere (the plain dialect is assumed).
   */
  source: Schema.Literals(["override", "image", "models", "info", "route", "target", "assumed"])
})

/**
 * @category models
 * @since 0.1.0
 */
export type Engine = typeof Engine.Type

/**
 * An engine that does not generate text: TEI, which embeds.
 *
 * @category models
 * @since 0.1.0
 */
export type Recognised = Kind | "tei" | undefined

const imageKeys: Readonly<Record<string, Recognised>> = {
  tgi: "tgi",
  tgiNeuron: "tgi",
  vLLM: "vllm",
  vLLMNeuron: "vllm",
  sGLang: "sglang",
  llamacpp: "llamacpp",
  tei: "tei"
}

const imageNames: ReadonlyArray<readonly [part: RegExp, engine: Recognised]> = [
  [/text-generation-inference/i, "tgi"],
  [/text-embeddings-inference/i, "tei"],
  [/vllm/i, "vllm"],
  [/sglang/i, "sglang"],
  [/llama[.-]?cpp/i, "llamacpp"]
]

/**
 * Recognises the engine by the image of a dedicated endpoint: the key that names it, else the name of a custom image.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromImage = (image: Readonly<Record<string, Schema.Json>> | null | undefined): Recognised => {
  const entry = Object.entries(image ?? {})[0]
  if (entry === undefined) return undefined
  const [key, settings] = entry
  if (Object.hasOwn(imageKeys, key)) return imageKeys[key]
  const url = settings !== null && typeof settings === "object" && "url" in settings ? settings.url : undefined
  return typeof url === "string" ? imageNames.find(([part]) => part.test(url))?.[1] : undefined
}

/**
 * What one route said.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly engine: Recognised
  readonly modelName?: string | undefined
  readonly version?: string | undefined
  readonly limits?: Limits
  readonly bosToken?: string | undefined
}

const defined = (limits: { readonly [K in keyof Limits]: number | null | undefined }): Limits =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => typeof value === "number"))

const owners: Readonly<Record<string, Kind>> = { vllm: "vllm", sglang: "sglang", llamacpp: "llamacpp" }

const decodeModels = Schema.decodeUnknownOption(Wire.Models)
const decodeMeta = Schema.decodeUnknownOption(
  Schema.Struct({ data: Schema.Array(Schema.Struct({ meta: Schema.Struct({ n_ctx_train: Schema.Finite }) })) })
)
const isRouter = Schema.is(
  Schema.Struct({ data: Schema.NonEmptyArray(Schema.Struct({ providers: Schema.Array(Schema.Unknown) })) })
)
const decodeInfo = Schema.decodeUnknownOption(Wire.Info)
const decodeProps = Schema.decodeUnknownOption(Schema.Struct({
  build_info: Schema.optionalKey(Schema.Unknown),
  total_slots: Schema.Finite,
  bos_token: Schema.optionalKey(Schema.String),
  default_generation_settings: Schema.optionalKey(Schema.Struct({ n_ctx: Schema.optionalKey(Schema.Finite) }))
}))
const decodeVersion = Schema.decodeUnknownOption(Schema.Struct({ version: Schema.String }))

/**
 * Reads `GET /v1/models`. TGI owns its model by the model's own name; providers are listed by the router, which has no model of its own.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromModels = (body: unknown): Seen | undefined => {
  const models = Option.getOrUndefined(decodeModels(body))
  const first = models?.data[0]
  if (first === undefined) return undefined
  if (isRouter(body)) return { engine: "router" }
  const owner = first.owned_by ?? ""
  const trained = Option.getOrUndefined(decodeMeta(body))?.data[0]?.meta.n_ctx_train
  return {
    engine: Object.hasOwn(owners, owner) ? owners[owner] : owner === first.id ? "tgi" : undefined,
    modelName: first.id,
    limits: defined({ contextLength: first.max_model_len ?? trained })
  }
}

/**
 * Reads `GET /info`: TGI says `router`, TEI says `model_type` instead.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromInfo = (body: unknown): Seen | undefined => {
  const info = Option.getOrUndefined(decodeInfo(body))
  if (info === undefined) return undefined
  if (info.router !== "text-generation-router" && info.model_type !== undefined) return { engine: "tei" }
  if (info.router === undefined && info.max_total_tokens === undefined) return undefined
  return {
    engine: "tgi",
    modelName: info.model_id,
    version: info.version ?? undefined,
    limits: defined({
      maxInputTokens: info.max_input_tokens ?? info.max_input_length,
      maxTotalTokens: info.max_total_tokens,
      maxBestOf: info.max_best_of,
      maxStopSequences: info.max_stop_sequences,
      maxClientBatchSize: info.max_client_batch_size,
      maxConcurrentRequests: info.max_concurrent_requests
    })
  }
}

/**
 * Reads llama.cpp's `GET /props`.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromProps = (body: unknown): Seen | undefined => {
  const props = Option.getOrUndefined(decodeProps(body))
  return props === undefined ? undefined : {
    engine: "llamacpp",
    version: typeof props.build_info === "string" ? props.build_info : undefined,
    limits: defined({ contextLength: props.default_generation_settings?.n_ctx }),
    ...(props.bos_token !== undefined && props.bos_token !== "" && { bosToken: props.bos_token })
  }
}

/**
 * Reads a route that answers with a `version`, which belongs to `engine`.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromVersion = (engine: Kind) => (body: unknown): Seen | undefined => {
  const found = Option.getOrUndefined(decodeVersion(body))
  return found === undefined ? undefined : { engine, version: found.version }
}
