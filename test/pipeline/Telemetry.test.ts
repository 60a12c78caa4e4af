import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Stream } from "effect"
import { InferenceEndpointsLLM, type Settings } from "../../src/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Spans from "../Spans.ts"
import * as Recording from "../wire/Recording.ts"
import * as World from "../World.ts"

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false }).pipe(
  Layer.provideMerge(Simulator.layer({}))
)

/** The attributes of the span of one generation. */
const spanOf = Effect.fnUntraced(function*(call: Settings.CallOptions) {
  const { layer, spans } = Spans.recorded()
  const simulator = yield* Simulator.Simulator
  yield* simulator.answer({ text: "A private answer." })
  const { generate } = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  yield* Effect.provide(generate("A private question?", call), layer)
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

/** How many generations of this model ended so. */
const counted = (outcome: "finished" | "failed" | "interrupted") =>
  Effect.map(
    Metric.value(Metric.counter("inference_endpoints.client.requests", {
      description: "generations, by outcome",
      incremental: true,
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "huggingface",
        "gen_ai.request.model": "simulator/vllm",
        outcome
      }
    })),
    ({ count }) => Number(count)
  )

/** How many more ended so after an effect, whatever became of it. */
const counting = <E, R>(run: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    const outcomes = [counted("finished"), counted("failed"), counted("interrupted")] as const
    const before = yield* Effect.all(outcomes)
    yield* Effect.exit(run)
    const after = yield* Effect.all(outcomes)
    return [after[0] - before[0], after[1] - before[1], after[2] - before[2]]
  })

describe("the outcome of a stream", () => {
  const world = World.layer({ engine: "vllm" })
  const stream = Stream.unwrap(
    Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.stream("Say something"))
  )

  it.effect("that finishes is counted in the metrics, once", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* counting(Stream.runDrain(stream)), [1, 0, 0])
    }).pipe(Effect.provide(world)))

  it.effect("that has finished is not counted as failed for what becomes of its reader", () =>
    Effect.gen(function*() {
      const reader = Stream.runForEach(
        stream,
        ({ _tag }) => _tag === "Finish" ? Effect.fail("the reader") : Effect.void
      )
      assert.deepStrictEqual(yield* counting(reader), [1, 0, 0])
    }).pipe(Effect.provide(world)))

  it.effect("that was left before its end is counted neither as finished nor as failed", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* counting(Stream.runDrain(Stream.take(stream, 1))), [0, 0, 0])
    }).pipe(Effect.provide(world)))

  for (
    const [name, run] of [
      ["stream", Stream.runDrain(stream)],
      ["whole response", InferenceEndpointsLLM.InferenceEndpointsLLM.use((llm) => llm.generate("Say something"))]
    ] as const
  ) {
    it.effect(`that found its endpoint asleep is counted as failed, and as finished when it is awake: a ${name}`, () =>
      Effect.gen(function*() {
        yield* (yield* Simulator.Simulator).fail(Fault.unavailable)
        assert.deepStrictEqual(yield* counting(run), [1, 1, 0])
      }).pipe(
        Effect.provide(World.layer({ engine: "vllm", revive: () => Effect.succeed(World.target("vllm")) }))
      ))
  }

  for (
    const [name, fault] of [
      ["fails before its first event", Fault.overloaded],
      ["is cut after some", Fault.cut(2)],
      ["fails with its finish reason", Fault.finishReason("abort")],
      ["holds no generation", Fault.endMarkOnly]
    ] as const
  ) {
    it.effect(`that ${name} is counted as failed, once`, () =>
      Effect.gen(function*() {
        yield* (yield* Simulator.Simulator).fail(fault)
        assert.deepStrictEqual(yield* counting(Stream.runDrain(stream)), [0, 1, 0])
      }).pipe(Effect.provide(world)))
  }

  it.effect("that is interrupted is counted as such and not as failed", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.stall(1))
      const run = Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(stream), { startImmediately: true })
        for (let turn = 0; turn < 50; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
      })
      assert.deepStrictEqual(yield* counting(run), [0, 0, 1])
    }).pipe(Effect.provide(world)))
})

describe("the span of a generation", () => {
  it.effect("says who answered, what it cost, what was cached and which build it was", () =>
    Effect.gen(function*() {
      const { layer, spans } = Spans.recorded()
      const heard = Recording.play("told.json", { delivery: "unary", headers: { "x-inference-provider": "nebius" } })
      yield* Effect.provide(heard, layer)
      const said = new Map(spans.flatMap(({ attributes }) => [...attributes]))
      const told = {
        "gen_ai.response.model": "a/model-2026",
        "inference_endpoints.provider": "nebius",
        "inference_endpoints.usage.cost": 0.00012,
        "inference_endpoints.usage.cached_tokens": 4,
        "inference_endpoints.system_fingerprint": "vllm-0.32.0-1a2b3c"
      }
      assert.deepStrictEqual(Object.fromEntries(Object.keys(told).map((name) => [name, said.get(name)])), told)
    }))

  it.effect("says that usage is unknown where the server told none", () =>
    Effect.gen(function*() {
      const { fail } = yield* Simulator.Simulator
      assert.notProperty(yield* spanOf({ delivery: "unary" }), "inference_endpoints.usage.unknown")
      yield* fail(Fault.usage("never"))
      assert.isTrue((yield* spanOf({ delivery: "stream" }))["inference_endpoints.usage.unknown"])
    }).pipe(Effect.provide(Model)))
})

describe("where no tracer is installed", () => {
  it.effect("a generation makes no span, and leaves the caller's as it is", () =>
    Effect.gen(function*() {
      const { generate, stream } = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
      const mine = yield* Effect.gen(function*() {
        yield* generate("Hi")
        yield* generate("Hi", { delivery: "stream" })
        yield* Stream.runDrain(stream("Hi"))
        return yield* Effect.currentSpan
      }).pipe(Effect.withSpan("mine"))
      assert.deepStrictEqual([...mine.attributes], [])
    }).pipe(Effect.provide(Model)))

  it.effect("a failure leaves the caller's span as it is, and is counted", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.overloaded)
      const { generate } = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
      assert.deepStrictEqual(yield* counting(generate("Hi")), [0, 1, 0])
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))
})

/** The spans of what a call generated, below one of the caller's. */
const through = (
  run: (llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function*() {
    const { layer, spans } = Spans.recorded()
    yield* Effect.exit(run(yield* InferenceEndpointsLLM.InferenceEndpointsLLM)).pipe(
      Effect.withSpan("mine"),
      Effect.provide(layer)
    )
    return spans.filter(({ name }) => name.startsWith("chat ")).map(({ attributes, kind, parent, status }) => ({
      kind,
      parent: parent._tag === "Some" && parent.value._tag === "Span" ? parent.value.name : undefined,
      ended: status._tag === "Ended" ? status.exit._tag : "not",
      finish: attributes.get("gen_ai.response.finish_reasons")
    }))
  })

describe("where a tracer is installed", () => {
  const ways: ReadonlyArray<readonly [name: string, run: Parameters<typeof through>[0]]> = [
    ["a whole response", (llm) => llm.generate("Hi")],
    ["a folded stream", (llm) => llm.generate("Hi", { delivery: "stream" })],
    ["a stream", (llm) => Stream.runDrain(llm.stream("Hi"))]
  ]
  for (const [name, run] of ways) {
    it.effect(`${name} is one span of its own below the caller's, with what the response told`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* through(run), [
          { kind: "client", parent: "mine", ended: "Success", finish: ["stop"] }
        ])
      }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))

    it.effect(`${name} that fails ends its span with the failure`, () =>
      Effect.gen(function*() {
        yield* (yield* Simulator.Simulator).fail(Fault.overloaded)
        assert.deepStrictEqual(yield* through(run), [
          { kind: "client", parent: "mine", ended: "Failure", finish: undefined }
        ])
      }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))
  }
})
