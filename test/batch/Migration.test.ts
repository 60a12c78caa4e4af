import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Migration } from "../../src/batch/index.ts"

const info = (name: string) => ({ module: "distilabel", name })

const llm = (more: object) => ({
  model_id: null,
  endpoint_name: null,
  endpoint_namespace: null,
  base_url: null,
  tokenizer_id: null,
  model_display_name: null,
  use_magpie_template: false,
  magpie_pre_query_template: null,
  structured_output: null,
  generation_kwargs: {},
  type_info: info("InferenceEndpointsLLM"),
  ...more
})

const pipeline = (...steps: ReadonlyArray<Readonly<Record<string, unknown>> & { readonly name: string }>) =>
  // JSON is YAML
  JSON.stringify({
    distilabel: { version: "1.5.3" },
    pipeline: {
      name: "p",
      steps: [
        {
          name: "load",
          step: { name: "load", repo_id: "org/data", split: "train", type_info: info("LoadDataFromHub") }
        },
        ...steps.map((step) => ({ name: step.name, step }))
      ],
      connections: []
    }
  })

const named = (name: string) => ({ name, llm: llm({ model_id: "org/model" }), type_info: info("TextGeneration") })

const only = (more: object) => pipeline({ name: "t", llm: llm(more), type_info: info("TextGeneration") })

const fates = ({ notes }: Migration.Migrated) => Object.fromEntries(notes.map(({ fate, option }) => [option, fate]))

describe("a pipeline of distilabel", () => {
  it.effect("becomes the configuration and the batch command of its step", () =>
    Effect.gen(function*() {
      const [one, ...more] = yield* Migration.migrate(pipeline({
        name: "text",
        template: "Write of {{ topic }}, it's for {{ who }}",
        num_generations: 2,
        llm: llm({ model_id: "org/model", generation_kwargs: { max_new_tokens: 64, temperature: 0.7 } }),
        type_info: info("TextGeneration")
      }))
      assert.isEmpty(more)
      assert.isDefined(one)
      assert.deepInclude(one?.config, { modelId: "org/model", numGenerations: 2 })
      assert.strictEqual(
        one === undefined ? "" : Migration.line(one),
        "inference-endpoints batch run hf://datasets/org/data -o text.jsonl --model org/model " +
          "--template 'Write of {{ topic }}, it'\\''s for {{ who }}' " +
          "--options '{\"maxNewTokens\":64,\"temperature\":0.7,\"numGenerations\":2}' --rows distilabel --keep-all --per-generation"
      )
    }))

  it.effect("says what the original sent of each option, and what it dropped or cut", () =>
    Effect.gen(function*() {
      const options = {
        max_new_tokens: 64,
        repetition_penalty: 1.1,
        presence_penalty: 0.5,
        stop_sequences: ["a", "b", "c", "d", "e"],
        watermark: false
      }
      const [chat] = yield* Migration.migrate(only({ base_url: "http://h", generation_kwargs: options }))
      const [raw] = yield* Migration.migrate(
        only({ base_url: "http://h", tokenizer_id: "org/model", generation_kwargs: options })
      )
      assert.deepStrictEqual(chat && fates(chat), {
        max_new_tokens: "sent",
        repetition_penalty: "dropped",
        presence_penalty: "sent",
        stop_sequences: "cut"
      })
      assert.deepStrictEqual(raw && fates(raw), {
        tokenizer_id: "broken",
        max_new_tokens: "sent",
        repetition_penalty: "sent",
        presence_penalty: "dropped",
        stop_sequences: "cut"
      })
    }))

  it.effect("whose structured output or Magpie yields nothing today says so", () =>
    Effect.gen(function*() {
      const spec = { format: "json", schema: { type: "object", properties: {} }, whitespace_pattern: " ?" }
      const [silent] = yield* Migration.migrate(
        pipeline({ name: "t", llm: llm({ base_url: "http://h", structured_output: spec }), type_info: info("T") })
      )
      const [magpie] = yield* Migration.migrate(pipeline({
        name: "t",
        llm: llm({
          base_url: "http://h",
          tokenizer_id: "org/model",
          use_magpie_template: true,
          magpie_pre_query_template: "llama3"
        }),
        type_info: info("MagpieGenerator")
      }))
      assert.deepInclude(silent && fates(silent), { structured_output: "dropped", whitespace_pattern: "dropped" })
      assert.deepInclude(magpie && fates(magpie), { use_magpie_template: "broken" })
      assert.includeMembers([...magpie?.command ?? []], ["--magpie", "llama3", "--messages", "messages"])
    }))

  it.effect("of two steps is two batches, the second of the first one's rows", () =>
    Effect.gen(function*() {
      const [, second] = yield* Migration.migrate(pipeline(named("a"), named("b")))
      assert.strictEqual(second?.command[2], "a.jsonl.distilabel.jsonl")
    }))

  it.effect.each(
    [
      ["{", "YAML"],
      [pipeline({ name: "t", llm: { type_info: info("OpenAILLM") }, type_info: info("T") }), "no step"],
      [
        pipeline({ name: "t", llm: llm({ model_id: "a/b", generation_kwargs: { odd: 1 } }), type_info: info("T") }),
        "odd"
      ]
    ] as const
  )(
    "that is none, or asks nothing of ours, or has an unknown option, is refused: %#",
    ([text, word]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Migration.migrate(text))
        assert.include(error.message, word)
      })
  )
})
