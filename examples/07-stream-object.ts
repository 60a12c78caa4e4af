// A list that arrives element by element, each decoded as soon as it is complete.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const Character = Schema.Struct({
  name: Schema.String,
  weapon: Schema.Literals(["sword", "axe", "bow"]),
  strength: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20 }))
})

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  yield* llm.streamObject("Three characters for a game", {
    schema: Schema.Array(Character).check(Schema.isMinLength(3), Schema.isMaxLength(3)),
    element: Character,
    maxNewTokens: 200
  }).pipe(
    Stream.runForEach((event) =>
      event._tag === "Element"
        ? Console.log(`${event.index + 1}.`, event.value)
        : event._tag === "Done"
        ? Console.log(`all ${event.value.length} are here`)
        : Effect.void
    )
  )
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(Simulator.layer({}))))))
