import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Logger, Metric, Stream } from "effect"
import type { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import type * as Generation from "../src/Generation.ts"
import { type GenerateError, InferenceEndpointsLLM } from "../src/InferenceEndpointsLLM.ts"
import type * as Message from "../src/Message.ts"
import { Fault, Simulator } from "../src/simulator/index.ts"
import * as World from "./World.ts"

type World = InferenceEndpointsLLM | Simulator.Simulator | HttpClient.HttpClient

const world = (setup?: World.Setup) => <A, E>(self: Effect.Effect<A, E, World>) =>
  Effect.provide(self, World.layer(setup))

const llm = InferenceEndpointsLLM
const server = Simulator.Simulator
const slow = { latency: { perToken: "1 second" } } as const
const long = () => ({ text: "one two three four five six" })

const generate = (...call: Parameters<InferenceEndpointsLLM["Service"]["generate"]>) =>
  Effect.flatMap(llm, (service) => service.generate(...call))

const outcomes = Effect.flatMap(
  server,
  ({ journal }) => Effect.map(journal.entries, (entries) => entries.map(({ outcome }) => outcome))
)

const requests = Effect.map(World.bodies, (bodies) => bodies.length)

const textsOf = ({ generations }: { readonly generations: ReadonlyArray<Generation.Generation> }) =>
  generations.map(({ text }) => text)

/** The prompt decides the answer, so that answers can be told apart. */
const echo = { script: (_: unknown, prompt: string) => ({ text: `re: ${/q\d+/.exec(prompt)?.[0]}` }) }

describe("the way of a request", () => {
  it.effect("messages and plain text go over the chat route, raw text over the engine's own", () =>
    Effect.gen(function*() {
      yield* generate([{ role: "user", content: "hi" }])
      yield* generate("hi")
      yield* generate({ raw: "hi" })
      const entries = yield* (yield* server).journal.entries
      assert.deepStrictEqual(entries.map(({ request }) => request.path), [
        "/v1/chat/completions",
        "/v1/chat/completions",
        "/generate"
      ])
      const [first, second, third] = yield* World.bodies
      assert.deepStrictEqual(first, second)
      assert.deepInclude(third, { inputs: "hi" })
    }).pipe(world()))

  it.effect("other engines get raw text over the completions route, under the name that they serve", () =>
    Effect.gen(function*() {
      yield* generate({ raw: "hi" })
      const [body] = yield* World.bodies
      assert.deepInclude(body, { prompt: "hi", model: "simulator/vllm", max_tokens: 128 })
    }).pipe(world({ engine: "vllm" })))

  it.effect("what TGI cannot stream is asked for whole, unless the caller says otherwise", () =>
    Effect.gen(function*() {
      yield* generate({ raw: "hi" }, { bestOf: 2, temperature: 0.5 })
      yield* generate({ raw: "hi" }, { decoderInputDetails: true })
      yield* generate("hi", { tools: [{ name: "f", parameters: { type: "object", properties: {} } }] })
      const entries = yield* (yield* server).journal.entries
      assert.deepStrictEqual(entries.map(({ request, status }) => [request.path, status]), [
        ["/generate", 200],
        ["/generate", 200],
        ["/v1/chat/completions", 200]
      ])
    }).pipe(world()))

  it.effect("a stream ends with its generation, and its parts are the whole", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect(Stream.unwrap(Effect.map(llm, (service) => service.stream("hi"))))
      const last = events.at(-1)
      const text = events.map((event) => event._tag === "Text" ? event.text : "").join("")
      assert.deepStrictEqual([text, last?._tag === "Finish" ? last.generation.text : ""], [long().text, long().text])
    }).pipe(world({ server: { script: long } })))
})

describe("several generations", () => {
  it.effect("count up from the given seed, over the end of a u64 too", () =>
    Effect.gen(function*() {
      yield* generate({ raw: "hi" }, { numGenerations: 3, seed: 2n ** 64n - 2n, doSample: true, concurrency: 1 })
      const entries = yield* (yield* server).journal.entries
      assert.deepStrictEqual(entries.map(({ request }) => /"seed":(\d+)/.exec(request.body)?.[1]), [
        "18446744073709551614",
        "18446744073709551615",
        "0"
      ])
    }).pipe(world()))

  it.effect("that are one have no seed where none was given", () =>
    Effect.gen(function*() {
      yield* generate({ raw: "hi" }, { numGenerations: 1 })
      for (const body of yield* World.bodies) assert.notProperty(body.parameters, "seed")
    }).pipe(world()))

  it.effect("come in the order of inputs and of generations, however they finish", () => {
    let asked = 0
    // the first request takes longest
    const faults = () => [Fault.slowHeaders(Duration.seconds(10 - asked++))]
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(llm, (service) => service.generateMany(["q1", "q2", "q3"], { numGenerations: 2 }))
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).map(textsOf), [
        ["re: q1", "re: q1"],
        ["re: q2", "re: q2"],
        ["re: q3", "re: q3"]
      ])
    }).pipe(world({ server: { ...echo, faults } }))
  })

  it.effect("run within one limit for the whole call", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flatMap(llm, (service) =>
        service.generateMany(["q1", "q2", "q3", "q4"], { numGenerations: 3, concurrency: 5 })))
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(fiber)
      const totals = yield* (yield* server).journal.totals
      assert.deepStrictEqual([totals.peakInFlight, totals.completed], [5, 12])
    }).pipe(world({ server: { ...echo, ...slow } })))

  it.effect("run 16 at once where nothing is said", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(generate("q1", { numGenerations: 40 }))
      yield* TestClock.adjust("10 minutes")
      assert.lengthOf((yield* Fiber.join(fiber)).generations, 40)
      assert.strictEqual((yield* (yield* server).journal.totals).peakInFlight, 16)
    }).pipe(world({ server: { ...echo, ...slow } })))

  it.effect("stop when one fails: the others' requests are closed", () =>
    Effect.gen(function*() {
      yield* (yield* server).fail(Fault.crash(3))
      const fiber = yield* Effect.forkChild(Effect.flip(generate("q1", { numGenerations: 3, delivery: "stream" })))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* outcomes, ["cancelled", "cancelled", "cancelled"])
      assert.strictEqual(yield* (yield* server).permits, 0)
    }).pipe(world({ server: { script: long, ...slow } })))
})

describe("an interrupt", () => {
  it.effect("of one of many generations closes its request and no other", () =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach(["q1", "q2", "q3"], (input) => Effect.forkChild(generate(input)))
      yield* TestClock.adjust("1 second")
      const [, second] = fibers
      assert.isDefined(second)
      if (second !== undefined) yield* Fiber.interrupt(second)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* outcomes, ["completed", "cancelled", "completed"])
      assert.strictEqual(yield* (yield* server).permits, 0)
    }).pipe(world({ server: { script: long, ...slow } })))

  it.effect("of a whole answer closes its request", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(generate("q1", { delivery: "unary" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* outcomes, ["cancelled"])
    }).pipe(world({ server: { script: long, ...slow } })))

  it.effect("by leaving a stream closes its request", () =>
    Effect.gen(function*() {
      const first = Stream.unwrap(Effect.map(llm, (service) => service.stream("q1"))).pipe(
        Stream.take(1),
        Stream.runDrain
      )
      const fiber = yield* Effect.forkChild(first)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* outcomes, ["cancelled"])
    }).pipe(world({ server: { script: long, ...slow } })))
})

const issuesOf = (error: GenerateError) =>
  error._tag === "InferenceError" && error.reason._tag === "InvalidRequest"
    ? error.reason.issues.map(({ message }) => message)
    : []

describe("a request that cannot be", () => {
  const wrong: ReadonlyArray<readonly [name: string, call: Parameters<typeof generate>[1], says: string]> = [
    ["an option out of range", { topP: 2 }, "topP must be above 0 and at most 1, given 2"],
    ["a setting out of range", { concurrency: 0 }, "concurrency must be an integer of at least 1, got 0"],
    ["an option that TGI drops on the chat route", { topK: 5 }, "topK is ignored by TGI on /v1/chat/completions"],
    ["an option that TGI refuses", { presencePenalty: 1 }, "presencePenalty is refused by TGI"]
  ]
  for (const [name, call, says] of wrong) {
    it.effect(`${name} fails before anything is sent`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(generate("hi", call))
        assert.include(issuesOf(error)[0], says)
        assert.strictEqual(yield* requests, 0)
      }).pipe(world()))
  }

  it.effect("fails the same as a stream", () =>
    Effect.gen(function*() {
      const service = yield* llm
      const error = yield* Effect.flip(Stream.runDrain(service.stream("hi", { topP: 2 })))
      assert.lengthOf(issuesOf(error), 1)
      assert.strictEqual(yield* requests, 0)
    }).pipe(world()))

  it.effect("no message at all fails before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(generate([]))
      assert.include(issuesOf(error)[0], "messages must not be empty")
      assert.strictEqual(yield* requests, 0)
    }).pipe(world()))

  it.effect("one beyond the server's own limits fails before anything is sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(generate({ raw: "hi" }, { bestOf: 3, temperature: 1 }))
      assert.include(issuesOf(error)[0], "bestOf must be at most 2")
      assert.strictEqual(yield* requests, 0)
    }).pipe(world({ target: { engine: { kind: "tgi", source: "override", limits: { maxBestOf: 2 } } } })))

  it.effect("unsupported: warn logs what is dropped and sends the rest", () => {
    const lines: Array<unknown> = []
    return Effect.gen(function*() {
      yield* generate("hi", { topK: 5, temperature: 0.5, unsupported: "warn" })
      const [body] = yield* World.bodies
      assert.notProperty(body, "top_k")
      assert.deepInclude(body, { temperature: 0.5 })
      assert.match(lines.map(String).join("\n"), /topK is ignored by TGI/)
    }).pipe(
      Effect.provide(Logger.layer([Logger.map(Logger.formatSimple, (line) => void lines.push(line))])),
      world()
    )
  })
})

describe("defaults", () => {
  it.effect("of the service hold, and a call wins over them", () =>
    Effect.gen(function*() {
      yield* generate("hi", { temperature: 0.9 })
      const [body] = yield* World.bodies
      assert.deepInclude(body, { temperature: 0.9, max_tokens: 7, seed: 3 })
    }).pipe(world({ service: { generationOptions: { maxNewTokens: 7, temperature: 0.1, seed: 3 } } })))
})

describe("counts and times", () => {
  it.effect("of a stream: tokens from its details, the first event and the end", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(generate({ raw: "hi there" }, { delivery: "stream" }))
      yield* TestClock.adjust("1 minute")
      const [generation] = (yield* Fiber.join(fiber)).generations
      assert.deepInclude(generation?.statistics, {
        timeToFirstToken: 2000,
        duration: 5000,
        outputTokens: 4,
        attempts: 1
      })
      assert.isAbove(generation?.statistics.inputTokens ?? 0, 0)
    }).pipe(world({
      server: {
        script: () => ({ tokens: ["a", "b", "c", "d"].map((text) => ({ text })) }),
        latency: { firstToken: "2 seconds", perToken: "1 second" }
      }
    })))

  it.effect("of a whole answer: TGI's own times, and its headers where the body has no counts", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(generate({ raw: "hi there" }, { delivery: "unary" }))
      yield* TestClock.adjust("1 minute")
      const [generation] = (yield* Fiber.join(fiber)).generations
      assert.notProperty(generation?.statistics, "timeToFirstToken")
      assert.deepInclude(generation?.statistics.server, { inference: 5000 })
      assert.isAbove(generation?.statistics.inputTokens ?? 0, 0)
    }).pipe(world({
      server: {
        script: () => ({ tokens: ["a", "b", "c", "d"].map((text) => ({ text })) }),
        latency: { firstToken: "2 seconds", perToken: "1 second" }
      }
    })))

  const old = { version: "2.2.0", script: long } as const

  it.effect("are not made up where an old server does not tell them", () =>
    Effect.gen(function*() {
      const [generation] = (yield* generate({ raw: "hi there" }, { delivery: "stream" })).generations
      assert.notProperty(generation?.statistics, "inputTokens")
      assert.strictEqual(yield* requests, 1)
    }).pipe(world({ server: old })))

  it.effect("countTokens asks the server's tokenizer for them, on both routes", () =>
    Effect.gen(function*() {
      for (const input of ["hi there", { raw: "hi there" }]) {
        const [generation] = (yield* generate(input, { countTokens: true })).generations
        assert.isAbove(generation?.statistics.inputTokens ?? 0, 0)
      }
    }).pipe(world({ server: { ...old, version: "2.3.0" } })))

  it.effect("countTokens asks nothing where the answer tells it", () =>
    Effect.gen(function*() {
      yield* generate({ raw: "hi there" }, { countTokens: true })
      assert.strictEqual(yield* requests, 1)
    }).pipe(world()))

  it.effect("countTokens does no harm where the tokenizer fails", () =>
    Effect.gen(function*() {
      yield* (yield* server).fail(Fault.badGateway, { when: ({ path }) => path === "/tokenize" })
      const [generation] = (yield* generate({ raw: "hi there" }, { countTokens: true, delivery: "stream" })).generations
      assert.strictEqual(generation?.text, long().text)
      assert.isUndefined(generation?.statistics.inputTokens)
    }).pipe(world({ server: old })))
})

const reviving = (why: Array<string>) => (reason: "Asleep" | "Paused") =>
  Effect.sync(() => {
    why.push(reason)
    return World.target("tgi", { displayName: "revived" })
  })

describe("an endpoint that fell asleep", () => {
  for (const [reason, fault] of [["Asleep", Fault.unavailable], ["Paused", Fault.paused]] as const) {
    it.effect(`${reason}: is brought back, and the request is repeated, streamed and at once`, () => {
      const why: Array<string> = []
      return Effect.gen(function*() {
        const service = yield* llm
        yield* (yield* server).fail(fault)
        assert.deepStrictEqual(textsOf(yield* service.generate("hi")), [long().text])
        yield* (yield* server).fail(fault)
        const events = yield* Stream.runCollect(service.stream("hi"))
        assert.strictEqual(events.at(-1)?._tag, "Finish")
        assert.deepStrictEqual(why, [reason, reason])
      }).pipe(world({ server: { script: long }, revive: reviving(why) }))
    })
  }

  it.effect("is not brought back for an answer of which a part was seen", () =>
    Effect.gen(function*() {
      yield* (yield* server).fail(Fault.errorFrame("x", "Endpoint is paused", { after: 2 }))
      const error = yield* Effect.flip(generate("hi", { delivery: "stream" }))
      assert.strictEqual(error._tag === "InferenceError" ? error.reason._tag : "", "Paused")
      assert.strictEqual(yield* requests, 1)
    }).pipe(world({ server: { script: long } })))

  it.effect("is left alone with revive: false", () =>
    Effect.gen(function*() {
      yield* (yield* server).fail(Fault.unavailable)
      const error = yield* Effect.flip(generate("hi", { revive: false }))
      assert.strictEqual(error._tag === "InferenceError" ? error.reason._tag : "", "Asleep")
    }).pipe(world()))

  it.effect("that does not come back is not asked for ever", () => {
    const why: Array<string> = []
    return Effect.gen(function*() {
      yield* (yield* server).fail(Fault.unavailable, { times: 9 })
      yield* Effect.flip(generate("hi"))
      assert.deepStrictEqual([why.length, yield* requests], [1, 2])
    }).pipe(world({ revive: reviving(why) }))
  })
})

describe("tool history on TGI", () => {
  it.effect("reaches the model, also where an assistant spoke beside its call", () => {
    const prompts: Array<string> = []
    const script = (_: unknown, prompt: string) => {
      prompts.push(prompt)
      return { text: "done" }
    }
    const call = { id: "0", type: "function", function: { name: "lookup", arguments: `{"word":"a"}` } } as const
    const messages: ReadonlyArray<Message.Message> = [
      { role: "user", content: "look up a" },
      { role: "assistant", content: "Let me look.", tool_calls: [call] },
      { role: "tool", content: "the first letter", tool_call_id: "0" },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", content: "the second answer", tool_call_id: "0" }
    ]
    return Effect.gen(function*() {
      yield* generate(messages)
      const [prompt = ""] = prompts
      for (const part of ["Let me look.", "the first letter", "the second answer"]) assert.include(prompt, part)
      assert.lengthOf(prompt.match(/lookup/g) ?? [], 2)
    }).pipe(world({ server: { script } }))
  })

  it.effect("no_tool: the model's words come as text", () =>
    Effect.gen(function*() {
      const [generation] = (yield* generate("hi", {
        tools: [{ name: "f", parameters: { type: "object", properties: {} } }]
      })).generations
      assert.deepStrictEqual([generation?.toolCalls, generation?.text], [[], "just words"])
      assert.notStrictEqual(generation?.finishReason, "tool_calls")
    }).pipe(world({ server: { script: () => ({ text: "just words" }) } })))
})

const counted = (id: string, attributes: Record<string, string>) =>
  Effect.map(Metric.snapshot, (all) => {
    const found = all.filter((metric) =>
      metric.id === id && Object.entries(attributes).every(([key, value]) => metric.attributes?.[key] === value)
    )
    return found.reduce((total, { state }) => total + ("count" in state ? Number(state.count) : 0), 0)
  })

describe("metrics", () => {
  /** The change of a counter, by its attributes, during an effect. */

  it.effect("count generations, tokens and times of the model", () =>
    Effect.gen(function*() {
      const model = { "gen_ai.request.model": "counted model" }
      yield* generate("hi")
      yield* (yield* server).fail(Fault.badGateway)
      yield* Effect.flip(generate("hi"))
      assert.strictEqual(yield* counted("inference_endpoints.client.requests", { ...model, outcome: "finished" }), 1)
      assert.strictEqual(yield* counted("inference_endpoints.client.requests", { ...model, outcome: "failed" }), 1)
      assert.isAbove(yield* counted("gen_ai.client.token.usage", { ...model, "gen_ai.token.type": "output" }), 0)
      assert.strictEqual(yield* counted("gen_ai.client.operation.duration", model), 1)
    }).pipe(world({ target: { modelName: "counted model" } })))

  it.effect("count an interrupted generation as interrupted, and not as failed", () =>
    Effect.gen(function*() {
      const model = { "gen_ai.request.model": "interrupted model" }
      const fiber = yield* Effect.forkChild(generate("hi"))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* counted("inference_endpoints.client.requests", { ...model, outcome: "interrupted" }), 1)
      assert.strictEqual(yield* counted("inference_endpoints.client.requests", { ...model, outcome: "failed" }), 0)
    }).pipe(world({ target: { modelName: "interrupted model" }, server: { script: long, ...slow } })))
})

describe("the name", () => {
  it.effect("is the endpoint's", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* (yield* llm).displayName, "the model")
    }).pipe(world()))
})

describe("layerTest", () => {
  it.effect("answers by a script, without a wire, and checks options all the same", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(textsOf(yield* generate("hi", { numGenerations: 2 })), ["answer 0", "answer 1"])
      assert.lengthOf(issuesOf(yield* Effect.flip(generate("hi", { topP: 2 }))), 1)
    }).pipe(Effect.provide(World.scripted((index) => `answer ${index}`))))
})
