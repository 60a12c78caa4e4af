/**
 * `LanguageModel` of `effect/ai` on any endpoint and engine: a program written against `LanguageModel`, `Toolkit` or `Chat`
 * runs here after changing one layer.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as IdGenerator from "effect/ai/IdGenerator"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Response from "effect/ai/Response"
import type * as EffectConfig from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import type * as Generation from "../Generation.ts"
import * as LLM from "../InferenceEndpointsLLM.ts"
import type * as Settings from "../Settings.ts"
import * as SchemaDocument from "../structured/schema/SchemaDocument.ts"
import type * as StructuredOutput from "../structured/StructuredOutput.ts"
import type { TemplateError } from "../template/TemplateError.ts"
import * as AiFailure from "./AiFailure.ts"
import * as ModelRequest from "./ModelRequest.ts"
import * as ObjectText from "./ObjectText.ts"
import * as ResponseParts from "./ResponseParts.ts"

/**
 * How to generate: every sampling option and setting of the service, and for `generateObject` how the Schema becomes a
 * grammar and how often a response that does not decode is retried (`retries`, default 0). Tools and their choice
 * come from the request.
 *
 * `maxNewTokens` is 128 unless this or the service sets it, which is short for an agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options
  extends
    Omit<Settings.CallOptions, "tools" | "toolChoice" | "numGenerations" | "concurrency" | "structuredOutput">,
    Omit<StructuredOutput.Options, "name">
{
  readonly retries?: number | undefined
}

/**
 * Overrides for the calls in its scope. They win over what the model was made with.
 *
 * @category configuration
 * @since 0.1.0
 */
export const Config: Context.Reference<Options> = Context.Reference<Options>(
  "effect-inference-endpoints/ai/HuggingFaceLanguageModel/Config",
  { defaultValue: () => ({}) }
)

/**
 * Overrides the options of the calls in an effect, including streams that it runs; others stay. For a stream by itself use
 * `Stream.updateService` with `Config`.
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

/**
 * Makes the model over a service. `config` holds defaults of every call.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: { readonly config?: Options | undefined } = {}) {
  const llm = yield* LLM.InferenceEndpointsLLM
  const given = yield* Effect.serviceOption(IdGenerator.IdGenerator)
  const ids = Option.isSome(given) ? given.value : yield* nine
  const configured = Effect.map(Effect.service(Config), (config): Options => ({ ...options.config, ...config }))

  const generateText = Effect.fnUntraced(function*(input: LanguageModel.ProviderOptions) {
    const { responseFormat } = input
    const place = placeOf(responseFormat.type === "json" ? "generateObject" : "generateText")
    const request = yield* ModelRequest.make(llm, ids, input, place)
    const asked = generate(llm, request, yield* configured, responseFormat)
    const generation = yield* Effect.mapError(asked, (error) => AiFailure.fromError(error, place))
    return yield* ModelRequest.fromResult(ResponseParts.whole(generation, request.parts), place)
  })

  const streamText = (input: LanguageModel.ProviderOptions) =>
    Stream.unwrap(Effect.gen(function*() {
      const request = yield* ModelRequest.make(llm, ids, input, placeOf("streamText"))
      return stream(llm, request, yield* configured)
    }))

  return yield* LanguageModel.make({
    codecTransformer,
    generateText,
    streamText,
    // most chat templates refuse a system message that is not the first
    supportsSystemMessagesInHistory: Effect.succeed(false)
  }).pipe(Effect.provideService(IdGenerator.IdGenerator, ids))
})

const placeOf = (method: string): AiFailure.Place => ({ module: "HuggingFaceLanguageModel", method })

/** Ids of nine letters and digits, as Mistral's chat templates require for calls. */
const nine = Effect.orDie(IdGenerator.make({
  alphabet: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  separator: "_",
  size: 9
}))

const callOf = (config: Options, tools: ModelRequest.ModelRequest["tools"]): Settings.CallOptions => {
  const { depth: _depth, free: _free, lenient: _lenient, retries: _retries, target: _target, ...call } = config
  return { ...call, ...tools, numGenerations: 1 }
}

type Service = LLM.InferenceEndpointsLLM["Service"]

const generate = (
  llm: Service,
  { messages, tools, tracer }: ModelRequest.ModelRequest,
  config: Options,
  format: LanguageModel.ProviderOptions["responseFormat"]
): Effect.Effect<Generation.Generation, LLM.GenerateError> =>
  Effect.provideService(
    format.type === "json"
      ? ObjectText.generate(llm, messages, { ...config, ...tools, schema: format.schema, name: format.objectName })
      : Effect.flatMap(llm.generate(messages, callOf(config, tools)), ({ generations: [generation] }) =>
        generation === undefined
          ? Effect.die("one generation was requested but none was returned")
          : Effect.succeed(generation)),
    Tracer.Tracer,
    tracer
  )

const stream = (
  llm: Service,
  { messages, parts, place, tools, tracer }: ModelRequest.ModelRequest,
  config: Options
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
  Stream.suspend(() => {
    const writer = ResponseParts.make(parts)
    return llm.stream(messages, callOf(config, tools)).pipe(
      Stream.provideService(Tracer.Tracer, tracer),
      Stream.mapError((error) => AiFailure.fromError(error, place)),
      Stream.mapAccumArrayEffect(
        () => writer,
        (writer, events) =>
          Effect.map(ModelRequest.fromResult(writer.write(events), place), (parts) => [writer, parts] as const)
      ),
      Stream.concat(Stream.suspend(() =>
        writer.isFinished ? Stream.empty : Stream.fail(AiError.make({ ...place, reason: ResponseParts.cut() }))
      ))
    )
  })

/** A Schema as `generateObject` reads responses: by its JSON form, where an absent optional field may be null. */
const codecTransformer: LanguageModel.CodecTransformer = (schema) => ({
  codec: Schema.toCodecJson(schema),
  jsonSchema: SchemaDocument.fromSchema(schema)
})

/**
 * The model over an existing service, such as that of `effect-inference-endpoints/node`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: { readonly config?: Options | undefined } = {}
): Layer.Layer<LanguageModel.LanguageModel, never, LLM.InferenceEndpointsLLM> =>
  Layer.effect(LanguageModel.LanguageModel, make(options))

/**
 * The options of a layer: where the model is, how the service behaves, and defaults of every call.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends LLM.LayerOptions {
  readonly config?: Options | undefined
}

/**
 * The model with the endpoint that the options name.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { LanguageModel } from "effect/ai"
 * import { FetchTransport } from "effect-inference-endpoints"
 * import { HuggingFaceLanguageModel } from "effect-inference-endpoints/ai"
 *
 * const Model = HuggingFaceLanguageModel.layer({ baseUrl: "http://localhost:8080" }).pipe(
 *   Layer.provide(FetchTransport.layer)
 * )
 *
 * const program = LanguageModel.generateText({ prompt: "Why is the sky blue?" }).pipe(Effect.provide(Model))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends LayerOptions>(
  options: O & EndpointConfig.OneTarget<O, LayerOptions>
): Layer.Layer<LanguageModel.LanguageModel, EndpointError | TemplateError, HttpClient.HttpClient> =>
  layerWith({ config: options.config }).pipe(Layer.provide(LLM.layer<LLM.LayerOptions>(options)))

/**
 * The model with the endpoint that a configuration names: `layer` with every option from a `Config`. Defaults of every call
 * are given separately, as they are.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <const O extends EffectConfig.Wrap<LLM.LayerOptions>>(
  options: O & EndpointConfig.OneConfigured<O, LLM.LayerOptions>,
  defaults: { readonly config?: Options | undefined } = {}
): Layer.Layer<
  LanguageModel.LanguageModel,
  EndpointError | TemplateError | EffectConfig.ConfigError,
  HttpClient.HttpClient
> => layerWith(defaults).pipe(Layer.provide(LLM.layerConfig<EffectConfig.Wrap<LLM.LayerOptions>>(options)))

/**
 * The options of a model by name.
 *
 * @category models
 * @since 0.2.0
 */
export interface ModelOptions extends Omit<LayerOptions, "modelId"> {}

/**
 * A model by name, for `ExecutionPlan` and wherever a `Model` is required. The name is a model id for the serverless router,
 * unless the options name an endpoint or a base URL: then it is only a label.
 *
 * A `Model` cannot fail to be built, so a configuration that names no endpoint fails every call instead.
 *
 * @category models
 * @since 0.1.0
 */
export const model = <const Name extends string, const O extends ModelOptions = {}>(
  name: Name,
  options?: O & EndpointConfig.OneTargetAtMost<O, ModelOptions>
): Model.Model<"huggingface", LanguageModel.LanguageModel, HttpClient.HttpClient> =>
  Model.make(
    "huggingface",
    name,
    Layer.catchTag(
      layer<LayerOptions>(
        options?.baseUrl === undefined && options?.endpointName === undefined
          ? { ...options, modelId: name }
          : { modelDisplayName: name, ...options }
      ),
      ["EndpointError", "TemplateError"],
      unavailable
    )
  )

const unavailable = (error: EndpointError | TemplateError): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    LanguageModel.make({
      codecTransformer,
      generateText: () => Effect.fail(AiFailure.fromError(error, placeOf("generateText"))),
      streamText: () => Stream.fail(AiFailure.fromError(error, placeOf("streamText")))
    })
  )
