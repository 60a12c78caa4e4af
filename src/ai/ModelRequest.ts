/**
 * A request of `effect/ai` in the terms of this package: what a call of the service needs, and what its response needs to
 * become parts.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as IdGenerator from "effect/ai/IdGenerator"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as AiTelemetry from "effect/ai/Telemetry"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Tracer from "effect/Tracer"
import type * as LLM from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import * as AiFailure from "./AiFailure.ts"
import * as GivenSpan from "./GivenSpan.ts"
import * as PromptMessages from "./PromptMessages.ts"
import type * as ResponseParts from "./ResponseParts.ts"
import * as ToolOffer from "./ToolOffer.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface ModelRequest {
  /** Where failures of this request happen. */
  readonly place: AiFailure.Place
  readonly messages: ReadonlyArray<Message.Message>
  readonly tools: ToolOffer.ToolOffer["options"]
  readonly parts: ResponseParts.Options
  /** The tracer of the service's spans, so that they become the one of the request. */
  readonly tracer: Tracer.Tracer
}

/**
 * Reads a request, and records it on its span. Fails for prompts and tools that no engine accepts, and when the endpoint has
 * to be known and cannot be found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  llm: LLM.InferenceEndpointsLLM["Service"],
  ids: IdGenerator.Service,
  { prompt, responseFormat, span, toolChoice, tools }: LanguageModel.ProviderOptions,
  place: AiFailure.Place
): Effect.fn.Return<ModelRequest, AiError.AiError> {
  AiTelemetry.addGenAIAnnotations(span, {
    provider: { name: "huggingface" },
    operation: { name: "chat" },
    output: { type: responseFormat.type }
  })
  const offer = yield* fromResult(ToolOffer.make(tools, toolChoice), place)
  return {
    place,
    messages: yield* fromResult(PromptMessages.make(prompt), place),
    tools: offer.options,
    parts: {
      modelId: yield* Effect.mapError(llm.displayName, (error) => AiFailure.fromError(error, place)),
      timestamp: yield* Clock.currentTimeMillis,
      callId: tools.length === 0 ? "" : yield* ids.generateId(),
      params: offer.params
    },
    tracer: yield* GivenSpan.tracer(span)
  }
})

/**
 * A result as an effect that fails at a place.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromResult = <A>(
  result: Result.Result<A, AiError.AiErrorReason>,
  place: AiFailure.Place
): Effect.Effect<A, AiError.AiError> =>
  Result.isSuccess(result)
    ? Effect.succeed(result.success)
    : Effect.fail(AiError.make({ ...place, reason: result.failure }))
