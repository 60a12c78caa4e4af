// A dedicated endpoint by its name. It is paused: it is resumed and waited for, and the program watches. Runs on a simulated
// platform, where a start takes a second and a half. In your own program the imports come from "effect-inference-endpoints"
// and the layer is NodeInferenceEndpoints.layer({ endpointName: "my-endpoint", endpointNamespace: "my-org" }).
import { Console, Duration, Effect, Layer, Stream } from "effect"
import { Endpoint, InferenceEndpointsLLM, Message } from "effect-inference-endpoints"
import { Platform } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const endpoint = yield* Endpoint.Endpoint
  yield* endpoint.progress.pipe(
    Stream.runForEach(({ action, elapsed, state, subject }) =>
      Console.log(`${subject} is ${state} (${action}, after ${Math.round(Duration.toSeconds(elapsed))} s)`)
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  const { displayName, engine } = yield* endpoint.target
  yield* Console.log(`${displayName} is served by ${engine.kind} ${engine.version}`)
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations } = yield* llm.generate([Message.user("Why is the sky blue?")], { maxNewTokens: 16 })
  for (const { text } of generations) yield* Console.log(text)
}).pipe(Effect.scoped)

const Model = InferenceEndpointsLLM.layer({
  endpointName: "my-endpoint",
  endpointNamespace: "my-org",
  apiKey: "hf_example"
})

const HuggingFace = Platform.layer({
  endpoints: { endpoints: { "my-org/my-endpoint": { state: "paused", pending: 500, initializing: 1000 } } }
})

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(HuggingFace)))))
