// Servers send the same generation in many shapes, and sometimes none at all. The program sees one shape, or an error.
import { Console, Effect, Layer } from "effect"
import { Generation, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

const shapes: ReadonlyArray<readonly [name: string, fault: Fault.Fault]> = [
  ["heartbeats in data", Fault.dataHeartbeats],
  ["named events", Fault.eventName("chunk")],
  ["JSON for a stream", Fault.otherDelivery],
  ["no finish reason", Fault.finishReason(undefined)],
  ["no usage", Fault.usage("never")],
  ["an end that says failure", Fault.finishReason("abort")],
  ["an end mark alone", Fault.endMarkOnly]
]

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const simulator = yield* Simulator.Simulator
  for (const [name, fault] of shapes) {
    yield* simulator.answer({ text: "Hello there." })
    yield* simulator.fail(fault)
    const told = yield* llm.generate("Hello").pipe(
      Effect.map(({ generations: [generation] }) => {
        const counted = generation !== undefined && Generation.isCounted(generation.statistics)
        return `${generation?.text} (${generation?.finishReason}, ${counted ? "counted" : "usage unknown"})`
      }),
      Effect.catchTag(
        "InferenceError",
        ({ reason, received }) => Effect.succeed(`${reason._tag}, received ${JSON.stringify(received?.text ?? "")}`)
      )
    )
    yield* Console.log(`${name}: ${told}`)
  }
})

const Model = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  // one attempt, to see each failure
  client: { retry: { attempts: 1 } }
})

await Effect.runPromise(program.pipe(
  Effect.provide(Model.pipe(Layer.provideMerge(Simulator.layer({ engine: "vllm" }))))
))
