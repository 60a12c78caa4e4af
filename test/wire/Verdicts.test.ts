import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as GenerationOptions from "../../src/GenerationOptions.ts"
import * as Recording from "./Recording.ts"

const deliveries = ["stream", "unary"] as const
const city = { type: "object", properties: { city: { type: "string" } } }
const tool = (parameters: unknown): GenerationOptions.GenerationOptions => ({
  tools: [{ name: "weather", parameters }]
})
const required = tool({ ...city, required: ["city"] })
const optional = tool(city)
const nothing = tool({ type: "object", properties: {} })

const told = ({ error }: Recording.Heard) =>
  error?._tag === "InferenceError" && error.reason._tag === "InvalidToolCall"
    ? { truncated: error.reason.truncated, message: error.message }
    : error

describe("arguments that are not valid JSON are an error", () => {
  for (const delivery of deliveries) {
    it.effect(`not a call with {}, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const heard = yield* Recording.play("call-not-json.sse", { ...optional, delivery })
        assert.deepInclude(told(heard), { truncated: false })
        assert.include(heard.error?.message, "city: Oslo")
        assert.notInclude(heard.events.map(({ _tag }) => _tag), "Finish")
      }))

    it.effect(`with advice about maxNewTokens where the limit cut them, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const heard = yield* Recording.play("call-cut.sse", { ...optional, delivery })
        assert.deepInclude(told(heard), { truncated: true })
        assert.include(heard.error?.message, "maxNewTokens")
      }))

    for (const name of ["call-arguments-lost.sse", "call-arguments-open.sse"]) {
      it.effect(`also where ${name} has none and the tool needs some, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          assert.deepInclude(told(yield* Recording.play(name, { ...required, delivery })), { truncated: false })
        }))

      it.effect(`but none are an empty object for a tool that needs none, as in ${name} asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          for (const options of [nothing, optional]) {
            const { generation } = yield* Recording.play(name, { ...options, delivery })
            assert.deepStrictEqual(generation?.toolCalls.map((call) => call.arguments), ["{}"])
          }
        }))
    }
  }

  for (const given of ["[1]", "\"Oslo\"", "null"]) {
    it.effect(`and so are those that are JSON and no object, such as ${given}`, () =>
      Effect.gen(function*() {
        const call = { index: 0, id: "a", function: { name: "weather", arguments: given } }
        const chunk = { choices: [{ delta: { tool_calls: [call] }, finish_reason: "tool_calls" }] }
        const body = `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`
        const heard = yield* Recording.heard(() => Recording.response("x.sse", body), optional)
        assert.include(heard.error?.message, "not a JSON object")
      }))
  }

  it.effect("also on a stream of TGI, whose router loses arguments, for a tool that takes any", () =>
    Effect.gen(function*() {
      const setup = { engine: "tgi", delivery: "stream" } as const
      assert.isDefined(told(yield* Recording.play("call-arguments-lost.sse", { ...optional, ...setup })))
      const { generation } = yield* Recording.play("call-arguments-lost.sse", { ...nothing, ...setup })
      assert.deepStrictEqual(generation?.toolCalls.map((call) => call.arguments), ["{}"])
    }))
})

describe("a call that toolChoice demands and the server did not make is an error", () => {
  for (const engine of ["tgi", "vllm", "sglang", "llamacpp", "router", "openai"] as const) {
    for (const delivery of deliveries) {
      it.effect(`on ${engine}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          for (const toolChoice of ["required", { name: "weather" }] as const) {
            const heard = yield* Recording.play("chat.sse", {
              ...optional,
              toolChoice,
              engine,
              delivery,
              unsupported: "warn"
            })
            assert.isDefined(told(heard))
            assert.include(heard.error?.message, "Hello there")
            assert.strictEqual(Recording.told(heard).at(-1), "Hello there")
          }
          const { generation } = yield* Recording.play("chat.sse", {
            ...optional,
            toolChoice: "auto",
            engine,
            delivery
          })
          assert.strictEqual(generation?.text, "Hello there")
        }))
    }
  }

  it.effect("and so is a call to another tool", () =>
    Effect.gen(function*() {
      const tools = [...(optional.tools ?? []), { name: "time", parameters: city }]
      const heard = yield* Recording.play("calls-as-usual.sse", { tools, toolChoice: { name: "time" } })
      assert.include(heard.error?.message, "toolChoice names time")
    }))

  it.effect("and one that the server announces and does not make", () =>
    Effect.gen(function*() {
      assert.isDefined(told(yield* Recording.play("call-announced.sse", optional)))
    }))

  it.effect("but a refusal is told as such", () =>
    Effect.gen(function*() {
      const body = `data: {"choices":[{"delta":{"refusal":"no"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`
      const { generation } = yield* Recording.heard(() => Recording.response("x.sse", body), {
        ...optional,
        toolChoice: "required"
      })
      assert.strictEqual(generation?.refusal, "no")
    }))
})
