import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Magpie from "../../src/template/Magpie.ts"

const after = (roles: ReadonlyArray<string>, preQuery: string | undefined = "<Q>") =>
  Magpie.apply({ prompt: roles.length === 0 ? "" : "P", messages: roles.map((role) => ({ role })), preQuery })

describe("the pre-query template", () => {
  it("is all there is when there are no messages", () => assert.strictEqual(after([]), "<Q>"))
  it("follows a system message", () => assert.strictEqual(after(["system"]), "P<Q>"))
  it("follows the assistant", () => assert.strictEqual(after(["user", "assistant"]), "P<Q>"))
  it("does not follow the user", () => assert.strictEqual(after(["system", "user"]), "P"))
  it("is unused when Magpie is off", () =>
    assert.strictEqual(Magpie.apply({ prompt: "P", messages: [], preQuery: undefined }), "P"))
})

describe("aliases", () => {
  it("stand for the texts of their families", () => {
    assert.strictEqual(Magpie.preQueryTemplate("qwen2"), "<|im_start|>user\n")
    assert.strictEqual(
      Magpie.preQueryTemplate("llama3"),
      "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
    )
  })
  it.prop(
    "any other text is itself",
    { text: Schema.String },
    ({ text }) => Object.hasOwn(Magpie.aliases, text) || Magpie.preQueryTemplate(text) === text
  )
})

const issue = (config: Magpie.Config) =>
  Result.match(Magpie.validate(config), { onSuccess: () => undefined, onFailure: ({ field }) => field })

const resolved = (magpiePreQueryTemplate: string) =>
  Result.getOrThrow(Magpie.validate({ useMagpieTemplate: true, magpiePreQueryTemplate, tokenizerId: "a/b" }))

describe("validation", () => {
  it("wants a pre-query template", () =>
    assert.strictEqual(issue({ useMagpieTemplate: true, tokenizerId: "a/b" }), "magpiePreQueryTemplate"))
  it("wants a template to render with", () =>
    assert.strictEqual(issue({ useMagpieTemplate: true, magpiePreQueryTemplate: "llama3" }), "tokenizerId"))
  it("accepts a pre-query template that is not used", () =>
    assert.isUndefined(issue({ magpiePreQueryTemplate: "llama3" })))
  it("gives the text of the alias, and an empty text as it is", () => {
    assert.strictEqual(resolved("qwen2"), "<|im_start|>user\n")
    assert.strictEqual(resolved(""), "")
  })
})
