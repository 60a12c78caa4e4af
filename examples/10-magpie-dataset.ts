// A small instruction data set from nothing but a model: Magpie lets it write the questions, and a second batch answers
// them as JSON. Runs on the simulator, so the words mean nothing; the steps are those of a real data set.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Schema } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Batch } from "effect-inference-endpoints/batch"
import { Simulator } from "effect-inference-endpoints/simulator"

const chatml =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

const target = { baseUrl: "http://simulator", apiKey: false, chatTemplate: chatml } as const
const Server = Simulator.layer({})

/** The prompt ends where a user would begin to write: the model goes on as the user. */
const Asks = InferenceEndpointsLLM.layer({ ...target, useMagpieTemplate: true, magpiePreQueryTemplate: "qwen2" }).pipe(
  Layer.provide(Server)
)
const Answers = InferenceEndpointsLLM.layer(target).pipe(Layer.provide(Server))

const Reply = Schema.Struct({ answer: Schema.String, confident: Schema.Boolean })

const Question = Schema.fromJsonString(
  Schema.Struct({ id: Schema.String, generations: Schema.NonEmptyArray(Schema.Struct({ text: Schema.String })) })
)

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "magpie-" })
  const file = (name: string) => `${directory}/${name}.jsonl`
  const writeRows = (name: string, rows: ReadonlyArray<unknown>) =>
    fs.writeFileString(file(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

  // empty conversations; the seed of the row makes each question different
  yield* writeRows("seeds", Array.from({ length: 5 }, (_, seed) => ({ messages: [], options: { seed } })))
  yield* Batch.run({
    input: file("seeds"),
    output: file("questions"),
    columns: { options: "options" },
    options: { maxNewTokens: 16, temperature: 1, stopSequences: ["<|im_end|>"] },
    ordered: true
  }).pipe(Effect.provide(Asks))

  const lines = (yield* fs.readFileString(file("questions"))).trim().split("\n")
  const questions = yield* Effect.forEach(lines, (line) => Schema.decodeEffect(Question)(line))
  yield* writeRows("prompts", questions.map(({ generations, id }) => ({ id, prompt: generations[0].text })))
  yield* Batch.run({
    input: file("prompts"),
    output: file("answers"),
    options: { maxNewTokens: 200, structuredOutput: { format: "json", schema: Reply } },
    ordered: true
  }).pipe(Effect.provide(Answers))

  yield* Console.log((yield* fs.readFileString(file("answers"))).trim())
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(NodeServices.layer)))
