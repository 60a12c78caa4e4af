// Retries, time limits and reports of waits: one policy for a call and for finding its endpoint.
import { Console, Duration, Effect, Layer } from "effect"
import { Deadline, InferenceEndpointsLLM, Retry } from "effect-inference-endpoints"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

let busy = 2

// A server that is too busy for the first two requests. With a real one: NodeInferenceEndpoints.layer({ ... }).
const Service = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  client: {
    // given in part: the rest is Retry.standard
    retry: { attempts: 3, throttledBase: "200 millis" },
    // the whole of a call, with its waits, and with finding out where the endpoint is
    timeouts: { total: "30 seconds" }
  }
}).pipe(
  Layer.provide(Simulator.layer({
    faults: ({ method }) => method === "POST" && busy-- > 0 ? [Fault.overloaded] : []
  }))
)

const program = Effect.gen(function*() {
  const { generations } = yield* llm.use((service) => service.generate("What is a lighthouse for?"))
  yield* Console.log(`it answered: ${generations[0]?.text !== ""}`)

  // one call without a second attempt
  const once = yield* llm.use((service) => service.generate("And now?")).pipe(
    Effect.provideService(Retry.CurrentPolicy, Retry.none),
    Effect.result
  )
  yield* Console.log(`once: ${once._tag}`)

  // several calls that have to be over together
  const both = yield* llm.use((service) => Effect.all([service.generate("One?"), service.generate("Two?")])).pipe(
    Deadline.within(Duration.seconds(10))
  )
  yield* Console.log(`${both.length} calls within one deadline`)
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(Service),
    // every wait is reported before it begins: for another attempt, or for an endpoint that is starting
    Effect.provideService(
      Retry.OnWait,
      ({ delay, reason, subject }) =>
        Console.log(`waiting ${Duration.toMillis(delay) < 1000 ? "briefly" : "long"} for ${subject}: ${reason}`)
    )
  )
)
