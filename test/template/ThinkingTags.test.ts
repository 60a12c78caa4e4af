import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import * as ThinkingTags from "../../src/template/ThinkingTags.ts"

const escaped = (text: string) => text.replaceAll("\n", "\\n")

describe("the tags of a template", () => {
  it.effect.each(ThinkingTags.families.map((tags) => [tags.family, tags] as const))(
    "of %s are found in literal text and in strings",
    ([, { close, open }]) =>
      Effect.sync(() => {
        assert.deepStrictEqual(ChatTemplate.thinkingTags(`a${open}b${close}`), { open, close })
        assert.deepStrictEqual(ChatTemplate.thinkingTags(`{{ '${escaped(open)}' + x + '${escaped(close)}' }}`), {
          open,
          close
        })
      })
  )
  it("are those of the family where only one of the two is written", () =>
    assert.deepStrictEqual(ChatTemplate.thinkingTags("{{ content.split('</think>')[-1] }}"), {
      open: "<think>",
      close: "</think>"
    }))
  it("are unknown where the template speaks of none", () =>
    assert.isUndefined(ChatTemplate.thinkingTags("<|start|>{{ x }}<|end|>")))
})
