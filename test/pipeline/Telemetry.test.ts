import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Tracer } from "effect"
import { InferenceEndpointsLLM, type Settings } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false }).pipe(
  Layer.provideMerge(Simulator.layer({}))
)

/** The attributes of the span of one generation. */
const spanOf = Effect.fnUntraced(function*(call: Settings.CallOptions) {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const simulator = yield* Simulator.Simulator
  yield* simulator.answer({ text: "A private answer." })
  const { generate } = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  yield* Effect.provideService(generate("A private question?", call), Tracer.Tracer, tracer)
  return Object.fromEntries(spans.find(({ name }) => name.startsWith("chat "))?.attributes ?? [])
})

describe("the content of messages", () => {
  it.effect("is on no span where nobody asked for it", () =>
    Effect.gen(function*() {
      const text = JSON.stringify(yield* spanOf({}))
      assert.include(text, "gen_ai.usage.output_tokens")
      assert.notInclude(text, "private")
    }).pipe(Effect.provide(Model)))

  it.effect("is on the span, question and answer, with captureContent", () =>
    Effect.gen(function*() {
      const span = yield* spanOf({ captureContent: true })
      assert.deepStrictEqual(JSON.parse(String(span["gen_ai.input.messages"])), [
        { role: "user", parts: [{ type: "text", content: "A private question?" }] }
      ])
      assert.deepStrictEqual(JSON.parse(String(span["gen_ai.output.messages"])), [
        { role: "assistant", parts: [{ type: "text", content: "A private answer." }], finish_reason: "stop" }
      ])
    }).pipe(Effect.provide(Model)))
})
