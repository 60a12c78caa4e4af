import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { vi } from "vitest"
import * as EventStream from "../../src/transport/events/EventStream.ts"
import { cut } from "./Pieces.ts"

type Event = readonly [data: string, type: string | undefined]

/**
 * The grammar once more, as plainly as it can be said: the whole text at once, one line after the other. Beside the
 * standard's rules stand the three deviations that the parser promises.
 */
const reference = (text: string): { readonly events: ReadonlyArray<Event>; readonly pending: boolean } => {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text
  const lines = body.split(/\r\n|\n|\r/)
  const events: Array<Event> = []
  let data: Array<string> = []
  let type = ""
  const dispatch = () => {
    if (data.length > 0) events.push([data.join("\n"), type === "" || type === "message" ? undefined : type])
    data = []
    type = ""
  }
  const field = (line: string) => {
    const [, name = "", value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? []
    if (line.startsWith("{")) data.push(line)
    else if (name === "data") data.push(value)
    if (name === "event") type = value
    if (name === "error") {
      type = "error"
      data.push(value)
    }
  }
  for (const [index, line] of lines.entries()) {
    if (line !== "") field(line)
    else if (index < lines.length - 1) dispatch()
  }
  const pending = data.length > 0
  dispatch()
  return { events, pending }
}

const parse = (pieces: ReadonlyArray<Uint8Array>, perPush = 1, maxEventSize?: number) => {
  const events: Array<Event> = []
  const parser = EventStream.make((data, type) => events.push([data, type]), { maxEventSize })
  let within = true
  for (let at = 0; at < pieces.length && within; at += perPush) within = parser.push(pieces.slice(at, at + perPush))
  return { events, within, pending: within && parser.end() }
}

const bytesOf = (text: string) => new TextEncoder().encode(text)
const parseText = (text: string) => parse([bytesOf(text)])
const eventsOf = (text: string) => parseText(text).events

const Bit = Schema.Literals([
  "data:",
  "data: ",
  "data:  two spaces",
  "data",
  "datax: no",
  "Data: no",
  "event: ping",
  "event:message",
  "event",
  "id: 7\0",
  "retry: 3000",
  "retry: soon",
  "error: oops",
  "unknown: field",
  ":",
  ": comment",
  "{\"a\":1}",
  "[DONE]",
  " ",
  "x",
  "é",
  "漢",
  "😀",
  "\u2028",
  "\u0085",
  "\uFEFF",
  "\0",
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "\r\r",
  "\r\n\r\n"
])

const Body = Schema.Array(Bit)
const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(6)
)
const PerPush = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))

describe("EventStream", () => {
  it.prop(
    "gives the events of the standard's grammar, wherever the bytes are cut",
    { bits: Body, sizes: Sizes, perPush: PerPush },
    ({ bits, perPush, sizes }) => {
      const text = bits.join("")
      const { events, pending } = parse(cut(bytesOf(text), sizes), perPush)
      assert.deepStrictEqual({ events, pending }, reference(text))
    },
    { arbitrary: { runs: 2000 } }
  )

  it.prop(
    "gives each datum back, whatever the line ends",
    {
      data: Schema.Array(Schema.String),
      end: Schema.Literals(["\n", "\r", "\r\n"]),
      name: Schema.Literals(["data:", "data: "]),
      sizes: Sizes
    },
    ({ data, end, name, sizes }) => {
      // one line each, and no space of its own where the field has none to be dropped
      const lines = data.map((text) => JSON.stringify(text))
      const body = lines.map((line) => `${name}${line}${end}${end}`).join("")
      assert.deepStrictEqual(
        parse(cut(bytesOf(body), sizes)).events.map(([text]) => JSON.parse(text)),
        JSON.parse(JSON.stringify(data))
      )
    }
  )

  it("drops one byte order mark and keeps a second", () =>
    assert.deepStrictEqual(eventsOf("\uFEFFdata:a\n\n\uFEFFdata:b\n\ndata:c\n\n"), [["a", undefined], [
      "c",
      undefined
    ]]))

  it("takes bytes that are no UTF-8 for replacement characters", () =>
    assert.deepStrictEqual(parse([new Uint8Array([100, 97, 116, 97, 58, 0xff, 10, 10])]).events, [[
      "\uFFFD",
      undefined
    ]]))

  it("goes on after a retry field", () =>
    assert.deepStrictEqual(eventsOf("retry: 3000\n\ndata:a\n\nretry:1\ndata:b\n\n"), [["a", undefined], [
      "b",
      undefined
    ]]))

  it("keeps line separators of Unicode inside data", () =>
    assert.deepStrictEqual(eventsOf("data:a\u2028b\u2029c\u0085d\n\n"), [["a\u2028b\u2029c\u0085d", undefined]]))

  it("dispatches an event whose only data line is empty", () =>
    assert.deepStrictEqual(eventsOf("data\n\ndata:\n\n"), [["", undefined], ["", undefined]]))

  it("forgets the type of an event without data", () =>
    assert.deepStrictEqual(eventsOf("event:ping\n\ndata:a\n\n"), [["a", undefined]]))

  it("delivers a last event without its blank line, and says that it may be cut", () =>
    assert.deepStrictEqual(parseText("data:a\n\ndata:b"), {
      events: [["a", undefined], ["b", undefined]],
      within: true,
      pending: true
    }))

  it("says that nothing was pending at an orderly end", () =>
    assert.deepStrictEqual(parseText("data:a\n\n").pending, false))

  it.prop(
    "refuses an event beyond the limit and passes one within it, wherever the bytes are cut",
    { sizes: Sizes, lines: Schema.Array(Schema.Literals(["", "12345", "1234567890123456"])), perPush: PerPush },
    ({ lines, perPush, sizes }) => {
      const body = bytesOf(`${lines.map((line) => `data:${line}\n`).join("")}\n`)
      const limit = 32
      let held = 0
      let largest = 0
      for (const [index, line] of lines.entries()) {
        largest = Math.max(largest, held + 5 + line.length)
        held += line.length + (index === 0 ? 0 : 1)
        largest = Math.max(largest, held)
      }
      assert.strictEqual(parse(cut(body, sizes), perPush, limit).within, largest <= limit)
      assert.strictEqual(parse([body], 1, limit).within, largest <= limit)
    },
    { arbitrary: { runs: 500 } }
  )

  it("refuses an event that does not end as soon as it is beyond the limit", () => {
    for (const piece of ["x", "data:x\n", ": x", "data:\n"]) {
      const parser = EventStream.make(() => undefined, { maxEventSize: 32 })
      let pushed = 0
      while (pushed < 1000 && parser.push([bytesOf(piece)])) pushed++
      assert.isBelow(pushed, 40, piece)
    }
  })

  it("bounds one event and not the stream", () =>
    assert.strictEqual(parse(cut(bytesOf("data:0123456789\n\n".repeat(100)), [7]), 1, 16).within, true))

  it("searches a large event in small pieces once", () => {
    const size = 4 * 1024 * 1024
    const pieces = cut(bytesOf(`data:${"x".repeat(size)}\n\n`), [1400])
    let searched = 0
    const counting = (name: "indexOf" | "includes" | "startsWith") => {
      const original = String.prototype[name]
      return vi.spyOn(String.prototype, name).mockImplementation(function(this: string, text: string, from = 0) {
        searched += name === "startsWith" ? text.length : Math.max(0, this.length - from)
        // the three share their parameters, and each mock gives back what its original gives
        return Reflect.apply(original, this, [text, from]) as never
      })
    }
    const spies = [counting("indexOf"), counting("includes"), counting("startsWith")]
    const seen: Array<number> = []
    const parser = EventStream.make((data) => seen.push(data.length))
    for (const piece of pieces) parser.push([piece])
    for (const spy of spies) spy.mockRestore()
    assert.deepStrictEqual(seen, [size])
    assert.isBelow(searched, 3 * size)
  })
})
