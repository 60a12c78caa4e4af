import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as OutputSpec from "../../src/structured/OutputSpec.ts"

class User extends Schema.Class<User>("User")({ name: Schema.String, id: Schema.Int }) {}

const user = {
  type: "object",
  properties: { name: { type: "string" }, id: { type: "integer" } },
  required: ["name", "id"],
  additionalProperties: false
}

const fields = (source: Grammar.Source, engine: Grammar.EngineKind, route: Grammar.Route) =>
  Result.getOrThrow(Grammar.constrain(source, engine, route)).fields

const refusal = (source: Grammar.Source, engine: Grammar.EngineKind, route: Grammar.Route) => {
  const { reason } = Result.getOrThrow(Result.flip(Grammar.constrain(source, engine, route)))
  return reason._tag === "UnsupportedSchema" ? reason.message : assert.fail(reason._tag)
}

const openai = (schema: unknown) => ({
  response_format: { type: "json_schema", json_schema: { name: "output", schema } }
})
const strict = (schema: unknown) => ({
  response_format: { type: "json_schema", json_schema: { name: "output", schema, strict: true } }
})

describe("a schema", () => {
  const source = Grammar.fromSchema(User)
  const tgi = { type: "json", value: { ...user, required: ["name", "id"] } }

  it.each<[Grammar.EngineKind, Grammar.Route, unknown]>([
    ["tgi", "chat", { response_format: tgi }],
    ["tgi", "raw", { grammar: tgi }],
    ["vllm", "chat", openai(user)],
    ["vllm", "raw", openai(user)],
    ["sglang", "chat", openai(user)],
    ["sglang", "raw", openai(user)],
    ["llamacpp", "chat", openai(user)],
    ["llamacpp", "raw", { json_schema: user }],
    ["openai", "chat", strict(user)],
    ["router", "chat", strict(user)]
  ])("on %s, %s", (engine, route, expected) => {
    assert.deepStrictEqual<unknown>(fields(source, engine, route), expected)
  })

  it("is refused where a raw prompt takes none", () => {
    assert.include(refusal(source, "router", "raw"), "takes no schema with a raw prompt")
  })

  it("that is no object is wrapped where an object is wanted", () => {
    const constraint = Result.getOrThrow(Grammar.constrain(Grammar.fromSchema(Schema.Array(User)), "router", "chat"))
    assert.deepStrictEqual<unknown>(constraint, {
      fields: strict({
        type: "object",
        properties: { value: { type: "array", items: { $ref: "#/$defs/UserEncoded" } } },
        required: ["value"],
        additionalProperties: false,
        $defs: { UserEncoded: user }
      }),
      wrap: "value",
      dropped: []
    })
  })

  it("keeps its recursion for engines that can", () => {
    const tree = { $defs: { T: { type: "object", properties: { t: { $ref: "#/$defs/T" } } } }, $ref: "#/$defs/T" }
    assert.deepStrictEqual<unknown>(
      fields(Grammar.fromJsonSchema(tree), "vllm", "chat"),
      openai({ type: "object", properties: { t: { $ref: "#/$defs/T" } }, $defs: tree.$defs })
    )
  })

  it("loses patterns that llama.cpp cannot read, and says so", () => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "ab" } }, required: ["a"] }
    const { dropped } = Result.getOrThrow(Grammar.constrain(Grammar.fromJsonSchema(schema), "llamacpp", "chat"))
    assert.deepStrictEqual(dropped.map(({ keyword, path }) => [path, keyword]), [[["properties", "a"], "pattern"]])
  })
})

describe("a regex", () => {
  const source = Grammar.fromRegex("[A-Z]{2}-\\d+|x(?:y)?")

  it.each<[Grammar.EngineKind, Grammar.Route, unknown]>([
    ["tgi", "chat", { response_format: { type: "regex", value: "[A-Z]{2}-\\d+|x(?:y)?" } }],
    ["tgi", "raw", { grammar: { type: "regex", value: "[A-Z]{2}-\\d+|x(?:y)?" } }],
    ["vllm", "chat", { structured_outputs: { regex: "[A-Z]{2}-\\d+|x(?:y)?" } }],
    ["sglang", "raw", { regex: "[A-Z]{2}-\\d+|x(?:y)?" }],
    ["llamacpp", "raw", { grammar: "root ::= [A-Z]{2,2} [\\x2D] [0-9]+ | [x] [y]{0,1}" }]
  ])("on %s, %s", (engine, route, expected) => {
    assert.deepStrictEqual(fields(source, engine, route), expected)
  })

  it.each<[string, string]>([
    ["\\bword\\b", "\\b at character 0"],
    ["^a", "^ at character 0"],
    ["ab$", "$ at character 2"],
    ["a\\p{L}", "\\p at character 1"],
    ["x(?<=a)b", "(?<= at character 1"],
    ["(?<year>a)", "(?<y at character 0"],
    ["(a)\\1", "\\1 at character 3"],
    ["\\u0041", "\\u at character 0"],
    ["a{3,1}", "{3,1} at character 1"],
    ["(?i:a)", "(?i at character 0"],
    ["\\e", "\\e at character 0"],
    ["a)", ") at character 1"],
    ["(a", "( at character 0"],
    ["[a", "[ at character 0"],
    ["+a", "+ at character 0"]
  ])("outside TGI's dialect is refused by name and place: %s", (pattern, place) => {
    assert.include(refusal(Grammar.fromRegex(pattern), "tgi", "raw"), place)
  })

  it("that would cost the server seconds is refused", () => {
    assert.include(refusal(Grammar.fromRegex("(?:[a-z]{1,99}){1,99}"), "tgi", "raw"), "seconds")
  })

  it("is refused where none is taken", () => {
    assert.include(refusal(source, "router", "chat"), "takes no regex")
  })
})

describe("choices", () => {
  const source = Grammar.fromChoices(["a.b", "c d"])

  it.each<[Grammar.EngineKind, unknown]>([
    ["tgi", { grammar: { type: "regex", value: "a\\.b|c d" } }],
    ["vllm", { structured_outputs: { choice: ["a.b", "c d"] } }],
    ["sglang", { regex: "a\\.b|c d" }],
    ["llamacpp", { grammar: "root ::= [a] [.] [b] | [c] [ ] [d]" }]
  ])("on %s", (engine, expected) => {
    assert.deepStrictEqual(fields(source, engine, "raw"), expected)
  })
})

describe("the plain description of an output", () => {
  it.effect.each<[string, OutputSpec.OutputSpecInput]>([
    ["a JSON Schema", { format: "json", schema: user }],
    ["the text of one", { format: "json", schema: JSON.stringify(user) }],
    ["a Schema", { format: "json", schema: User }]
  ])("may hold %s", ([, spec]) =>
    Effect.gen(function*() {
      const { output, warnings } = yield* Effect.fromResult(OutputSpec.interpret(spec))
      const { fields } = yield* output.grammar("tgi", "raw")
      assert.deepStrictEqual<unknown>({ fields, warnings }, {
        fields: { grammar: { type: "json", value: user } },
        warnings: []
      })
    }))

  it("warns that blanks cannot be chosen", () => {
    const spec = { format: "regex", schema: "a+", whitespacePattern: " ?" } as const
    assert.lengthOf(Result.getOrThrow(OutputSpec.interpret(spec)).warnings, 1)
  })

  it("fails for a JSON text that is none", () => {
    const error = Result.getOrThrow(Result.flip(OutputSpec.interpret({ format: "json", schema: "{" })))
    assert.strictEqual(error.reason._tag, "UnsupportedSchema")
  })

  it("names the keys that are missing", () => {
    const error = Result.getOrThrow(Result.flip(Schema.decodeUnknownResult(OutputSpec.OutputSpec)({ format: "json" })))
    assert.include(error.message, "schema")
  })
})
