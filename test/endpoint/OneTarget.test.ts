import { assert, describe, it } from "@effect/vitest"
import { Layer } from "effect"
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
