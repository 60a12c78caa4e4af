// One batch by workers that share no folder: their results go to an object store. The first one is stopped in the middle;
// its results are kept for the second one. Store and model are simulated; with real ones the folder is named
// s3://bucket/prefix.
import { NodeServices } from "@effect/platform-node"
import { Console, Deferred, Effect, Layer, Redacted } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import {
  Allowance,
  Collect,
  Database,
  Dispatch,
  ObjectFiles,
  ObjectStore,
  ShardTable,
  Split,
  Watch,
  Worker
} from "effect-inference-endpoints/cluster"
import { Platform, SimulatedObjectStore, Simulator } from "effect-inference-endpoints/simulator"
import { writeFileSync } from "node:fs"

writeFileSync(
  "rows.jsonl",
  Array.from({ length: 60 }, (_, row) => `${JSON.stringify({ id: `q${row}`, prompt: `Question ${row}?` })}\n`).join("")
)

const Service = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
  Layer.provide(Simulator.layer({ latency: { headers: "20 millis" } }))
)

const program = Effect.gen(function*() {
  const bucket = yield* SimulatedObjectStore.make()
  const Store = ObjectStore.layer({
    bucket: "bucket",
    prefix: "june",
    endpoint: "https://store.example",
    region: "us-east-1",
    accessKeyId: "key",
    secretAccessKey: Redacted.make("secret")
  }).pipe(Layer.provide(Platform.layer({ hosts: { "store.example": bucket.handler } })))

  /** What one machine has: the database, the store, and a temporary folder of its own. */
  const machine = Layer.mergeAll(
    ShardTable.layer,
    Dispatch.layer({ poll: "100 millis" }),
    Allowance.layer,
    ObjectFiles.layer().pipe(Layer.provide(Store))
  ).pipe(Layer.provideMerge(Database.layerSqlite("jobs.sqlite")), Layer.provideMerge(NodeServices.layer))

  const work = (worker: string, stop?: Effect.Effect<string>) =>
    Worker.run({ job: "june", worker, batch: { concurrency: 2, options: { maxNewTokens: 8 } }, stop }).pipe(
      Effect.scoped,
      Effect.provide(machine)
    )

  yield* Effect.provide(Split.run({ job: "june", input: "rows.jsonl", rowsPerShard: 20 }), machine)
  const enough = yield* Deferred.make<string>()
  yield* Effect.forkChild(Effect.delay(Deferred.succeed(enough, "stopped by hand"), "400 millis"))
  const first = yield* work("w1", Deferred.await(enough))
  yield* Console.log(`w1: ${first.why ?? "complete"}, ${bucket.objects.size} objects in the store`)
  yield* work("w2")
  yield* Console.log(Watch.text(yield* Effect.provide(Watch.status("june"), machine)))
  const { done, failed } = yield* Effect.provide(Collect.run({ job: "june", output: "out.jsonl" }), machine)
  yield* Console.log(`${done} rows done, ${failed} failed`)
})

await Effect.runPromise(program.pipe(Effect.provide(Service)))
