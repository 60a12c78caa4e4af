import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type * as Generation from "../../src/Generation.ts"
import type * as GenerationOptions from "../../src/GenerationOptions.ts"
import { InferenceEndpointsLLM } from "../../src/InferenceEndpointsLLM.ts"
import { Simulator } from "../../src/simulator/index.ts"
import type * as Answer from "../../src/simulator/model/Answer.ts"
import * as World from "../World.ts"

/** What an answer is, without how long it took and how it came. */
const essence = (
  { statistics: { cachedTokens, inputTokens, outputTokens, reasoningTokens }, ...rest }: Generation.Generation
) => ({ ...rest, inputTokens, outputTokens, reasoningTokens, cachedTokens })

/** But for those that an engine reads as random. */
const Seeds = Schema.BigInt.check(
  Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 63n - 1n }),
  Schema.makeFilter((seed) => (seed & 0xffff_ffffn) !== 0xffff_ffffn)
)

const same = (input: string | { readonly raw: string }) =>
  Effect.fnUntraced(
    function*(options: GenerationOptions.GenerationOptions, splitReasoning: boolean, answer?: Answer.Answer) {
      const llm = yield* InferenceEndpointsLLM
      const { answer: script } = yield* Simulator.Simulator
      if (answer !== undefined) yield* script(answer, answer)
      const [streamed] = (yield* llm.generate(input, { ...options, splitReasoning, delivery: "stream" })).generations
      const [whole] = (yield* llm.generate(input, { ...options, splitReasoning, delivery: "unary" })).generations
      assert.isDefined(streamed)
      assert.isDefined(whole)
      if (streamed !== undefined && whole !== undefined) assert.deepStrictEqual(essence(streamed), essence(whole))
      return whole
    }
  )

const inputs = [["chat", "Say something"], ["raw", { raw: "Say something" }]] as const

for (const engine of World.engines) {
  for (const [route, input] of inputs) {
    describe(`streaming and asking at once, on ${engine}'s ${route} route`, () => {
      const check = same(input)

      it.effect.prop("give the same generation, whatever the seed", {
        seed: Seeds,
        maxNewTokens: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
        logprobs: Schema.Boolean,
        splitReasoning: Schema.Boolean
      }, ({ splitReasoning, ...options }) =>
        Effect.gen(function*() {
          // the one seed that means a random one there
          if (engine === "llamacpp" && BigInt.asUintN(32, options.seed) === 0xFFFFFFFFn) return
          const generation = yield* check(options, splitReasoning)
          assert.isNumber(generation?.statistics.inputTokens)
          assert.isNumber(generation?.statistics.outputTokens)
          if (options.logprobs && (engine === "tgi" || route === "chat")) {
            assert.isAbove(generation?.tokens?.length ?? 0, 0)
          }
        }).pipe(Effect.provide(World.layer({ engine }))), { arbitrary: { runs: 25 } })

      it.effect.prop(
        "give the same generation, whatever the text",
        [Schema.NonEmptyString],
        ([text]) =>
          Effect.gen(function*() {
            const answer = { text: text.toWellFormed() }
            const generation = yield* check({ maxNewTokens: 1000 }, false, answer)
            assert.strictEqual(generation?.text, answer.text)
          }).pipe(Effect.provide(World.layer({ engine }))),
        { arbitrary: { runs: 40 } }
      )

      it.effect("give the same generation at a stop sequence", () =>
        Effect.gen(function*() {
          const generation = yield* check({ stopSequences: ["two"] }, false, { text: "one two three" })
          assert.include(["stop", "stop_sequence"], generation?.finishReason)
        }).pipe(Effect.provide(World.layer({ engine }))))

      it.effect("give the same generation at the limit", () =>
        Effect.gen(function*() {
          const generation = yield* check({ maxNewTokens: 2 }, false, { text: "one two three" })
          assert.strictEqual(generation?.finishReason, "length")
        }).pipe(Effect.provide(World.layer({ engine }))))
    })
  }

  it.effect(`thinking is told apart on ${engine}, streamed and at once`, () =>
    Effect.gen(function*() {
      const generation = yield* same("Say something")({}, true, { reasoning: "hm", text: "yes" })
      assert.deepStrictEqual([generation?.reasoning?.trim(), generation?.text.trim()], ["hm", "yes"])
    }).pipe(Effect.provide(World.layer({ engine }))))

  it.effect(`a tool call is the same on ${engine}, streamed and at once, but for its id and blanks`, () =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM
      const { answer } = yield* Simulator.Simulator
      const parameters = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] }
      const tools = [{ name: "f", parameters }]
      for (const delivery of ["stream", "unary"] as const) {
        yield* answer({ toolCalls: [{ name: "f", arguments: { a: 1 } }] })
        const { generations } = yield* llm.generate("Say something", { tools, toolChoice: "required", delivery })
        assert.deepStrictEqual(
          generations.map(({ finishReason, text, toolCalls }) => [
            finishReason,
            text,
            toolCalls.map((call) => [call.name, JSON.parse(call.arguments)])
          ]),
          [["tool_calls", "", [["f", { a: 1 }]]]]
        )
      }
    }).pipe(Effect.provide(World.layer({ engine }))))
}
