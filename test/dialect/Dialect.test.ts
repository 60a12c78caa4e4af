import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Dialect from "../../src/dialect/Dialect.ts"
import * as Dialects from "../../src/dialect/Dialects.ts"
import { Kind } from "../../src/endpoint/address/Engine.ts"
import * as GenerationOptions from "../../src/GenerationOptions.ts"
import { columns, rows } from "./OptionTable.ts"

const kinds: ReadonlyArray<Kind> = [
  "tgi",
  "vllm",
  "sglang",
  "llamacpp",
  "hf-serve",
  "transformers",
  "router",
  "openai"
]

const encode = (
  kind: Kind,
  route: Dialect.Route,
  options: GenerationOptions.GenerationOptions,
  rest: Partial<Dialect.GenerateRequest> = {}
) =>
  Dialect.encode(Dialects.all[kind], {
    input: route === "chat"
      ? { _tag: "Messages", messages: [{ role: "user", content: "hi" }] }
      : { _tag: "Prompt", text: "hi" },
    model: kind === "tgi" ? "" : "served",
    options,
    stream: false,
    ...rest
  })

/** The fields that options add: the body without what every body has. */
const fieldsOf = ({ call }: Dialect.Encoded): Record<string, unknown> => {
  if (call.route === "generate") {
    const { details, ...fields } = { ...call.body.parameters }
    assert.strictEqual(details, true)
    return fields
  }
  const { messages: _messages, model, prompt: _prompt, ...fields }: Record<string, unknown> = { ...call.body }
  return model === undefined || model === "served" ? fields : { ...fields, model }
}

const holdsNull = (value: unknown): boolean =>
  value === null || (typeof value === "object" && Object.values(value).some(holdsNull))

describe("every option on every engine and route", () => {
  for (const { fates, option, value } of rows) {
    for (const [index, fate] of fates.entries()) {
      const [kind, route] = columns[index] ?? ["openai", "chat"]
      const shown = typeof fate === "string" ? fate : `sent as ${JSON.stringify(fate)}`
      it(`${option} ${JSON.stringify(value)} is ${shown} by ${kind} on ${route}`, () => {
        const encoded = encode(kind, route, { [option]: value })
        assert.deepStrictEqual(fieldsOf(encoded), typeof fate === "string" ? {} : fate)
        assert.deepStrictEqual(encoded.unsupported.map(({ path }) => path), typeof fate === "string" ? [[option]] : [])
        if (typeof fate === "string") {
          assert.match(encoded.unsupported[0]?.message ?? "", new RegExp(`^${option} is ${fate} by .+: .{10,}`))
        }
      })
    }
  }

  it("speaks of all options", () =>
    assert.deepStrictEqual(
      Object.keys(GenerationOptions.GenerationOptions.fields).filter((name) =>
        !rows.some(({ option }) => option === name)
      ),
      []
    ))

  it("takes the router for the plain dialect, but for adapters on the chat route", () =>
    assert.deepStrictEqual(
      rows.flatMap(({ option, value }) =>
        (["chat", "completion"] as const).filter((route) =>
          JSON.stringify(fieldsOf(encode("router", route, { [option]: value }))) !==
            JSON.stringify(fieldsOf(encode("openai", route, { [option]: value })))
        ).map((route) => [option, route])
      ),
      [["adapterId", "chat"]]
    ))
})

/** Several options at once, each with one of the table's values. */
const Picks = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: rows.length - 1 })))

const picked = (picks: ReadonlyArray<number>): GenerationOptions.GenerationOptions =>
  Object.fromEntries(picks.flatMap((pick) => {
    const row = rows[pick]
    return row === undefined ? [] : [[row.option, row.value]]
  }))

describe("encoding", () => {
  it.prop("never sends null, and keeps the prompt or the messages", {
    picks: Picks,
    kind: Kind,
    chat: Schema.Boolean
  }, ({ chat, kind, picks }) => {
    const { call } = encode(kind, chat ? "chat" : "completion", picked(picks))
    assert.isFalse(holdsNull(call.body))
    if (call.route === "generate") assert.strictEqual(call.body.inputs, "hi")
    else if (call.route === "completion") assert.strictEqual(call.body.prompt, "hi")
    else assert.deepStrictEqual(call.body.messages, [{ role: "user", content: "hi" }])
  })

  it.prop("does not depend on the order in which options are written", {
    picks: Picks,
    kind: Kind,
    chat: Schema.Boolean
  }, ({ chat, kind, picks }) => {
    const options = picked(picks)
    const reversed: GenerationOptions.GenerationOptions = Object.fromEntries(Object.entries(options).toReversed())
    const route = chat ? "chat" : "completion"
    assert.deepStrictEqual(fieldsOf(encode(kind, route, reversed)), fieldsOf(encode(kind, route, options)))
  }, { arbitrary: { runs: 400 } })

  it("doSample false is greedy, whatever else would sample", () => {
    for (const kind of kinds) {
      for (const route of ["chat", "completion"] as const) {
        const fields = fieldsOf(encode(kind, route, { temperature: 0.7, topP: 0.9, doSample: false }))
        if (kind === "hf-serve") assert.deepStrictEqual(fields, route === "chat" ? { top_p: 0.9 } : {})
        else if (kind === "tgi" && route === "completion") assert.deepStrictEqual(fields, { do_sample: false })
        else assert.strictEqual(fields["temperature"], 0)
      }
    }
  })

  it("temperature 0 leaves nothing on TGI's native route that would sample", () =>
    assert.deepStrictEqual(
      fieldsOf(encode("tgi", "generate", { temperature: 0, topK: 5, topP: 0.5, typicalP: 0.5, doSample: true })),
      { do_sample: false }
    ))

  it("topLogprobs on the completions route wins over logprobs", () =>
    assert.deepStrictEqual(fieldsOf(encode("vllm", "completion", { topLogprobs: 5, logprobs: true })), { logprobs: 5 }))

  it("extra fields win over what the options make, and over the grammar", () => {
    const constraint = { response_format: 1 }
    assert.deepStrictEqual(
      fieldsOf(
        encode("vllm", "chat", { maxNewTokens: 9, extra: { max_tokens: 5, response_format: 2 } }, { constraint })
      ),
      { max_tokens: 5, response_format: 2 }
    )
    assert.deepStrictEqual(
      fieldsOf(
        encode("tgi", "generate", { maxNewTokens: 9, extra: { max_new_tokens: 5 } }, { constraint: { grammar: 1 } })
      ),
      { max_new_tokens: 5, grammar: 1 }
    )
  })

  it("asks for usage where a stream needs to be asked", () => {
    assert.deepStrictEqual(fieldsOf(encode("vllm", "chat", {}, { stream: true })), {
      stream_options: { include_usage: true }
    })
    assert.deepStrictEqual(fieldsOf(encode("tgi", "generate", {}, { stream: true })), {})
  })

  it("puts the model first, and no model where its name is empty", () => {
    assert.deepStrictEqual(Object.keys(encode("router", "chat", { maxNewTokens: 1 }).call.body), [
      "model",
      "messages",
      "max_tokens"
    ])
    assert.notProperty(encode("tgi", "chat", {}).call.body, "model")
  })

  // -1 means chance there, see the laws of each engine
  const U64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 2n }))
  it.prop("a seed is a u64 on TGI and the same 64 bits on vLLM, which reads an int64", [U64], ([seed]) => {
    assert.strictEqual(fieldsOf(encode("tgi", "generate", { seed }))["seed"], seed)
    const signed = fieldsOf(encode("vllm", "chat", { seed }))["seed"]
    assert.strictEqual(typeof signed === "bigint" ? BigInt.asUintN(64, signed) : signed, seed)
    assert.isTrue(typeof signed === "bigint" && signed >= -(2n ** 63n) && signed < 2n ** 63n)
  })
})
