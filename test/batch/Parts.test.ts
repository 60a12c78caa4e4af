import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result, Schema } from "effect"
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { Budget, Progress, Row } from "../../src/batch/index.ts"
import * as Ids from "../../src/batch/log/Ids.ts"
import * as Histogram from "../../src/batch/report/Histogram.ts"
import * as Digest from "../../src/batch/rows/Digest.ts"
import * as Jsonl from "../../src/batch/rows/Jsonl.ts"
import * as RowTemplate from "../../src/batch/rows/RowTemplate.ts"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import * as Bench from "./Bench.ts"

describe("SHA-256", () => {
  it.prop(
    "is that of Node, however the bytes are cut",
    [Schema.Uint8Array, Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))],
    ([bytes, piece]) => {
      const running = Digest.running()
      for (let at = 0; at < bytes.length; at += piece) running.update(bytes.subarray(at, at + piece))
      const expected = createHash("sha256").update(bytes).digest("hex")
      return running.hex() === expected && Digest.of(bytes) === expected
    }
  )
})

describe("lines of a file", () => {
  it.effect.prop(
    "come back with their numbers and offsets",
    [Schema.Array(Schema.String)],
    ([texts]) =>
      Effect.gen(function*() {
        const place = yield* Bench.files
        // lone surrogates are no UTF-8, and the other two end lines
        const clean = texts.map((text) => text.toWellFormed().replace(/[\r\n\uFEFF]/g, " "))
        const whole = clean.map((text) => `${text}\n`).join("")
        writeFileSync(place.input, whole)
        const fs = yield* FileSystem.FileSystem
        const found: Array<Jsonl.Line> = []
        yield* Jsonl.forEach(yield* fs.open(place.input, { flag: "r" }), {}, (line) => void found.push(line))
        const bytes = Buffer.from(whole)
        assert.deepStrictEqual(found.map(({ text }) => text), clean)
        for (const line of found) {
          assert.strictEqual(bytes.subarray(line.offset, line.offset + line.bytes).toString(), `${line.text}\n`)
        }
      }).pipe(Effect.provide(Bench.Node))
  )

  it.effect("over block borders are whole, and too long ones are known as such", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      writeFileSync(place.input, `${"a".repeat(300_000)}\r\n${"é".repeat(400_000)}\nb`)
      const fs = yield* FileSystem.FileSystem
      const found: Array<Jsonl.Line> = []
      const file = yield* fs.open(place.input, { flag: "r" })
      yield* Jsonl.forEach(file, { maxLine: 500_000 }, (line) => void found.push(line))
      assert.deepStrictEqual(
        found.map(({ bytes, complete, number, text }) => [number, bytes, text?.length, complete]),
        [
          [1, 300_002, 300_000, true],
          [2, 800_001, undefined, true],
          [3, 1, 1, false]
        ]
      )
    }).pipe(Effect.provide(Bench.Node)))
})

describe("ids", () => {
  it.effect.each([["in memory", undefined], ["through a file", 700]] as const)(
    "that come twice are found among a hundred thousand, and no others: %s",
    ([, together]) =>
      Effect.gen(function*() {
        const repeated = Effect.fnUntraced(function*(twice: ReadonlyArray<number>) {
          const ids = yield* Ids.make(together)
          for (const index of [...Array.from({ length: 100_000 }, (_, index) => index), ...twice]) {
            ids.add(`id-${index}`)
            if (index % 100 === 0) yield* ids.settle
          }
          return yield* ids.repeated
        }, Effect.scoped)
        assert.strictEqual((yield* repeated([])).size, 0)
        assert.deepStrictEqual(
          yield* repeated([1, 777, 777, 99_999]),
          new Set([1, 777, 99_999].map((index) => Ids.hash(`id-${index}`)))
        )
      }).pipe(Effect.provide(Bench.Node))
  )

  it("are known by their index", () => {
    const prints = new Ids.Prints()
    for (let index = 0; index < 100_000; index++) prints.add(`id-${index}`)
    assert.isTrue(prints.matches(70_000, "id-70000"))
    assert.isFalse(prints.matches(70_000, "id-70001"))
    assert.isFalse(prints.matches(100_000, "id-100000"))
  })
})

describe("percentiles", () => {
  it.prop(
    "are off by one percent at most",
    [Schema.NonEmptyArray(Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 1e6 })))],
    ([values]) => {
      const histogram = Histogram.make()
      for (const value of values) histogram.add(value)
      const sorted = values.toSorted((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil(values.length * 0.9)) - 1] ?? 0
      return Math.abs((histogram.summary()?.p90 ?? 0) / exact - 1) <= 0.0101
    }
  )
})

const request = (columns: Row.Columns, row: Record<string, unknown>, render?: Row.Render) =>
  Row.mapping(columns, render)({ id: "a", index: 0, columns: row })

describe("a row becomes a request", () => {
  it("by its messages, else its prompt", () => {
    const messages = [{ role: "user", content: "hi" }]
    assert.deepStrictEqual(request({}, { messages, prompt: "x" }), Result.succeed({ input: messages, options: {} }))
    assert.deepStrictEqual(
      request({}, { prompt: "x" }),
      Result.succeed({ input: [{ role: "user", content: "x" }], options: {} })
    )
    assert.deepStrictEqual(
      request({ prompt: "q", raw: true }, { q: "x" }),
      Result.succeed({ input: { raw: "x" }, options: {} })
    )
  })

  it("by a template over its columns", () => {
    const { render } = Result.getOrThrow(RowTemplate.compile("{{ name }} has {{ tags | join(', ') }} and {{ n }}"))
    assert.deepStrictEqual(
      request({ system: "s" }, { name: "Ann", tags: ["a", "b"], n: 3, s: "be brief" }, render),
      Result.succeed({
        input: [{ role: "system", content: "be brief" }, { role: "user", content: "Ann has a, b and 3" }],
        options: {}
      })
    )
  })

  it("with its own options, a large seed from its digits", () => {
    assert.deepStrictEqual(
      request({ options: "o" }, {
        prompt: "x",
        o: { temperature: 1, seed: "18446744073709551615", numGenerations: 2 }
      }),
      Result.succeed({
        input: [{ role: "user", content: "x" }],
        options: { temperature: 1, seed: 18446744073709551615n, numGenerations: 2 }
      })
    )
  })

  it("from a line of OpenAI's Batch API", () => {
    const messages = [{ role: "user", content: "hi" }]
    const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } }
    assert.deepStrictEqual(
      request({}, {
        custom_id: "c",
        method: "POST",
        url: "/v1/chat/completions",
        body: { model: "m", messages, max_tokens: 5, stop: "x", n: 2, tools: [tool], tool_choice: "auto", guided: 1 }
      }),
      Result.succeed({
        input: messages,
        options: {
          maxNewTokens: 5,
          stopSequences: ["x"],
          tools: [{ name: "f", parameters: { type: "object" } }],
          toolChoice: "auto",
          extra: { guided: 1 },
          numGenerations: 2
        },
        notes: ["rows name the model \"m\", which is not sent: the endpoint's own model generates"]
      })
    )
  })

  it("or says which option is wrong", () => {
    const wrong = request({ options: "o" }, { prompt: "x", o: { temperature: -1 } })
    assert.include(Result.isFailure(wrong) ? wrong.failure.message : "", "column o: temperature must be")
  })
})

describe("a budget", () => {
  const spent = { inputTokens: 1_000_000, outputTokens: 500_000, failed: 3, elapsed: 1_800_000, uncounted: 0 }

  it("counts dollars by tokens and by time", () => {
    assert.strictEqual(Budget.dollars({ inputPerMillion: 1, outputPerMillion: 4, perHour: 10 }, spent), 8)
  })

  it.effect.each(
    [
      [{ tokens: 1_500_000 }, "tokens"],
      [{ dollars: 1 }, "$1"],
      [{ errors: 3 }, "3 rows have failed"],
      [{ until: new Date(500) }, "time is up"]
    ] as const
  )(
    "of %j is used up",
    ([budget, word]) =>
      Effect.sync(() =>
        assert.include(Budget.exceeded(budget, { inputPerMillion: 1, outputPerMillion: 0 }, spent, 1000), word)
      )
  )

  it("is not used up before", () => {
    const budget = { tokens: 1_500_001, dollars: 1.01, errors: 4, until: new Date(1001) }
    assert.strictEqual(Budget.exceeded(budget, { inputPerMillion: 1, outputPerMillion: 0 }, spent, 1000), undefined)
  })
})

describe("progress", () => {
  it("says all of it in one line", () => {
    assert.strictEqual(
      Progress.line({
        rows: 2000,
        done: 990,
        failed: 10,
        inFlight: 8,
        limit: 16,
        uncounted: 0,
        rate: 12.34,
        tokenRate: 4321,
        elapsed: 1000,
        left: 81_000,
        spent: 1.5,
        projected: 3,
        paused: { left: 4000, reason: "busy" }
      }),
      "990/2,000 rows (50%) · 10 failed · 12.3 rows/s · 4.32K tok/s · 8 of 16 in flight · $1.50 of ~$3.00 · 1m 21s left · paused 4.0s: busy"
    )
  })
})

const line = (columns: string) => {
  const text = `{"id":"a",${columns}}`
  return { id: "a", index: 0, columns: JSON.parse(text), text }
}

describe("numbers of a row", () => {
  it("in the arguments of earlier tool calls are sent with the digits of the row", () => {
    const mapped = Row.mapping({})(line(
      "\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1234567890123456789,\"y\":1.0}}}]}]"
    ))
    assert.include(JSON.stringify(Result.getOrThrow(mapped).input), "{\"x\":1234567890123456789,\"y\":1.0}")
  })

  it("are numbers everywhere else, and a seed keeps all its digits", () => {
    const mapped = Row.mapping({ options: "o" })(line(
      "\"prompt\":\"x\",\"o\":{\"temperature\":1.0,\"seed\":18446744073709551615}"
    ))
    assert.deepStrictEqual(Result.getOrThrow(mapped).options, { temperature: 1, seed: 18446744073709551615n })
  })
})

describe("nothing of a row is dropped without a word:", () => {
  const messages = [{ role: "user", content: "hi" }]

  it("a system column stands before a conversation, and fails one that has its own", () => {
    assert.deepStrictEqual(
      Result.getOrThrow(request({ system: "s" }, { messages, s: "be brief" })).input,
      [{ role: "system", content: "be brief" }, ...messages]
    )
    const twice = request({ system: "s" }, { messages: [{ role: "system", content: "x" }, ...messages], s: "y" })
    assert.isTrue(Result.isFailure(twice))
  })

  it("tools beside messages are tools, with strict", () => {
    const tool = {
      type: "function",
      function: { name: "f", strict: true, parameters: { type: "object" }, description: null }
    }
    assert.deepStrictEqual(
      Result.getOrThrow(request({}, { messages, tools: [tool] })).options,
      { tools: [{ name: "f", strict: true, parameters: { type: "object" } }] } as object
    )
    assert.isTrue(Result.isFailure(request({}, { messages, tools: [{ type: "function" }] })))
  })
})

describe("exact numbers in a message", () => {
  it("are printed by a chat template with their digits", () => {
    const text =
      "{\"id\":\"a\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1234567890123456789,\"y\":1.0}}}]}]}"
    const mapped = Result.getOrThrow(Row.mapping({})({ id: "a", index: 0, columns: JSON.parse(text), text }))
    const template = Result.getOrThrow(
      ChatTemplate.compile("{{ messages[0].tool_calls[0].function.arguments | tojson }}")
    )
    assert.deepStrictEqual(
      ChatTemplate.render(template, { messages: mapped.input }),
      Result.succeed("{\"x\": 1234567890123456789, \"y\": 1.0}")
    )
  })
})
