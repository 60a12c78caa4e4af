// A tool from a Schema: the model's call comes back as a value, the result goes into the history.
import { Console, Effect, Layer, Schema } from "effect"
import { InferenceEndpointsLLM, Message, Tool } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const weather = Tool.make("get_weather", {
  description: "The weather in a city",
  parameters: Schema.Struct({ city: Schema.String, unit: Schema.Literals(["celsius", "fahrenheit"]) })
})

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const question = Message.user("What is the weather in Bergen?")
  const { generations: [asked] } = yield* llm.generate([question], { tools: [weather], toolChoice: "required" })
  if (asked === undefined) return
  const [call] = yield* Tool.calls([weather], asked)
  if (call === undefined) return
  yield* Console.log("the model calls", call.name, call.arguments)

  const history = [question, Message.calls(asked), Message.tool(call.id, "7 degrees, rain")]
  const { generations: [answer] } = yield* llm.generate(history, { maxNewTokens: 24 })
  yield* Console.log(answer?.text)
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(Simulator.layer({}))))))
