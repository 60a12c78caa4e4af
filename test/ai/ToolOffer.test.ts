import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Tool } from "effect/ai"
import * as ToolOffer from "../../src/ai/ToolOffer.ts"

class City extends Schema.Class<City>("City")({ name: Schema.String }) {}

const forecast = Tool.make("forecast", {
  description: "What the weather will be",
  parameters: Schema.Struct({
    city: City,
    days: Schema.optional(Schema.Int),
    from: Schema.Date,
    limit: Schema.FiniteFromString
  })
})

const now = Tool.make("now", { description: "The time" })

const offer = (...tools: ReadonlyArray<Tool.Any>) => Result.getOrThrow(ToolOffer.make(tools, "auto"))

describe("a tool that is offered", () => {
  it("has name, description and a schema without references", () => {
    const [tool] = offer(forecast).options.tools ?? []
    assert.strictEqual(tool?.name, "forecast")
    assert.strictEqual(tool?.description, "What the weather will be")
    assert.notInclude(JSON.stringify(tool?.parameters), "$ref")
  })

  it("has properties where it takes nothing, as TGI wants them", () => {
    const [tool] = offer(now).options.tools ?? []
    assert.deepStrictEqual(tool?.parameters, { type: "object", additionalProperties: false, properties: {} })
  })

  it("keeps the schema of a dynamic tool", () => {
    const parameters = { type: "object", properties: { a: { type: "string" } } } as const
    const [tool] = offer(Tool.dynamic("any", { parameters })).options.tools ?? []
    assert.deepStrictEqual(tool?.parameters, parameters)
  })

  it("cannot be one that a provider runs", () => {
    const search = Tool.providerDefined({
      id: "other.search",
      customName: "Search",
      providerName: "search",
      parameters: Schema.Struct({ query: Schema.String })
    })(undefined)
    const result = ToolOffer.make([search], "auto")
    assert.strictEqual(Result.isFailure(result) ? result.failure._tag : undefined, "ToolConfigurationError")
  })
})

const choice = (given: Parameters<typeof ToolOffer.make>[1]) =>
  Result.getOrThrow(ToolOffer.make([now], given)).options.toolChoice

describe("the choice of a tool", () => {
  it("is said as it is, by name, or by the mode of some", () => {
    assert.strictEqual(choice("required"), "required")
    assert.deepStrictEqual(choice({ tool: "now" }), { name: "now" })
    assert.strictEqual(choice({ oneOf: ["now"] }), "auto")
    assert.strictEqual(choice({ mode: "required", oneOf: ["now"] }), "required")
  })

  it("is not sent without tools", () => {
    assert.deepStrictEqual(offer().options, {})
  })
})

describe("what a model wrote as arguments", () => {
  it("becomes what the Toolkit decodes: null is absent, text is a date", () => {
    const { params } = offer(forecast)
    const text = `{"city":{"name":"Rome"},"days":null,"from":"2026-01-02T00:00:00.000Z","limit":"3"}`
    const encoded = Result.getOrThrow(params("forecast", text))
    const decoded = Schema.decodeUnknownSync(forecast.parametersSchema)(encoded)
    assert.strictEqual(decoded.city.name, "Rome")
    assert.isUndefined(decoded.days)
    assert.strictEqual(decoded.from.getUTCDate(), 2)
    assert.strictEqual(decoded.limit, 3)
  })

  it("stays as it is where it does not fit, so that the Toolkit says why", () => {
    assert.deepStrictEqual(Result.getOrThrow(offer(forecast).params("forecast", `{"city":1}`)), { city: 1 })
    assert.deepStrictEqual(Result.getOrThrow(offer(forecast).params("unknown", "[1]")), [1])
  })

  it("cannot change prototypes", () => {
    const result = offer(now).params("now", `{"__proto__":{"admin":true}}`)
    assert.strictEqual(Result.isFailure(result) ? result.failure._tag : undefined, "ToolParameterValidationError")
  })
})
