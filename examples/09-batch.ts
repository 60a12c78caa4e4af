// A file of rows through an endpoint into a file, twice: the second run finds everything done. Runs on the simulator.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Batch, Report } from "effect-inference-endpoints/batch"
import { Simulator } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "batch-" })
  const input = `${directory}/questions.jsonl`
  const cities = ["Lisbon", "Oslo", "Quito", "Hanoi", "Accra", "Perth"]
  yield* fs.writeFileString(input, cities.map((city) => `${JSON.stringify({ id: city, city, words: 20 })}\n`).join(""))

  const batch = Batch.run({
    input,
    output: `${directory}/answers.jsonl`,
    columns: { template: "Describe {{ city }} in {{ words }} words." },
    options: { maxNewTokens: 24, seed: 7 },
    ordered: true
  })
  yield* batch
  const again = yield* batch
  yield* Console.log(
    `sent by the second run: ${again.rows.doneNow} rows; its exit code would be ${Report.exitCode(again)}`
  )
  const [first = ""] = (yield* fs.readFileString(again.output)).split("\n")
  yield* Console.log(first)
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide([Model.pipe(Layer.provide(Simulator.layer({}))), NodeServices.layer]))
)
