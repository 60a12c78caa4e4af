// A streamed response, and what happens when the connection is cut in the middle of one.
import { Console, Effect, Layer, Stream } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const print = llm.stream("Tell me about lighthouses.", { maxNewTokens: 20 }).pipe(
    Stream.runForEach((event) =>
      event._tag === "Text"
        ? Effect.sync(() => process.stdout.write(event.text))
        : event._tag === "Finish"
        ? Console.log(`\n-- finished: ${event.generation.finishReason}`)
        : Effect.void
    )
  )
  yield* print

  const simulator = yield* Simulator.Simulator
  yield* simulator.fail(Fault.cut(4))
  yield* print.pipe(
    Effect.catchReason(
      "InferenceError",
      "StreamInterrupted",
      (reason, error) => Console.log(`\n-- ${error.ending}: ${reason.message} (after ${error.received?.events} events)`)
    )
  )
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provideMerge(Simulator.layer({}))))))
