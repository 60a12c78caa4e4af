import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Line from "../../src/batch/rows/Line.ts"
import type { Generation } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

const optional = <A>(schema: Schema.Codec<A>) => Schema.optional(schema)
const Count = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e6 }))

const AnyGeneration = Schema.Struct({
  text: Schema.String,
  reasoning: optional(Schema.String),
  refusal: optional(Schema.String),
  toolCalls: Schema.Array(Schema.Struct({ id: Schema.String, name: Schema.String, arguments: Schema.String })),
  finishReason: Schema.String,
  rawFinishReason: optional(Schema.String),
  seed: Schema.optional(Schema.Union([Schema.Int, Schema.BigInt])),
  model: optional(Schema.String),
  systemFingerprint: optional(Schema.String),
  tokens: Schema.optional(Schema.Array(Schema.Struct({ text: Schema.String, logprob: Schema.Finite }))),
  statistics: Schema.Struct({
    duration: Count,
    attempts: Schema.Literal(1),
    inputTokens: optional(Count),
    outputTokens: optional(Count),
    timeToFirstToken: optional(Count),
    requestId: optional(Schema.String),
    provider: optional(Schema.String),
    seed: Schema.optional(Schema.Union([Schema.Int, Schema.BigInt])),
    cost: optional(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })))
  })
})

const provenance = (dollars: number | undefined): Line.Provenance => ({
  model: "m",
  revision: "",
  provider: "",
  engine: "tgi",
  engineVersion: "",
  template: "",
  prompt: "p",
  dollars,
  package: "x"
})

/** Every path of a line with the type that a reader of JSON gives it: integers and floats are two types. */
const typesOf = (line: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  const walk = (path: string, value: unknown): void => {
    if (Array.isArray(value)) return value.forEach((item) => walk(`${path}[]`, item))
    if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value)) walk(`${path}.${name}`, member)
      return
    }
    found.push(`${path}: ${value === null ? "null" : typeof value}`)
  }
  walk("", JSON.parse(line))
  const floats = [...line.matchAll(/"(?:dollars|cost)":(-?\d+)(?![\d.eE])/g)].map(([text]) => `${text} is an integer`)
  const numbers = [
    ...line.matchAll(
      /"(?:inputTokens|outputTokens|cachedTokens|reasoningTokens|timeToFirstToken|duration|attempts)":(-?[\d.eE+-]+)/g
    )
  ]
    .filter(([, digits = ""]) => !/^-?\d+$/.test(digits))
  return [...new Set([...found, ...floats, ...numbers.map(([text]) => `${text} is not an integer`)])].toSorted()
}

describe("the lines of an output", () => {
  it.prop(
    "all have the same fields, each of one type, whatever an answer holds",
    [
      AnyGeneration,
      Schema.Union([Schema.Undefined, Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 }))])
    ],
    ([generation, dollars]) => {
      const row = { id: "a", index: 0 }
      // what the schema gives is a generation with some of its fields
      const given = generation as Generation.Generation
      const line = Line.output(row, { generations: [given], provenance: provenance(dollars) })
      assert.deepStrictEqual(typesOf(line), typesOf(Line.output(row, { generations: [Bench.generation("x")] })))
      return true
    }
  )

  it("keep a text, a seed, calls and tokens as they were", () => {
    const calls = [{ id: "0", name: "f", arguments: "{\"a\":1.0}" }]
    const tokens = [{ text: "a", logprob: -1 }]
    const line = JSON.parse(Line.output({ id: "a", index: 3 }, {
      generations: [Bench.generation("é\u2028\"", { seed: 18446744073709551615n, toolCalls: calls, tokens })],
      input: "{\"n\":1234567890123456789}"
    }))
    const [first] = line.generations
    assert.strictEqual(first.text, "é\u2028\"")
    assert.strictEqual(first.seed, "18446744073709551615")
    assert.deepStrictEqual(JSON.parse(first.toolCalls), calls)
    assert.deepStrictEqual(JSON.parse(first.details).tokens, tokens)
  })

  it("keep what the server told beside the text", () => {
    const { statistics } = Bench.generation("x")
    const line = JSON.parse(Line.output({ id: "a", index: 0 }, {
      generations: [
        Bench.generation("x", {
          systemFingerprint: "vllm-0.32.0-a",
          statistics: { ...statistics, provider: "together", seed: 7n, cost: 0.5, cachedTokens: 2 }
        })
      ]
    }))
    const [first] = line.generations
    assert.strictEqual(first.systemFingerprint, "vllm-0.32.0-a")
    assert.deepInclude(first.statistics, { provider: "together", seed: "7", cost: 0.5, cachedTokens: 2 })
  })

  it("say the seed that was sent where the server tells none", () => {
    const { statistics } = Bench.generation("x")
    const line = Line.output({ id: "a", index: 0 }, {
      generations: [Bench.generation("x", { statistics: { ...statistics, seed: 2n ** 60n } })]
    })
    assert.include(line, `"seed":"${2n ** 60n}"`)
  })

  it("of errors all have the same fields, each of one type", () => {
    const failure = { stage: "s", reason: "r", message: "m", attempts: 1 }
    const row = { id: "a", index: 0 }
    assert.deepStrictEqual(
      typesOf(Line.error(row, failure)),
      typesOf(Line.error(row, { ...failure, status: 422, type: "validation" }))
    )
  })
})
