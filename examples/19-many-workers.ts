// One batch by several workers. Each may be a process on a machine of its own; here they share this one.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Cluster, Collect, Split, Watch, Worker } from "effect-inference-endpoints/cluster"
import { Simulator } from "effect-inference-endpoints/simulator"
import { writeFileSync } from "node:fs"

writeFileSync(
  "rows.jsonl",
  Array.from({ length: 60 }, (_, row) => `${JSON.stringify({ id: `q${row}`, prompt: `Question ${row}?` })}\n`).join("")
)

// With a real one: NodeInferenceEndpoints.layer({ ... }).
const Service = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
  Layer.provide(Simulator.layer())
)

// For many machines: database "postgres://…", and a folder that all of them see.
const Job = Cluster.layer({ database: Redacted.make("jobs.sqlite"), folder: "job", poll: "100 millis" }).pipe(
  Layer.provideMerge(NodeServices.layer)
)

const work = (worker: string) =>
  Effect.scoped(Worker.run({ job: "june", worker, batch: { options: { maxNewTokens: 8 } } }))

const program = Effect.gen(function*() {
  const { rows, shards } = yield* Split.run({ job: "june", input: "rows.jsonl", rowsPerShard: 10 })
  yield* Console.log(`${rows} rows in ${shards} shards`)
  yield* Effect.all([work("w1"), work("w2")], { concurrency: 2 })
  yield* Console.log(Watch.text(yield* Watch.status("june")))
  const { done, failed } = yield* Collect.run({ job: "june", output: "out.jsonl" })
  yield* Console.log(`${done} rows done, ${failed} failed`)
})

await Effect.runPromise(program.pipe(Effect.provide([Job, Service])))
