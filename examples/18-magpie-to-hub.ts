// A chat data set from nothing but a model, on the Hub: Magpie writes conversations of two turns under system prompts that
// are drawn by weight, and leaves out repeated questions; a judge rates each one with a probability; the good ones are
// written as Parquet, shown in a dry run, pushed with a data card, and read back by name. Models and Hub are simulated, so
// the words mean nothing; the steps and the files are those of a real data set.
import { NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Layer, Stream } from "effect"
import { Decision, HubDatasets, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { DatasetFiles, DatasetSource, Features, MagpieRows, Push } from "effect-inference-endpoints/dataset"
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

/** What it likes hangs on the length of the text; with a real model nothing is scripted. */
const Judge = InferenceEndpointsLLM.layer({ baseUrl: "http://judge", apiKey: false }).pipe(
  Layer.provide(Simulator.layer({
    engine: "vllm",
    script: (_, prompt) => {
      const good = prompt.length % 5 < 3 ? 0.7 : 0.2
      const top = [{ text: "good", logprob: Math.log(good) }, { text: "poor", logprob: Math.log(0.9 - good) }]
      return {
        tokens: top.toSorted((a, b) => b.logprob - a.logprob).slice(0, 1).map((first) => ({
          ...first,
          special: false,
          top
        }))
      }
    }
  }))
)

const quality = Decision.question({
  instructions: "How good is this question for training an assistant?",
  labels: { good: "clear, specific, worth an answer", poor: "vague, broken or trivial" }
})

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
  const judge = yield* Layer.build(Judge)
  const judged = magpie.rows.pipe(
    Stream.mapEffect((row) =>
      Decision.decide(JSON.stringify(row["conversation"]), quality).pipe(
        Effect.provide(judge),
        Effect.map(({ probabilities }) => ({ ...row, quality: probabilities.good }))
      ), { concurrency: 8 }),
    Stream.filter((row) => row.quality >= 0.5)
  )
  const train = yield* DatasetFiles.write(judged, {
    folder,
    features: [...magpie.features, ...Features.make({ quality: Features.float64 })]
  })

  const { done, duplicates, failures, tokens } = yield* magpie.tally
  yield* Console.log(
    `made: ${done} conversations, ${duplicates} left out as duplicates, ${train.rows} liked by the judge`
  )
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
