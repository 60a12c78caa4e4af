// A batch that decides instead of writing: a label with its probabilities per row, and the rows of each label.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Batch, Results } from "effect-inference-endpoints/batch"
import { Simulator } from "effect-inference-endpoints/simulator"

const reviews = ["Works as it should.", "Broke on the first day.", "Fine, but late.", "I would buy it again."]

// With a real server: NodeInferenceEndpoints.layer({ modelId: "org/model" }) and no simulator.
const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", engine: "vllm", apiKey: false }).pipe(
  Layer.provide(Simulator.layer({ engine: "vllm", version: "0.33.0" }))
)

const program = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  yield* files.writeFileString(
    "reviews.jsonl",
    reviews.map((review, row) => `${JSON.stringify({ id: `review-${row}`, review })}\n`).join("")
  )
  const report = yield* Batch.run({
    input: "reviews.jsonl",
    output: "judged.jsonl",
    columns: { prompt: "review" },
    keep: ["review"],
    task: {
      kind: "decide",
      questions: { verdict: { instructions: "Is the customer content?", labels: ["yes", "no"] } }
    },
    progress: "none"
  })
  yield* Results.convert({ output: "judged.jsonl" }, "flat.jsonl", { form: "flat" })
  const rows = (yield* files.readFileString("flat.jsonl")).trimEnd().split("\n").map((line) => JSON.parse(line))
  for (const { generation, review } of rows) {
    const { verdict } = JSON.parse(generation)
    yield* Console.log(`${verdict.label} (${verdict.probabilities[verdict.label].toFixed(2)}): ${review}`)
  }
  yield* Console.log(
    `${report.rows.done} of ${report.rows.total} rows are judged, by a simulator that understands nothing`
  )
})

await Effect.runPromise(program.pipe(Effect.provide([Model, NodeServices.layer])))
