import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InferenceEndpointsLLM } from "../../src/index.ts"

const schema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
  required: ["name", "age"],
  additionalProperties: false
}

const answering = (...texts: ReadonlyArray<string>) =>
  Effect.provide(InferenceEndpointsLLM.layerTest((_, index) => texts[index] ?? ""))

const ask = (given: Readonly<Record<string, unknown>>, retries = 0) =>
  InferenceEndpointsLLM.InferenceEndpointsLLM.use((llm) => llm.generateObject("Who?", { schema: given, retries }))

describe("generateObject with a plain JSON Schema", () => {
  it.effect("gives the JSON that the schema allows", () =>
    Effect.gen(function*() {
      const { value } = yield* ask(schema)
      assert.deepStrictEqual(value, { name: "Ada", age: 36 })
    }).pipe(answering("{\"name\":\"Ada\",\"age\":36}")))

  it.effect("asks again for a value that it does not allow, and fails with what is wrong and where", () =>
    Effect.gen(function*() {
      const { attempts, value } = yield* ask(schema, 1)
      assert.deepStrictEqual([attempts.length, value], [1, { name: "Ada", age: 36 }])
      const error = yield* Effect.flip(ask(schema))
      assert.strictEqual(error.reason._tag, "Mismatch")
      assert.include(error.message, "age")
    }).pipe(answering("{\"name\":\"Ada\"}", "{\"name\":\"Ada\",\"age\":36}", "{\"name\":\"Ada\"}")))
})
