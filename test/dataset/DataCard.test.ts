import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Yaml } from "effect/encoding"
import * as YamlText from "../../src/dataset/card/Yaml.ts"
import { DataCard, Features } from "../../src/dataset/index.ts"

const config: DataCard.DatasetConfig = {
  name: "default",
  features: Features.make({
    id: Features.int64,
    label: Features.classLabel(["no", "yes"]),
    tags: Features.list(Features.string),
    messages: Features.list(Features.struct({ role: Features.string })),
    meta: Features.struct({ a: Features.bool })
  }),
  splits: [{ name: "train", rows: 10, bytes: 522, downloadBytes: 4077, pattern: "data/train-*" }]
}

describe("YAML", () => {
  it.prop("comes back as it went in", [Schema.Record(Schema.String, Schema.Json)], ([value]) => {
    const again = Yaml.parse(YamlText.encode(value))
    return JSON.stringify(again) === JSON.stringify(value)
  })

  it("quotes what another reader would take for something else", () => {
    for (
      const text of [
        "no",
        "Yes",
        "null",
        "1",
        "1e3",
        "2026-01-01",
        "a: b",
        "# x",
        "",
        " a",
        "- a",
        "a\nb",
        "it's",
        "'",
        "@x",
        "%",
        "0x1f",
        "1_000",
        "12:30:45",
        "=",
        "<<"
      ]
    ) {
      assert.deepStrictEqual(Yaml.parse(YamlText.encode({ a: text, [text]: 1, l: [text] })), {
        a: text,
        [text]: 1,
        l: [text]
      }, text)
      assert.match(YamlText.encode({ a: text }), /^a: ['"]/, text)
    }
  })
})

describe("a data card", () => {
  it.effect("begins as push_to_hub writes it", () =>
    Effect.gen(function*() {
      const card = yield* DataCard.make("org/chats", config, { license: "mit" })
      assert.include(
        card,
        `dataset_info:
  features:
  - name: id
    dtype: int64
  - name: label
    dtype:
      class_label:
        names:
          '0': 'no'
          '1': 'yes'
  - name: tags
    list: string
  - name: messages
    list:
    - name: role
      dtype: string
  - name: meta
    struct:
    - name: a
      dtype: bool
  splits:
  - name: train
    num_bytes: 522
    num_examples: 10
  download_size: 4077
  dataset_size: 522
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
---
`
      )
    }))

  it.effect("made again of itself is the same", () =>
    Effect.gen(function*() {
      const options = {
        license: "mit",
        preview: [{ id: 1, tags: ["a|b", "`c`"] }],
        made: { models: [{ id: "org/model" }] }
      }
      const card = yield* DataCard.make("org/chats", config, options)
      assert.strictEqual(yield* DataCard.make("org/chats", config, options, card), card)
    }))

  it.effect("gives each configuration its name when there are two", () =>
    Effect.gen(function*() {
      const one = yield* DataCard.make("org/chats", config, { license: "mit" })
      const two = yield* DataCard.make("org/chats", { ...config, name: "small" }, {}, one)
      assert.match(
        two,
        /dataset_info:\n- config_name: default\n[^]*- config_name: small\n[^]*configs:\n- config_name: default\n[^]*- config_name: small\n/
      )
    }))

  it.effect("says how the data was made, and nothing in it can break the table or the page", () =>
    Effect.gen(function*() {
      const card = yield* DataCard.make("org/chats", config, {
        license: "other",
        made: {
          models: [{ id: "org/model", revision: "abc", provider: "together", engine: "vllm 0.32.0" }],
          options: { temperature: 1 },
          rows: { done: 10, failed: 2 },
          failures: { Truncated: 2 },
          tokens: { input: 100, output: 2000 },
          dollars: 1.5,
          template: "```\nHello",
          command: "effect-inference-endpoints batch in.jsonl out.jsonl"
        },
        preview: [{ id: 1, messages: [{ role: "<script>|\n" }] }]
      })
      for (
        const fact of [
          "org/model@abc, together, vllm 0.32.0",
          "10 done, 2 failed",
          "failed: Truncated | 2",
          "100 in, 2000 out",
          "$1.50",
          "````text\n```\nHello\n````"
        ]
      ) {
        assert.include(card, fact)
      }
      assert.notInclude(card, "<script>")
    }))

  it.effect("is refused without a licence, with a head that is not YAML, or with a split of an odd name", () =>
    Effect.gen(function*() {
      const problems = yield* Effect.forEach([
        DataCard.make("org/chats", config, {}),
        DataCard.make("org/chats", config, { license: "mit" }, "---\na: [\n---\n"),
        DataCard.make("org/chats", config, { license: "mit" }, "---\n- a\n---\n"),
        DataCard.make("org/chats", {
          ...config,
          splits: [{ ...config.splits[0], name: "a b", rows: 1, bytes: 1, downloadBytes: 1, pattern: "x" }]
        }, { license: "mit" })
      ], (made) => Effect.map(Effect.flip(made), ({ reason }) => reason.message))
      assert.match(problems.join("\n"), /no licence[^]*\n.*cannot be read[^]*\n.*something other[^]*\n.*a b/)
    }))
})
