// A Schema in, a value out: the user profile of the Python original, over each of the three ways to name a model.
import { Console, Effect, Layer, Schema } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Platform, Simulator } from "effect-inference-endpoints/simulator"

class User extends Schema.Class<User>("User")({
  name: Schema.String,
  lastName: Schema.String,
  id: Schema.Int
}) {
  get initials() {
    return `${this.name.slice(0, 1)}${this.lastName.slice(0, 1)}`.toUpperCase()
  }
}

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { value } = yield* llm.generateObject("Create a user profile for the following marathon", { schema: User })
  yield* Console.log(yield* llm.displayName, value, value.initials)

  // a missing value has its reason: here the token limit cut the response
  yield* llm.generateObject("Create a user profile", { schema: User, maxNewTokens: 4 }).pipe(
    Effect.catchReason("StructuredOutputError", "Truncated", (reason) => Console.log(reason.message))
  )
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
          inferenceProviderMapping: { together: { status: "live", providerId: "org/model", task: "conversational" } }
        }
      }
    }
  },
  router: { models: { "org/model": [{ provider: "together", supports_structured_output: true }] } },
  endpoints: { endpoints: { "my-org/my-endpoint": { state: "running" } } }
})

const { layer } = InferenceEndpointsLLM
const serverless = layer({ modelId: "org/model", apiKey: "hf_example" }).pipe(Layer.provide(HuggingFace))
const dedicated = layer({ endpointName: "my-endpoint", endpointNamespace: "my-org", apiKey: "hf_example" }).pipe(
  Layer.provide(HuggingFace)
)
const baseUrl = layer({ baseUrl: "http://localhost:8080", apiKey: false }).pipe(Layer.provide(Simulator.layer({})))

for (const model of [serverless, dedicated, baseUrl]) await Effect.runPromise(program.pipe(Effect.provide(model)))
