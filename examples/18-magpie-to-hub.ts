// A chat data set from nothing but a model, on the Hub: Magpie writes conversations of two turns under system prompts that
// are drawn by weight; they are filtered, written as Parquet, shown in a dry run, pushed with a data card, and read back by
// name. Model and Hub are simulated, so the words mean nothing; the steps and the files are those of a real data set.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Stream } from "effect"
import { HubDatasets, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { DatasetFiles, DatasetSource, MagpieRows, Push } from "effect-inference-endpoints/dataset"
import { Platform, Simulator } from "effect-inference-endpoints/simulator"

const Model = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  chatTemplate:
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  useMagpieTemplate: true,
  magpiePreQueryTemplate: "qwen2",
  generationOptions: { temperature: 1, stopSequences: ["<|im_end|>"] }
}).pipe(Layer.provide(Simulator.layer({})))

const Hub = HubDatasets.layer({ token: "hf_ada" }).pipe(
  Layer.provide(Platform.layer({ hub: { users: { hf_ada: { name: "ada" } } } }))
)

const program = Effect.gen(function*() {
  const magpie = yield* MagpieRows.make({
    rows: 40,
    turns: 2,
    systemPrompts: { brief: ["Answer in one sentence.", 0.25], thorough: ["Explain every step.", 0.75] },
    includeSystemPrompt: true,
    instructionOptions: { maxNewTokens: 12 },
    responseOptions: { maxNewTokens: 24 }
  })

  const folder = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const train = yield* DatasetFiles.write(
    magpie.rows.pipe(Stream.filter((row) => Number(row["instruction_length"]) >= 20)),
    { folder, features: magpie.features }
  )

  const { done, failures, tokens } = yield* magpie.tally
  const target: Push.Options = {
    repo: "ada/magpie-chats",
    splits: [train],
    card: {
      license: "apache-2.0",
      made: {
        models: [{ id: yield* InferenceEndpointsLLM.InferenceEndpointsLLM.use(({ displayName }) => displayName) }],
        template: "<|im_start|>user\n",
        rows: { done, failed: Object.values(failures).reduce((sum, count) => sum + count, 0) },
        failures,
        tokens,
        command: "node examples/18-magpie-to-hub.ts"
      }
    }
  }

  const plan = yield* Push.plan(target)
  yield* Console.log(`would push: ${plan.files.map(({ path, status }) => `${path} (${status})`).join(", ")}`)

  const pushed = yield* Push.push(target)
  yield* Console.log(pushed.card.slice(0, pushed.card.indexOf("## Preview")))
  const again = yield* Push.push(target)
  yield* Console.log(`commits: ${pushed.commits.length}, when it is repeated: ${again.commits.length}`)

  const source = "hf://datasets/ada/magpie-chats"
  const rows = yield* Stream.runCollect(DatasetSource.rows(source, { columns: ["system_prompt_key"] }))
  const brief = rows.filter((row) => row["system_prompt_key"] === "brief").length
  yield* Console.log(`read back: ${rows.length} of ${train.rows} rows, ${brief} of them brief`)
})

await Effect.runPromise(
  Effect.scoped(program).pipe(Effect.provide(Layer.mergeAll(Model, Hub).pipe(Layer.provideMerge(NodeServices.layer))))
)
