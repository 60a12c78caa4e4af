import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Lies, Simulator } from "../../src/simulator/index.ts"
import type * as Options from "../../src/simulator/model/Options.ts"

const send = (options: Options.Options, path: string, body: object) =>
  Effect.gen(function*() {
    const simulator = yield* Simulator.make(options)
    const { body: text, status } = yield* simulator.handle({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body)
    })
    assert.strictEqual(status, 200)
    return typeof text === "string" ? text : ""
  })

const chat = (lies: ReadonlyArray<Lies.Lie>, rest: object) =>
  send({ engine: "vllm", lies }, "/v1/chat/completions", {
    model: "simulator/vllm",
    messages: [{ role: "user", content: "Say something" }],
    max_tokens: 12,
    temperature: 0,
    ...rest
  })

const textOf = (json: string): string => JSON.parse(json).choices[0].message.content

describe("a server that lies", () => {
  it.effect("answers as if an option were not there, and journals what it was sent", () =>
    Effect.gen(function*() {
      const plain = textOf(yield* chat([], {}))
      for (
        const [lie, rest] of [
          ["stop", { stop: [plain.slice(3, 6)] }],
          ["repetitionPenalty", { repetition_penalty: 1.9 }],
          ["grammar", { structured_outputs: { regex: "[0-9]{4}" } }],
          ["logitBias", { logit_bias: { "500": -100 } }]
        ] as const
      ) {
        assert.notStrictEqual(textOf(yield* chat([], rest)), plain, lie)
        assert.strictEqual(textOf(yield* chat([lie], rest)), plain, lie)
      }
    }))

  it.effect("tells the same log probability for every token", () =>
    Effect.gen(function*() {
      const { content } =
        JSON.parse(yield* chat(["fakeLogprobs"], { logprobs: true, top_logprobs: 2 })).choices[0].logprobs
      assert.deepStrictEqual([...new Set(content.map(({ logprob }: { readonly logprob: number }) => logprob))], [-0.5])
    }))

  it.effect("draws nothing where only the likeliest token is left", () =>
    Effect.gen(function*() {
      const greedy = textOf(yield* chat([], {}))
      for (const rest of [{ top_k: 1 }, { top_p: 1e-6 }, { min_p: 1 }]) {
        assert.strictEqual(textOf(yield* chat([], { temperature: 1.5, ...rest })), greedy)
        assert.notStrictEqual(textOf(yield* chat(["topK", "topP", "minP"], { temperature: 1.5, ...rest })), greedy)
      }
    }))

  it("knows each of its lies by one name", () => assert.strictEqual(new Set(Lies.all).size, Lies.all.length))
})
