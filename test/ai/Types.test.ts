import { assert, it } from "@effect/vitest"
import type { Effect, Layer } from "effect"
import { AiError, type EmbeddingModel, type LanguageModel, type Model, Prompt, type Response } from "effect/ai"
import type { HttpClient } from "effect/http"
import {
  type HuggingFaceEmbeddingModel,
  HuggingFaceLanguageModel,
  type HuggingFaceOptions
} from "../../src/ai/index.ts"
import type { EndpointError, InferenceEndpointsLLM } from "../../src/index.ts"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <_Law extends true>() => assert.isTrue(true)

it("options of messages and files are known to prompts", () => {
  const message = Prompt.userMessage({
    content: [Prompt.filePart({ mediaType: "image/png", data: "", options: { huggingface: { detail: "high" } } })],
    options: { huggingface: { name: "ada" } }
  })
  assert.strictEqual(message.options.huggingface?.name, "ada")
  // @ts-expect-error: no such detail
  const options: Prompt.FilePartOptions = { huggingface: { detail: "huge" } }
  assert.isDefined(options)
  // @ts-expect-error: a name is a text
  Prompt.systemMessage({ content: "", options: { huggingface: { name: 1 } } })
  // @ts-expect-error: no such option
  Prompt.assistantMessage({ content: [], options: { huggingface: { colour: "red" } } })
})

it("metadata of finishes and errors is known to their readers", () => {
  holds<
    Equal<
      Response.FinishPart["metadata"]["huggingface"],
      HuggingFaceOptions.HuggingFaceFinishMetadata | null | undefined
    >
  >()
  const error = new AiError.InternalProviderError({ description: "" })
  holds<Equal<typeof error.metadata.huggingface, HuggingFaceOptions.HuggingFaceErrorMetadata | null | undefined>>()
})

it("options of the model are those of the service, but for what a request says itself", () => {
  const options: HuggingFaceLanguageModel.Options = { temperature: 0, splitReasoning: true, retries: 2, lenient: true }
  assert.strictEqual(options.retries, 2)
  // @ts-expect-error: tools come with the toolkit
  const tools: HuggingFaceLanguageModel.Options = { tools: [] }
  // @ts-expect-error: one request is one generation
  const several: HuggingFaceLanguageModel.Options = { numGenerations: 2 }
  assert.isDefined([tools, several])
})

it("layers say what they need and how they fail", () => {
  holds<
    Equal<
      ReturnType<typeof HuggingFaceLanguageModel.layerWith>,
      Layer.Layer<LanguageModel.LanguageModel, never, InferenceEndpointsLLM.InferenceEndpointsLLM>
    >
  >()
  holds<
    Equal<
      ReturnType<typeof HuggingFaceLanguageModel.model<"m">>,
      Model.Model<"huggingface", LanguageModel.LanguageModel, HttpClient.HttpClient>
    >
  >()
  holds<
    Equal<
      ReturnType<typeof HuggingFaceEmbeddingModel.layer>,
      Layer.Layer<EmbeddingModel.EmbeddingModel, EndpointError.EndpointError, HttpClient.HttpClient>
    >
  >()
})

it("an override changes nothing of an effect's type", () => {
  type Self = Effect.Effect<1, "e", "r">
  const override = (self: Self) => HuggingFaceLanguageModel.withConfigOverride(self, {})
  holds<Equal<ReturnType<typeof override>, Self>>()
})
