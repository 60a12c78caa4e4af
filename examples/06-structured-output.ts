// A Schema in, a value out: the user profile of the Python original.
import { Console, Effect, Layer, Schema } from "effect"
import { InferenceEndpointsLLM } from "../src/index.ts"
import { Simulator } from "../src/simulator/index.ts"

class User extends Schema.Class<User>("User")({
  name: Schema.String,
  lastName: Schema.String,
  id: Schema.Int
}) {
  get initials() {
    return `${this.name.slice(0, 1)}${this.lastName.slice(0, 1)}`.toUpperCase()
  }
}

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { value } = yield* llm.generateObject("Create a user profile for the following marathon", { schema: User })
  yield* Console.log(value, value.initials)

  // what cannot be had says why: here the answer was cut by its limit
  yield* llm.generateObject("Create a user profile", { schema: User, maxNewTokens: 4 }).pipe(
    Effect.catchReason("StructuredOutputError", "Truncated", (reason) => Console.log(reason.message))
  )
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false })

await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(Simulator.layer({}))))))
