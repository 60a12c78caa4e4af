import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { type Generation, Tool } from "../src/index.ts"

class Place extends Schema.Class<Place>("Place")({ city: Schema.String }) {}

const weather = Tool.make("get_weather", {
  description: "The weather",
  parameters: Schema.Struct({ at: Place, day: Schema.optionalKey(Schema.DateTimeUtcFromString) })
})
const stop = Tool.make("stop", { parameters: Schema.Struct({}) })
const tools = [weather, stop] as const

const calling = (...toolCalls: ReadonlyArray<Generation.ToolCall>): Generation.Generation => ({
  text: "",
  toolCalls,
  finishReason: "tool_calls",
  statistics: { duration: 0, attempts: 1 }
})

describe("a tool from a Schema", () => {
  it("is a definition without references, and nothing else is sent", () => {
    assert.deepStrictEqual(Object.keys(weather), ["name", "description", "parameters"])
    assert.notInclude(JSON.stringify(weather), "$ref")
  })

  it.effect("decodes the calls of a generation as values of its Schema", () =>
    Effect.gen(function*() {
      const calls = yield* Tool.calls(
        tools,
        calling(
          { id: "1", name: "get_weather", arguments: `{"at":{"city":"Bergen"}}` },
          { id: "2", name: "stop", arguments: "{}" }
        )
      )
      assert.deepStrictEqual(calls, [
        { id: "1", name: "get_weather", arguments: { at: new Place({ city: "Bergen" }) } },
        { id: "2", name: "stop", arguments: {} }
      ])
    }))

  it.effect("says what is wrong with arguments that do not fit", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Tool.calls(tools, calling({ id: "1", name: "get_weather", arguments: `{"at":{}}` }))
      )
      assert.strictEqual(error.reason._tag, "Mismatch")
      assert.include(error.message, "at.city")
    }))

  it.effect("says that a tool was never given", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Tool.calls(tools, calling({ id: "1", name: "fly", arguments: "{}" })))
      assert.include(error.message, "\"fly\", which is not one of the tools")
    }))
})
