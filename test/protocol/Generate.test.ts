import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Generate from "../../src/protocol/Generate.ts"

const U64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 1n }))

const parse = (json: string): unknown => JSON.parse(Generate.quoteSeeds(json))

const seedOf = (payload: unknown): unknown =>
  Generate.response.is(payload) ? Generate.seed(payload.details?.seed) : "not a response"

const answer = (details: string) =>
  `{"generated_text":"a","details":{"finish_reason":"length","generated_tokens":1${details}}}`

describe("Generate.seed", () => {
  it.prop("keeps every digit of a u64, with any blanks around", {
    seed: U64,
    before: Schema.Literals(["", " ", "\n"]),
    after: Schema.Literals(["", " ", "\n "])
  }, ({ after, before, seed }) => {
    const held = seedOf(parse(answer(`,"seed":${before}${seed}${after}`)))
    assert.strictEqual(typeof held, seed > BigInt(Number.MAX_SAFE_INTEGER) ? "bigint" : "number")
    assert.strictEqual(String(held), String(seed))
  })

  it("keeps the first integers that a number cannot hold", () => {
    for (const seed of [2n ** 53n, 2n ** 53n + 1n, 9_999_999_999_999_999n, 10n ** 16n + 1n]) {
      assert.strictEqual(seedOf(parse(answer(`,"seed":${seed}`))), seed)
    }
  })

  it.prop("leaves the texts of an answer as they are", [Schema.String, U64], ([text, seed]) => {
    const spoken = `${text}"seed":${seed},{"seed": ${seed}}`
    const payload = parse(JSON.stringify({ generated_text: spoken }))
    assert.deepStrictEqual(payload, { generated_text: spoken })
  })

  it("is undefined where the server did not sample", () => assert.isUndefined(seedOf(parse(answer(`,"seed":null`)))))

  it("is undefined where it is no number", () => assert.isUndefined(Generate.seed("12x")))
})

describe("Generate.response", () => {
  const accepted = [
    ["without details", `{"generated_text":"a"}`],
    ["with null details", `{"generated_text":"a","details":null}`],
    ["of TGI 1.x: no seed, no prefill, no tokens", answer("")],
    [
      "with null logprobs",
      answer(
        `,"seed":null,"prefill":[{"id":1,"text":"a","logprob":null}],"tokens":[{"id":1,"text":"","logprob":null,"special":false}]`
      )
    ],
    ["with top tokens", answer(`,"top_tokens":[[{"id":1,"text":"a","logprob":-1,"special":false}]]`)],
    [
      "with candidates",
      answer(`,"best_of_sequences":[{"generated_text":"b","finish_reason":"eos_token","generated_tokens":2,"seed":7}]`)
    ],
    ["with fields of later versions", `{"generated_text":"a","later":{"x":1}}`]
  ] as const
  for (const [name, json] of accepted) {
    it(`takes an answer ${name}`, () => assert.isTrue(Generate.response.is(parse(json))))
  }

  const refused = [
    ["no text", `{}`, "generated_text"],
    ["a text that is a number", `{"generated_text":1}`, "generated_text"],
    ["a text that is null", `{"generated_text":null}`, "generated_text"],
    ["details without a finish reason", `{"generated_text":"a","details":{"generated_tokens":1}}`, "finish_reason"],
    ["a count that is a text", answer(`,"tokens":[{"id":"1","text":"a"}]`), "id"],
    ["an array", `[{"generated_text":"a"}]`, "object"]
  ] as const
  for (const [name, json, path] of refused) {
    it(`refuses ${name}, and names the place`, () => {
      const payload = parse(json)
      assert.isFalse(Generate.response.is(payload))
      assert.include(Generate.response.explain(payload).toLowerCase(), path)
    })
  }
})

describe("Generate.frame", () => {
  const token = `"token":{"id":1,"text":"a","logprob":-1,"special":false}`
  const accepted = [
    ["of TGI 1.0: no index", `{${token},"generated_text":null,"details":null}`],
    ["with an index", `{"index":1,${token},"generated_text":null,"details":null}`],
    ["without generated_text and details", `{${token}}`],
    ["with an empty whole text", `{${token},"generated_text":"","details":null}`],
    [
      "with details before 2.3: no input_length",
      `{${token},"generated_text":"a","details":{"finish_reason":"length","generated_tokens":1,"seed":null}}`
    ],
    ["with top tokens", `{${token},"top_tokens":[{"id":1,"text":"a","logprob":-1,"special":false}]}`],
    ["with a token without logprob", `{"token":{"id":1,"text":"a","special":false}}`]
  ] as const
  for (const [name, json] of accepted) {
    it(`takes an event ${name}`, () => assert.isTrue(Generate.frame.is(JSON.parse(json))))
  }

  it("refuses an event without a token", () => assert.isFalse(Generate.frame.is({ generated_text: "a" })))

  it("refuses a token without text", () => assert.isFalse(Generate.frame.is({ token: { id: 1 } })))
})

describe("the fast check", () => {
  const decode = Schema.decodeUnknownExit(Generate.Frame)
  const Loose = Schema.Struct({
    token: Schema.Struct({
      id: Schema.Union([Schema.Finite, Schema.String]),
      text: Schema.Union([Schema.String, Schema.Null]),
      logprob: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
      special: Schema.optionalKey(Schema.Union([Schema.Boolean, Schema.Finite]))
    }),
    generated_text: Schema.optionalKey(Schema.Union([Schema.String, Schema.Null, Schema.Finite])),
    details: Schema.optionalKey(Schema.NullOr(Schema.Struct({
      finish_reason: Schema.Union([Schema.String, Schema.Null]),
      generated_tokens: Schema.Union([Schema.Finite, Schema.Null])
    })))
  })

  it.prop("says the same as the schema, and explains where it refuses", [Loose], ([frame]) => {
    const fits = decode(frame)._tag === "Success"
    assert.strictEqual(Generate.frame.is(frame), fits)
    if (!fits) assert.include(Generate.frame.explain(frame), "at [")
  }, { arbitrary: { runs: 300 } })
})
