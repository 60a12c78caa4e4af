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
  faults: ReadonlyArray<Fault.Fault>
) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM
    const simulator = yield* Simulator.Simulator
    yield* simulator.answer({ text: "a 😀 b" })
    if (faults.length > 0) yield* simulator.fail(faults)
    return (yield* llm.generate(inputs[route], { delivery })).generations[0]
  }).pipe(Effect.provide(World.layer({ engine })))

const essence = (generation: Generation.Generation | undefined) =>
  [generation?.text, generation?.toolCalls, generation?.finishReason] as const

const harmless: Readonly<Record<string, Fault.Fault>> = {
  "named events": Fault.eventName("chunk"),
  "heartbeats in data": Fault.dataHeartbeats,
  "events without a choice": Fault.noChoiceEvents,
  "usage with every event": Fault.usage("everyEvent"),
  "usage that is never told": Fault.usage("never"),
  "content as parts": Fault.contentParts,
  "the other delivery": Fault.otherDelivery,
  "half characters": Fault.halfCharacters
}

for (const engine of World.engines) {
  for (const route of ["chat", "raw"] as const) {
    describe(`${engine}'s ${route} route`, () => {
      for (const delivery of deliveries) {
        for (const [name, fault] of Object.entries(harmless)) {
          // an event without a choice is of the routes that have choices
          if (name === "events without a choice" && engine === "tgi" && route === "raw") continue
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
            const error = yield* Effect.flip(generate(engine, route, delivery, [Fault.endMarkOnly]))
            assert.strictEqual(error.reason._tag, "EmptyResponse")
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
}

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

  it.effect("whose arguments were dropped on a stream of TGI are an error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(called("tgi", [Fault.argumentsDropped]))
      assert.strictEqual(error.reason._tag, "InvalidToolCall")
    }))
})
