// A model by its id, served by an inference provider, billed to an organisation. Runs on a simulated platform.
// the layer is NodeInferenceEndpoints.layer({ modelId: "Qwen/Qwen3-8B", provider: "cheapest" }) with HF_TOKEN set.
import { Console, Effect, Layer } from "effect"
import { Endpoint, InferenceEndpointsLLM, Message } from "effect-inference-endpoints"
import { Platform } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const endpoint = yield* Endpoint.Endpoint
  const { modelName, offers } = yield* endpoint.target
  yield* Console.log(`asked as ${modelName}`)
  for (const { contextLength, pricing, provider, status } of offers ?? []) {
    yield* Console.log(`  ${provider} (${status}): ${contextLength} tokens, $${pricing?.output} per million of answer`)
  }
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations } = yield* llm.generate([Message.user("Why is the sky blue?")], { maxNewTokens: 16 })
  for (const { text } of generations) yield* Console.log(text)
})

const Model = InferenceEndpointsLLM.layer({
  modelId: "org/model",
  provider: "cheapest",
  billTo: "acme",
  apiKey: "hf_example"
})

const HuggingFace = Platform.layer({
  hub: {
    users: { hf_example: { name: "ada" } },
    repos: {
      "org/model": {
        commit: "0".repeat(40),
        files: {},
        info: {
          pipeline_tag: "text-generation",
          inferenceProviderMapping: {
            groq: { status: "live", providerId: "model", task: "conversational" },
            together: { status: "live", providerId: "org/model", task: "conversational" }
          }
        }
      }
    }
  },
  router: {
    models: {
      "org/model": [
        { provider: "groq", context_length: 131_072, pricing: { input: 0.1, output: 0.3 } },
        { provider: "together", context_length: 32_768, pricing: { input: 0.2, output: 0.2 } }
      ]
    }
  }
})

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(HuggingFace)))))
