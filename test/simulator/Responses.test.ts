import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Platform, SamplePlatform, Simulator } from "../../src/simulator/index.ts"
import * as Port from "../../src/simulator/platform/Port.ts"
import { events, post } from "./Wire.ts"

const ask = (body: object) => post("/v1/responses", { model: "org/m", input: "Hi", max_output_tokens: 200, ...body })

const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] }
const tools = [{ type: "function", name: "f", parameters: schema, strict: true }]

describe.each(["vllm", "sglang", "llamacpp"] as const)("/v1/responses of %s", (engine) => {
  const server = Simulator.layer({ engine, modelId: "org/m" })

  it.effect("says what the chat that it is converted to says", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "Hello there" })
      const { json, status } = yield* ask({
        instructions: "Be kind",
        input: [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }]
      })
      assert.strictEqual(status, 200)
      assert.strictEqual(json.output[0].content[0].text, "Hello there")
      assert.deepInclude(json, { object: "response", status: "completed" })
    }).pipe(Effect.provide(server)))

  it.effect("holds its text to a schema", () =>
    Effect.gen(function*() {
      const { json } = yield* ask({ text: { format: { type: "json_schema", name: "x", schema } } })
      assert.isNumber(JSON.parse(json.output[0].content[0].text).a)
    }).pipe(Effect.provide(server)))

  it.effect("calls a tool that it has to, and reads the result of one", () =>
    Effect.gen(function*() {
      const { json } = yield* ask({ tools, tool_choice: "required" })
      const [call] = json.output
      assert.deepInclude(call, { type: "function_call", name: "f", status: "completed" })
      assert.isNumber(JSON.parse(call.arguments).a)
      const { status } = yield* ask({
        input: [{ role: "user", content: "Hi" }, call, {
          type: "function_call_output",
          call_id: call.call_id,
          output: "2"
        }],
        tools
      })
      assert.strictEqual(status, 200)
    }).pipe(Effect.provide(server)))

  it.effect("streams a call by its fragments, and tells the whole at the end", () =>
    Effect.gen(function*() {
      const { text } = yield* ask({ tools, tool_choice: "required", stream: true })
      const list = events(text.replaceAll(/^event: .*\n/gm, ""))
      const fragments = list.filter(({ type }) => type === "response.function_call_arguments.delta")
      const done = list.find(({ type }) => type === "response.function_call_arguments.done")
      assert.strictEqual(fragments.map(({ delta }) => delta).join(""), done.arguments)
      assert.strictEqual(list.at(-1).response.output[0].arguments, done.arguments)
      assert.notInclude(list.map(({ type }) => type), "response.output_text.delta")
    }).pipe(Effect.provide(server)))

  it.effect("needs an input", () =>
    Effect.gen(function*() {
      const { json, status } = yield* ask({ input: undefined })
      assert.strictEqual(status, 400)
      assert.include(json.error.message, "input")
    }).pipe(Effect.provide(server)))
})

describe("/v1/responses of the router", () => {
  it.effect("goes to a provider of the model, and is refused for one that nobody serves", () =>
    Effect.gen(function*() {
      const origins = Port.origins("http://127.0.0.1:8080")
      const platform = yield* Platform.make({
        origins,
        router: SamplePlatform.router,
        provider: { modelId: SamplePlatform.model }
      })
      const handle = Port.make(platform, origins)
      const send = (model: string) =>
        handle({
          method: "POST",
          path: "/v1/responses",
          headers: { "content-type": "application/json", authorization: "Bearer hf_any" },
          body: JSON.stringify({ model, input: "Hi", max_output_tokens: 4 })
        })
      assert.strictEqual((yield* send(SamplePlatform.model)).status, 200)
      const refused = yield* send("org/none")
      assert.strictEqual(refused.status, 400)
      assert.include(refused.body, "model_not_supported")
    }))
})
