import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Generation from "../src/Generation.ts"
import * as Folding from "../src/pipeline/fold/Folding.ts"

const statistics = { duration: 1, attempts: 1 }

const folded = (
  deltas: ReadonlyArray<Generation.Delta>,
  options: Partial<Folding.Options> = {}
): { readonly generation: Generation.Generation; readonly events: ReadonlyArray<Generation.Event> } => {
  const fold = Folding.make({ splitReasoning: false, keepTokens: false, ...options })
  const events: Array<Generation.Event> = []
  for (const delta of deltas) fold.add(delta, events)
  return { generation: fold.finish(statistics, events), events }
}

const textOf = (events: ReadonlyArray<Generation.Event>, tag: "Text" | "Reasoning") =>
  events.map((event) => event._tag === tag && "text" in event ? event.text : "").join("")

const piece = (args: string, rest: Partial<Generation.ToolCallDelta> = {}): Generation.Delta => ({
  toolCalls: [{ index: 0, arguments: args, ...rest }]
})

const Pieces = Schema.Array(Schema.String)

/** The texts of the tokens that are thinking, or of those that are not. */
const texts = (all: ReadonlyArray<Generation.Token> | undefined, reasoning: boolean) =>
  all?.filter((token) => (token.reasoning === true) === reasoning).map(({ text }) => text).join("")

/** A text without tags and blanks. */
const bare = (text = "") => text.replaceAll(/<\/?think>|\s/g, "")

describe("text", () => {
  it.prop("is the sum of its pieces, and so are the events", [Pieces], ([pieces]) => {
    const { events, generation } = folded(pieces.map((text) => ({ text })))
    assert.strictEqual(generation.text, pieces.join(""))
    assert.strictEqual(textOf(events, "Text"), pieces.join(""))
  })

  it.prop(
    "gives no empty events",
    [Pieces],
    ([pieces]) =>
      assert.isTrue(
        folded(pieces.map((text) => ({ text }))).events.every((event) => !("text" in event) || event.text !== "")
      )
  )

  it("is what the server says it is, where it says so", () =>
    assert.strictEqual(folded([{ text: " a" }, { fullText: "a" }]).generation.text, "a"))

  it("an empty whole text counts as well", () =>
    assert.strictEqual(folded([{ text: " " }, { fullText: "" }]).generation.text, ""))

  it.prop("is taken apart the same in pieces and at once", [
    Schema.Array(Schema.Literals(["<think>", "</think>", "<th", "ink>", "a", "b ", "\n"]))
  ], ([pieces]) => {
    const whole = pieces.join("")
    const streamed = folded([...pieces.map((text) => ({ text })), { fullText: whole }], { splitReasoning: true })
    const unary = folded([{ text: whole, fullText: whole }], { splitReasoning: true })
    assert.deepStrictEqual(streamed.generation, unary.generation)
    // a close without an open makes thinking of what was told as text before
    if (whole.indexOf("</think>") !== -1 && !whole.trimStart().startsWith("<think>")) return
    assert.strictEqual(textOf(streamed.events, "Text"), unary.generation.text)
    assert.strictEqual(textOf(streamed.events, "Reasoning"), unary.generation.reasoning ?? "")
  })

  it.prop(
    "never ends an event with half a character",
    [Schema.Array(Schema.String), Schema.Boolean],
    ([texts, thought]) => {
      const units = texts.join("\u{1F600}").split("")
      const { events, generation } = folded(units.map((text) => thought ? { reasoning: text } : { text }))
      const said = texts.join("\u{1F600}")
      assert.strictEqual(thought ? generation.reasoning ?? "" : generation.text, said)
      assert.strictEqual(textOf(events, thought ? "Reasoning" : "Text"), said)
      if (said.isWellFormed()) assert.isTrue(events.every((event) => !("text" in event) || event.text.isWellFormed()))
    }
  )

  it("gives out half a character that stays half", () =>
    assert.strictEqual(folded([{ text: "a\uD83D" }]).generation.text, "a\uD83D"))

  it("does not join halves of thinking and text", () => {
    const { events, generation } = folded([{ reasoning: "a\uD83D" }, { text: "\uDE00b" }])
    assert.deepStrictEqual([generation.reasoning, generation.text], ["a\uD83D", "\uDE00b"])
    assert.strictEqual(textOf(events, "Reasoning"), "a\uD83D")
  })
})

describe("tool calls", () => {
  it.prop("are the sum of their fragments, whatever the engine's borders", [
    Schema.Record(Schema.String, Schema.Json),
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 }))
  ], ([value, size]) => {
    const text = JSON.stringify(value)
    const fragments = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []
    const { events, generation } = folded(
      fragments.map((fragment, at) => piece(fragment, at === 0 ? { id: "0", name: "f" } : { id: "0" }))
    )
    assert.deepStrictEqual(generation.toolCalls, [{ id: "0", name: "f", arguments: text }])
    assert.lengthOf(events, fragments.length)
  })

  it("several calls come in the order of their first fragments", () =>
    assert.deepStrictEqual(
      folded([
        piece("{", { index: 0, id: "a", name: "f" }),
        piece("{", { index: 1, id: "b", name: "g" }),
        piece("}", { index: 1 }),
        piece("}", { index: 0 })
      ]).generation.toolCalls,
      [{ id: "a", name: "f", arguments: "{}" }, { id: "b", name: "g", arguments: "{}" }]
    ))

  it("calls that have no index are numbered by their place", () =>
    assert.deepStrictEqual(
      folded([{ toolCalls: [{ name: "f", arguments: "{}" }, { name: "g", arguments: "{}" }] }]).events.map((event) =>
        event._tag === "ToolCall" ? event.index : undefined
      ),
      [0, 1]
    ))

  it("the first fragment that TGI repeats after the end is not heard twice", () => {
    const first = piece("{", { id: "0", name: "f" })
    const { events, generation } = folded([first, piece(`"a":1}`), first])
    assert.deepStrictEqual([generation.toolCalls[0]?.arguments, events.length], [`{"a":1}`, 2])
  })

  for (const open of ["", "{", " { ", "{}"]) {
    it(`arguments left as ${JSON.stringify(open)} are the empty object`, () =>
      assert.strictEqual(folded([piece(open, { name: "f" })]).generation.toolCalls[0]?.arguments.trim(), "{}"))
  }

  it("arguments that were cut stay as they are", () =>
    assert.strictEqual(folded([piece(`{"a":`, { name: "f" })]).generation.toolCalls[0]?.arguments, `{"a":`))

  it("an empty or missing id is the place in the list", () =>
    assert.deepStrictEqual(
      folded([piece("{}", { index: 0, id: "", name: "f" }), piece("{}", { index: 1, name: "g" })]).generation.toolCalls
        .map(({ id }) => id),
      ["0", "1"]
    ))
})

describe("the finish reason", () => {
  const words: ReadonlyArray<readonly [raw: string | undefined, called: boolean, reason: Generation.FinishReason]> = [
    ["eos_token", false, "stop"],
    ["stop", false, "stop"],
    ["end_turn", false, "stop"],
    ["length", false, "length"],
    ["max_tokens", false, "length"],
    ["stop_sequence", false, "stop_sequence"],
    ["content_filter", false, "content_filter"],
    ["abort", false, "abort"],
    [undefined, false, "unknown"],
    ["stop", true, "tool_calls"],
    ["eos_token", true, "tool_calls"],
    [undefined, true, "tool_calls"],
    ["length", true, "length"]
  ]
  for (const [raw, called, reason] of words) {
    it(`${raw} ${called ? "with" : "without"} a call is ${reason}`, () =>
      assert.strictEqual(Generation.finishReason(raw, called), reason))
  }

  it("is the last that is said, and an empty one is none", () => {
    const { generation } = folded([{ finishReason: "length" }, { finishReason: "" }])
    assert.deepStrictEqual([generation.finishReason, generation.rawFinishReason], ["length", "length"])
  })
})

describe("counts", () => {
  const Counts = Schema.Struct({
    inputTokens: Schema.optional(Schema.Natural),
    outputTokens: Schema.optional(Schema.Natural),
    cachedTokens: Schema.optional(Schema.Natural),
    reasoningTokens: Schema.optional(Schema.Natural)
  })

  it.prop("are the union of what the sources know, the answer's own first", [Counts, Counts], ([own, headers]) => {
    const fold = Folding.make({ splitReasoning: false, keepTokens: false })
    fold.add({ usage: own }, [])
    const { statistics: found } = fold.finish({ ...statistics, ...headers })
    for (const count of ["inputTokens", "outputTokens", "cachedTokens", "reasoningTokens"] as const) {
      assert.strictEqual(found[count], own[count] ?? headers[count])
    }
  })

  it("are undefined where nobody told them, and not 0", () =>
    assert.deepStrictEqual(folded([{ text: "a" }]).generation.statistics, statistics))
})

describe("tokens", () => {
  const tokens = [{ text: "a", logprob: -1 }]

  it("are kept where they are wanted", () =>
    assert.deepStrictEqual(folded([{ tokens }, { tokens }], { keepTokens: true }).generation.tokens, [
      ...tokens,
      ...tokens
    ]))

  it.prop("of thinking between tags are told from those of the answer, in pieces and at once", [
    Schema.Array(Schema.Literals(["<think>", "</think>", "<th", "ink>", "a", "b ", "\n"]))
  ], ([pieces]) => {
    const options = { keepTokens: true, splitReasoning: true }
    const all = pieces.map((text): Generation.Token => ({ text, logprob: -1 }))
    const streamed = folded(all.map((token) => ({ text: token.text, tokens: [token] })), options).generation
    const whole = folded([{ text: pieces.join(""), tokens: all }], options).generation
    assert.deepStrictEqual(streamed.tokens ?? [], whole.tokens ?? [])
    assert.strictEqual(bare(texts(whole.tokens, true)), bare(whole.reasoning))
  })

  it("of thinking are marked, with its tags", () => {
    const all = ["<thi", "nk>", "hm", "</think>", "\n", "yes"].map((text): Generation.Token => ({ text }))
    const { generation } = folded([{ text: "<think>hm</think>\nyes", tokens: all }], {
      keepTokens: true,
      splitReasoning: true
    })
    assert.strictEqual(texts(generation.tokens, true), "<think>hm</think>")
    assert.strictEqual(texts(generation.tokens, false), "\nyes")
  })

  it("are not kept where nobody wants them", () => assert.notProperty(folded([{ tokens }]).generation, "tokens"))
})

describe("what is not there", () => {
  it("is no key", () =>
    assert.deepStrictEqual(folded([]).generation, { text: "", toolCalls: [], finishReason: "unknown", statistics }))
})
