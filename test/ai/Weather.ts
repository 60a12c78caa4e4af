import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { HuggingFaceLanguageModel } from "../../src/ai/index.ts"
import { Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"

/** A toolkit for conversations. */
export const Tools = Toolkit.make(
  Tool.make("weather", {
    description: "The weather in a city",
    parameters: Schema.Struct({ city: Schema.String, unit: Schema.optional(Schema.Literals(["C", "F"])) }),
    success: Schema.Struct({ degrees: Schema.Int })
  }),
  Tool.make("now", { description: "The time", success: Schema.String })
)

export const handlers = Tools.toLayer({
  weather: ({ city, unit = "C" }) => Effect.succeed({ degrees: city.length * (unit === "C" ? 1 : 2) }),
  now: () => Effect.succeed("noon")
})

export const engines = ["tgi", "vllm", "sglang", "llamacpp"] as const

/** Where a simulated server is, whatever the host. */
export const address = { baseUrl: "http://simulator", apiKey: false } as const

/** A model on a simulated server, with the server's controls and the handlers of the tools. */
export const live = (
  options: SimulatorOptions.Options,
  model: Omit<HuggingFaceLanguageModel.LayerOptions, "baseUrl" | "apiKey"> = {}
) =>
  Layer.mergeAll(
    HuggingFaceLanguageModel.layer({ ...address, ...model }).pipe(Layer.provideMerge(Simulator.layer(options))),
    handlers
  )

const Sent = Schema.Struct({
  model: Schema.optionalKey(Schema.String),
  messages: Schema.Array(Schema.Struct({
    role: Schema.String,
    content: Schema.optionalKey(Schema.NullOr(Schema.String)),
    reasoning_content: Schema.optionalKey(Schema.String),
    tool_call_id: Schema.optionalKey(Schema.String),
    tool_calls: Schema.optionalKey(Schema.Array(Schema.Struct({ id: Schema.String })))
  })),
  tools: Schema.optionalKey(Schema.Array(Schema.Struct({ function: Schema.Struct({ name: Schema.String }) }))),
  tool_choice: Schema.optionalKey(Schema.Json),
  response_format: Schema.optionalKey(Schema.Json),
  temperature: Schema.optionalKey(Schema.Finite),
  max_tokens: Schema.optionalKey(Schema.Int),
  seed: Schema.optionalKey(Schema.Int)
})

/** The body of the last request that a model was asked with. */
export const lastRequest = Effect.gen(function*() {
  const { journal } = yield* Simulator.Simulator
  const posts = (yield* journal.entries).filter(({ request }) => request.method === "POST")
  return yield* Schema.decodeUnknownEffect(Sent)(posts.at(-1)?.request.json)
})
