import { assert, describe, it } from "@effect/vitest"
import { Config, Layer } from "effect"
import { HuggingFaceEmbeddingModel, HuggingFaceLanguageModel, HuggingFaceTokenizer } from "../../src/ai/index.ts"
import * as Endpoint from "../../src/endpoint/Endpoint.ts"
import { InferenceEndpointsLLM } from "../../src/index.ts"
import { NodeInferenceEndpoints } from "../../src/node/index.ts"

// each of these is checked by the compiler, which fails where the error it expects is missing
describe("the options of a layer", () => {
  it("name exactly one endpoint, which the type says", () => {
    const unread = [
      // @ts-expect-error none is given
      () => InferenceEndpointsLLM.layer({}),
      // @ts-expect-error what goes with an endpoint is no endpoint
      () => InferenceEndpointsLLM.layer({ apiKey: "hf_x", tokenizerId: "org/model" }),
      // @ts-expect-error two are given
      () => InferenceEndpointsLLM.layer({ modelId: "org/model", endpointName: "e" }),
      // @ts-expect-error two are given
      () => InferenceEndpointsLLM.layer({ modelId: "org/model", baseUrl: "http://localhost" }),
      // @ts-expect-error three are given
      () => InferenceEndpointsLLM.layer({ modelId: "org/model", endpointName: "e", baseUrl: "http://localhost" }),
      // @ts-expect-error none is given
      () => NodeInferenceEndpoints.layer({}),
      // @ts-expect-error two are given
      () => NodeInferenceEndpoints.layer({ endpointName: "e", baseUrl: "http://localhost" }),
      // @ts-expect-error an option that nobody knows
      () => InferenceEndpointsLLM.layer({ modelId: "org/model", modelid: "x" })
    ]
    assert.lengthOf(unread, 8)
  })

  it("do so for an endpoint, a language model, an embedding model and a tokenizer too", () => {
    const unread = [
      // @ts-expect-error none is given
      () => Endpoint.layer({ apiKey: "hf_x" }),
      // @ts-expect-error two are given
      () => Endpoint.layer({ modelId: "org/model", endpointName: "e" }),
      // @ts-expect-error none is given
      () => HuggingFaceLanguageModel.layer({ config: { seed: 1 } }),
      // @ts-expect-error two are given
      () => HuggingFaceLanguageModel.layer({ modelId: "org/model", baseUrl: "http://localhost" }),
      // @ts-expect-error none is given
      () => HuggingFaceEmbeddingModel.layer({}),
      // @ts-expect-error two are given
      () => HuggingFaceEmbeddingModel.layer({ endpointName: "e", baseUrl: "http://localhost" }),
      // @ts-expect-error none is given
      () => HuggingFaceTokenizer.layer({}),
      // @ts-expect-error two are given
      () => HuggingFaceTokenizer.layer({ endpointName: "e", modelId: "org/model" }),
      // @ts-expect-error the name is a model, unless one endpoint is given
      () => HuggingFaceLanguageModel.model("small", { endpointName: "e", baseUrl: "http://localhost" }),
      // @ts-expect-error the name is the model id
      () => HuggingFaceLanguageModel.model("org/model", { modelId: "org/model" }),
      // @ts-expect-error the name is no endpoint
      () => HuggingFaceEmbeddingModel.model("small", { dimensions: 8 }),
      // @ts-expect-error two are given
      () => HuggingFaceEmbeddingModel.model("small", { dimensions: 8, endpointName: "e", modelId: "org/model" })
    ]
    assert.lengthOf(unread, 12)
    assert.isTrue(
      [
        Endpoint.layer({ endpointName: "e" }),
        HuggingFaceLanguageModel.layer({ modelId: "org/model", config: { seed: 1 } }),
        HuggingFaceLanguageModel.model("org/model"),
        HuggingFaceLanguageModel.model("small", { baseUrl: "http://localhost" }),
        HuggingFaceEmbeddingModel.layer({ baseUrl: "http://localhost" }),
        HuggingFaceEmbeddingModel.model("small", { dimensions: 8, modelId: "org/model" }),
        HuggingFaceTokenizer.layer({ baseUrl: "http://localhost" })
      ].every(Layer.isLayer)
    )
  })

  it("do so where each is a Config too", () => {
    const name = Config.String("NAME")
    const unread = [
      // @ts-expect-error none is given
      () => InferenceEndpointsLLM.layerConfig({ tokenizerId: name }),
      // @ts-expect-error two are given
      () => InferenceEndpointsLLM.layerConfig({ modelId: name, endpointName: name }),
      // @ts-expect-error an option that nobody knows
      () => InferenceEndpointsLLM.layerConfig({ modelId: name, modelid: name }),
      // @ts-expect-error two are given
      () => Endpoint.layerConfig({ modelId: name, baseUrl: name }),
      // @ts-expect-error two are given
      () => NodeInferenceEndpoints.layerConfig({ endpointName: name, baseUrl: name }),
      // @ts-expect-error two are given
      () => HuggingFaceLanguageModel.layerConfig({ endpointName: name, baseUrl: name })
    ]
    assert.lengthOf(unread, 6)
    const all: Config.Config<InferenceEndpointsLLM.LayerOptions> = Config.map(name, (modelId) => ({ modelId }))
    assert.isTrue(
      [
        InferenceEndpointsLLM.layerConfig({ modelId: name, tokenizerId: name }),
        InferenceEndpointsLLM.layerConfig(all),
        Endpoint.layerConfig({ endpointName: name }),
        NodeInferenceEndpoints.layerConfig({ baseUrl: name }),
        HuggingFaceLanguageModel.layerConfig({ baseUrl: name })
      ].every(Layer.isLayer)
    )
  })

  it("may be known at run time alone, and are then checked there", () => {
    const read: InferenceEndpointsLLM.LayerOptions = { modelId: "org/model", endpointName: "e" }
    const either = Math.random() < 2 ? { modelId: "org/model" } : { baseUrl: "http://localhost" }
    const layers = [
      InferenceEndpointsLLM.layer({ modelId: "org/model" }),
      InferenceEndpointsLLM.layer({ endpointName: "e", endpointNamespace: "org", apiKey: false }),
      InferenceEndpointsLLM.layer(read),
      InferenceEndpointsLLM.layer(either),
      NodeInferenceEndpoints.layer({ baseUrl: "http://localhost" })
    ]
    assert.isTrue(layers.every(Layer.isLayer))
  })
})
