// Two endpoints and a plan: the cheap one first, twice, and the other one when it does not answer.
import { Console, Effect, ExecutionPlan, Layer, Schedule } from "effect"
import { Retry } from "effect-inference-endpoints"
import { HuggingFaceLanguageModel } from "effect-inference-endpoints/ai"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"
import { type AiError, LanguageModel, Model } from "effect/ai"

// With real servers: model("org/small", { endpointName: "small", endpointNamespace: "org" }), and for the serverless
// router the model id alone.
const simulated = { baseUrl: "http://simulator", apiKey: false } as const

// This one has scaled to zero. The plan waits and retries, so the transport need not.
const Small = HuggingFaceLanguageModel.model("small", { ...simulated, client: { retry: Retry.none }, revive: false })
  .pipe(Layer.provide(Simulator.layer({ faults: ({ method }) => method === "POST" ? [Fault.unavailable] : [] })))

const Large = HuggingFaceLanguageModel.model("large", simulated).pipe(
  Layer.provide(Simulator.layer({ engine: "vllm", script: () => ({ text: "A lighthouse warns ships." }) }))
)

const plan = ExecutionPlan.make(
  {
    provide: Small,
    attempts: 2,
    schedule: Schedule.spaced("200 millis"),
    // a request that is wrong stays wrong everywhere
    while: (error: AiError.AiError) => error.isRetryable
  },
  { provide: Large }
)

const program = Effect.gen(function*() {
  const { text } = yield* LanguageModel.generateText({ prompt: "What is a lighthouse for?" }).pipe(
    Effect.tapErrorTag("AiError", ({ message }) => Console.log(`gave up on this attempt: ${message}`))
  )
  yield* Console.log(`${yield* Model.ModelName}: ${text}`)
})

await Effect.runPromise(Effect.withExecutionPlan(program, plan))
