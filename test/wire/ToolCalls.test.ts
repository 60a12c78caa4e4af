import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ToolCalls from "../../src/protocol/ToolCalls.ts"
import * as Recording from "./Recording.ts"

const cities = ["{\"city\":\"Oslo\"}", "{\"city\":\"Rome\"}"]

const tools = [{ name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } }]

describe("parallel tool calls are told apart", () => {
  const shapes = [
    "calls-as-usual.sse",
    "calls-index-0-id-in-heads.sse",
    "calls-index-0-id-in-all.sse",
    "calls-index-0-whole.sse",
    "calls-no-index-heads.sse",
    "calls-no-index-whole.sse",
    "calls-second-tail-1.sse",
    "calls-new-id-in-all.sse"
  ]
  for (const shape of shapes) {
    for (const delivery of ["stream", "unary"] as const) {
      it.effect(`in ${shape}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { events, generation } = yield* Recording.play(shape, { tools, delivery })
          assert.deepStrictEqual(
            generation?.toolCalls.map(({ arguments: text, name }) => [name, text]),
            cities.map((city) => ["weather", city])
          )
          assert.lengthOf(new Set(generation?.toolCalls.map(({ id }) => id)), 2)
          if (delivery === "unary") return
          const streamed = events.reduce<ReadonlyArray<string>>((all, event) =>
            event._tag === "ToolCall" ? all.with(event.index, (all[event.index] ?? "") + event.arguments) : all, [
            "",
            ""
          ])
          assert.deepStrictEqual(streamed, cities)
        }))
    }
  }
})

describe("calls", () => {
  const Call = Schema.Struct({
    name: Schema.Literals(["f", "g"]),
    arguments: Schema.Record(Schema.Literals(["a", "b"]), Schema.Union([Schema.String, Schema.Int])),
    cut: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
  })
  const Calls = Schema.Array(Call).check(Schema.isMaxLength(4))

  const styles = {
    "the index counts up and ids are in the heads": (at: number, head: boolean) => ({
      index: at,
      ...(head && { id: `call_${at}` })
    }),
    "the index is always 0 and ids are in the heads": (at: number, head: boolean) => ({
      index: 0,
      ...(head && { id: `call_${at}` })
    }),
    "there is no index and ids are everywhere": (at: number) => ({ id: `call_${at}` }),
    "there are only ids in the heads": (at: number, head: boolean) => head ? { id: `call_${at}` } : {},
    "there is only an index": (at: number) => ({ index: at }),
    "there is neither": () => ({}),
    "all have the id 0, and an index": (at: number) => ({ index: at, id: "0" })
  } as const

  for (const [name, keys] of Object.entries(styles)) {
    it.prop(`come out as they went in where ${name}`, [Calls], ([calls]) => {
      const state = ToolCalls.make()
      for (const [at, call] of calls.entries()) {
        const text = JSON.stringify(call.arguments)
        state.add([{ ...keys(at, true), name: call.name, arguments: text.slice(0, call.cut) }])
        if (text.length > call.cut) state.add([{ ...keys(at, false), arguments: text.slice(call.cut) }])
      }
      const all = state.all()
      assert.deepStrictEqual(
        all.map(({ arguments: text, name }) => [name, text]),
        calls.map((call) => [call.name, JSON.stringify(call.arguments)])
      )
      assert.lengthOf(new Set(all.map(({ id }) => id)), calls.length)
    })
  }
})
