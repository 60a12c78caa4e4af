import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric, Random, Schema } from "effect"
import * as Generation from "../../src/Generation.ts"
import { InferenceEndpointsLLM } from "../../src/InferenceEndpointsLLM.ts"
import * as Folding from "../../src/pipeline/fold/Folding.ts"
import * as World from "../World.ts"
import * as Recording from "./Recording.ts"

const deliveries = ["stream", "unary"] as const

const usageOf = (heard: Recording.Heard) => {
  const { cachedTokens, inputTokens, outputTokens, reasoningTokens } = heard.generation?.statistics ?? {}
  return { inputTokens, outputTokens, cachedTokens, reasoningTokens }
}

/** The last count that says something, else the last zero. */
const last = (counts: ReadonlyArray<number | null>) =>
  counts.findLast((count) => count !== null && count > 0) ?? counts.findLast((count) => count !== null) ?? undefined

const generate = (options: { readonly numGenerations?: number; readonly seed?: number }) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM
    const { generations } = yield* llm.generate("Say something", options)
    const sent = (yield* World.bodies).map(({ seed }) => seed)
    return { sent, told: generations.map(({ statistics }) => statistics.seed) }
  }).pipe(Effect.provide(World.layer({ engine: "vllm" })))

describe("usage: the last word counts", () => {
  const told = { inputTokens: 5, outputTokens: 3, cachedTokens: undefined, reasoningTokens: undefined }
  const cases: ReadonlyArray<readonly [name: string, route: Recording.Route, usage: Partial<Generation.Usage>]> = [
    ["usage-cumulative.sse", "chat", { ...told, cachedTokens: 4, reasoningTokens: 1 }],
    ["usage-zeros-first.sse", "chat", told],
    ["usage-null-between.sse", "chat", told],
    ["usage-completions.sse", "completion", { ...told, reasoningTokens: 1 }],
    ["chat.sse", "chat", told],
    ["completion.sse", "completion", told]
  ]
  for (const [name, route, usage] of cases) {
    for (const delivery of deliveries) {
      it.effect(`in ${name}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          assert.deepStrictEqual(usageOf(yield* Recording.play(name, { route, delivery })), {
            ...told,
            ...usage
          })
        }))
    }
  }

  const Count = Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })))
  it.prop("whatever zeros and nulls come between", [Schema.Array(Count), Schema.Array(Count)], ([inputs, outputs]) => {
    const fold = Folding.make({ splitReasoning: false, keepTokens: false })
    for (let at = 0; at < Math.max(inputs.length, outputs.length); at++) {
      fold.add({ usage: { inputTokens: inputs[at] ?? undefined, outputTokens: outputs[at] ?? undefined } }, [])
    }
    const { inputTokens, outputTokens } = fold.finish({ duration: 0, attempts: 1 }).statistics
    assert.deepStrictEqual([inputTokens, outputTokens], [last(inputs), last(outputs)])
  })
})

describe("a server that tells no usage", () => {
  for (const name of ["usage-never.sse", "usage-always-zero.sse"]) {
    for (const delivery of deliveries) {
      it.effect(`is unknown usage and never 0: ${name}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const heard = yield* Recording.play(name, { delivery })
          assert.strictEqual(heard.generation?.text, "Hello there")
          assert.deepStrictEqual(Object.values(usageOf(heard)), [undefined, undefined, undefined, undefined])
          assert.isFalse(Generation.isCounted(heard.generation?.statistics ?? {}))
        }))
    }
  }

  it.effect("is counted as such in the metrics", () =>
    Effect.gen(function*() {
      const unknown = Metric.counter("inference_endpoints.client.usage_unknown", {
        description: "generations for which the server reported no token counts",
        incremental: true,
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "huggingface",
          "gen_ai.request.model": "simulator/openai"
        }
      })
      const before = (yield* Metric.value(unknown)).count
      yield* Recording.play("usage-never.sse")
      yield* Recording.play("chat.sse")
      assert.strictEqual(Number((yield* Metric.value(unknown)).count) - Number(before), 1)
    }))

  it("is counted where both counts are there, and not where one is missing", () => {
    assert.isTrue(Generation.isCounted({ inputTokens: 0, outputTokens: 0 }))
    assert.isFalse(Generation.isCounted({ inputTokens: 1 }))
    assert.isFalse(Generation.isCounted({ outputTokens: 1 }))
  })
})

describe("nothing that was told is lost", () => {
  const headers = { "x-inference-provider": "together" }
  for (const delivery of deliveries) {
    it.effect(`on the chat route, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const { generation } = yield* Recording.play("told.json", { delivery, headers })
        assert.deepInclude(generation, { model: "a/model-2026", systemFingerprint: "vllm-0.32.0-1a2b3c" })
        assert.deepInclude(generation?.statistics, { provider: "together", cost: 0.00012, cachedTokens: 4 })
      }))

    it.effect(`on the completions route, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const { generation } = yield* Recording.play("told-completion.json", { delivery, route: "completion" })
        assert.deepInclude(generation, { model: "model-q4.gguf", systemFingerprint: "b7000-0a1b2c3d" })
      }))
  }
})

describe("several generations without a seed", () => {
  it.effect("are different requests, each with a seed of its own, which its statistics tell", () =>
    Effect.gen(function*() {
      const { sent, told } = yield* generate({ numGenerations: 4 })
      assert.lengthOf(new Set(sent), 4)
      for (const seed of sent) {
        assert.isTrue(Number.isSafeInteger(seed) && Number(seed) >= 1 && Number(seed) <= 2 ** 31 - 1)
      }
      assert.sameMembers(told, sent)
    }))

  it.effect("have seeds that a seeded Random draws again", () =>
    Effect.gen(function*() {
      const one = yield* Random.withSeed(generate({ numGenerations: 3 }), "a")
      const other = yield* Random.withSeed(generate({ numGenerations: 3 }), "a")
      assert.deepStrictEqual(one.told, other.told)
    }))

  it.effect("draw no seed where one is given", () =>
    Effect.gen(function*() {
      assert.sameMembers((yield* generate({ numGenerations: 3, seed: 7 })).sent, [7, 8, 9])
    }))

  it.effect("draw no seed for one generation", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* generate({}), { sent: [undefined], told: [undefined] })
    }))
})
