import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Schema, SchemaGetter, Stream } from "effect"
import * as Feedback from "../../src/structured/decode/Feedback.ts"
import * as ObjectStream from "../../src/structured/decode/ObjectStream.ts"
import * as StructuredOutput from "../../src/structured/StructuredOutput.ts"
import { StructuredOutputError } from "../../src/structured/StructuredOutputError.ts"
import { families } from "../../src/template/thinking/ThinkingTags.ts"

class User extends Schema.Class<User>("User")({ name: Schema.String, lastName: Schema.String, id: Schema.Int }) {}

const output = StructuredOutput.make(User)
const lenient = StructuredOutput.make(User, { lenient: true })
const ada = new User({ name: "Ada", lastName: "Lovelace", id: 1 })
const text = "{\"name\": \"Ada\", \"lastName\": \"Lovelace\", \"id\": 1}"

const reasonOf = (answer: StructuredOutput.Answer, of: StructuredOutput.StructuredOutput<unknown> = output) =>
  Effect.map(Effect.flip(of.decode(answer)), ({ reason }) => reason)

describe("decoding", () => {
  it.effect("an answer becomes a value of the schema", () =>
    Effect.gen(function*() {
      const { repairs, value } = yield* output.decode({ text, finishReason: "eos_token" })
      assert.deepStrictEqual(value, ada)
      assert.deepStrictEqual(repairs, [])
    }))

  it.effect("a wrapped value is unwrapped", () =>
    Effect.gen(function*() {
      const { value } = yield* StructuredOutput.make(Schema.Array(Schema.Date)).decode({
        text: "{\"value\":[\"2024-01-02T03:04:05Z\"]}",
        wrap: "value"
      })
      assert.deepStrictEqual(value, [new Date("2024-01-02T03:04:05Z")])
    }))

  it.effect("null stands for an absent optional key", () =>
    Effect.gen(function*() {
      const schema = Schema.Struct({ a: Schema.optional(Schema.Int) })
      assert.deepStrictEqual((yield* StructuredOutput.make(schema).decode({ text: "{\"a\":null}" })).value, {
        a: undefined
      })
    }))

  it.effect("services of the schema stay required", () =>
    Effect.gen(function*() {
      class Offset extends Context.Service<Offset, number>()("test/Offset") {}
      const shift = SchemaGetter.transformEffect((n: number) => Effect.map(Offset, (offset) => n + offset))
      const schema = Schema.Struct({
        a: Schema.Int.pipe(Schema.decodeTo(Schema.Int, { decode: shift, encode: shift }))
      })
      const decoded = StructuredOutput.make(schema).decode({ text: "{\"a\":1}" })
      assert.deepStrictEqual((yield* Effect.provideService(decoded, Offset, 41)).value, { a: 42 })
    }))

  it.effect("an empty answer is told", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf({ text: " \n" }))._tag, "Empty")
    }))

  it.effect("an answer cut by the token limit is told, with its text", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ text: "{\"name\": \"Ad", finishReason: "length" })
      assert.deepInclude(reason, { _tag: "Truncated", text: "{\"name\": \"Ad", finishReason: "length" })
    }))

  it.effect("a text that is constrained by a regex or by choices is cut where the token limit cut it", () =>
    Effect.gen(function*() {
      for (const  of of[StructuredOutput.fromRegex("[a-z]+"), StructuredOutput.fromChoices(["ab", "abc"])]) {
        assert.strictEqual((yield* reasonOf({ text: "ab", finishReason: "length" }, of))._tag, "Truncated")
        assert.strictEqual((yield* of.decode({ text: "ab", finishReason: "stop" })).value, "ab")
      }
    }))

  it.effect("a value in a thought is not the answer, whose tag opens nowhere", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.make(Schema.Struct({ a: Schema.Int }), { lenient: true })
      assert.deepStrictEqual((yield* of.decode({ text: "{\"a\":1} it may be</think>{\"a\":2}" })).value, { a: 2 })
    }))

  it.effect("brackets within the value are no value of their own", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.make(Schema.String, { lenient: true })
      assert.strictEqual((yield* of.decode({ text: "```json\n\"see [1]\"\n```" })).value, "see [1]")
    }))

  it.effect("a number at the very limit is not trusted", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.make(Schema.Int)
      assert.strictEqual((yield* reasonOf({ text: "12", finishReason: "length" }, of))._tag, "Truncated")
    }))

  it.effect("a complete value at the very limit counts", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* output.decode({ text, finishReason: "length" })).value, ada)
    }))

  it.effect("what is not JSON is told with its offset", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* reasonOf({ text: " {\"name\": Ada}" }), { _tag: "NotJson", offset: 10 })
    }))

  it.effect("a wrong shape is told with every path", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ text: "{\"name\": 1, \"id\": \"x\"}" })
      assert.strictEqual(reason._tag, "Mismatch")
      assert.deepStrictEqual(
        reason._tag === "Mismatch" ? reason.issues.map(({ path }) => path) : [],
        [["name"], ["lastName"], ["id"]]
      )
    }))

  it.effect("a filtered answer is refused", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf({ text, finishReason: "content_filter" }))._tag, "Refused")
    }))

  it.effect("a message shows little of a long text, the reason all of it", () =>
    Effect.gen(function*() {
      const long = `{"name": "${"x".repeat(5000)}`
      const error = yield* Effect.flip(output.decode({ text: long, finishReason: "length" }))
      assert.isBelow(error.message.length, 400)
      assert.strictEqual("text" in error.reason ? error.reason.text : "", long)
    }))

  it.effect("an error survives being stored", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(output.decode({ text: "{}" }))
      const stored = yield* Schema.encodeEffect(Schema.fromJsonString(StructuredOutputError))(error)
      const restored = yield* Schema.decodeEffect(Schema.fromJsonString(StructuredOutputError))(stored)
      assert.strictEqual(restored.message, error.message)
    }))

  it.effect("a special token at the end is cut, and that is said", () =>
    Effect.gen(function*() {
      const { repairs, value } = yield* output.decode({ text: `${text}<|eot_id|>\n` })
      assert.deepStrictEqual([value, repairs], [ada, ["special-token"]])
    }))

  it.effect.each<[string, string, ReadonlyArray<string>]>([
    ["a byte-order mark", `\uFEFF${text}`, ["byte-order-mark"]],
    ["a code fence", `\`\`\`json\n${text}\n\`\`\``, ["code-fence"]],
    ["prose and a fence", `Sure!\n\`\`\`\n${text}\n\`\`\`\nAnything else?`, ["code-fence"]],
    ["prose", `Here you {are}: ${text} Enjoy!`, ["prose"]],
    ["thinking", `<think>{"name": 1}</think>\n${text}`, ["thinking"]],
    ["thinking that the prompt opened", `so {"name": 1}</think>\n${text}`, ["thinking"]],
    ...families.map(({ close, open }): [string, string, ReadonlyArray<string>] => [
      `thinking in ${open}`,
      `${open}{"name": 1}${close}${text}`,
      ["thinking"]
    ])
  ])("leniency sees through %s, and says so", ([, given, steps]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual<unknown>(yield* lenient.decode({ text: given }), { value: ada, repairs: steps })
      assert.strictEqual((yield* reasonOf({ text: given }))._tag, "NotJson")
    }))

  it.effect("leniency changes no tag inside a value", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.make(Schema.Struct({ html: Schema.String }), { lenient: true })
      for (const html of ["</think>", "<think>a</think>b", "[THINK]"]) {
        const given = JSON.stringify({ html })
        assert.deepStrictEqual<unknown>(yield* of.decode({ text: given }), { value: { html }, repairs: [] })
        const streamed = ObjectStream.make(of, Stream.fromIterable([...given].map((text) => ({ text }))))
        assert.deepStrictEqual<unknown>((yield* events(streamed)).at(-1), {
          _tag: "Done",
          value: { html },
          repairs: []
        })
      }
    }))

  it.effect("a JSON Schema is enforced where Effect can express it, and changes nothing", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.fromJsonSchema({
        type: "object",
        properties: { n: { type: "integer", minimum: 5 } },
        required: ["n"]
      })
      assert.deepStrictEqual((yield* of.decode({ text: "{\"n\":7,\"more\":1}" })).value, { n: 7, more: 1 })
      assert.strictEqual((yield* reasonOf({ text: "{\"n\":1}" }, of))._tag, "Mismatch")
    }))

  it.effect("a JSON Schema beyond that is left to the grammar", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.fromJsonSchema({ type: "integer", not: { const: 1 } })
      assert.strictEqual((yield* of.decode({ text: "1" })).value, 1)
    }))

  it.effect("a choice is one of the choices", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.fromChoices(["yes", "no"])
      assert.strictEqual((yield* of.decode({ text: "yes" })).value, "yes")
      assert.strictEqual((yield* reasonOf({ text: "maybe" }, of))._tag, "Mismatch")
    }))
})

const asking = (answers: ReadonlyArray<StructuredOutput.Answer>, times: number) => {
  const rounds: Array<Feedback.Round> = []
  const result = Feedback.retryWithFeedback(output, {
    times,
    ask: (round) => {
      rounds.push(round)
      return Effect.succeed(answers[round.index] ?? { text: "" })
    }
  })
  return { rounds, result }
}

describe("retrying with feedback", () => {
  it.effect("a wrong shape is asked about again, with what was wrong", () =>
    Effect.gen(function*() {
      const { result, rounds } = asking([{ text: "{\"name\":\"Ada\"}" }, { text }], 2)
      const outcome = yield* result
      assert.deepStrictEqual(outcome.value, ada)
      assert.deepStrictEqual(outcome.attempts.map(({ text }) => text), ["{\"name\":\"Ada\"}"])
      assert.strictEqual(rounds[1]?.correction?.answer, "{\"name\":\"Ada\"}")
      assert.include(rounds[1]?.correction?.feedback, "- lastName: Missing key\n- id: Missing key\n")
    }))

  it.effect("a cut answer is asked for again without words", () =>
    Effect.gen(function*() {
      const { result, rounds } = asking([{ text: "{", finishReason: "length" }, { text }], 1)
      yield* result
      assert.deepStrictEqual(rounds[1], { index: 1, correction: undefined, truncations: 1, broken: "{" })
    }))

  it.effect("a refusal is final", () =>
    Effect.gen(function*() {
      const { result, rounds } = asking([{ text, finishReason: "content_filter" }, { text }], 3)
      assert.strictEqual((yield* Effect.flip(result)).reason._tag, "Refused")
      assert.lengthOf(rounds, 1)
    }))

  it.effect("the last error carries the answers before it", () =>
    Effect.gen(function*() {
      const { result } = asking([{ text: "1" }, { text: "2" }, { text: "3" }], 2)
      const error = yield* Effect.flip(result)
      assert.deepStrictEqual(error.attempts.map(({ text }) => text), ["1", "2"])
      assert.include(error.message, "after 3 attempts")
    }))

  it.effect("feedback lists ten problems at most", () =>
    Effect.gen(function*() {
      const keys = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`k${index}`, Schema.Int]))
      const error = yield* Effect.flip(StructuredOutput.make(Schema.Struct(keys)).decode({ text: "{}" }))
      const feedback = Feedback.message(error) ?? ""
      assert.lengthOf(feedback.split("\n").filter((line) => line.startsWith("- k")), 10)
      assert.include(feedback, "- and 5 more")
    }))
})

const deltas = (...texts: ReadonlyArray<string>): Stream.Stream<ObjectStream.Delta> =>
  Stream.fromIterable(
    texts.map((text, index) => index < texts.length - 1 ? { text } : { text, finishReason: "stop" })
  )

const events = <A, I>(stream: Stream.Stream<ObjectStream.Event<A, I>, StructuredOutputError>) =>
  Effect.map(Stream.runCollect(stream), (all) => all.map((event) => event._tag === "Partial" ? event.value : event))

describe("streaming", () => {
  it.effect("partials grow, then the decoded whole comes", () =>
    Effect.gen(function*() {
      const stream = ObjectStream.make(
        output,
        deltas("{\"name\":\"A", "da\",", "\"lastName\":\"Lovelace\"", ",\"id\":1}")
      )
      assert.deepStrictEqual<unknown>(yield* events(stream), [
        { name: "A" },
        { name: "Ada" },
        { name: "Ada", lastName: "Lovelace" },
        { name: "Ada", lastName: "Lovelace", id: 1 },
        { _tag: "Done", value: ada, repairs: [] }
      ])
    }))

  it.effect("elements of a wrapped array come decoded, each once", () =>
    Effect.gen(function*() {
      const of = StructuredOutput.make(Schema.Array(Schema.Date))
      const stream = ObjectStream.make(
        of,
        deltas("{\"value\":[\"2024-01-01T00:00:00", "Z\",\"2025-01-01T00:00:00Z\"", "]}"),
        {
          wrap: "value",
          element: Schema.Date
        }
      )
      const elements = (yield* Stream.runCollect(stream)).flatMap((event) =>
        event._tag === "Element" ? [[event.index, event.value.getUTCFullYear()]] : []
      )
      assert.deepStrictEqual(elements, [[0, 2024], [1, 2025]])
    }))

  it.effect("a partial holds what it held when it was published", () =>
    Effect.gen(function*() {
      const all = yield* Stream.runCollect(ObjectStream.make(output, deltas("{\"name\":\"A", `da"${text.slice(14)}`)))
      const [first] = all
      assert.deepStrictEqual<unknown>(first?._tag === "Partial" ? first.value : undefined, { name: "A" })
    }))

  it.effect("a stream that was cut fails as such", () =>
    Effect.gen(function*() {
      const cut = Stream.make({ text: "{\"name\":\"A" }, { text: "d", finishReason: "length" })
      const error = yield* Effect.flip(Stream.runDrain(ObjectStream.make(output, cut)))
      assert.deepInclude(error.reason, { _tag: "Truncated", text: "{\"name\":\"Ad" })
    }))

  it.effect("failures of the source pass", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Stream.runDrain(ObjectStream.make(output, Stream.fail("gone" as const))))
      assert.strictEqual(error, "gone")
    }))

  it.effect("leniency begins behind thinking and prose", () =>
    Effect.gen(function*() {
      const stream = ObjectStream.make(
        lenient,
        deltas("<thi", "nk>{\"a\"", "}</th", "ink>", "Here: {\"name\":\"", "Ada\"", text.slice(14))
      )
      assert.deepStrictEqual<unknown>((yield* events(stream)).slice(0, 2), [{ name: "" }, { name: "Ada" }])
    }))

  it.effect.each(families.map(({ alone, close, open }) => [open, close, alone] as const))(
    "leniency begins behind thinking in %s, wherever it is cut",
    ([open, close, alone]) =>
      Effect.gen(function*() {
        const given = [`${open}so {"name":1}${close}Here: ${text}`, ...alone ? [`so {"name":1} {${close}${text}`] : []]
        for (const answer of given) {
          for (const pieces of [[answer], [...answer]]) {
            const all = yield* events(ObjectStream.make(lenient, deltas(...pieces)))
            assert.deepInclude(all.at(-1), { _tag: "Done", value: ada })
            assert.deepStrictEqual<unknown>(all.at(-2), { name: "Ada", lastName: "Lovelace", id: 1 })
          }
        }
      })
  )

  it.effect("begins anew where all so far was thinking", () =>
    Effect.gen(function*() {
      const thought = Stream.make({ text: "{\"name\":\"No\"" }, { text: "", restarts: true }, { text })
      const all = yield* events(ObjectStream.make(output, thought))
      assert.deepStrictEqual<unknown>(all.at(-1), { _tag: "Done", value: ada, repairs: [] })
    }))
})
