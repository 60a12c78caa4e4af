// An agent written only against effect/ai: tools, several turns, a streamed final response. Only the last layer names a
// server.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { HuggingFaceLanguageModel } from "effect-inference-endpoints/ai"
import { Simulator } from "effect-inference-endpoints/simulator"
import { Chat, Prompt, Tool, Toolkit } from "effect/ai"

const Tools = Toolkit.make(
  Tool.make("weather", {
    description: "The weather in a city",
    parameters: Schema.Struct({ city: Schema.String }),
    success: Schema.Struct({ degrees: Schema.Int, sky: Schema.String })
  }),
  Tool.make("pack", {
    description: "Puts a thing into the suitcase",
    parameters: Schema.Struct({ thing: Schema.String }),
    success: Schema.String
  })
)

const Handlers = Tools.toLayer({
  weather: ({ city }) => Effect.succeed({ degrees: city === "Bergen" ? 7 : 24, sky: "rain" }),
  pack: ({ thing }) => Effect.succeed(`${thing} is packed`)
})

/** Lets the model act until it has nothing more to do, at most this many times. */
const act = Effect.fnUntraced(function*(chat: Chat.Chat, prompt: Prompt.RawInput, turns: number) {
  let next = prompt
  for (let turn = 1; turn <= turns; turn++) {
    const { toolCalls, toolResults } = yield* chat.generateText({ prompt: next, toolkit: Tools })
    for (const { name, params } of toolCalls) yield* Console.log(`turn ${turn}: ${name}`, params)
    for (const { result } of toolResults) yield* Console.log("   ->", result)
    if (toolCalls.length === 0) return
    next = Prompt.empty
  }
})

const program = Effect.gen(function*() {
  const chat = yield* Chat.fromPrompt([{ role: "system", content: "You pack suitcases. Look at the weather first." }])
  yield* act(chat, "I am going to Bergen.", 5)
  yield* chat.streamText({ prompt: "Sum up in one sentence." }).pipe(
    Stream.runForEach((part) =>
      part.type === "text-delta"
        ? Effect.sync(() => process.stdout.write(part.delta))
        : part.type === "finish"
        ? Console.log(`\n-- ${part.reason}, ${part.usage.outputTokens.total} tokens`)
        : Effect.void
    )
  )
})

// What the simulated model does; with a real server this is `baseUrl`, `modelId` or `endpointName` and no script.
const answers = [
  { toolCalls: [{ name: "weather", arguments: { city: "Bergen" } }] },
  { toolCalls: [{ name: "pack", arguments: { thing: "a rain coat" } }] },
  { text: "Done." },
  { text: "Seven degrees and rain: your rain coat is packed." }
]
const Server = Simulator.layer({ script: () => answers.shift() })
const Model = HuggingFaceLanguageModel.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  config: { maxNewTokens: 512, temperature: 0 }
})

await Effect.runPromise(program.pipe(Effect.provide([Handlers, Model.pipe(Layer.provide(Server))])))
