import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import type * as Settings from "../../src/Settings.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as ChatTemplate from "../../src/template/ChatTemplateService.ts"
import * as World from "../World.ts"

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

const generate = (call: Settings.CallOptions) => Effect.flatMap(llm, ({ generate }) => generate("Hi", call))

/** Whether each of the requests so far asked for a stream. */
const streamed = Effect.map(World.bodies, (bodies) => bodies.map(({ stream }) => stream === true))

describe("a response that nobody sees before its end", () => {
  it.effect("is asked for whole up to 256 tokens, and streamed beyond", () =>
    Effect.gen(function*() {
      yield* generate({})
      yield* generate({ maxNewTokens: 256 })
      yield* generate({ maxNewTokens: 257 })
      assert.deepStrictEqual(yield* streamed, [false, false, true])
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))

  it.effect("is asked for as `delivery` says, whatever its length", () =>
    Effect.gen(function*() {
      yield* generate({ maxNewTokens: 1, delivery: "stream" })
      yield* generate({ maxNewTokens: 1000, delivery: "unary" })
      assert.deepStrictEqual(yield* streamed, [true, false])
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))

  it.effect("is asked for whole as far as `wholeUpTo` says, for the service or for a call", () =>
    Effect.gen(function*() {
      yield* generate({ maxNewTokens: 11 })
      yield* generate({ maxNewTokens: 11, wholeUpTo: 11 })
      yield* generate({ maxNewTokens: 1, wholeUpTo: 0 })
      assert.deepStrictEqual(yield* streamed, [true, false, true])
    }).pipe(Effect.provide(World.layer({ engine: "vllm", service: { wholeUpTo: 10 } }))))

  it.effect("is no stream and no object that grows: those are always streamed", () =>
    Effect.gen(function*() {
      const service = yield* llm
      yield* Stream.runDrain(service.stream("Hi", { maxNewTokens: 1 }))
      assert.deepStrictEqual(yield* streamed, [true])
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))
})

/** A template that counts how often it is rendered. */
const counting = () => {
  let renders = 0
  const layer = Layer.succeed(ChatTemplate.ChatTemplate, {
    render: () =>
      Effect.sync(() => {
        renders++
        return { prompt: "<s>Hi", text: "Hi", bos: { token: "<s>", serverAdds: true, rendered: true, stripped: false } }
      }),
    source: () => Effect.succeed("a template"),
    specialTokens: {}
  })
  return { layer, renders: () => renders }
}

/** The service with that template. When its endpoint is away, it comes back as another target. */
const rendered = (template: ReturnType<typeof counting>, engine: World.Simulated) =>
  Layer.orDie(InferenceEndpointsLLM.layerWith({ chatTemplate: "a template", client: { retry: Retry.none } })).pipe(
    Layer.provide(template.layer),
    Layer.provide(
      World.endpoint(
        World.target(engine),
        () => Effect.succeed(World.target(engine, { displayName: "brought back" }))
      )
    ),
    Layer.provideMerge(Simulator.layer({ engine }))
  )

describe("several generations of one input", () => {
  for (const engine of World.engines) {
    for (const delivery of ["unary", "stream"] as const) {
      it.effect(`render one prompt, and differ in their seeds alone, on ${engine} as ${delivery}`, () => {
        const template = counting()
        return Effect.gen(function*() {
          const { generations } = yield* generate({ numGenerations: 5, seed: 7, delivery })
          assert.lengthOf(generations, 5)
          assert.strictEqual(template.renders(), 1)
          yield* generate({ seed: 7, delivery })
          const bodies = (yield* World.bodies).map((body) => JSON.stringify(body))
          const alone = bodies.pop() ?? ""
          assert.include(alone, `"seed":7`)
          assert.deepStrictEqual(
            bodies.toSorted(),
            [7, 8, 9, 10, 11].map((seed) => alone.replace(`"seed":7`, `"seed":${seed}`)).toSorted()
          )
        }).pipe(Effect.provide(rendered(template, engine)))
      })
    }
  }

  it.effect("render one for each address, when their endpoint is brought back meanwhile", () => {
    const template = counting()
    return Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.unavailable)
      const { generations } = yield* generate({ numGenerations: 3, seed: 1, concurrency: 1 })
      assert.lengthOf(generations, 3)
      assert.isAtMost(template.renders(), 3)
    }).pipe(Effect.provide(rendered(template, "tgi")))
  })

  it.effect("are refused one by one where a seed is beyond what the engine takes", () =>
    Effect.gen(function*() {
      // the second seed is -1 on vLLM
      const error = yield* Effect.flip(generate({ numGenerations: 2, seed: 2n ** 64n - 2n }))
      assert.strictEqual(error._tag, "InferenceError")
      assert.include(error.message, "which vLLM reads as -1")
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))
})
