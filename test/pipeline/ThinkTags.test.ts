import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ThinkTags from "../../src/pipeline/ThinkTags.ts"

/** The same at once: text before a tag belongs to the side it is on; a tag that is not closed runs to the end. */
const reference = (text: string): { readonly thinking: string; readonly said: string } => {
  let rest = text
  let thinking = ""
  let said = ""
  for (let inside = false;; inside = !inside) {
    const tag = inside ? "</think>" : "<think>"
    const at = rest.indexOf(tag)
    const piece = at === -1 ? rest : rest.slice(0, at)
    if (inside) thinking += piece
    else said += piece
    if (at === -1) return { thinking, said }
    rest = rest.slice(at + tag.length)
  }
}

const split = (pieces: ReadonlyArray<string>, opened = false) => {
  const splitter = ThinkTags.make(opened)
  const all = [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()]
  const side = (inside: boolean) => all.filter(({ thinking }) => thinking === inside).map(({ text }) => text).join("")
  return { thinking: side(true), said: side(false) }
}

const Bit = Schema.Literals(["<think>", "</think>", "<", "<th", "</", "ink>", "a", "think>", "<<think>", "\n"])

describe("ThinkTags", () => {
  it.prop("splits the same, wherever the text is cut", [Schema.Array(Bit)], ([pieces]) => {
    const text = pieces.join("")
    assert.deepStrictEqual(split(pieces), reference(text))
    assert.deepStrictEqual(split([...text]), reference(text))
  }, { arbitrary: { runs: 1000 } })

  it.prop("loses nothing but the tags", [Schema.Array(Schema.String)], ([pieces]) => {
    const { said, thinking } = split(pieces)
    const bare = pieces.join("")
    if (!bare.includes("think>")) assert.deepStrictEqual([thinking, said], ["", bare])
  })

  it("begins inside where the prompt opened the tag", () =>
    assert.deepStrictEqual(split(["hm</thi", "nk>a"], true), { thinking: "hm", said: "a" }))

  it("gives out at once what can be no tag", () =>
    assert.deepStrictEqual(ThinkTags.make().push("a < b"), [{ thinking: false, text: "a < b" }]))
})
