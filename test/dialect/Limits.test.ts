import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../src/dialect/Limits.ts"
import type { GenerationOptions } from "../../src/GenerationOptions.ts"

const vllm: Limits.Asked = {
  kind: "vllm",
  version: "0.32.0",
  limits: { contextLength: 4096 },
  route: "chat",
  stream: true
}
const sglang: Limits.Asked = { kind: "sglang", limits: { contextLength: 4096 }, route: "completion", stream: true }
const llamacpp: Limits.Asked = { kind: "llamacpp", limits: { contextLength: 4096 }, route: "chat", stream: true }
const tgi: Limits.Asked = { kind: "tgi", limits: { maxTotalTokens: 2000 }, route: "generate", stream: false }
const hfServe: Limits.Asked = { kind: "hf-serve", route: "chat", stream: false }

const five = ["a", "b", "c", "d", "e"]

const refused: ReadonlyArray<readonly [name: string, asked: Limits.Asked, options: GenerationOptions, path: string]> = [
  ["five stop sequences on vLLM 0.32", vllm, { stopSequences: five }, "stopSequences"],
  ["a temperature above 2 on vLLM 0.32", vllm, { temperature: 2.1 }, "temperature"],
  ["the seed that vLLM reads as random", vllm, { seed: 2n ** 64n - 1n }, "seed"],
  ["more tokens than vLLM's model has places", vllm, { maxNewTokens: 4097 }, "maxNewTokens"],
  ["more tokens than SGLang's model has places", sglang, { maxNewTokens: 4097 }, "maxNewTokens"],
  ["a repetition penalty above 2 on SGLang", sglang, { repetitionPenalty: 2.5 }, "repetitionPenalty"],
  ["a seed beyond an int64 on SGLang", sglang, { seed: 2n ** 63n }, "seed"],
  ["the seed that llama.cpp reads as random", llamacpp, { seed: 2 ** 32 - 1 }, "seed"],
  ["a seed whose low half llama.cpp reads as random", llamacpp, { seed: 2n ** 40n + 2n ** 32n - 1n }, "seed"],
  ["the best of several without sampling", tgi, { bestOf: 2 }, "bestOf"],
  ["the best of several, greedy", tgi, { bestOf: 2, temperature: 0, topK: 5 }, "bestOf"],
  ["the best of several with sampling switched off", tgi, { bestOf: 2, temperature: 1, doSample: false }, "bestOf"],
  ["seed 0 on hf-serve, which means none", hfServe, { seed: 0 }, "seed"],
  ["a seed of more than 32 bits on hf-serve", hfServe, { seed: 2 ** 32 }, "seed"],
  ["a temperature above 2 on hf-serve", hfServe, { temperature: 2.5 }, "temperature"],
  ["the best of several, streamed", { ...tgi, stream: true }, { bestOf: 2, doSample: true }, "bestOf"],
  ["the tokens of the prompt, streamed", { ...tgi, stream: true }, { decoderInputDetails: true }, "decoderInputDetails"]
]

const taken: ReadonlyArray<readonly [name: string, asked: Limits.Asked, options: GenerationOptions]> = [
  ["four stop sequences on vLLM", vllm, { stopSequences: five.slice(1), temperature: 2, seed: 2n ** 64n - 2n }],
  ["five stop sequences on a vLLM from before 0.32", { ...vllm, version: "0.31.2" }, {
    stopSequences: five,
    temperature: 3
  }],
  ["five stop sequences on a vLLM of unknown version", { kind: "vllm", route: "chat", stream: true }, {
    stopSequences: five,
    maxNewTokens: 9999
  }],
  ["the largest seed on hf-serve", hfServe, { seed: 2 ** 32 - 1, temperature: 2 }],
  ["all places of the model", vllm, { maxNewTokens: 4096 }],
  ["more tokens than llama.cpp has places, which ends there", llamacpp, { maxNewTokens: 9999, temperature: 5 }],
  ["more tokens than TGI has places, which ends there", tgi, { maxNewTokens: 9999 }],
  ["a small seed on llama.cpp", llamacpp, { seed: 2 ** 32 }],
  ...([{ doSample: true }, { temperature: 1 }, { topK: 5 }, { topP: 0.5 }, { typicalP: 0.5 }].map((options) =>
    [`the best of several with ${Object.keys(options)[0]}`, tgi, { bestOf: 2, ...options }] as const
  )),
  ["any of it on the router, whose providers differ", { kind: "router", route: "chat", stream: true }, {
    temperature: 3,
    stopSequences: five
  }]
]

describe("a limit that is known of an engine", () => {
  for (const [name, asked, options, path] of refused) {
    it(`refuses ${name}, by its name, the rule and the value`, () => {
      const issues = Limits.checks[asked.kind]?.(options, asked) ?? []
      assert.deepStrictEqual(issues.map((issue) => issue.path), [[path]])
      assert.match(issues[0]?.message ?? "", new RegExp(`^${path} .*, given `))
    })
  }

  for (const [name, asked, options] of taken) {
    it(`lets pass ${name}`, () => assert.deepStrictEqual(Limits.checks[asked.kind]?.(options, asked) ?? [], []))
  }
})
