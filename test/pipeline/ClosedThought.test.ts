import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { InferenceEndpointsLLM, type Message } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as World from "../World.ts"

const structuredOutput = { format: "regex", schema: "yes|no" } as const

const head = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
const opens = `${head}<think>\n`
const byChoice = `${head}{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}`
const plain = head

const server = (engine: World.Simulated, chatTemplate?: string) =>
  InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, chatTemplate }).pipe(
    Layer.provideMerge(Simulator.layer({ engine }))
  )

/** The prompt that is sent for a constrained generation. */
const sent = (input: Message.Input, options: Parameters<typeof call>[1] = {}) =>
  Effect.gen(function*() {
    yield* call(input, options)
    const body = (yield* World.bodies).at(-1)
    return body?.prompt ?? body?.inputs
  })

const call = (
  input: Message.Input,
  options: Parameters<InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]["generate"]>[1] = {}
) =>
  Effect.flatMap(
    InferenceEndpointsLLM.InferenceEndpointsLLM,
    ({ generate }) => generate(input, { structuredOutput, ...options })
  )

describe("a raw prompt with structured output on vLLM closes the thought", () => {
  const start = "<|user|>hi<|assistant|>"

  it.effect("that the template opened", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* sent("hi"), `${start}<think>\n\n</think>\n\n`)
    }).pipe(Effect.provide(server("vllm", opens))))

  it.effect("of a template that thinks by choice, by its own tags", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* sent("hi"), `${start}<think>\n\n</think>\n\n`)
    }).pipe(Effect.provide(server("vllm", byChoice))))

  it.effect("but leaves what the caller decided about thinking", () =>
    Effect.gen(function*() {
      const templateVariables = { enable_thinking: true }
      assert.strictEqual(yield* sent("hi", { templateVariables }), start)
    }).pipe(Effect.provide(server("vllm", byChoice))))

  it.effect("and changes nothing for a template without thinking", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* sent("hi"), start)
    }).pipe(Effect.provide(server("vllm", plain))))

  it.effect("that the caller's own text opened, and leaves one that is closed", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* sent({ raw: `${start}[THINK]` }), `${start}[THINK]\n\n[/THINK]\n\n`)
      assert.strictEqual(yield* sent({ raw: `${start}<think></think>` }), `${start}<think></think>`)
    }).pipe(Effect.provide(server("vllm"))))

  it.effect("and nothing where nothing is constrained, or another engine responds", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* sent("hi", { structuredOutput: false }), `${start}<think>`)
    }).pipe(Effect.provide(server("vllm", opens))))

  for (const engine of ["tgi", "sglang"] as const) {
    it.effect(`nor on ${engine}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* sent("hi"), `${start}<think>`)
      }).pipe(Effect.provide(server(engine, opens))))
  }

  it.effect("whose tags are unknown is refused with that reason, and sent where the caller says so", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(call({ raw: start }))
      assert.isTrue(error._tag === "InferenceError" && error.reason._tag === "InvalidRequest")
      assert.match(error.message, /unconstrained until the thinking is closed/)
      assert.lengthOf(yield* World.bodies, 0)
      assert.strictEqual(yield* sent({ raw: start }, { unsupported: "warn" }), start)
    }).pipe(Effect.provide(server("vllm"))))
})
