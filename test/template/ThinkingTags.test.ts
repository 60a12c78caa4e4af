import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import { families } from "../../src/template/thinking/ThinkingTags.ts"

describe("the tags of a template", () => {
  it.effect.each(families.map((family) => [family.open, family] as const))(
    "%s are found in literal text and in strings",
    ([, family]) =>
      Effect.sync(() => {
        const { close, open } = family
        assert.deepStrictEqual(ChatTemplate.thinkingTags(`a${open}b${close}`), family)
        assert.deepStrictEqual(ChatTemplate.thinkingTags(`{{ '${open}\\n' + x + '${close}' }}`), family)
      })
  )
  it("are those of the family where only one of the two is written", () =>
    assert.strictEqual(ChatTemplate.thinkingTags("{{ content.split('</think>')[-1] }}")?.open, "<think>"))
  it("are unknown where the template speaks of none", () =>
    assert.isUndefined(ChatTemplate.thinkingTags("<|start|>{{ x }}<|end|>")))
})
