/**
 * Which engine responds, and how it is recognised: by the control plane's image, by the responses of `/v1/models` and
 * `/info`, or by a route that only one engine has.
 *
 * Telling engines apart matters because most of them ignore unknown fields: a grammar in the wrong dialect is silently
 * dropped, and the model is not constrained.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Wire from "../../protocol/Info.ts"

/**
 * The engines whose dialects are spoken. `transformers` is `transformers serve`, `router` is Hugging Face's serverless
 * router, `openai` the plain dialect for everything that could not be told apart.
 *
 * @category models
 * @since 0.1.0
 */
export const Kind = Schema.Literals([
  "tgi",
  "vllm",
  "sglang",
  "llamacpp",
  "hf-serve",
  "transformers",
  "router",
  "openai"
])

/**
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * The load balancers that are recognised in front of an engine.
 *
 * @category models
 * @since 0.2.0
 */
export const Balancer = Schema.Literals(["sglang-router", "vllm-router"])

/**
 * @category models
 * @since 0.2.0
 */
export type Balancer = typeof Balancer.Type

/**
 * The limits of a server, as far as it reports them. In tokens, except for the counts.
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
  /** Prompt and response together. */
  contextLength: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Limits = typeof Limits.Type

/**
 * The engine that serves a target.
 *
 * @category models
 * @since 0.1.0
 */
export const Engine = Schema.Struct({
  kind: Kind,
  version: Schema.optionalKey(Schema.String),
  /** The engine's name for its model. vLLM refuses every other name. */
  modelName: Schema.optionalKey(Schema.String),
  limits: Schema.optionalKey(Limits),
  /** The token that the engine puts before a raw prompt, if it reports it (llama.cpp); `""` if it adds none. */
  bosToken: Schema.optionalKey(Schema.String),
  /** The load balancer in front of it, if one is recognised: balancers drop some fields. */
  balancer: Schema.optionalKey(Balancer),
  /**
   * How the engine is known: the caller, the control plane's image, `/v1/models`, `/info`, the engine's own route,
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
  hfServe: "hf-serve",
  tei: "tei"
}

const imageNames: ReadonlyArray<readonly [part: RegExp, engine: Recognised]> = [
  [/text-generation-inference/i, "tgi"],
  [/text-embeddings-inference/i, "tei"],
  [/vllm/i, "vllm"],
  [/sglang/i, "sglang"],
  [/llama[.-]?cpp/i, "llamacpp"],
  [/hf-?serve/i, "hf-serve"]
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
 * What one route reported.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seen {
  readonly engine: Recognised
  /** The names of the models of which one must be chosen, since the server has no default model. */
  readonly choices?: ReadonlyArray<string>
  /**
   * What stands in front of the engine and reports this: a load balancer, or llama.cpp's own router for several models.
   */
  readonly balancer?: Balancer | "llamacpp"
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
const isTransformers = Schema.is(
  Schema.Struct({
    data: Schema.NonEmptyArray(
      Schema.Struct({ owned_by: Schema.Literal("local"), status: Schema.Struct({ value: Schema.String }) })
    )
  })
)
const isLlamaRouter = Schema.is(Schema.Struct({ role: Schema.Literal("router"), build_info: Schema.Unknown }))
const isBalancer = Schema.is(Schema.Struct({ router_manager: Schema.Literal(true) }))
const isReadiness = Schema.is(Schema.Struct({ healthy_workers: Schema.Finite, total_workers: Schema.Finite }))
const decodeModelInfo = Schema.decodeUnknownOption(
  Schema.Struct({ model_path: Schema.String, served_model_name: Schema.optional(Schema.String) })
)
const decodeOpenApi = Schema.decodeUnknownOption(
  Schema.Struct({
    info: Schema.Struct({ title: Schema.String }),
    paths: Schema.optional(Schema.Record(Schema.String, Schema.Unknown))
  })
)
const decodeUnnamed = Schema.decodeUnknownOption(
  Schema.Struct({ error: Schema.Struct({ message: Schema.String, type: Schema.Literal("NotFoundError") }) })
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
 * Reads `GET /v1/models`. TGI names the model itself as its owner; the router lists providers and has no model of its own.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromModels = (body: unknown): Seen | undefined => {
  const models = Option.getOrUndefined(decodeModels(body))
  const first = models?.data[0]
  if (first === undefined) return undefined
  if (isRouter(body)) return { engine: "router" }
  if (isTransformers(body)) return { engine: "transformers", modelName: first.id }
  const owner = first.owned_by ?? ""
  const trained = Option.getOrUndefined(decodeMeta(body))?.data[0]?.meta.n_ctx_train
  return {
    engine: Object.hasOwn(owners, owner) ? owners[owner] : owner === first.id ? "tgi" : undefined,
    // a balancer that does not know the model's name yet
    modelName: owner === "local" && first.id === "unknown" ? undefined : first.id,
    ...(models !== undefined && models.data.length > 1 && { choices: models.data.map(({ id }) => id) }),
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
 * Reads llama.cpp's `GET /props`. A server that passes requests on to several models has no slots of its own, and
 * counts as a balancer here.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromProps = (body: unknown): Seen | undefined => {
  if (isLlamaRouter(body)) {
    return {
      engine: "llamacpp",
      balancer: "llamacpp",
      version: typeof body.build_info === "string" ? body.build_info : undefined
    }
  }
  const props = Option.getOrUndefined(decodeProps(body))
  return props === undefined ? undefined : {
    engine: "llamacpp",
    version: typeof props.build_info === "string" ? props.build_info : undefined,
    limits: defined({ contextLength: props.default_generation_settings?.n_ctx }),
    ...(props.bos_token !== undefined && { bosToken: props.bos_token })
  }
}

/**
 * Reads `GET /server_info`: SGLang reports its version, and the balancer in front of it only what it is.
 *
 * @category recognising
 * @since 0.2.0
 */
export const fromServerInfo = (body: unknown): Seen | undefined =>
  isBalancer(body) ? { engine: undefined, balancer: "sglang-router" } : fromVersion("sglang")(body)

/**
 * Reads `GET /readiness`, which no engine has: vllm-router reports there how many of its workers are healthy.
 *
 * @category recognising
 * @since 0.2.0
 */
export const fromReadiness = (body: unknown): Balancer | undefined => isReadiness(body) ? "vllm-router" : undefined

/**
 * Reads SGLang's `GET /get_model_info`, which a balancer passes on.
 *
 * @category recognising
 * @since 0.2.0
 */
export const fromModelInfo = (body: unknown): Seen | undefined => {
  const found = Option.getOrUndefined(decodeModelInfo(body))
  return found === undefined ? undefined : { engine: "sglang", modelName: found.served_model_name ?? found.model_path }
}

/**
 * Reads `GET /openapi.json` of servers that cannot be recognised otherwise.
 *
 * @category recognising
 * @since 0.2.0
 */
export const fromOpenApi = (body: unknown): Seen | undefined => {
  const found = Option.getOrUndefined(decodeOpenApi(body))
  if (found === undefined) return undefined
  if (found.info.title === "Hugging Face Serve API") return { engine: "hf-serve" }
  return found.paths !== undefined && Object.hasOwn(found.paths, "/load_model") ? { engine: "transformers" } : undefined
}

/**
 * Reads vLLM's 404 for an unknown model, which names the models that it has.
 *
 * @category recognising
 * @since 0.2.0
 */
export const fromUnnamed = (body: unknown): Seen | undefined => {
  const found = Option.getOrUndefined(decodeUnnamed(body))
  if (found === undefined) return undefined
  const names = /Valid aliases: (.+)\.$/.exec(found.error.message)?.[1]?.split(", ")
  return { engine: "vllm", modelName: names?.[0] }
}

/**
 * Reads a route that responds with a `version`, which belongs to `engine`.
 *
 * @category recognising
 * @since 0.1.0
 */
export const fromVersion = (engine: Kind) => (body: unknown): Seen | undefined => {
  const found = Option.getOrUndefined(decodeVersion(body))
  return found === undefined ? undefined : { engine, version: found.version }
}
