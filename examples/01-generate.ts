// Two answers to one question, with what they cost. Runs on the simulator, which is not a model.
import { Console, Effect, Layer } from "effect"
import { InferenceEndpointsLLM, Message } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations } = yield* llm.generate(
    [Message.system("You are brief."), Message.user("Why is the sky red at sunset?")],
    { maxNewTokens: 24, temperature: 0.7, seed: 42, numGenerations: 2 }
  )
  for (const { finishReason, statistics, text } of generations) {
    yield* Console.log(
      `${text}\n  (${statistics.inputTokens} tokens in, ${statistics.outputTokens} out, ${finishReason})`
    )
  }
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(Simulator.layer({}))))))
