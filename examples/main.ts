// The main job: a file of prompts through a model into a file of answers, by `Batch.run`. See the README.
//
//   npm start                                  on the embedded simulator: no account, no network
//   HF_TOKEN=… INFERENCE_MODEL_ID=… npm start  on the real thing; or INFERENCE_ENDPOINT_NAME, or INFERENCE_BASE_URL
//   npm start -- my-prompts.jsonl my-answers.jsonl
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer } from "effect"
import { EndpointConfig, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Batch, BatchError, Report } from "effect-inference-endpoints/batch"
import { NodeInferenceEndpoints } from "effect-inference-endpoints/node"
import { Simulator } from "effect-inference-endpoints/simulator"

const [input = "examples/data/prompts.jsonl", given] = process.argv.slice(2)

const settings = { generationOptions: { maxNewTokens: 64, temperature: 0.7, seed: 1 } }

// answers at the pace of a small model, so that there is something to watch
const Simulated = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false, ...settings }).pipe(
  Layer.provide(Simulator.layer({ latency: { firstToken: 80, perToken: 8 } }))
)

let stop = () => {}
const stopped = Effect.callback<string>((resume) => {
  stop = () => resume(Effect.succeed("interrupted: no new rows, those in flight are finished"))
})

const job = Effect.gen(function*() {
  const endpoint = yield* EndpointConfig.fromEnv
  const isReal = endpoint.modelId !== undefined || endpoint.endpointName !== undefined || endpoint.baseUrl !== undefined
  const output = given ?? (isReal ? "results/answers.jsonl" : "results/simulated.jsonl")
  yield* Console.log(
    isReal
      ? `Model: ${endpoint.modelId ?? endpoint.endpointName ?? endpoint.baseUrl}`
      : "Model: the embedded simulator. It is not a model: its answers are words from a list.\n" +
        "Set HF_TOKEN and one of INFERENCE_MODEL_ID, INFERENCE_ENDPOINT_NAME, INFERENCE_BASE_URL for a real one."
  )
  const report = yield* Batch.run({ input, output, stop: stopped }).pipe(
    Effect.provide(isReal ? NodeInferenceEndpoints.layerEnv(settings) : Simulated)
  )
  return report.ending === "interrupted" ? 130 : Report.exitCode(report)
}).pipe(
  Effect.catch((error) =>
    Effect.as(Console.error(error.message), error instanceof BatchError.BatchError ? error.exitCode : 1)
  ),
  Effect.provide(NodeServices.layer)
)

const fiber = Effect.runFork(job)
process.once("SIGINT", () => {
  stop()
  process.once("SIGINT", () => process.exit(130))
})
process.exitCode = await Effect.runPromise(Fiber.join(fiber))
