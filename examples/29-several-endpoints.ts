// One batch over two endpoints, one of which goes away for good: the other one takes over its rows, and every row is there
// once.
import { NodeServices } from "@effect/platform-node"
import { Console, Context, Effect, FileSystem, Layer } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Batch } from "effect-inference-endpoints/batch"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

const ROWS = 300

/** With real servers: NodeInferenceEndpoints.layer({ baseUrl }), one for each address. */
const endpoint = (options: Parameters<typeof Simulator.layer>[0]) =>
  InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", engine: "tgi", apiKey: false }).pipe(
    Layer.provide(Simulator.layer({ latency: { headers: "5 millis" }, ...options }))
  )

let answered = 0

const program = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  yield* files.writeFileString(
    "in.jsonl",
    Array.from({ length: ROWS }, (_, row) => `${JSON.stringify({ id: `row-${row}`, prompt: `Question ${row}?` })}\n`)
      .join("")
  )
  const context = yield* Layer.build(
    endpoint({ faults: ({ method }) => method === "POST" && answered++ >= 5 ? [Fault.refuse] : [] })
  )
  const fragile = Context.get(context, InferenceEndpointsLLM.InferenceEndpointsLLM)
  const report = yield* Batch.run({
    input: "in.jsonl",
    output: "out.jsonl",
    options: { maxNewTokens: 8 },
    concurrency: 2,
    patience: "300 millis",
    others: { fragile },
    progress: (event) => event._tag === "Warning" ? Console.log(event.message.split(":")[0]) : Effect.void
  })
  const lines = (yield* files.readFileString("out.jsonl")).trimEnd().split("\n")
  yield* Console.log(`${report.rows.done} rows done, ${report.rows.failed} failed, ${lines.length} lines`)
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide([endpoint({}), NodeServices.layer])))
