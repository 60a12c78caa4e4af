import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Generation from "../../src/Generation.ts"
import { InferenceEndpointsLLM } from "../../src/InferenceEndpointsLLM.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as World from "../World.ts"

const inputs = { chat: "Say something", raw: { raw: "Say something" } } as const
const deliveries = ["stream", "unary"] as const

/** Generates `a 😀 b` from a simulated server that something is different about. */
const generate = (
  engine: World.Simulated,
  route: keyof typeof inputs,
  delivery: "stream" | "unary",
  faults: ReadonlyArray<Fault.Fault>,
  target: NonNullable<World.Setup["target"]> = {}
) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM
    const simulator = yield* Simulator.Simulator
    yield* simulator.answer({ text: "a 😀 b" })
    if (faults.length > 0) yield* simulator.fail(faults)
    return (yield* llm.generate(inputs[route], { delivery })).generations[0]
  }).pipe(Effect.provide(World.layer({ engine, target })))

const essence = (generation: Generation.Generation | undefined) =>
  [generation?.text, generation?.toolCalls, generation?.finishReason] as const

const harmless: Readonly<Record<string, Fault.Fault>> = {
  "named events": Fault.eventName("chunk"),
  "heartbeats in data": Fault.dataHeartbeats,
  "events without a choice": Fault.noChoiceEvents,
  "usage with every event": Fault.usage("everyEvent"),
  "usage that is never told": Fault.usage("never"),
  "usage that is zero": Fault.usage("zeros"),
  "usage that is zero until the end": Fault.usage("zerosFirst"),
  "usage with nulls between": Fault.usage("nullsBetween"),
  "more in its usage": Fault.usageDetails({ cachedTokens: 1, reasoningTokens: 1, cost: 0.5 }),
  "more headers": Fault.headers({ "x-inference-provider": "somebody" }),
  "log probabilities left out": Fault.noLogprobs,
  "content as parts": Fault.contentParts,
  "the other delivery": Fault.otherDelivery,
  "half characters": Fault.halfCharacters
}

const routes: ReadonlyArray<readonly [engine: World.Simulated, route: keyof typeof inputs]> = [
  ...World.engines.flatMap((engine) => [[engine, "chat"], [engine, "raw"]] as const),
  // it has no route for prompts
  ["hf-serve", "chat"]
]

for (const [engine, route] of routes) {
  describe(`${engine}'s ${route} route`, () => {
    for (const delivery of deliveries) {
      for (const [name, fault] of Object.entries(harmless)) {
        it.effect(`gives the same generation with ${name}, asked for as ${delivery}`, () =>
          Effect.gen(function*() {
            const plain = yield* generate(engine, route, delivery, [])
            const other = yield* generate(engine, route, delivery, [fault])
            assert.deepStrictEqual(essence(other), essence(plain))
            assert.strictEqual(other?.text, "a 😀 b")
          }))
      }

      it.effect(`fails where there is an end mark alone, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          // a whole response of the native route has no end mark
          if (engine === "tgi" && route === "raw" && delivery === "unary") return
          for (
            const fault of [Fault.endMarkOnly, ...(["role", "usage", "heartbeats"] as const).map(Fault.noGeneration)]
          ) {
            const error = yield* Effect.flip(generate(engine, route, delivery, [fault]))
            assert.strictEqual(error.reason._tag, "EmptyResponse")
          }
        }))

      it.effect(`tells a permanent error inside a response as what it is, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const fault = Fault.errorFrame("invalid_request_error", "too long", { code: "context_length_exceeded" })
          const error = yield* Effect.flip(generate(engine, route, delivery, [fault]))
          assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Rejected", false])
        }))

      it.effect(`scrubs a token that a header repeats, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const fault = Fault.headers({ "x-request-id": `for ${World.token}`, "x-inference-provider": World.token })
          const generation = yield* generate(engine, route, delivery, [fault], { token: World.secret })
          assert.notInclude(JSON.stringify(generation), World.token)
          assert.include(generation?.statistics.requestId ?? "", "<redacted>")
        }))

      it.effect(`fails with what had arrived where the end says so, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(generate(engine, route, delivery, [Fault.finishReason("abort")]))
          assert.deepStrictEqual(
            error._tag === "InferenceError" ? [error.reason._tag, error.received?.text] : error,
            ["GenerationFailed", "a 😀 b"]
          )
        }))
    }
  })
}

const thought = (
  engine: World.Simulated,
  faults: ReadonlyArray<Fault.Fault>,
  delivery: "stream" | "unary",
  split: boolean | "opened"
) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM
    const simulator = yield* Simulator.Simulator
    yield* simulator.answer({ reasoning: "hm", text: "yes" })
    if (faults.length > 0) yield* simulator.fail(faults)
    const { generations } = yield* llm.generate("Say something", { delivery, splitReasoning: split })
    return [generations[0]?.reasoning?.trim(), generations[0]?.text.trim()]
  }).pipe(Effect.provide(World.layer({ engine })))

for (const engine of World.engines) {
  describe(`${engine}'s stream`, () => {
    for (const route of ["chat", "raw"] as const) {
      it.effect(`of events that nobody understands is InvalidResponse on the ${route} route`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(generate(engine, route, "stream", [Fault.foreignEvents]))
          assert.strictEqual(error.reason._tag, "InvalidResponse")
        }))

      it.effect(`that ends in an error has delivered what came before it, on the ${route} route`, () =>
        Effect.gen(function*() {
          const fault = Fault.errorFrame("server_error", "it broke", { after: 2 })
          const error = yield* Effect.flip(generate(engine, route, "stream", [fault]))
          assert.deepStrictEqual(
            error._tag === "InferenceError" ? [error.reason._tag, error.received?.text.trim()] : error,
            ["GenerationFailed", "a"]
          )
        }))
    }
  })

  describe(`thinking of ${engine}`, () => {
    for (const delivery of deliveries) {
      it.effect(`is told apart however it is told, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          for (const split of [true, "opened"] as const) {
            for (const fault of [[], [Fault.thoughtOpened], [Fault.contentParts]]) {
              assert.deepStrictEqual(yield* thought(engine, fault, delivery, split), ["hm", "yes"])
            }
          }
        }))
    }
  })
}

it.effect("an answer that llama.cpp files as thinking under a grammar is the answer", () =>
  Effect.gen(function*() {
    for (const delivery of deliveries) {
      const { generations } = yield* Effect.gen(function*() {
        const llm = yield* InferenceEndpointsLLM
        const simulator = yield* Simulator.Simulator
        yield* simulator.answer({ text: "yes" })
        yield* simulator.fail(Fault.filedAsThinking)
        return yield* llm.generate("Yes?", { delivery, structuredOutput: { format: "regex", schema: "yes|no" } })
      }).pipe(Effect.provide(World.layer({ engine: "llamacpp" })))
      assert.deepStrictEqual([generations[0]?.text, generations[0]?.reasoning], ["yes", undefined])
    }
  }))

it.effect("a thought that the token limit cut is not taken for the answer", () =>
  Effect.gen(function*() {
    for (const delivery of deliveries) {
      const { generations: [generation] } = yield* Effect.gen(function*() {
        const llm = yield* InferenceEndpointsLLM
        const simulator = yield* Simulator.Simulator
        yield* simulator.answer({ text: "let me think about it for a while" })
        yield* simulator.fail(Fault.filedAsThinking)
        const structuredOutput = { format: "regex", schema: "[a-z ]+" } as const
        return yield* llm.generate("Yes?", { delivery, structuredOutput, maxNewTokens: 3 })
      }).pipe(Effect.provide(World.layer({ engine: "llamacpp" })))
      assert.deepStrictEqual([generation?.text, generation?.finishReason], ["", "length"])
      assert.isTrue(generation?.reasoning?.startsWith("let me"))
    }
  }))

describe("tool calls", () => {
  const tools = [{ name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } }]
  const toolCalls = ["Oslo", "Rome"].map((city) => ({ name: "weather", arguments: { city } }))
  const called = (engine: World.Simulated, faults: ReadonlyArray<Fault.Fault>) =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ toolCalls })
      if (faults.length > 0) yield* simulator.fail(faults)
      const { generations } = yield* llm.generate("Say something", {
        tools,
        delivery: "stream",
        parallelToolCalls: true,
        unsupported: "warn"
      })
      return generations[0]?.toolCalls.map((call): unknown => JSON.parse(call.arguments))
    }).pipe(Effect.provide(World.layer({ engine })))

  for (const engine of ["vllm", "sglang"] as const) {
    for (
      const shape of ["usual", "index0", "index0Ids", "index0Whole", "noIndex", "noIndexWhole", "mixed"] as const
    ) {
      it.effect(`of ${engine} are told apart where they are numbered as ${shape}`, () =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* called(engine, [Fault.toolCalls(shape)]), [{ city: "Oslo" }, { city: "Rome" }])
        }))
    }
  }

  for (const given of ["Oslo", "[\"Oslo\"]", "\"Oslo\"", "{\"city\":"]) {
    for (const engine of World.engines) {
      it.effect(`of ${engine} with the arguments ${given} are an error`, () =>
        Effect.gen(function*() {
          const tool = [{ name: "weather", arguments: given }]
          for (const delivery of deliveries) {
            const error = yield* Effect.gen(function*() {
              yield* (yield* Simulator.Simulator).answer({ toolCalls: tool })
              const llm = yield* InferenceEndpointsLLM
              return yield* llm.generate("Say something", { tools, delivery, unsupported: "warn" })
            }).pipe(Effect.provide(World.layer({ engine })), Effect.flip)
            assert.strictEqual(error.reason._tag, "InvalidToolCall")
          }
        }))
    }
  }

  it.effect("come in the other delivery too", () =>
    Effect.gen(function*() {
      for (const engine of ["vllm", "sglang", "llamacpp"] as const) {
        assert.deepStrictEqual(yield* called(engine, [Fault.otherDelivery]), [{ city: "Oslo" }, { city: "Rome" }])
      }
    }))

  for (const engine of World.engines) {
    for (const delivery of deliveries) {
      it.effect(`that ${engine} was told to make and did not are an error, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.gen(function*() {
            const llm = yield* InferenceEndpointsLLM
            const simulator = yield* Simulator.Simulator
            yield* simulator.answer({ toolCalls })
            yield* simulator.fail(Fault.callsIgnored)
            return yield* llm.generate("Say something", {
              tools,
              toolChoice: "required",
              delivery,
              unsupported: "warn"
            })
          }).pipe(Effect.provide(World.layer({ engine })), Effect.flip)
          assert.strictEqual(error.reason._tag, "InvalidToolCall")
        }))
    }
  }

  it.effect("whose arguments were dropped on a stream of TGI are an error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(called("tgi", [Fault.argumentsDropped]))
      assert.strictEqual(error.reason._tag, "InvalidToolCall")
    }))
})
