import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Enforcement from "../../src/structured/engines/printers/Enforcement.ts"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as Sample from "../../src/structured/schema/Sample.ts"
import * as ToolGrammar from "../../src/structured/ToolGrammar.ts"
import { fates } from "./Fates.ts"
import { allows, dangling, objectsOf } from "./SchemaLanguage.ts"
import { broken, known } from "./Schemas.ts"
import { writes } from "./TgiLanguage.ts"

const engines = ["tgi", "vllm", "sglang", "llamacpp", "openai", "router"] as const
type Engine = typeof engines[number]

const kept = (dropped: ReadonlyArray<Grammar.Dropped>, effect: Grammar.Dropped["effect"]) => [
  ...new Set(dropped.filter((at) => at.effect === effect).map(({ keyword }) => keyword))
]

/** What becomes of a schema: `-` for what is not enforced, `~` for what cannot be written. */
const fateOf = (schema: Readonly<Record<string, unknown>>, engine: Engine): string => {
  const made = Grammar.constrain(Grammar.fromJsonSchema(schema), engine, "chat")
  if (Result.isFailure(made)) return `refused: ${made.failure.message}`
  const { dropped } = made.success
  return [
    ...kept(dropped, "unenforced").map((keyword) => `-${keyword}`),
    ...kept(dropped, "unwritable").map((keyword) => `~${keyword}`)
  ].join(" ")
}

/** Whether what is sent to an engine allows a value, by a reading that shares nothing with the printers. */
const judge = (schema: Readonly<Record<string, unknown>>, engine: Engine): (value: unknown) => boolean => {
  const source = Grammar.fromJsonSchema(schema)
  if (engine === "tgi") return writes(source)
  const { schema: sent, strict, wrap } = Result.getOrThrow(Grammar.lowerSchema(source, engine))
  const written = ["vllm", "sglang", "llamacpp"].includes(engine)
  const allowed = allows(sent, { written })
  const document = Result.getOrThrow(Grammar.read(source))
  return (value) => {
    const full = strict === true ? withNulls(sent, value, document.definitions.size) : value
    return allowed(wrap === undefined ? full : { [wrap]: full })
  }
}

/** A value with null at every key that strict mode demands; references are not followed, so that it is tried both ways. */
const withNulls = (schema: unknown, value: unknown, depth: number): unknown => {
  if (typeof value !== "object" || value === null || depth > 99) return value
  if (Array.isArray(value)) return value.map((item) => withNulls(schema, item, depth + 1))
  const objects = objectsOf(schema).filter(({ type }) => type === "object")
  const names = objects.map(({ required }) => Array.isArray(required) ? required.map(String) : [])
  const fitting = names.filter((required) => Object.keys(value).every((name) => required.includes(name)))
  const required = fitting.toSorted((a, b) => a.length - b.length)[0] ?? []
  const entries = [...new Set([...required, ...Object.keys(value)])].map((name) => [
    name,
    withNulls(schema, Reflect.get(value, name) ?? null, depth + 1)
  ])
  return Object.fromEntries(entries)
}

describe("schemas as people bring them", () => {
  it("are at least 60, and each has its fate on every engine", () => {
    assert.isAtLeast(known.length, 60)
    assert.deepStrictEqual(Object.keys(fates).toSorted(), known.map(({ name }) => name).toSorted())
  })

  for (const engine of engines) {
    it.each(known)(`${engine}: $name`, ({ invalid, name, schema, valid }) => {
      const fate = fateOf(schema, engine)
      assert.strictEqual(fate, fates[name]?.[engine === "router" ? "openai" : engine === "sglang" ? "vllm" : engine])
      const allowed = judge(schema, engine)
      for (const value of valid) {
        if (!fate.includes("~")) assert.isTrue(allowed(value), `cannot write ${JSON.stringify(value)}`)
      }
      for (const value of invalid) {
        if (!fate.includes("-")) assert.isFalse(allowed(value), `may write ${JSON.stringify(value)}`)
      }
    })
  }

  it.each(engines)(
    "sent to %s, no reference leads nowhere, and no keyword is one that the compiler refuses",
    (engine) => {
      if (engine === "tgi") return
      const compiler = Grammar.compilerOf(engine)
      for (const { name, schema } of known) {
        const { schema: sent, strict } = Result.getOrThrow(Grammar.lowerSchema(Grammar.fromJsonSchema(schema), engine))
        assert.deepStrictEqual(dangling(sent), [], name)
        const refused = objectsOf(sent).flatMap((at) => Object.keys(at)).filter((keyword) =>
          isKeyword(keyword) && !Enforcement.isHeld(compiler, keyword)
        )
        if (strict !== false) assert.deepStrictEqual(refused, [], name)
        if (strict === true) assert.isTrue(objectsOf(sent).every(isStrict), name)
      }
    }
  )

  it("as tools, have their references inside and no recursion on TGI", () => {
    for (const { name, schema } of known) {
      for (const engine of engines) {
        const made = ToolGrammar.make({ name: "f", parameters: schema }, engine)
        if (Result.isFailure(made)) assert.include(made.failure.message, "tools.f", name)
        else {
          assert.deepStrictEqual(dangling(made.success.parameters), [], name)
          if (engine === "tgi") assert.notInclude(JSON.stringify(made.success.parameters), "$ref", name)
          if (engine === "vllm") assert.isTrue(made.success.strict, name)
          if (engine === "openai" && made.success.strict === true) {
            assert.isTrue(objectsOf(made.success.parameters).every(isStrict), name)
          }
        }
      }
    }
  })

  it.each(known)("what the sampler makes of $name is a value of it", ({ schema }) => {
    const document = Result.getOrThrow(Grammar.read(Grammar.fromJsonSchema(schema)))
    const allowed = allows(schema, { written: false })
    const left = document.dropped.some(({ effect }) => effect === "unenforced")
    for (let seed = 0; seed < 20; seed++) {
      const value = Sample.make(document, seed)
      if (value !== undefined && !left) assert.isTrue(allowed(value), JSON.stringify(value))
    }
  })
})

const isKeyword = (keyword: string): keyword is Enforcement.Keyword => Object.hasOwn(Enforcement.keywords, keyword)

/** The published rule: objects closed, every key required. */
const isStrict = (schema: Readonly<Record<string, unknown>>): boolean => {
  if (schema.type !== "object") return true
  const names = Object.keys(Object(schema.properties))
  return schema.additionalProperties === false &&
    JSON.stringify(names.toSorted()) === JSON.stringify([...Object(schema.required ?? [])].toSorted())
}

describe("what is not a schema", () => {
  for (const engine of engines) {
    it.each(broken)(`on ${engine}, %s is refused with its path`, (_, schema, path) => {
      const made = Grammar.constrain(Grammar.fromJsonSchema(schema), engine, "chat")
      const { reason } = Result.getOrThrow(Result.flip(made))
      assert.isTrue(reason._tag === "UnsupportedSchema")
      if (reason._tag === "UnsupportedSchema") assert.deepStrictEqual<unknown>(reason.path, path)
    })
  }
})

describe("Grammar.check", () => {
  const schema = {
    type: "object",
    properties: { title: { type: "string", maxLength: 40 }, rating: { type: "number", minimum: 0 }, extra: {} },
    required: ["title"]
  }

  it.each(engines)("on %s says what holds, what does not, and shows values that cannot be written", (engine) => {
    const check = Result.getOrThrow(Grammar.check(schema, engine))
    const lost = check.unenforced.map(({ path }) => JSON.stringify(path))
    assert.isTrue(check.enforced.some(({ keyword }) => keyword === "required"))
    assert.isFalse(
      check.enforced.some(({ keyword, path }) => keyword === "minimum" && lost.includes(JSON.stringify(path)))
    )
    const isValid = allows(schema, { written: false })
    for (const value of check.examples) assert.isTrue(isValid(value), JSON.stringify(value))
    assert.strictEqual(check.cost !== undefined, engine === "tgi")
    assert.strictEqual(check.examples.length > 0, check.unwritable.length > 0)
  })

  it("takes a Schema too", () => {
    const check = Result.getOrThrow(Grammar.check(Schema.Struct({ a: Schema.String }), "vllm"))
    assert.deepStrictEqual([check.compiler, check.unenforced, check.unwritable], ["xgrammar", [], []])
  })

  it("fails where the schema would be refused", () => {
    assert.isTrue(Result.isFailure(Grammar.check({ type: "nothing" }, "vllm")))
  })
})
