import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { families } from "../../src/template/thinking/ThinkingTags.ts"
import * as ThoughtOpening from "../../src/template/thinking/ThoughtOpening.ts"
import * as ThoughtSplitter from "../../src/template/thinking/ThoughtSplitter.ts"

const split = (pieces: ReadonlyArray<string>, opening?: ThoughtOpening.Opening) => {
  const splitter = ThoughtSplitter.make(opening)
  const sides = { thinking: "", said: "" }
  for (const { moved, text, thinking } of [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()]) {
    if (moved === true) {
      sides.thinking += sides.said
      sides.said = ""
    } else if (thinking) sides.thinking += text
    else sides.said += text
  }
  return sides
}

const Bit = Schema.Literals([
  "<think>",
  "</think>",
  "<",
  "<th",
  "</",
  "ink>",
  "a",
  "think>",
  "<<think>",
  "\n",
  "<answer>",
  "</answer>",
  "[/THINK]",
  "<|end|>"
])

const tags = families.flatMap(({ close, open }) => [open, close])

describe("a text", () => {
  it.prop("is split the same, wherever it is cut", [Schema.Array(Bit)], ([pieces]) => {
    const whole = split([pieces.join("")])
    assert.deepStrictEqual(split(pieces), whole)
    assert.deepStrictEqual(split([...pieces.join("")]), whole)
  }, { arbitrary: { runs: 1000 } })

  const openings = {
    "inside a thought": "<|assistant|><think>\n",
    "behind one": "<think>\n\n</think>\n\n",
    "inside one of any family": undefined
  }
  for (const [where, prompt] of Object.entries(openings)) {
    it.prop(`that begins ${where} is split the same, wherever it is cut`, [Schema.Array(Bit)], ([pieces]) => {
      const opening = prompt === undefined ? ThoughtOpening.rendered(true, "m") : ThoughtOpening.opening(prompt)
      const whole = split([pieces.join("")], opening)
      assert.deepStrictEqual(split(pieces, opening), whole)
      assert.deepStrictEqual(split([...pieces.join("")], opening), whole)
    }, { arbitrary: { runs: 500 } })
  }

  it.prop("without a tag loses nothing", [Schema.Array(Schema.String)], ([pieces]) => {
    const bare = pieces.join("")
    if (tags.some((tag) => bare.includes(tag))) return
    assert.deepStrictEqual(split(pieces), { thinking: "", said: bare })
  })

  it("gives out at once what can be no tag", () =>
    assert.deepStrictEqual(ThoughtSplitter.make().push("a < b"), [{ thinking: false, text: "a < b" }]))
})

describe("thinking", () => {
  for (const family of families) {
    const { alone, close, open } = family
    it(`stands between ${open} and ${close}`, () => {
      assert.deepStrictEqual(split([`${open}hm${close}\n\nyes`]), { thinking: "hm", said: "\n\nyes" })
      assert.deepStrictEqual(split([...`\n${open}hm${close}yes`]), { thinking: "hm", said: "yes" })
    })

    it(`that a prompt opened with ${open} ends with ${close}`, () => {
      const opening = ThoughtOpening.opening(`<|user|>hi<|assistant|>${open}\n`)
      assert.deepStrictEqual(opening, { _tag: "Inside", family })
      assert.deepStrictEqual(split([...`hm${close}yes`], opening), { thinking: "hm", said: "yes" })
    })

    if (!alone) {
      it(`is not known by ${close} alone, which ends a turn elsewhere`, () =>
        assert.deepStrictEqual(split([`yes${close}`]), { thinking: "", said: `yes${close}` }))
      continue
    }

    it(`that a caller says was opened ends with ${close}`, () => {
      const opened = ThoughtOpening.rendered(true, "org/model")
      assert.deepStrictEqual(split([...`hm${close}yes`], opened), { thinking: "hm", said: "yes" })
      assert.deepStrictEqual(split([`${open}hm${close}yes`], opened), { thinking: "hm", said: "yes" })
    })

    it(`that a server's template opened ends with ${close} alone`, () => {
      assert.deepStrictEqual(split([`hm${close}yes`]), { thinking: "hm", said: "yes" })
      assert.deepStrictEqual(split([...`hm${close}yes`]), { thinking: "hm", said: "yes" })
    })

    it(`that a prompt closed with ${close} has no second end`, () => {
      const opening = ThoughtOpening.opening(`<|assistant|>${open}\n\n${close}\n\n`)
      assert.deepStrictEqual(opening, { _tag: "Behind", family })
      assert.deepStrictEqual(split([`yes${close} no`], opening), { thinking: "", said: "yes no" })
    })
  }

  it("is not begun by a tag in the middle of an answer, which swallows nothing", () =>
    assert.deepStrictEqual(split(["Write <think> to think. ", "<think>a</think", "> and"]), {
      thinking: "Write <think> to think. <think>a",
      said: " and"
    }))

  it("is not begun again after the answer has begun", () =>
    assert.deepStrictEqual(split(["<think>hm</think>The tag <think> opens a thought"]), {
      thinking: "hm",
      said: "The tag <think> opens a thought"
    }))

  it("may come in several blocks before the answer", () =>
    assert.deepStrictEqual(split(["<think>a</think>\n<think>b</think>yes"]), { thinking: "ab", said: "yes" }))

  it("that the prompt opened may be opened once more by the model", () => {
    const inside = ThoughtOpening.opening("<|assistant|><think>\n")
    assert.deepStrictEqual(split(["<think>\nhm</think>yes"], inside), { thinking: "\nhm", said: "yes" })
    assert.deepStrictEqual(split([..."<think>\nhm</think>yes"], inside), { thinking: "\nhm", said: "yes" })
    assert.deepStrictEqual(split([..."<thin air</think>yes"], inside), { thinking: "<thin air", said: "yes" })
  })

  it("is not looked for in a text from which the server took it", () => {
    const splitter = ThoughtSplitter.make(ThoughtOpening.opening("<|assistant|><think>\n"))
    splitter.separated()
    assert.deepStrictEqual(splitter.push("yes"), [{ thinking: false, text: "yes" }])
  })

  it("does not begin with a close that the model wrote into a text from which the server took it", () => {
    const splitter = ThoughtSplitter.make()
    splitter.separated()
    assert.deepStrictEqual(splitter.push("a tag is </think>, you see"), [
      { thinking: false, text: "a tag is </think>, you see" }
    ])
  })

  it("leaves no second close in the answer", () =>
    assert.deepStrictEqual(split(["<think>hm</think>so</thi", "nk>yes"]), { thinking: "hm", said: "soyes" }))

  it("that never ends is all thinking", () =>
    assert.deepStrictEqual(split(["<think>hm"]), { thinking: "hm", said: "" }))

  for (
    const [open, close] of [
      ["<answer>", "</answer>"],
      ["<response>", "</response>"],
      ["<|START_RESPONSE|>", "<|END_RESPONSE|>"]
    ]
  ) {
    it(`is followed by an answer without its ${open}`, () => {
      assert.deepStrictEqual(split([`<think>hm</think>\n${open}yes${close}`]), { thinking: "hm", said: "yes" })
      assert.deepStrictEqual(split([...`<think>hm</think>${open}yes${close}\n`]), { thinking: "hm", said: "yes\n" })
      assert.deepStrictEqual(split([`${open}yes${close}`]), { thinking: "", said: `${open}yes${close}` })
    })
  }

  it("of gpt-oss is followed by its final channel", () =>
    assert.deepStrictEqual(
      split([
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>"
      ]),
      { thinking: "hm", said: "yes" }
    ))
})

it("a prompt without a tag at its end says nothing", () =>
  assert.deepStrictEqual(ThoughtOpening.opening("What does <think> mean?<|assistant|>"), ThoughtOpening.unknown))

describe("a prompt that the server rendered", () => {
  it("opened the thought where the caller says so, and where the model's template always does", () => {
    const names = [
      "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
      "me/deepseek-r1-0528-awq",
      "Qwen/QwQ-32B",
      "Qwen/Qwen3-235B-A22B-Thinking-2507"
    ]
    for (const name of names) assert.strictEqual(ThoughtOpening.rendered(false, name)._tag, "Inside")
    assert.strictEqual(ThoughtOpening.rendered(true, "org/model")._tag, "Inside")
  })

  it("says nothing elsewhere", () => {
    for (const name of ["Qwen/Qwen3-4B", "deepseek-ai/DeepSeek-V3.1", "Qwen/Qwen3-4B-Instruct-2507"]) {
      assert.strictEqual(ThoughtOpening.rendered(false, name), ThoughtOpening.unknown)
    }
  })
})
