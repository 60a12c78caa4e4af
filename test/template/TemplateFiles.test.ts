import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as TemplateFiles from "../../src/template/files/TemplateFiles.ts"

const text = (files: TemplateFiles.Files, ask?: TemplateFiles.Ask): string =>
  Result.match(TemplateFiles.resolve(files, ask), { onSuccess: (found) => found, onFailure: (reason) => reason._tag })

const config = (chat_template: unknown) => ({ "tokenizer_config.json": JSON.stringify({ chat_template }) })
const named = [{ name: "default", template: "D" }, { name: "tool_use", template: "T" }]
const extra = { "additional_chat_templates/rag.jinja": "R" }

const choices: ReadonlyArray<
  readonly [law: string, files: TemplateFiles.Files, ask: TemplateFiles.Ask, found: string]
> = [
  ["a text is the template", config("S"), {}, "S"],
  ["a list is chosen from by name", config(named), { template: "tool_use" }, "T"],
  ["a map is chosen from by name", config({ default: "D", x: "X" }), { template: "x" }, "X"],
  ["tools choose tool_use", config(named), { tools: true }, "T"],
  ["tools without tool_use choose default", config([named[0]]), { tools: true }, "D"],
  ["a string that is no name is the template", config(named), { template: "{{ 1 }}" }, "{{ 1 }}"],
  ["beside a single text every argument is the template", config("S"), { template: "default" }, "default"],
  ["a file replaces the configuration", { ...config("S"), "chat_template.jinja": "F" }, {}, "F"],
  ["files replace the configuration as a whole", { ...config(named), ...extra }, {}, "MissingTemplate"],
  ["additional files are chosen by name", { "chat_template.jinja": "F", ...extra }, { template: "rag" }, "R"],
  [
    "a tokenizer does not read chat_template.json",
    { "chat_template.json": "{\"chat_template\":\"J\"}" },
    {},
    "MissingTemplate"
  ],
  ["a processor does", { "chat_template.json": "{\"chat_template\":\"J\"}", "chat_template.jinja": "F" }, {
    processor: true
  }, "J"],
  ["a processor refuses it beside additional files", { "chat_template.json": "{\"chat_template\":\"J\"}", ...extra }, {
    processor: true
  }, "InvalidInput"],
  ["a processor falls back to its configuration", { "processor_config.json": { chat_template: "P" } }, {
    processor: true
  }, "P"],
  ["nothing is an error", {}, {}, "MissingTemplate"],
  ["a broken file is an error", { "tokenizer_config.json": "{" }, {}, "InvalidTemplate"]
]

describe("which template:", () => {
  it.effect.each(choices)(
    "%s",
    ([, files, ask, found]) => Effect.sync(() => assert.strictEqual(text(files, ask), found))
  )

  it("the names that are there are told", () => {
    const reason = Result.getFailure(
      TemplateFiles.resolve({ ...config([{ name: "b", template: "" }, { name: "a", template: "" }]) })
    )
    assert.include(reason._tag === "Some" ? reason.value.message : "", "a, b")
  })
})

const tokens = (files: TemplateFiles.Files) => Result.getOrThrow(TemplateFiles.specialTokens(files))

describe("which special tokens:", () => {
  it("texts and the content of AddedToken objects; null is undefined", () => {
    assert.deepStrictEqual(
      tokens({
        "tokenizer_config.json": {
          bos_token: "<s>",
          eos_token: { __type: "AddedToken", content: "</s>" },
          pad_token: null,
          add_bos_token: true
        }
      }),
      { bos_token: "<s>", eos_token: "</s>" }
    )
  })

  it("those of the model, by name or as extra_special_tokens; a list gives none", () => {
    assert.deepStrictEqual(
      tokens({ "tokenizer_config.json": { image_token: "<i>", extra_special_tokens: { boi_token: "<b>" } } }),
      { image_token: "<i>", boi_token: "<b>" }
    )
    assert.deepStrictEqual(
      tokens({ "tokenizer_config.json": { extra_special_tokens: ["<b>"], additional_special_tokens: ["<c>"] } }),
      {}
    )
  })

  it("special_tokens_map.json counts only without an added_tokens_decoder", () => {
    const map = { "special_tokens_map.json": { bos_token: "M" } }
    assert.deepStrictEqual(tokens({ "tokenizer_config.json": { bos_token: "C" }, ...map }), { bos_token: "M" })
    assert.deepStrictEqual(tokens({ "tokenizer_config.json": { bos_token: "C", added_tokens_decoder: {} }, ...map }), {
      bos_token: "C"
    })
  })
})

const adds = (files: TemplateFiles.Files) => Result.getOrThrow(TemplateFiles.addsBos(files, "<s>"))
const processing = { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }] }

describe("who adds the BOS:", () => {
  it("add_bos_token decides", () => {
    assert.isFalse(
      adds({ "tokenizer_config.json": { add_bos_token: false }, "tokenizer.json": { post_processor: processing } })
    )
    assert.isTrue(adds({ "tokenizer_config.json": { add_bos_token: true } }))
  })
  it("else the post-processor, also in a sequence", () => {
    assert.isTrue(
      adds({
        "tokenizer.json": { post_processor: { type: "Sequence", processors: [{ type: "ByteLevel" }, processing] } }
      })
    )
    assert.isFalse(adds({ "tokenizer.json": { post_processor: { type: "ByteLevel" } } }))
  })
  it("without either nothing is known", () => {
    assert.isUndefined(adds({ "tokenizer_config.json": {} }))
  })
})
