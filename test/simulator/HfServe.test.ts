import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import { InferenceEndpointsLLM } from "../../src/InferenceEndpointsLLM.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as World from "../World.ts"
import { events, get, payloads, post, user } from "./Wire.ts"

const chat = (body: object = {}) =>
  post("/v1/chat/completions", { model: "m", messages: user("Hi"), max_tokens: 8, ...body })

layer(Simulator.layer({ engine: "hf-serve", modelId: "org/m" }))("hf-serve", (it) => {
  it.effect("is greedy at temperature 1 and samples at any other; 0 is refused", () =>
    Effect.gen(function*() {
      const said = (body: object) => Effect.map(chat(body), ({ json }) => json.choices[0].message.content)
      assert.strictEqual(yield* said({ temperature: 1 }), yield* said({}))
      assert.notStrictEqual(yield* said({ temperature: 0.7 }), yield* said({ temperature: 0.7 }))
      const refused = yield* chat({ temperature: 0 })
      assert.strictEqual(refused.status, 400)
      assert.match(refused.json.detail, /^`temperature` \(=0\.0\) has to be a strictly positive float/)
    }))

  it.effect.each<readonly [body: object, type: string, loc: ReadonlyArray<string | number>]>([
    [{ temperature: 3 }, "less_than_equal", ["body", "temperature"]],
    [{ reasoning_effort: "huge" }, "literal_error", ["body", "reasoning_effort"]],
    [{ logit_bias: { 5: 0.5 } }, "int_from_float", ["body", "logit_bias", "5"]],
    [{ messages: [{ role: "wizard" }] }, "union_tag_invalid", ["body", "messages", 0]],
    [{ messages: [{ role: "system", content: "a" }, { role: "system", content: "b" }] }, "value_error", ["body"]],
    [{ tools: [{ function: { name: "f" } }] }, "missing", ["body", "tools", 0, "type"]],
    [{ tool_choice: "any" }, "literal_error", ["body", "tool_choice", "literal['none','auto','required']"]],
    [{ model: undefined }, "missing", ["body", "model"]]
  ])("refuses the type of %j, and repeats the request", ([body, type, loc]) =>
    Effect.gen(function*() {
      const { json, status } = yield* chat(body)
      assert.deepStrictEqual([status, json.detail[0].type, json.detail[0].loc], [422, type, loc])
      assert.strictEqual(json.body.max_tokens, 8)
    }))

  it.effect("reads a body as Python does, and cannot repeat a number that JSON does not have", () =>
    Effect.gen(function*() {
      const path = "/v1/chat/completions"
      assert.strictEqual((yield* post(path, "null")).json.detail[0].type, "missing")
      const body = `{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":2,`
      const broken = yield* post(path, `${body}"temperature":NaN}`)
      assert.deepStrictEqual([broken.status, broken.text], [500, "Internal Server Error"])
      assert.strictEqual((yield* post(path, `${body}"unknown":NaN}`)).status, 200)
      assert.strictEqual((yield* chat({ messages: [{ role: 1, content: "a" }] })).json.detail[0].ctx.tag, "1")
      assert.strictEqual((yield* chat({ response_format: {} })).status, 200)
    }))

  it.effect("calls nothing where the limit cuts the call that the model writes", () =>
    Effect.gen(function*() {
      const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }]
      const { json } = yield* chat({ tools, max_tokens: 6 })
      const [{ finish_reason, message }] = json.choices
      assert.deepStrictEqual([finish_reason, message.tool_calls], ["length", []])
      assert.isTrue(message.content.startsWith("<tool_call>"), message.content)
    }))

  it.effect("drops what constrains", () =>
    Effect.gen(function*() {
      const response_format = { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } }
      const plain = yield* chat()
      const held = yield* chat({ response_format, stop: ["a"], logprobs: true, n: 2, top_k: 1, regex: "x" })
      assert.deepStrictEqual(held.json.choices, plain.json.choices)
    }))

  it.effect("sends role and usage in every chunk, and no reason for an end of its own", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "one two" })
      const { text } = yield* chat({ stream: true, temperature: 0.5 })
      const list = events(text)
      assert.isTrue(list.every(({ choices, usage }) => choices[0].delta.role === "assistant" && usage.total_tokens > 0))
      assert.strictEqual(list.at(-1).choices[0].delta.content, "<|im_end|>")
      assert.isNull(list.at(-1).choices[0].finish_reason)
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
    }))

  it.effect("keeps a call in its text too", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ toolCalls: [{ name: "f", arguments: { a: 1 } }] })
      const tools = [{ type: "function", function: { name: "f", parameters: {} } }]
      const { message } = (yield* chat({ tools, max_tokens: 99 })).json.choices[0]
      assert.strictEqual(message.tool_calls[0].function.arguments, `{"a":1}`)
      assert.include(message.content, "<tool_call>")
    }))

  it.effect("has few routes, and one that never works", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/v1/models")).json.data[0].owned_by, "org")
      assert.strictEqual((yield* get("/openapi.json")).json.info.title, "Hugging Face Serve API")
      assert.strictEqual((yield* post("/predict", { inputs: "x" })).status, 400)
      assert.strictEqual((yield* post("/v1/completions", {})).status, 404)
      assert.strictEqual((yield* get("/")).status, 405)
    }))
})

describe("a client of hf-serve", () => {
  const logged: Array<unknown> = []
  const logger = Logger.layer([Logger.make(({ message }) => void logged.push(message))])
  const world = Layer.merge(World.layer({ engine: "hf-serve" }), logger)

  it.effect("never asks for a stream, and says that its own stream is one chunk", () =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "one two" }, { text: "one two" })
      const { generations } = yield* llm.generate("Hi", { delivery: "stream", temperature: 0 })
      assert.strictEqual(generations[0]?.text, "one two")
      const list = yield* Stream.runCollect(llm.stream("Hi"))
      assert.lengthOf(list.filter(({ _tag }) => _tag === "Text"), 1)
      assert.include(JSON.stringify(logged), "The stream is one chunk")
      const bodies = (yield* simulator.journal.entries).flatMap(({ request }) =>
        request.path === "/v1/chat/completions" ? [request.body] : []
      )
      assert.lengthOf(bodies, 2)
      for (const body of bodies) assert.notMatch(body, /"stream":true|temperature/)
    }).pipe(Effect.provide(world)))

  it.effect("keeps the prompt, which a refusal repeats, out of its errors", () =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM
      const error = yield* Effect.flip(llm.generate("a secret text", { extra: { presence_penalty: 9 } }))
      assert.notInclude(`${error.message}${JSON.stringify(error)}`, "a secret text")
      assert.include(error.message, "presence_penalty")
    }).pipe(Effect.provide(world)))

  it.effect("is told before sending what would be dropped", () =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM
      const error = yield* Effect.flip(llm.generate("x", { stopSequences: ["a"], topLogprobs: 2 }))
      assert.include(error.message, "stopSequences is ignored by hf-serve")
      const raw = yield* Effect.flip(llm.generate({ raw: "x" }))
      assert.include(raw.message, "hf-serve has no route for a rendered prompt")
    }).pipe(Effect.provide(world)))
})

const said = (text: string) =>
  events(text).map(({ choices }) => choices[0].delta.content).join("").replace("<|im_end|>", "")

describe("streams of hf-serve, as they are there", () => {
  const unsafe = Simulator.layer({ engine: "hf-serve", unsafeStreams: true, latency: { perToken: "1 second" } })
  it.effect("get each other's tokens when they run at once, and their own when they do not", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const run = (...texts: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          yield* simulator.answer(...texts.map((text) => ({ text })))
          const fiber = yield* Effect.forkChild(Effect.forEach(
            texts,
            () => chat({ stream: true, temperature: 0.5, max_tokens: 20 }),
            { concurrency: "unbounded" }
          ))
          yield* TestClock.adjust("1 minute")
          return (yield* Fiber.join(fiber)).map(({ text }) => said(text))
        })
      assert.deepStrictEqual(yield* run("one two three"), ["one two three"])
      const [first, second] = yield* run("one two three", "four five six")
      assert.strictEqual(first, "one two three")
      assert.notStrictEqual(second, "four five six")
      assert.include(second, "one")
    }).pipe(Effect.provide(unsafe)))

  it.effect("hang the server for good where they are greedy, its health route too", () =>
    Effect.gen(function*() {
      const greedy = yield* Effect.forkChild(chat({ stream: true, temperature: 0 }))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(greedy.pollUnsafe())
      const health = yield* Effect.forkChild(get("/health"))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(health.pollUnsafe())
    }).pipe(Effect.provide(unsafe)))
})
