/**
 * `EmbeddingModel` of `effect/ai`: vectors by `/v1/embeddings`, which TEI, vLLM, SGLang and llama.cpp share, or by TEI's
 * own `/embed`.
 *
 * @since 0.1.0
 */
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Model from "effect/ai/Model"
import * as AiTelemetry from "effect/ai/Telemetry"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Endpoint from "../endpoint/Endpoint.ts"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import type * as TargetClients from "../pipeline/TargetClients.ts"
import * as AiFailure from "./AiFailure.ts"
import * as EmbeddingRoutes from "./EmbeddingRoutes.ts"
import * as EndpointRoutes from "./EndpointRoutes.ts"

/**
 * How to embed.
 *
 * - the options of `EmbeddingRoutes.Options`;
 * - `batchSize`: the most texts per request (default 32, TEI's own limit);
 * - `concurrency`: how many requests are in flight at once (default 4).
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends EmbeddingRoutes.Options {
  readonly batchSize?: number | undefined
  readonly concurrency?: number | undefined
}

/**
 * Overrides for the calls in its scope. They win over what the model was made with.
 *
 * @category configuration
 * @since 0.1.0
 */
export const Config: Context.Reference<Options> = Context.Reference<Options>(
  "effect-inference-endpoints/ai/HuggingFaceEmbeddingModel/Config",
  { defaultValue: () => ({}) }
)

/**
 * Overrides the options of the calls in an effect; others stay. Single texts are only embedded together with those of the
 * same scope.
 *
 * @category configuration
 * @since 0.1.0
 */
export const withConfigOverride: {
  (overrides: Options): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, overrides: Options): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, overrides: Options) =>
    Effect.updateService(self, Config, (config) => ({ ...config, ...overrides }))
)

const PLACE = { module: "HuggingFaceEmbeddingModel", method: "embedMany" }

/**
 * Makes the model over an `Endpoint`. Vectors come in the order of the texts; a batch that is too large for one request
 * is split, and fails as a whole with its first failure. The count of tokens is unknown if one response lacks it, as
 * TEI's `/embed` does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: { readonly config?: Options | undefined; readonly client?: TargetClients.Options | undefined } = {}
) {
  const use = yield* EndpointRoutes.make(options.client)
  const embedMany = Effect.fnUntraced(function*({ inputs }: EmbeddingModel.ProviderOptions) {
    const config = { ...options.config, ...(yield* Config) }
    const batches = Arr.chunksOf(inputs, config.batchSize ?? 32)
    const answers = yield* use((client, { modelName }) =>
      Effect.andThen(
        annotate({ request: { model: modelName } }),
        Effect.forEach(batches, (batch) => EmbeddingRoutes.embed(client, modelName, batch, config), {
          concurrency: config.concurrency ?? 4
        })
      )
    ).pipe(Effect.mapError((error) => AiFailure.fromError(error, PLACE)))
    const inputTokens = answers.reduce<number | undefined>(
      (sum, { inputTokens }) => sum === undefined || inputTokens === undefined ? undefined : sum + inputTokens,
      0
    )
    yield* annotate({ usage: { inputTokens } })
    return { results: answers.flatMap(({ results }) => results), usage: { inputTokens } }
  })
  return yield* EmbeddingModel.make({ embedMany, batchKey: (context) => Context.get(context, Config) })
})

const annotate = (attributes: AiTelemetry.GenAITelemetryAttributeOptions) =>
  Effect.matchEager(Effect.currentSpan, {
    onSuccess: (span) =>
      AiTelemetry.addGenAIAnnotations(span, {
        provider: { name: "huggingface" },
        operation: { name: "embeddings" },
        ...attributes
      }),
    onFailure: () => undefined
  })

/**
 * The model over an existing `Endpoint`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Parameters<typeof make>[0] = {}
): Layer.Layer<EmbeddingModel.EmbeddingModel, never, Endpoint.Endpoint | HttpClient.HttpClient> =>
  Layer.effect(EmbeddingModel.EmbeddingModel, make(options))

/**
 * The options of a layer: where the model is, the transport, and defaults of every call.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends EndpointConfig.Options {
  readonly config?: Options | undefined
  readonly client?: TargetClients.Options | undefined
}

/**
 * The model with the endpoint that the options name. The engine is not probed: the routes are the same on all engines,
 * and a server that only embeds generates no text.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends LayerOptions>(
  options: O & EndpointConfig.OneTarget<O, LayerOptions>
): Layer.Layer<EmbeddingModel.EmbeddingModel, EndpointError, HttpClient.HttpClient> =>
  layerWith(options).pipe(Layer.provide(Endpoint.layer<EndpointConfig.Options>({ engine: "openai", ...options })))

/**
 * The options of a model by name: where it runs, and how many numbers its vectors have.
 *
 * @category models
 * @since 0.2.0
 */
export interface ModelOptions extends LayerOptions {
  readonly dimensions: number
}

/**
 * A model by name and by the length of its vectors. The name is only a label; the options say where it runs.
 *
 * A `Model` cannot fail to be built, so a configuration that names no endpoint fails every call instead.
 *
 * @category models
 * @since 0.1.0
 */
export const model = <const Name extends string, const O extends ModelOptions>(
  name: Name,
  options: O & EndpointConfig.OneTarget<O, ModelOptions>
): Model.Model<"huggingface", EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions, HttpClient.HttpClient> =>
  Model.make(
    "huggingface",
    name,
    Layer.merge(
      Layer.catchTag(layer<LayerOptions>({ modelDisplayName: name, ...options }), "EndpointError", unavailable),
      Layer.succeed(EmbeddingModel.Dimensions, options.dimensions)
    )
  )

const unavailable = (error: EndpointError): Layer.Layer<EmbeddingModel.EmbeddingModel> =>
  Layer.effect(
    EmbeddingModel.EmbeddingModel,
    EmbeddingModel.make({ embedMany: () => Effect.fail(AiFailure.fromError(error, PLACE)) })
  )
