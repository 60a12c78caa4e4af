import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as Proof from "../../src/Proof.ts"
import * as Prove from "../../src/prove/Prove.ts"
import { type Lies, Simulator } from "../../src/simulator/index.ts"
import type * as Options from "../../src/simulator/model/Options.ts"
import * as World from "../World.ts"

const world = (server: Options.Options, service: InferenceEndpointsLLM.Options = {}) =>
  Effect.provide(
    InferenceEndpointsLLM.layer({
      baseUrl: "http://localhost:8080",
      apiKey: false,
      client: { retry: Retry.none },
      ...service
    }).pipe(Layer.provideMerge(Simulator.layer(server)))
  )

const prove = (engine: World.Simulated, lies: ReadonlyArray<Lies.Lie>, only?: ReadonlyArray<string>) =>
  Prove.prove({ only }).pipe(world({ engine, lies }))

/** A model that writes by what it was asked with. */
const scripted =
  (write: (fields: Readonly<Record<string, unknown>>) => string): Options.Options["script"] => (request) => ({
    text: write(typeof request.json === "object" && request.json !== null ? { ...request.json } : {})
  })

/** A model that thinks for long unless it is told not to. */
const thinkingFirst: Options.Options["script"] = (request) => ({
  text: JSON.stringify({ qx7: "zk-41" }),
  ...(!JSON.stringify(request.json).includes("\"enable_thinking\":false") && { reasoning: "hm, ".repeat(200) })
})

const outcomeOf = ({ findings }: Proof.Proof, name: string) =>
  findings.find((finding) => finding.name === name)?.outcome

/** What shows each lie. */
const shows: { readonly [L in Exclude<Lies.Lie, "cancel" | "mix">]: ReadonlyArray<string> } = {
  maxTokens: ["maxNewTokens"],
  temperature: ["temperature"],
  topP: ["topP"],
  topK: ["topK"],
  minP: ["minP"],
  typicalP: ["typicalP"],
  repetitionPenalty: ["repetitionPenalty"],
  frequencyPenalty: ["frequencyPenalty"],
  presencePenalty: ["presencePenalty", "repetitionPenalty"],
  logitBias: ["logitBias"],
  seed: ["seed"],
  stop: ["stopSequences"],
  doSample: ["doSample"],
  echo: ["returnFullText"],
  watermark: ["watermark"],
  truncate: ["truncate"],
  bestOf: ["bestOf"],
  logprobs: ["logprobs", "topLogprobs", "topNTokens"],
  n: ["n"],
  tools: ["tools"],
  toolChoice: ["toolChoice"],
  parallelToolCalls: ["parallelToolCalls"],
  grammar: ["grammar: JSON Schema", "grammar: regex"],
  template: ["templateVariables"],
  continueFinalMessage: ["continueFinalMessage"],
  thinkingBudget: ["thinkingBudget"],
  fakeLogprobs: ["logprobs"]
}

/**
 * Lies about options that the engine does not read, or that the route measured sends under another field: whoever tells them
 * does what it says.
 */
const idle: { readonly [E in World.Simulated]?: ReadonlyArray<Lies.Lie> } = {
  tgi: [
    "minP",
    "repetitionPenalty",
    "doSample",
    "n",
    "parallelToolCalls",
    "template",
    "continueFinalMessage",
    "thinkingBudget",
    "logitBias"
  ],
  vllm: ["typicalP", "doSample", "watermark", "bestOf"],
  sglang: ["typicalP", "doSample", "watermark", "truncate", "bestOf", "thinkingBudget"],
  llamacpp: ["doSample", "echo", "watermark", "truncate", "bestOf", "continueFinalMessage"]
}

for (const engine of World.engines) {
  describe(`a proof of ${engine}`, () => {
    it.effect("finds nothing other than documented where the engine keeps its word, by some forty requests", () =>
      Effect.gen(function*() {
        const proof = yield* prove(engine, [])
        assert.deepStrictEqual(proof.findings.filter(Proof.isOther), [])
        assert.strictEqual(Proof.verdict(proof), "pass")
        assert.isAtMost(proof.requests, 45)
        assert.isAbove(proof.findings.filter(({ outcome }) => outcome === "honoured").length, 18)
      }))

    for (const lie of Object.keys(shows) as ReadonlyArray<keyof typeof shows>) {
      if (idle[engine]?.includes(lie) === true) continue
      it.effect(`finds the lie about ${lie}`, () =>
        Effect.gen(function*() {
          const names = shows[lie]
          const honest = yield* prove(engine, [], names)
          const lying = yield* prove(engine, [lie], names)
          const caught = names.filter((name) =>
            outcomeOf(honest, name) === "honoured" && outcomeOf(lying, name) !== "honoured"
          )
          assert.isAbove(caught.length, 0)
        }))
    }

    it.effect("finds a generation that goes on when its reader has left", () =>
      Effect.gen(function*() {
        for (const lies of [[], ["cancel"]] as ReadonlyArray<ReadonlyArray<Lies.Lie>>) {
          const proving = Prove.prove({ only: ["cancelling"] }).pipe(
            world({ engine, lies, latency: { firstToken: "1 second", perToken: "1 second" }, chunking: { events: 1 } })
          )
          const fiber = yield* Effect.forkChild(proving)
          for (let second = 0; second < 30; second++) yield* TestClock.adjust("1 second")
          const proof = yield* Fiber.join(fiber)
          assert.strictEqual(outcomeOf(proof, "cancelling"), lies.length === 0 ? "honoured" : "dropped")
        }
      }))
  })
}

describe("a proof", () => {
  it.effect("finds a server that mixes up its callers", () =>
    Effect.gen(function*() {
      for (const lies of [[], ["mix"]] as ReadonlyArray<ReadonlyArray<Lies.Lie>>) {
        const proving = Prove.prove({ only: ["callers kept apart"] }).pipe(world({
          engine: "vllm",
          lies,
          latency: { firstToken: "1 second" },
          script: (_, prompt) => ({ text: `${/the word (\w+)/.exec(prompt)?.[1] ?? ""} `.repeat(10) })
        }))
        const fiber = yield* Effect.forkChild(proving)
        for (let second = 0; second < 30; second++) yield* TestClock.adjust("1 second")
        const proof = yield* Fiber.join(fiber)
        assert.strictEqual(outcomeOf(proof, "callers kept apart"), lies.length === 0 ? "honoured" : "dropped")
        assert.strictEqual(proof.requests, 4)
      }
    }))

  it.effect("sends a long prompt twice, so that a cache can show", () =>
    Effect.gen(function*() {
      const proof = yield* Prove.prove({ only: ["prompt cache", "maxNewTokens"] })
      assert.strictEqual(proof.requests, 2)
      const long = (yield* World.bodies).filter((body) => JSON.stringify(body).includes("word59"))
      assert.strictEqual(long.length, 2)
    }).pipe(world({ engine: "llamacpp" })))

  it.effect("lets one request show what can be seen each by itself, and asks anew for what it does not show", () =>
    Effect.gen(function*() {
      const names = ["logprobs", "topLogprobs", "topNTokens"]
      assert.strictEqual((yield* prove("vllm", [], names)).requests, 1)
      const lying = yield* prove("vllm", ["fakeLogprobs"], names)
      assert.strictEqual(lying.requests, 2)
      assert.strictEqual(outcomeOf(lying, "logprobs"), "dropped")
      assert.strictEqual(outcomeOf(lying, "topLogprobs"), "honoured")
    }))

  it.effect("takes a seed for read where a cached prompt alone makes the difference", () =>
    Effect.gen(function*() {
      let drawn = 0
      let seeded = 0
      const script = scripted(({ seed, temperature }) =>
        temperature === 0 ? "the likeliest" : seed === undefined ? `drawn ${drawn++}` : seeded++ === 0 ? "cold" : "warm"
      )
      const proof = yield* Prove.prove({ only: ["seed"] }).pipe(world({ engine: "llamacpp", script }))
      assert.strictEqual(outcomeOf(proof, "seed"), "honoured")
      assert.match(proof.findings[0]?.detail ?? "", /two of three/)
    }))

  it.effect("does not take what a model did not write for dropped", () =>
    Effect.gen(function*() {
      const names = ["tools", "toolChoice", "frequencyPenalty", "presencePenalty", "logitBias"]
      const proof = yield* Prove.prove({ only: names }).pipe(
        world({
          engine: "llamacpp",
          script: (_, prompt) => ({ text: /Paris/.test(prompt) ? "and so on ".repeat(99) : "" })
        })
      )
      assert.deepStrictEqual(proof.findings.map(({ name, outcome }) => [name, outcome]).toSorted(), [
        ["frequencyPenalty", "unclear"],
        ["logitBias", "unclear"],
        ["presencePenalty", "unclear"],
        ["toolChoice", "unclear"],
        ["tools", "unclear"]
      ])
      assert.match(proof.findings.find(({ name }) => name === "logitBias")?.detail ?? "", /empty/)
    }))

  it.effect("switches thinking off where a thought leaves no room for what is constrained", () =>
    Effect.gen(function*() {
      const proof = yield* Prove.prove({ only: ["grammar: JSON Schema"] }).pipe(
        world({ engine: "vllm", script: thinkingFirst })
      )
      assert.strictEqual(outcomeOf(proof, "grammar: JSON Schema"), "honoured")
      assert.strictEqual(proof.requests, 2)
    }))

  it.effect("tells which grammar compiler of vLLM is live", () =>
    Effect.gen(function*() {
      const { findings } = yield* prove("vllm", [], ["grammar engine"])
      assert.match(findings[0]?.detail ?? "", /^xgrammar/)
    }))

  it.effect("does not say that a server drops what a model that thinks to the end never comes to", () =>
    Effect.gen(function*() {
      const only = ["grammar: JSON Schema", "grammar: regex", "tools", "toolChoice"]
      const proof = yield* Prove.prove({ only }).pipe(
        world({ engine: "vllm", script: () => ({ reasoning: "Let me think of it again. ".repeat(90), text: "" }) })
      )
      assert.deepStrictEqual(proof.findings.map(({ outcome }) => outcome), only.map(() => "unclear"))
    }))

  it.effect("sees a last message that is gone on with in the prompt, where the text does not tell", () =>
    Effect.gen(function*() {
      const proof = yield* Prove.prove({ only: ["continueFinalMessage"] }).pipe(
        world({ engine: "vllm", script: () => ({ text: "}}}}" }) })
      )
      assert.strictEqual(outcomeOf(proof, "continueFinalMessage"), "honoured")
    }))

  it.effect("is the same when it was saved and read again, and a table for people", () =>
    Effect.gen(function*() {
      const proof = yield* prove("tgi", ["seed"], ["seed", "topK"])
      const text = yield* Schema.encodeEffect(Proof.Json)(proof)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Proof.Json)(text), proof)
      assert.strictEqual(Proof.verdict(proof), "fail")
      assert.match(Proof.markdown(proof), /\| seed \| `chat` \| dropped, documented: honoured \|/)
    }))

  it.effect("makes the service refuse before sending what the endpoint was measured to drop", () =>
    Effect.gen(function*() {
      const proof = yield* prove("vllm", ["seed", "grammar"], ["seed", "topK", "grammar: JSON Schema"])
      yield* Effect.gen(function*() {
        const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
        const refused = yield* Effect.flip(llm.generate("hi", { seed: 7, temperature: 1 }))
        assert.strictEqual(refused.reason._tag, "InvalidRequest")
        assert.include(refused.message, "seed was dropped by this vLLM")
        const structuredOutput = { format: "regex", schema: "yes|no" } as const
        const unconstrained = yield* Effect.flip(llm.generate("hi", { structuredOutput }))
        assert.include(unconstrained.message, "grammar: JSON Schema was dropped")
        assert.isEmpty((yield* World.bodies).filter((body) => "messages" in body))
        // what it does is not refused
        yield* llm.generate("hi", { topK: 5, temperature: 1 })
        yield* llm.generate("hi", { seed: 7, temperature: 1, unsupported: "warn" })
      }).pipe(world({ engine: "vllm" }, { proof }))
    }))

  it.effect("of another engine is refused, whatever is asked", () =>
    Effect.gen(function*() {
      const proof = yield* prove("tgi", [], ["topK"])
      const error = yield* Effect.flip(
        Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.generate("hi")).pipe(
          world({ engine: "vllm" }, { proof })
        )
      )
      assert.include(error.message, "measured on TGI")
    }))
})
