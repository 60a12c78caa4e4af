import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"
import * as Completion from "../../src/protocol/Completion.ts"
import * as Generate from "../../src/protocol/Generate.ts"
import * as Guard from "../../src/protocol/Guard.ts"
import * as Info from "../../src/protocol/Info.ts"
import * as Tokenize from "../../src/protocol/Tokenize.ts"

const schemas = {
  "/generate_stream": Generate.Frame,
  "/generate": Generate.Response,
  "a chat chunk": ChatCompletion.Chunk,
  "a chat answer": ChatCompletion.Response,
  "/v1/completions": Completion.Response,
  "/info": Info.Info,
  "/v1/models": Info.Models,
  "/tokenize": Tokenize.Tokens
} as const

/** The value as it arrives over the wire. */
const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** A copy in which the n-th leaf, counted through the whole value, is another value. */
const spoiled = (value: unknown, nth: number, by: unknown): unknown => {
  let left = nth
  const visit = (at: unknown): unknown => {
    if (Array.isArray(at)) return at.map(visit)
    if (typeof at === "object" && at !== null) {
      return Object.fromEntries(Object.entries(at).map(([key, child]) => [key, visit(child)]))
    }
    return left-- === 0 ? by : at
  }
  return visit(value)
}

const others = [null, true, 0, "text", [], {}, [1], { id: "x" }] as const

describe("the compiled check says what the schema says", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const codec: Schema.Codec<unknown, unknown> = schema
    const guard = Guard.make(codec)
    const is = Schema.is(codec)

    it.prop(`of values of ${name}`, { value: Arbitrary.schema(codec) }, ({ value }) => {
      assert.strictEqual(guard.is(wire(value)), is(wire(value)))
    })

    it.prop(`of values of ${name} with one leaf changed`, {
      value: Arbitrary.schema(codec),
      nth: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))),
      by: Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7]))
    }, ({ by, nth, value }) => {
      const changed = spoiled(wire(value), nth, others[by])
      assert.strictEqual(guard.is(changed), is(changed))
    })

    it.prop(`of anything else for ${name}`, { value: Arbitrary.schema(Schema.Json) }, ({ value }) => {
      assert.strictEqual(guard.is(value), is(value))
    })
  }
})

it("a schema with checks of its own is not simplified", () => {
  const guard = Guard.make(Schema.Struct({ at: Schema.Int }))
  assert.isTrue(guard.is({ at: 1 }))
  assert.isFalse(guard.is({ at: 1.5 }))
})

it("a platform without code generation checks the same", () => {
  const original = globalThis.Function
  try {
    globalThis.Function = Object.assign(() => {
      throw new EvalError("refused")
    }, original)
    const guard = Guard.make(Generate.Frame)
    assert.isTrue(guard.is({ token: { id: 1, text: "a" } }))
    assert.isFalse(guard.is({ token: { id: "1", text: "a" } }))
  } finally {
    globalThis.Function = original
  }
})
