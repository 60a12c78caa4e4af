import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import * as EngineProbe from "../../src/endpoint/address/EngineProbe.ts"
import { InferenceEndpointsLLM, Message } from "../../src/index.ts"
import type * as Settings from "../../src/Settings.ts"
import { Balancer } from "../../src/simulator/index.ts"

const url = new URL("http://localhost:30000")

const detect = Effect.flatMap(
  HttpClient.HttpClient,
  (client) => EngineProbe.detect(client, { url, search: "", token: undefined })
)

const model = InferenceEndpointsLLM.layer({ baseUrl: url.href, apiKey: false, client: { retry: { attempts: 1 } } })

const ask = (options: Settings.CallOptions = {}, messages = [Message.user("Hi")]) =>
  Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.generate(messages, options))

const both = [
  ["sglang-router", "sglang"],
  ["sglang-router", "vllm"],
  ["vllm-router", "vllm"]
] as const

const on = (kind: Balancer.Kind, engine: "sglang" | "vllm") =>
  Layer.provideMerge(model, Balancer.layer(kind, { engine, modelId: "org/m" }))

const tools = [{ name: "f", description: "d", parameters: { type: "object" as const, properties: {} } }]

/** The reason of a failure on virtual time, since a balancer tries for itself for a while. */
const reasonOf = <A, R>(effect: Effect.Effect<A, InferenceEndpointsLLM.GenerateError, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.flip(effect))
    yield* TestClock.adjust("1 minute")
    return (yield* Fiber.join(fiber)).reason
  })

describe("behind a balancer", () => {
  it.effect.each(both)(
    "%s: the engine is found by what passes through, and its model's name: %s",
    ([kind, engine]) =>
      Effect.gen(function*() {
        const found = yield* detect
        assert.deepInclude(found, { kind: engine, modelName: "org/m", balancer: kind })
      }).pipe(Effect.provide(Balancer.layer(kind, { engine, modelId: "org/m" })))
  )

  it.effect("an engine without a balancer has none", () =>
    Effect.gen(function*() {
      const { workers } = yield* Balancer.Balancer
      const [worker] = workers
      assert.isDefined(worker)
      assert.isUndefined((yield* detect).balancer)
    }).pipe(Effect.provide(Balancer.layer("vllm-router", { engine: "sglang" }))))

  it.effect.each(both)(
    "%s: requests go to the workers in turn, and past one that died: %s",
    ([kind, engine]) =>
      Effect.gen(function*() {
        const { kill, revive, workers } = yield* Balancer.Balancer
        const generations = Effect.forEach(workers, ({ journal }) =>
          Effect.map(journal.entries, (entries) =>
            entries.filter(({ request }) =>
              request.path === "/v1/chat/completions"
            ).length))
        yield* Effect.repeat(ask(), { times: 3 })
        assert.deepStrictEqual(yield* generations, [2, 2])
        yield* kill(0)
        yield* Effect.repeat(ask(), { times: 1 })
        assert.deepStrictEqual(yield* generations, [2, 4])
        yield* revive(0)
        yield* Effect.repeat(ask(), { times: 1 })
        assert.deepStrictEqual(yield* generations, [3, 5])
      }).pipe(Effect.provide(on(kind, engine)))
  )

  it.effect.each(both)(
    "%s: a worker that dies in mid-stream is an interrupted stream: %s",
    ([kind, engine]) =>
      Effect.gen(function*() {
        const { kill } = yield* Balancer.Balancer
        const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
        const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(llm.stream([Message.user("Hi")]))))
        yield* TestClock.adjust("3 seconds")
        yield* Effect.forEach([0, 1], kill)
        yield* TestClock.adjust("1 minute")
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error._tag === "InferenceError" ? error.ending : error._tag, "cut")
      }).pipe(
        Effect.provide(
          Layer.provideMerge(
            model,
            Balancer.layer(kind, { engine, modelId: "org/m", latency: { perToken: "1 second" } })
          )
        )
      )
  )

  it.effect.each(both)("%s: its own errors have reasons, and pass by: %s", ([kind, engine]) =>
    Effect.gen(function*() {
      const { kill } = yield* Balancer.Balancer
      yield* Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.ready)
      yield* Effect.forEach([0, 1], kill)
      const reason = yield* reasonOf(ask())
      assert.strictEqual(reason._tag, "Overloaded")
      assert.isTrue(reason.isRetryable)
    }).pipe(Effect.provide(on(kind, engine))))

  it.effect("what it cannot read is a refused request, whether it says so as JSON or as text", () =>
    Effect.gen(function*() {
      for (const [kind, engine] of both) {
        const reason = yield* reasonOf(ask({ extra: { max_tokens: "x" } })).pipe(Effect.provide(on(kind, engine)))
        assert.strictEqual(reason._tag, "Rejected")
        assert.include(reason.message, "max_tokens: invalid type: string \"x\", expected u32")
      }
    }))
})

const given: Settings.CallOptions = {
  maxNewTokens: 4,
  temperature: 0.5,
  topP: 0.5,
  topK: 4,
  minP: 0.5,
  repetitionPenalty: 1.5,
  frequencyPenalty: 0.5,
  presencePenalty: 0.5,
  logitBias: { "5": 1 },
  seed: 7,
  stopSequences: ["a"],
  topLogprobs: 2,
  parallelToolCalls: true,
  reasoningEffort: "low",
  templateVariables: { a: 1 }
}

const Body = Schema.Record(Schema.String, Schema.Unknown)

const thoughts = (name: "reasoning" | "reasoning_content") => [
  Message.user("Hi"),
  { role: "assistant" as const, content: "Hello", [name]: "greet" },
  Message.user("Again")
]

describe("what a balancer drops", () => {
  it.effect.each(both)(
    "%s: options of ours reach the engine as they were sent: %s",
    ([kind, engine]) =>
      Effect.gen(function*() {
        const { workers } = yield* Balancer.Balancer
        yield* ask({ ...given, tools })
        const [entry] = (yield* Effect.forEach(workers, ({ journal }) => journal.entries)).flat().filter((
          { request }
        ) => request.path === "/v1/chat/completions")
        const got = yield* Schema.decodeUnknownEffect(Body)(entry?.request.json)
        for (
          const field of [
            "temperature",
            "top_k",
            "logit_bias",
            "seed",
            "stop",
            "top_logprobs",
            "parallel_tool_calls",
            "reasoning_effort",
            "chat_template_kwargs",
            "tools"
          ]
        ) assert.property(got, field)
        assert.strictEqual(got.max_tokens ?? got.max_completion_tokens, 4)
      }).pipe(Effect.provide(on(kind, engine)))
  )

  it.effect.each(
    [
      ["sglang-router", "sglang", { extra: { stop_regex: "a+" } }, "stop_regex"],
      [
        "sglang-router",
        "sglang",
        { extra: { custom_logit_processor: "p", custom_params: {} } },
        "custom_logit_processor"
      ],
      ["sglang-router", "vllm", { truncate: 5 }, "truncate_prompt_tokens"],
      ["sglang-router", "vllm", { extra: { thinking_token_budget: 5 } }, "thinking_token_budget"],
      ["vllm-router", "vllm", { tools, toolChoice: "required" }, "strict"]
    ] as const
  )(
    "%s in front of %s: is named before anything is sent: %s",
    ([kind, engine, options, name]) =>
      Effect.gen(function*() {
        const { workers } = yield* Balancer.Balancer
        const reason = yield* reasonOf(ask(options))
        assert.strictEqual(reason._tag, "InvalidRequest")
        assert.include(reason.message, name)
        assert.include(reason.message, kind)
        const posted = (yield* Effect.forEach(workers, ({ journal }) => journal.entries)).flat().filter(({ request }) =>
          request.path === "/v1/chat/completions"
        )
        assert.lengthOf(posted, 0)
      }).pipe(Effect.provide(on(kind, engine)))
  )

  it.effect("the earlier thoughts of the model are named too, where they are dropped", () =>
    Effect.gen(function*() {
      const dropped = { "sglang-router": "reasoning", "vllm-router": "reasoning_content" } as const
      for (const [kind, engine] of both) {
        const reason = yield* reasonOf(ask({}, thoughts(dropped[kind]))).pipe(Effect.provide(on(kind, engine)))
        assert.include(reason.message, `\`${dropped[kind]}\` of messages is dropped by ${kind}`)
      }
    }))

  it.effect("a request that the worker itself reads differs from what was sent by what the balancer dropped alone", () =>
    Effect.gen(function*() {
      const { handle, workers } = yield* Balancer.Balancer
      const body = {
        model: "org/m",
        messages: [{ role: "user", content: "x", reasoning_content: "r" }],
        top_p: 0.9,
        cache_salt: "c",
        tools: [{ type: "function", function: { name: "f", strict: true } }]
      }
      yield* handle({
        method: "POST",
        path: "/v1/chat/completions",
        headers: { "content-type": "application/json", "x-custom": "1" },
        body: JSON.stringify(body)
      })
      const [entry] = (yield* Effect.forEach(workers, ({ journal }) => journal.entries)).flat().filter(({ request }) =>
        request.method === "POST"
      )
      assert.deepStrictEqual(entry?.request.json, {
        ...body,
        messages: [{ role: "user", content: "x" }],
        top_p: Math.fround(0.9),
        tools: [{ type: "function", function: { name: "f" } }],
        stream: false
      })
      assert.notProperty(entry?.request.headers, "x-custom")
    }).pipe(Effect.provide(Balancer.layer("vllm-router", { modelId: "org/m" }))))

  it.effect("it has no other routes than those that it was written for, where it passes none on", () =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      for (const path of ["/server_info", "/version", "/openapi.json"]) {
        assert.strictEqual((yield* client.get(`${url.origin}${path}`)).status, 404)
      }
      const post = (path: string) =>
        client.execute(
          HttpClientRequest.post(url.origin + path).pipe(HttpClientRequest.bodyJsonUnsafe({ prompt: "x" }))
        )
      assert.deepInclude(yield* (yield* post("/v1/tokenize")).json, {
        error: {
          message: "No tokenizers available. Use POST /v1/tokenizers to add one.",
          type: "tokenizer_not_found"
        }
      })
    }).pipe(Effect.provide(Balancer.layer("sglang-router"))))
})
