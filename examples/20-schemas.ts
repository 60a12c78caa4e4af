// How an engine will treat a schema, before a run depends on it; and a value of a plain JSON Schema.
import { Console, Effect, Layer, Result } from "effect"
import { Grammar, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const tags = {
  type: "object",
  properties: {
    title: { type: "string", minLength: 1 },
    tags: { type: "array", items: { type: "string" }, uniqueItems: true, maxItems: 3 }
  },
  required: ["title", "tags"],
  additionalProperties: false
}

const program = Effect.gen(function*() {
  for (const engine of ["tgi", "vllm", "llamacpp"] as const) {
    const check = Grammar.check(tags, engine)
    yield* Console.log(
      Result.isSuccess(check)
        ? `${engine} (${check.success.compiler}): ${check.success.enforced.length} constraints enforced, left to the decoder: ${
          check.success.unenforced.map(({ keyword }) => keyword).join(", ") || "none"
        }`
        : `${engine}: ${check.failure.message}`
    )
  }
  const wrong = Grammar.check({ type: "nothing" }, "vllm")
  if (Result.isFailure(wrong)) yield* Console.log(`refused before sending: ${wrong.failure.message}`)

  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const simulator = yield* Simulator.Simulator
  yield* llm.ready
  yield* simulator.answer({ text: "{\"title\":\"Dusk\",\"tags\":[\"sky\",\"red\"]}" })
  const { value } = yield* llm.generateObject("A title and tags for a photograph of a sunset", { schema: tags })
  yield* Console.log(`value: ${JSON.stringify(value)}`)
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
  Layer.provideMerge(Simulator.layer({}))
)

await Effect.runPromise(program.pipe(Effect.provide(Model)))
