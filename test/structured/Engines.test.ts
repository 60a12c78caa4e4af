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

/** A string as TGI is asked for it: with every escape, line breaks among them. */
const rich = {
  type: "string",
  pattern: "(?:(?:[^\"\\\\\\x00-\\x1F]|\\\\(?:[\"\\\\/bfnrt]|u[0-9a-fA-F]{4}))*)"
}
const user16 = {
  ...user,
  properties: {
    name: { type: "string" },
    id: { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }
  }
}
const tgiUser = { ...user, properties: { ...user.properties, name: rich } }

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
  const tgi = { type: "json", value: tgiUser }

  it.each<[Grammar.EngineKind, Grammar.Route, unknown]>([
    ["tgi", "chat", { response_format: tgi }],
    ["tgi", "raw", { grammar: tgi }],
    ["vllm", "chat", openai(user)],
    ["vllm", "raw", openai(user)],
    ["sglang", "chat", openai(user)],
    ["sglang", "raw", openai(user)],
    ["llamacpp", "chat", openai(user16)],
    ["llamacpp", "raw", { json_schema: user16 }],
    ["openai", "chat", strict(user)],
    ["router", "chat", strict(user)]
  ])("on %s, %s", (engine, route, expected) => {
    assert.deepStrictEqual<unknown>(fields(source, engine, route), expected)
  })

  it("is refused where a raw prompt takes none", () => {
    assert.include(refusal(source, "router", "raw"), "does not accept a schema with a raw prompt")
  })

  it("that is no object is wrapped where an object is wanted", () => {
    const constraint = Result.getOrThrow(Grammar.constrain(Grammar.fromSchema(Schema.Array(User)), "router", "chat"))
    assert.deepStrictEqual<unknown>(constraint, {
      fields: strict({
        type: "object",
        properties: { value: { type: "array", items: user } },
        required: ["value"],
        additionalProperties: false
      }),
      wrap: "value",
      dropped: []
    })
  })

  it("keeps its recursion for engines that can", () => {
    const tree = { $defs: { T: { type: "object", properties: { t: { $ref: "#/$defs/T" } } } }, $ref: "#/$defs/T" }
    assert.deepStrictEqual<unknown>(
      fields(Grammar.fromJsonSchema(tree), "vllm", "chat"),
      openai({
        type: "object",
        properties: { t: { $ref: "#/$defs/T" } },
        additionalProperties: true,
        $defs: { T: { type: "object", properties: { t: { $ref: "#/$defs/T" } }, additionalProperties: true } }
      })
    )
  })

  it("is printed for llama.cpp with patterns of the whole text in explicit classes", () => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "ab\\d" } }, required: ["a"] }
    const { dropped, fields } = Result.getOrThrow(
      Grammar.constrain(Grammar.fromJsonSchema(schema), "llamacpp", "raw")
    )
    const text = JSON.stringify(fields)
    assert.deepStrictEqual(dropped, [])
    assert.include(text, "[a][b][0-9]")
    assert.notInclude(text, "\\\\d")
  })
})

describe("a regex", () => {
  const source = Grammar.fromRegex("[A-Z]{2}-\\d+|x(?:y)?")

  it.each<[Grammar.EngineKind, Grammar.Route, unknown]>([
    ["tgi", "chat", { response_format: { type: "regex", value: "[A-Z]{2}-\\d+|x(?:y)?" } }],
    ["tgi", "raw", { grammar: { type: "regex", value: "[A-Z]{2}-\\d+|x(?:y)?" } }],
    ["vllm", "chat", { structured_outputs: { regex: "[A-Z]{2}\\-[0-9]+|xy?" } }],
    ["sglang", "raw", { regex: "[A-Z]{2}\\-[0-9]+|xy?" }],
    ["llamacpp", "raw", { grammar: "root ::= [A-Z]{2,2} [\\x2D] [0-9]+ | [x] [y]{0,1}" }]
  ])("on %s, %s", (engine, route, expected) => {
    assert.deepStrictEqual(fields(source, engine, route), expected)
  })

  it.each<[string, string]>([
    ["a^b", "^ inside the regex"],
    ["a\\bb", "\\b inside the regex"],
    ["a\\p{L}", "\\p at character 1"],
    ["x(?<=a)b", "(?<= at character 1"],
    ["(a)\\1", "\\1 at character 3"],
    ["a{3,1}", "{3,1} at character 1"],
    ["\\e", "\\e at character 0"],
    ["a)", ") at character 1"],
    ["(a", "( at character 0"],
    ["[a", "[ at character 0"],
    ["+a", "+ at character 0"],
    ["", "an empty regex"],
    ["(?:)*", "an empty regex"],
    ["[a-z]+(?!\\d)", "a lookahead at the end"],
    ["(?<n>a)(?=b)b", "(?<n at character 0"]
  ])("that has no form on TGI is refused by name and place: %s", (pattern, place) => {
    assert.include(refusal(Grammar.fromRegex(pattern), "tgi", "raw"), place)
  })

  it.each<[string, string]>([
    ["\\0", "\\x00"],
    ["a(?#comment)b", "ab"],
    ["(?i:ab)c", "(?i:ab)c"],
    ["\\u0041", "A"],
    ["(?<year>a)", "a"],
    ["^ab$", "ab"],
    ["\\b[A-Z][a-z]*\\b", "[A-Z][a-z]*"],
    ["(?!ab)[a-z]+", "(?!ab)[a-z]+"]
  ])("is written so that TGI reads it as it is meant: %s", (pattern, regex) => {
    assert.deepStrictEqual(fields(Grammar.fromRegex(pattern), "tgi", "raw"), {
      grammar: { type: "regex", value: regex }
    })
  })

  it.each<[string, string]>([
    [".", "[^\\x0a]"],
    ["\\d", "[0-9]"],
    ["\\w", "[0-9A-Z_a-z]"],
    ["^a$", "a"],
    ["(?P<n>a|b)c", "(?:a|b)c"],
    ["(?i:a)", "[Aa]"],
    ["\\0", "\\x00"]
  ])("is written in explicit classes for vLLM: %s", (pattern, regex) => {
    assert.deepStrictEqual(fields(Grammar.fromRegex(pattern), "vllm", "chat"), { structured_outputs: { regex } })
  })

  it.each(["vllm", "sglang"] as const)("negates characters of ASCII alone on %s", (engine) => {
    const schema = { type: "object", properties: { a: { type: "string", pattern: "^\\S+$" } }, required: ["a"] }
    const whole = JSON.stringify([
      fields(Grammar.fromJsonSchema(schema), engine, "chat"),
      fields(Grammar.fromRegex("\\S+x?"), engine, "raw")
    ])
    // eslint-disable-next-line no-control-regex -- every character that is not ASCII
    assert.notMatch(whole, /\[\^[^\]]*[^\x00-\x7f]/)
  })

  it.each(["vllm", "sglang", "llamacpp"] as const)("with a lookahead is refused on %s", (engine) => {
    assert.include(refusal(Grammar.fromRegex("(?=a)a"), engine, "chat"), "lookahead")
  })

  it("says which anchors were left out", () => {
    const { dropped } = Result.getOrThrow(Grammar.constrain(Grammar.fromRegex("\\b[A-Z]+$"), "tgi", "raw"))
    assert.deepStrictEqual(dropped.map(({ reason }) => reason.split(" ", 1)[0]), ["\\b", "$"])
  })

  it("keeps a word boundary that changes something from being lost", () => {
    assert.include(refusal(Grammar.fromRegex("\\b-a"), "tgi", "raw"), "\\b inside the regex")
  })

  it("that would cost the server seconds is refused", () => {
    assert.include(refusal(Grammar.fromRegex("(?:[a-z]{1,99}){1,99}"), "tgi", "raw"), "seconds")
  })

  it("is refused where none is taken", () => {
    assert.include(refusal(source, "router", "chat"), "does not accept a regex")
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
        fields: { grammar: { type: "json", value: tgiUser } },
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
