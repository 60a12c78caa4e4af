// What goes wrong between a program and a model, what the program sees, and how often it was tried.
import { Console, Effect, Layer } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

const failures: ReadonlyArray<readonly [name: string, fault: Fault.Fault]> = [
  // somebody else's fault: retried until the policy is exhausted
  ["the shard restarts", Fault.shardRestarting],
  ["a gateway times out", Fault.gatewayError(524)],
  ["the stream is cut before its first token", Fault.cut(0)],
  // the request's own: posted once, since a retry would not help
  ["too long, told in a 200", Fault.errorFrame("invalid_request_error", "17 tokens too many")],
  ["an image for a model of text", Fault.imageUnsupported],
  // the response's: posted once, with what there was of it
  ["compressed twice by a proxy", Fault.encoding("double")],
  ["cut after three tokens", Fault.cut(3)],
  // a request that brings the server down: not sent a third time
  ["the server dies of it", Fault.kill("20 millis")]
]

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  yield* llm.ready
  for (const [at, [name, fault]] of failures.entries()) {
    const simulator = yield* Simulator.Simulator
    yield* simulator.answer({ text: "One two three four five." })
    yield* simulator.journal.clear
    yield* simulator.fail(fault, { times: 4, when: ({ body }) => body.includes(`Question ${at}:`) })
    const told = yield* llm.generate(`Question ${at}: why?`, { delivery: "stream" }).pipe(
      Effect.as("no failure"),
      Effect.catchTag(
        "InferenceError",
        ({ attempts, isRetryable, reason, received }) =>
          Effect.succeed(
            `${reason._tag} after ${attempts} attempts${isRetryable ? ", may be tried later" : ""}` +
              (received === undefined ? "" : `, had received ${JSON.stringify(received.text)}`)
          )
      )
    )
    yield* Console.log(`${name}: ${told}`)
  }
})

const Model = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  // quick, so that there is little to wait for
  client: { retry: { transientBase: "30 millis", throttledBase: "30 millis", quota: false } }
})

await Effect.runPromise(program.pipe(
  Effect.provide(Model.pipe(Layer.provideMerge(Simulator.layer({ engine: "tgi" }))))
))
