import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema, Stream } from "effect"
import { InferenceEndpointsLLM, type Settings } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"

class User extends Schema.Class<User>("User")({
  name: Schema.String,
  lastName: Schema.String,
  id: Schema.Int
}) {}

const ada = JSON.stringify({ name: "Ada", lastName: "Lovelace", id: 1 })

const scripted = (...texts: ReadonlyArray<string>) => scriptedWith({}, ...texts)

const scriptedWith = (service: InferenceEndpointsLLM.Options, ...texts: ReadonlyArray<string>) => {
  const asked: Array<{ readonly messages: unknown; readonly seed: unknown; readonly limit: unknown }> = []
  const layer = InferenceEndpointsLLM.layerTest(({ input, options }, index) => {
    asked.push({ messages: input, seed: options.seed, limit: options.maxNewTokens })
    const text = texts[index] ?? ""
    return text.endsWith("…") ? { text: text.slice(0, -1), finishReason: "length" } : text
  }, service)
  return { asked, layer }
}

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

const engines = ["tgi", "vllm", "sglang", "llamacpp"] as const

const server = (engine: typeof engines[number], options: InferenceEndpointsLLM.Options = {}) =>
  InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, ...options }).pipe(
    Layer.provideMerge(Simulator.layer({ engine }))
  )

describe("an answer that the token limit cut", () => {
  it.effect("raises the limit once each time", () => {
    const { asked, layer } = scripted("{\"name\":…", "{\"name\":\"A…", ada)
    return Effect.gen(function*() {
      const { attempts } = yield* (yield* llm).generateObject("a user", { schema: User, retries: 2, maxNewTokens: 100 })
      assert.deepStrictEqual(asked.map(({ limit }) => limit), [100, 200, 400])
      assert.lengthOf(attempts, 2)
    }).pipe(Effect.provide(layer))
  })

  it.effect("before it began, since thinking used up all tokens, is truncated and not empty", () => {
    const { layer } = scripted("…")
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generateObject("a user", { schema: User }))
      assert.strictEqual(error.reason._tag, "Truncated")
      assert.match(error.message, /maxNewTokens \(128 by default\).*thinking budget/)
    }).pipe(Effect.provide(layer))
  })

  it.effect("raises the limit where thinking used up all tokens", () => {
    const { asked, layer } = scripted("…", ada)
    return Effect.gen(function*() {
      yield* (yield* llm).generateObject("a user", { schema: User, retries: 1 })
      assert.deepStrictEqual(asked.map(({ limit }) => limit), [128, 256])
    }).pipe(Effect.provide(layer))
  })
})

describe("generateObject", () => {
  for (const engine of engines) {
    it.effect(`gives a value of the Schema on ${engine}, over messages and over a raw prompt`, () =>
      Effect.gen(function*() {
        const { generateObject } = yield* llm
        // a raw prompt tells by its end that no thinking is left
        for (const input of ["Create a user", { raw: "Create a user<think>\n\n</think>\n\n" }]) {
          const { dropped, value } = yield* generateObject(input, { schema: User, maxNewTokens: 200 })
          assert.instanceOf(value, User)
          assert.deepStrictEqual(dropped.filter(({ path }) => path.length === 0), [])
        }
      }).pipe(Effect.provide(server(engine))))

    it.effect(`unwraps what ${engine} takes inside an object alone`, () =>
      Effect.gen(function*() {
        const { generateObject } = yield* llm
        const schema = Schema.Array(User).check(Schema.isMaxLength(2))
        const { value } = yield* generateObject("Create users", { schema, maxNewTokens: 400 })
        assert.isTrue(value.every((user) => user instanceof User))
      }).pipe(Effect.provide(server(engine))))
  }

  it.effect.prop("decodes what the encoded value of the Schema is", [User], ([user]) => {
    const { layer } = scripted(JSON.stringify(Schema.encodeSync(User)(user)))
    return Effect.gen(function*() {
      const { value } = yield* (yield* llm).generateObject("a user", { schema: User })
      // JSON has no -0
      assert.isTrue(Schema.toEquivalence(User)(value, user))
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks again about a wrong shape, with the problems and the next seed", () => {
    const { asked, layer } = scripted(`{"name":"Ada"}`, ada)
    return Effect.gen(function*() {
      const result = yield* (yield* llm).generateObject("a user", { schema: User, retries: 1, seed: 7 })
      assert.deepStrictEqual(result.value, new User({ name: "Ada", lastName: "Lovelace", id: 1 }))
      assert.lengthOf(result.attempts, 1)
      assert.deepStrictEqual(asked.map(({ seed }) => Number(seed)), [7, 8])
      const [, second] = asked
      assert.isTrue(Array.isArray(second?.messages))
      assert.include(JSON.stringify(second?.messages), "lastName")
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks again for an answer that the limit cut with twice the limit, and no word about it", () => {
    const { asked, layer } = scripted(`{"name":"A…`, ada)
    return Effect.gen(function*() {
      yield* (yield* llm).generateObject("a user", { schema: User, retries: 1, maxNewTokens: 10 })
      assert.deepStrictEqual(asked.map(({ limit }) => limit), [10, 20])
      assert.deepStrictEqual(asked[1]?.messages, "a user")
    }).pipe(Effect.provide(layer))
  })

  it.effect("counts the seed and doubles the limit of the service, where the call says none", () => {
    const { asked, layer } = scriptedWith(
      { generationOptions: { seed: 40, maxNewTokens: 500 } },
      `{"name":"Ada"}`,
      `{"name":"A…`,
      ada
    )
    return Effect.gen(function*() {
      yield* (yield* llm).generateObject("a user", { schema: User, retries: 2 })
      assert.deepStrictEqual(asked.map(({ seed }) => seed), [40, 41, 42])
      assert.deepStrictEqual(asked.map(({ limit }) => limit), [500, 500, 1000])
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks no second time after a refusal", () => {
    let asked = 0
    const layer = InferenceEndpointsLLM.layerTest(() => {
      asked++
      return { text: "", refusal: "I will not" }
    })
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generateObject("a user", { schema: User, retries: 2 }))
      assert.deepStrictEqual([error.reason._tag, asked], ["Refused", 1])
    }).pipe(Effect.provide(layer))
  })

  it.effect("asks no further than it may, and the error holds every answer", () => {
    const { asked, layer } = scripted("no", "neither", "nor this")
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generateObject("a user", { schema: User, retries: 2 }))
      assert.strictEqual(error._tag, "StructuredOutputError")
      assert.lengthOf(asked, 3)
      if (error._tag === "StructuredOutputError") {
        assert.deepStrictEqual(error.attempts.map(({ text }) => text), ["no", "neither"])
        assert.strictEqual(error.reason._tag, "NotJson")
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("sees through fences and prose where it is told to, and says so", () => {
    const { layer } = scripted(`Sure!\n\`\`\`json\n${ada}\n\`\`\``, `Sure! ${ada}`)
    return Effect.gen(function*() {
      const { generateObject } = yield* llm
      const { repairs } = yield* generateObject("a user", { schema: User, lenient: true })
      assert.isAbove(repairs.length, 0)
      const strict = yield* Effect.flip(generateObject("a user", { schema: User }))
      assert.include(strict.message, "not valid JSON")
    }).pipe(Effect.provide(layer))
  })

  it.effect("refuses a Schema that no grammar carries, with its path and before any request", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const schema = Schema.Struct({ inner: Schema.Struct({ nothing: Schema.Never }) })
      const error = yield* Effect.flip((yield* llm).generateObject("x", { schema }))
      assert.isTrue(error._tag === "StructuredOutputError" && error.reason._tag === "UnsupportedSchema")
      if (error._tag === "StructuredOutputError" && error.reason._tag === "UnsupportedSchema") {
        assert.includeMembers([...error.reason.path], ["inner", "nothing"])
      }
      assert.deepStrictEqual((yield* simulator.journal.entries).filter(({ request }) => request.method === "POST"), [])
    }).pipe(Effect.provide(server("tgi"))))

  it.effect.each(
    [
      ["tgi", "tools cannot be combined with structured output", "auto"],
      ["sglang", "a forced tool cannot be combined with structured output", "required"]
    ] as const
  )(
    "refuses tools beside a grammar on %s before any request",
    ([engine, message, toolChoice]) =>
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        const tools = [{ name: "f", parameters: { type: "object", properties: {} } }]
        const error = yield* Effect.flip((yield* llm).generateObject("x", { schema: User, tools, toolChoice }))
        assert.include(error.message, message)
        assert.deepStrictEqual(
          (yield* simulator.journal.entries).filter(({ request }) => request.method === "POST"),
          []
        )
      }).pipe(Effect.provide(server(engine)))
  )
})

describe("streamObject", () => {
  const List = Schema.Array(User)

  it.effect.prop("gives each element once, in order, then the whole", {
    users: Arbitrary.schema(Schema.Array(User).check(Schema.isMaxLength(5)))
  }, ({ users }) => {
    const { layer } = scripted(JSON.stringify(Schema.encodeSync(List)(users)))
    return Effect.gen(function*() {
      const events = yield* Stream.runCollect((yield* llm).streamObject("users", { schema: List, element: User }))
      const elements = events.flatMap((event) => event._tag === "Element" ? [event.value] : [])
      assert.isTrue(Schema.toEquivalence(List)(elements, users))
      const last = events.at(-1)
      assert.isTrue(last?._tag === "Done" && Schema.toEquivalence(List)(last.value, users))
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails at the end when the answer was cut, after what had come", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const error = yield* (yield* llm).streamObject("x", { schema: User, maxNewTokens: 6 }).pipe(
        Stream.runForEach(({ _tag }) => Effect.sync(() => seen.push(_tag))),
        Effect.flip
      )
      assert.isTrue(error._tag === "StructuredOutputError" && error.reason._tag === "Truncated")
      assert.include(seen, "Partial")
      assert.notInclude(seen, "Done")
    }).pipe(Effect.provide(server("tgi"))))
})

describe("structuredOutput of the service", () => {
  const regex = { format: "regex", schema: "[A-C]{3}" } as const

  it.effect("constrains text, a call may say otherwise, and false lifts it", () =>
    Effect.gen(function*() {
      const { generate } = yield* llm
      const text = (call?: Settings.CallOptions) =>
        Effect.map(generate("x", call), ({ generations }) => generations[0]?.text ?? "")
      assert.match(yield* text(), /^[A-C]{3}$/)
      assert.match(yield* text({ structuredOutput: { format: "regex", schema: "[x-z]" } }), /^[x-z]$/)
      assert.notMatch(yield* text({ structuredOutput: false }), /^[A-C]{3}$/)
    }).pipe(Effect.provide(server("tgi", { structuredOutput: regex }))))

  it.effect("names what TGI's dialect cannot read, before any request", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generate("x", {
        structuredOutput: { format: "regex", schema: "[A-Z]\\b[a-z]*" }
      }))
      assert.include(error.message, "\\b")
    }).pipe(Effect.provide(server("tgi"))))
})
