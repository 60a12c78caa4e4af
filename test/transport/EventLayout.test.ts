import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as EventLayout from "../../src/transport/events/EventLayout.ts"
import type { Route } from "../../src/transport/routes/Route.ts"
import * as Routes from "../../src/transport/routes/Routes.ts"

/** What a reader made of a text that is all of one event; `undefined` is nothing. */
const readAll = <F>(reader: EventLayout.Reader<F>, json: string) => reader.read(json, 0, json.length)

/** Learns as the stream does: from what is JSON and of the route. */
const learnFrom = <F>(reader: EventLayout.Reader<F>, route: Route<F>, json: string): void => {
  const event = parsed(json)
  if (route.guard.is(event)) reader.learn(json, event)
}

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Nothing, or to the last key and sign of zero what `JSON.parse` says. */
const assertFaithful = (read: unknown, json: string): void => {
  if (read === undefined) return
  const said: unknown = JSON.parse(json)
  assert.deepStrictEqual(read, said)
  assert.strictEqual(JSON.stringify(read), JSON.stringify(said))
}

const text = (value: string) => JSON.stringify(value)

/** What stands around the places that vary: the same in all events of a stream. */
interface Around {
  readonly first: string
  readonly last: string
  readonly blank: string
}

interface Varying {
  readonly text: string
  readonly one: string
  readonly two: string
  readonly three: string
}

type Write = (varying: Varying, around: Around) => string

const native: Write = ({ one, text, three, two }, { blank, first, last }) =>
  `{${first}"index":${blank}${one},"token":{${first}"id":${two}${blank},"text":${text},"logprob":${three},` +
  `"special":false${last}},"generated_text":null,"details":null${last}}`

const chat = (field: string): Write => ({ one, text, two }, { blank, first, last }) =>
  `{${first}"id":"c-${two}","created":1700000000,"choices":[${blank}{"index":${one},"delta":{${first}"role":"assistant",` +
  `"${field}"${blank}:${text}${last}},"logprobs":null,"finish_reason":null${last}}],"usage":null}`

const completion: Write = ({ one, text }, { blank, first, last }) =>
  `{"id":"",${first}"choices":[{${first}"index":${one}${blank},"text":${blank}${text},"finish_reason":""${last}}]${last}}`

/** Fields that servers add, and some that only an enemy would: names of places once more, before and after. */
const Field = Schema.Literals([
  `"object":"chunk"`,
  `"extra":null`,
  `"list":[]`,
  `"nested":{"content":"n","text":"n","index":1,"id":1,"logprob":1}`,
  `"content":"again"`,
  `"text":"again"`,
  `"index":5`,
  `"id":3`,
  `"choices":[{"index":0,"text":"x","delta":{"content":"x"}}]`,
  `"token":{"id":1,"text":"x","logprob":1}`,
  `"__proto__":{"text":"p"}`,
  `"constructor":1`,
  `"toJSON":1`,
  `"a\\"text":"b"`,
  `"<mark>":"<mark>"`,
  `"half":0.5`
])

const numerals = [
  "0",
  "-0",
  "7",
  "42",
  "-3",
  "0.5",
  "-0.5",
  "1.5",
  "100.5",
  "0.1",
  "-0.30000001192092896",
  "1e3",
  "1E-7"
]
const long = [
  "-1.25e+2",
  "9007199254740993",
  "123456789012345678901234567890",
  "0.000001234567890123456",
  "1e400",
  "-1e-400"
]
const notNumerals = ["00", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "null", `"1"`, "true", "1 "]
const Numeral = Schema.Literals([...numerals, ...long, ...notNumerals])

const strings = [`"a"`, `" token"`, `"größer"`, `"漢字"`, `"😀"`, `"\u2028"`, `"\u007f"`, `"\ud800"`, `""`, `"<mark>"`]
const escaped = [
  `"\\n"`,
  `"\\u00e9"`,
  `"\\ud83d\\ude00"`,
  `"\\ud800"`,
  `"\\\\"`,
  `"\\""`,
  `"long enough to be kept as a view"`
]
const notStrings = [`"\\x"`, `"\\"`, `"\u0001"`, `"\t"`, `null`, `7`, `"a","text":"b"`, `"a","content":"b"`, `"],[{}:"`]
const Literal = Schema.Literals([...strings, ...escaped, ...notStrings])

const Change = Schema.Struct({
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 220 })),
  drop: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  put: Schema.Literals(["", "\"", "\\", "\\\"", ",", ":", "{", "}", "[", "]", "0", "-", ".", "e5", " ", "é", "\u0001"])
})

const changed = (json: string, { at, drop, put }: typeof Change.Type): string => {
  const from = at % json.length
  return json.slice(0, from) + put + json.slice(from + drop)
}

const Event = Schema.Struct({ text: Literal, one: Numeral, two: Numeral, three: Numeral })
const Surroundings = Schema.Struct({
  first: Schema.Array(Field).check(Schema.isMaxLength(1)),
  last: Schema.Array(Field).check(Schema.isMaxLength(1)),
  blank: Schema.Literals(["", " ", "\t "])
})

const ordinary = (index: number): Varying => ({
  text: text(index % 7 === 3 ? "\n" : index % 5 === 2 ? " größer" : ` word${index}`),
  one: String(index),
  two: "7",
  three: String(-Math.fround(index / 7))
})

const plain: Around = { first: "", last: "", blank: "" }

const laws = <F>(name: string, route: Route<F>, write: Write) =>
  describe(name, () => {
    it("reads a stream of ordinary events, all but the first", () => {
      const reader = new EventLayout.Reader(route.layouts)
      const events = Array.from({ length: 200 }, (_, index) => write(ordinary(index), plain))
      const [first = "", ...rest] = events
      assert.isUndefined(readAll(reader, first))
      learnFrom(reader, route, first)
      assert.deepStrictEqual(rest.map((json) => readAll(reader, json)), rest.map((json) => JSON.parse(json)))
    })

    it.prop(
      "says nothing, or what JSON.parse says, whatever the events are",
      { around: Surroundings, events: Schema.Array(Event), one: Change, changes: Schema.Array(Change) },
      ({ around, changes, events, one }) => {
        const reader = new EventLayout.Reader(route.layouts)
        const surroundings: Around = {
          first: around.first.map((field) => `${field},`).join(""),
          last: around.last.map((field) => `,${field}`).join(""),
          blank: around.blank
        }
        const written = [ordinary(1), ordinary(2), ...events].map((event) => write(event, surroundings))
        for (const json of [...written, ...changes.map((change) => changed(written[0] ?? "", change)), ...written]) {
          for (const candidate of [json, changed(json, one)]) {
            assertFaithful(readAll(reader, candidate), candidate)
            learnFrom(reader, route, candidate)
          }
        }
      },
      { arbitrary: { runs: 1500 } }
    )

    it("gives each event objects of its own", () => {
      const reader = new EventLayout.Reader(route.layouts)
      const first = write(ordinary(1), plain)
      const event: unknown = JSON.parse(first)
      assert.isTrue(route.guard.is(event))
      if (route.guard.is(event)) reader.learn(first, event)
      const seen = new Set<object>()
      const count = (value: unknown): number => {
        if (typeof value !== "object" || value === null) return 0
        seen.add(value)
        return Object.values(value).reduce<number>((sum, member) => sum + count(member), 1)
      }
      const objects = count(event) + count(readAll(reader, first)) + count(readAll(reader, first))
      assert.strictEqual(seen.size, objects)
    })

    it("leaves what has a list or an object of its own, which events would share", () => {
      const reader = new EventLayout.Reader(route.layouts)
      const first = write(ordinary(1), { ...plain, first: `"list":[],` })
      learnFrom(reader, route, first)
      assert.isUndefined(readAll(reader, first))
    })
  })

laws("the layout of /generate_stream", Routes.native, native)
laws("the layout of chat content", Routes.chat, chat("content"))
laws("the layout of vLLM's reasoning", Routes.chat, chat("reasoning"))
laws("the layout of SGLang's and llama.cpp's reasoning", Routes.chat, chat("reasoning_content"))
laws("the layout of /v1/completions", Routes.completion({ prompt: "Say" }), completion)

const learned = () => {
  const reader = new EventLayout.Reader(Routes.native.layouts)
  learnFrom(reader, Routes.native, native(ordinary(1), plain))
  return reader
}

const withNumber = (numeral: string) => native({ ...ordinary(2), three: numeral }, plain)

describe("a layout", () => {
  it.prop("reads a number as JSON.parse does, however it is written", {
    value: Schema.Finite,
    digits: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
  }, ({ digits, value }) => {
    for (const numeral of [String(value), value.toExponential(digits), Math.fround(value).toFixed(digits)]) {
      const json = withNumber(numeral)
      if (parsed(json) === undefined) continue
      assert.deepStrictEqual<unknown>(readAll(learned(), json), JSON.parse(json))
    }
  }, { arbitrary: { runs: 2000 } })

  it("takes no number that JSON does not know", () => {
    for (const numeral of ["01", "-01", "00", "-", "1.", "1.e2", ".5", "1e", "1e+", "+1", "0x1", "1_0", "Infinity"]) {
      const json = withNumber(numeral)
      assert.throws(() => JSON.parse(json))
      assert.isUndefined(readAll(learned(), json), numeral)
    }
  })

  it("takes no text that JSON does not know", () => {
    for (const literal of [`"\n"`, `"\u0000"`, `"\\x"`, `"\\u12"`, `"open`]) {
      const json = native({ ...ordinary(2), text: literal }, plain)
      assert.throws(() => JSON.parse(json))
      assert.isUndefined(readAll(learned(), json), literal)
    }
  })

  it("reads in the midst of a text, and not beyond its end", () => {
    const reader = learned()
    const json = native(ordinary(2), plain)
    const within = `data:${json}\n\ndata:${json}\n\n`
    assert.deepStrictEqual<unknown>(reader.read(within, 5, 5 + json.length), JSON.parse(json))
    for (let end = 5; end < 5 + json.length; end++) assert.isUndefined(reader.read(within, 5, end))
    assert.isUndefined(reader.read(within, 5, 6 + json.length))
  })

  it("is learned again when events look different from now on", () => {
    const reader = learned()
    const later = (index: number) => native(ordinary(index), { ...plain, last: `,"more":${index % 2 === 0}` })
    assert.isUndefined(readAll(reader, later(2)))
    learnFrom(reader, Routes.native, later(2))
    assert.deepStrictEqual<unknown>(readAll(reader, later(4)), JSON.parse(later(4)))
    assert.isUndefined(readAll(reader, native(ordinary(5), plain)))
  })

  it("is not learned from a place that is said twice, since the last one counts", () => {
    for (const value of ["1", "0.5", "100.5"]) {
      const twice = (first: string) => native({ ...ordinary(1), one: first }, { ...plain, last: `,"index":${value}` })
      const reader = new EventLayout.Reader(Routes.native.layouts)
      learnFrom(reader, Routes.native, twice(value))
      assertFaithful(readAll(reader, twice("7")), twice("7"))
    }
  })

  it("is not learned over and over where no event is like the one before", () => {
    const reader = new EventLayout.Reader(Routes.native.layouts)
    for (let index = 0; index < 100; index++) {
      const json = native(ordinary(index), { ...plain, last: `,"at":${index}` })
      assert.isUndefined(readAll(reader, json))
      learnFrom(reader, Routes.native, json)
    }
    assert.isUndefined(readAll(reader, native(ordinary(99), { ...plain, last: `,"at":99` })))
  })

  it("reads the answers of several choices that alternate", () => {
    const reader = new EventLayout.Reader(Routes.chat.layouts)
    const events = Array.from(
      { length: 20 },
      (_, index) => chat("content")({ ...ordinary(index), one: String(index % 3) }, plain)
    )
    learnFrom(reader, Routes.chat, events[0] ?? "")
    assert.deepStrictEqual<unknown>(events.map((json) => readAll(reader, json)), events.map((json) => JSON.parse(json)))
  })
})
