/** Streams so many lazily made rows through the service and the simulator, or through work alone; prints what it took. */
import { Effect, Layer, Stream } from "effect"
import { Batch, Streaming } from "../../src/batch/index.ts"
import { InferenceEndpointsLLM } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as Bench from "./Bench.ts"

const [rows = 0, through] = [Number(process.argv[2]), process.argv[3]]

function* inputs() {
  for (let row = 0; row < rows; row++) yield { input: `question ${row} of a long list`, options: { maxNewTokens: 1 } }
}

const count = (generate: Bench.Generate) =>
  Streaming.stream(Stream.fromIterable(inputs()), generate, { concurrency: 32 }).pipe(
    Stream.runFold(() => 0, (total, { result }) => total + (result._tag === "Success" ? 1 : 0))
  )

const simulated = Batch.stream(Stream.fromIterable(inputs()), {
  concurrency: 32,
  options: { delivery: "unary" }
}).pipe(
  Stream.runFold(() => 0, (total, { result }) => total + (result._tag === "Success" ? 1 : 0)),
  Effect.provide(
    InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
      Layer.provide(Simulator.layer({ journalLimit: 10 }))
    )
  )
)

console.log(await Effect.runPromise(through === "simulator" ? simulated : count(Bench.echo)))
