import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as Enforcement from "../../src/structured/engines/printers/Enforcement.ts"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as Automaton from "../../src/structured/regex/Automaton.ts"
import * as RegexSyntax from "../../src/structured/regex/RegexSyntax.ts"
import * as Sample from "../../src/structured/schema/Sample.ts"
import * as StructuredOutput from "../../src/structured/StructuredOutput.ts"
import { allows, dangling, objectsOf } from "./SchemaLanguage.ts"
import { rooted, Sketch } from "./Sketches.ts"
import { accepts, writes } from "./TgiLanguage.ts"

const engines = ["vllm", "llamacpp", "openai"] as const

describe("for any schema, what is sent", () => {
  it.effect.prop(
    "has no reference that leads nowhere, and no keyword that the compiler refuses or ignores",
    [Sketch],
    ([sketch]) =>
      Effect.sync(() => {
        for (const engine of engines) {
          const made = Grammar.lowerSchema(Grammar.fromJsonSchema(rooted(sketch)), engine)
          if (Result.isFailure(made)) return assert.notInclude(made.failure.message, "undefined")
          const { schema, strict } = made.success
          assert.deepStrictEqual(dangling(schema), [])
          if (strict === false) continue
          for (const keyword of objectsOf(schema).flatMap((at) => Object.keys(at))) {
            if (isKeyword(keyword)) assert.isTrue(Enforcement.isHeld(Grammar.compilerOf(engine), keyword), keyword)
          }
        }
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop(
    "says what it lets through, and what it cannot write",
    [Sketch, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))],
    ([sketch, seed]) =>
      Effect.sync(() => {
        const schema = rooted(sketch)
        const source = Grammar.fromJsonSchema(schema)
        const read = Grammar.read(source)
        if (Result.isFailure(read)) return
        const original = allows(schema, { written: false })
        // values of the schema, and of others that look alike
        const values = [0, 1, 2].flatMap((step) => Sample.make(read.success, seed + step) ?? [])
        const others = [{ value: null }, { value: "" }, { value: "x\"y" }, { value: -7 }, { value: [1, 1] }, {
          value: {}
        }]
        for (const engine of ["tgi", "vllm", "llamacpp"] as const) {
          const made = Grammar.constrain(source, engine, "chat")
          if (Result.isFailure(made)) continue
          const { dropped } = made.success
          const written = writer(source, engine)
          for (const value of [...values, ...others]) {
            const [wanted, got] = [original(value), written(value)]
            const about = `${engine} ${JSON.stringify({ schema, value, dropped })}`
            if (wanted && !got) assert.isTrue(dropped.some(({ effect }) => effect === "unwritable"), about)
            if (!wanted && got) assert.isTrue(dropped.some(({ effect }) => effect === "unenforced"), about)
          }
        }
      }),
    { arbitrary: { runs: 150 } }
  )
})

const isKeyword = (keyword: string): keyword is Enforcement.Keyword => Object.hasOwn(Enforcement.keywords, keyword)

const writer = (source: Grammar.JsonSource, engine: "tgi" | "vllm" | "llamacpp"): (value: unknown) => boolean =>
  engine === "tgi"
    ? writes(source)
    : allows(Result.getOrThrow(Grammar.lowerSchema(source, engine)).schema, { written: true })

describe("numbers in a regex for TGI", () => {
  it.each([
    ["minimum: 0 forbids the sign", { type: "integer", minimum: 0 }, ["0", "7"], ["-1", "-0"]],
    ["minimum: 0 forbids the sign of fractions", { type: "number", minimum: 0 }, ["0.5"], ["-0.5"]],
    ["minimum: 0 takes 0, and what is written with a fraction or an exponent", { type: "number", minimum: 0 }, [
      "0",
      "0.0",
      "1e5"
    ], ["-0", "-0.0", "-1e5"]],
    ["minimum: -1 does not", { type: "integer", minimum: -1 }, ["-1"], []],
    ["exclusiveMinimum: 0 forbids the sign", { type: "integer", exclusiveMinimum: 0 }, ["1", "7"], ["-1", "-0"]],
    ["exclusiveMinimum: 0 forbids the sign of fractions", { type: "number", exclusiveMinimum: 0 }, ["0.5", "7"], [
      "-0.5",
      "-7",
      "-0"
    ]],
    ["exclusiveMinimum: -1 of an integer is minimum: 0", { type: "integer", exclusiveMinimum: -1 }, ["0"], [
      "-1",
      "-0"
    ]],
    ["exclusiveMinimum: -1 of a fraction does not", { type: "number", exclusiveMinimum: -1 }, ["-0.5"], []],
    ["bounds that exclude their numbers", { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 3 }, ["1", "2"], [
      "0",
      "3",
      "-1"
    ]],
    ["without a minimum there may be a sign", { type: "integer" }, ["-5"], []]
  ])("%s", (_, schema, valid, invalid) => {
    const { grammar } = Result.getOrThrow(Grammar.lower(Grammar.fromJsonSchema(schema), { target: "regex" }))
    const allowed = accepts(grammar)
    for (const text of valid) assert.isTrue(allowed(text), text)
    for (const text of invalid) assert.isFalse(allowed(text), text)
  })

  it("what the sign says is not told as dropped", () => {
    const { dropped } = Result.getOrThrow(
      Grammar.lower(Grammar.fromJsonSchema({ type: "integer", minimum: 0 }), { target: "regex" })
    )
    assert.deepStrictEqual(dropped, [])
  })
})

describe("the same meaning is read in one way", () => {
  it.each([
    { type: "object", properties: {}, additionalProperties: true },
    { type: "object", additionalProperties: true },
    { type: "object", additionalProperties: {} },
    { type: "object" }
  ])("$0 is an object of any keys", (schema) => {
    for (const engine of ["tgi", "vllm"] as const) {
      const one = Result.getOrThrow(Grammar.constrain(Grammar.fromJsonSchema(schema), engine, "chat"))
      const other = Result.getOrThrow(Grammar.constrain(Grammar.fromJsonSchema({ type: "object" }), engine, "chat"))
      assert.deepStrictEqual(one.fields, other.fields)
    }
  })
})

describe("the automaton of a regex", () => {
  const patterns = ["(?:ab|c)*d?", "[a-c]{2,4}x", "(?:a?){3}b", "a(?:b|bc)c", "(?:(?:a|b)*c)*"]

  it.effect.prop(
    "matches as JavaScript does",
    [Schema.Literals(patterns), Schema.String.check(Schema.isPattern(/^[abcdx]{0,7}$/u))],
    ([pattern, text]) =>
      Effect.sync(() => {
        const regex = Result.getOrThrow(RegexSyntax.parse(pattern, "ecma"))
        assert.strictEqual(Automaton.test(regex, text), new RegExp(`^(?:${pattern})$`, "u").test(text))
      })
  )
})

describe("a JSON Schema as a Schema", () => {
  const schema = StructuredOutput.schemaOf({
    type: "object",
    properties: { a: { type: "integer" } },
    required: ["a"],
    additionalProperties: false
  })

  it("is sent as the JSON Schema that it was made of", () => {
    const { schema: sent } = Result.getOrThrow(Grammar.lowerSchema(Grammar.fromSchema(schema), "vllm"))
    assert.deepStrictEqual<unknown>(sent.properties, { a: { type: "integer" } })
  })

  it.effect("decodes to JSON, and says what is wrong", () =>
    Effect.gen(function*() {
      const output = StructuredOutput.make(schema)
      const { value } = yield* output.decode({ text: "{\"a\":1}" })
      assert.deepStrictEqual<unknown>(value, { a: 1 })
      const error = yield* Effect.flip(output.decode({ text: "{\"a\":\"x\"}" }))
      assert.strictEqual(error.reason._tag, "Mismatch")
    }))
})
