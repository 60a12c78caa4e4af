import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import type { AiError, Response } from "effect/ai"
import * as ResponseParts from "../../src/ai/ResponseParts.ts"
import * as ToolOffer from "../../src/ai/ToolOffer.ts"
import type * as Generation from "../../src/Generation.ts"
import * as Folding from "../../src/pipeline/fold/Folding.ts"

const { params } = Result.getOrThrow(ToolOffer.make([], "auto"))
const options: ResponseParts.Options = { modelId: "m", timestamp: 0, callId: "made", params }

const statistics = { duration: 5, attempts: 1 }

interface Streamed {
  readonly parts: ReadonlyArray<Response.StreamPartEncoded>
  readonly generation: Generation.Generation
  readonly failure: AiError.AiErrorReason | undefined
}

/** What a server's deltas become, one event at a time. */
const streamed = (deltas: ReadonlyArray<Generation.Delta>, splitReasoning = false): Streamed => {
  const fold = Folding.make({ splitReasoning, keepTokens: false })
  const events: Array<Generation.Event> = []
  for (const delta of deltas) fold.add(delta, events)
  const generation = fold.finish(statistics, events)
  events.push({ _tag: "Finish", generation })
  const writer = ResponseParts.make(options)
  const parts: Array<Response.StreamPartEncoded> = []
  for (const event of events) {
    const written = writer.write([event])
    if (Result.isFailure(written)) return { parts, generation, failure: written.failure }
    parts.push(...written.success)
  }
  return { parts, generation, failure: undefined }
}

const wholeOf = (generation: Generation.Generation) => ResponseParts.whole(generation, options)

const Call = Schema.Struct({
  id: Schema.Literals(["call_a", "0", ""]),
  name: Schema.Literals(["weather", "now"]),
  arguments: Schema.Record(
    Schema.Literals(["a", "b \"\\", "é"]),
    Schema.Union([Schema.String, Schema.Int, Schema.Null])
  ),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 12 }))
})

const Answer = Schema.Struct({
  said: Schema.Array(Schema.Struct({ thinking: Schema.Boolean, text: Schema.NonEmptyString })),
  calls: Schema.Array(Call).check(Schema.isMaxLength(4))
})

const deltasOf = ({ calls, said }: typeof Answer.Type): ReadonlyArray<Generation.Delta> => [
  ...said.map(({ text, thinking }): Generation.Delta => thinking ? { reasoning: text } : { text }),
  ...calls.flatMap((call, index): ReadonlyArray<Generation.Delta> => {
    const text = JSON.stringify(call.arguments)
    const id = call.id === "call_a" ? `call_a${index}` : call.id
    return [
      { toolCalls: [{ index, id, name: call.name, arguments: text.slice(0, call.at) }] },
      { toolCalls: [{ index, arguments: text.slice(call.at) }] }
    ]
  }),
  { finishReason: "stop", usage: { inputTokens: 3, outputTokens: 2 } }
]

const rest = (all: ReadonlyArray<Response.AllPartsEncoded>) =>
  all.filter(({ type }) => type === "tool-call" || type === "finish")

describe("the parts of a streamed answer", () => {
  it.prop("begin with metadata and end with finish, each once", [Answer], ([answer]) => {
    const types = streamed(deltasOf(answer)).parts.map(({ type }) => type)
    return types[0] === "response-metadata" && types.at(-1) === "finish" &&
      types.filter((type) => type === "response-metadata" || type === "finish").length === 2
  })

  it.prop("open one block at a time, fill it and close it", [Answer], ([answer]) => {
    let open: string | undefined
    const seen = new Set<string>()
    for (const part of streamed(deltasOf(answer)).parts) {
      const [, kind, step] = /^(text|reasoning)-(start|delta|end)$/.exec(part.type) ?? []
      if (kind === undefined) continue
      const id = `${kind} ${"id" in part ? part.id : ""}`
      if (step === "start") {
        assert.isUndefined(open)
        assert.isFalse(seen.has(id))
        seen.add(id)
        open = id
      } else {
        assert.strictEqual(id, open)
        if (step === "end") open = undefined
      }
    }
    assert.isUndefined(open)
  })

  it.prop(
    "give every call start, parameters, end and the call itself, under one id of its own",
    [Answer],
    ([answer]) => {
      const { parts } = streamed(deltasOf(answer))
      const started = parts.flatMap((part) => part.type === "tool-params-start" ? [part.id] : [])
      assert.lengthOf(started, answer.calls.length)
      assert.strictEqual(new Set(started).size, started.length)
      for (const id of started) {
        const types = parts.flatMap((part) =>
          "id" in part && part.id === id && part.type.startsWith("tool") ? [part.type] : []
        )
        assert.deepStrictEqual(types.filter((type) => type !== "tool-params-delta"), [
          "tool-params-start",
          "tool-params-end",
          "tool-call"
        ])
        const text = parts.map((part) => part.type === "tool-params-delta" && part.id === id ? part.delta : "").join("")
        const call = parts.find((part) => part.type === "tool-call" && part.id === id)
        assert.deepStrictEqual(call?.type === "tool-call" ? call.params : undefined, JSON.parse(text))
      }
    }
  )

  it.prop("put together are the whole answer", [Answer], ([answer]) => {
    const { generation, parts } = streamed(deltasOf(answer))
    const whole = Result.getOrThrow(wholeOf(generation))
    const joined = (type: "text-delta" | "reasoning-delta") =>
      parts.map((part) => part.type === type ? part.delta : "").join("")
    const text = (type: "text" | "reasoning") => whole.map((part) => part.type === type ? part.text : "").join("")
    assert.strictEqual(joined("text-delta"), text("text"))
    assert.strictEqual(joined("reasoning-delta"), text("reasoning"))
    assert.deepStrictEqual(rest(parts), rest(whole))
  })

  it("end the text that turns out to have been thinking, and begin another for the answer", () => {
    const { generation, parts } = streamed([{ text: "hm" }, { text: "</think>" }, { text: "yes" }], true)
    assert.deepStrictEqual([generation.reasoning, generation.text], ["hm", "yes"])
    assert.deepStrictEqual(
      parts.flatMap((part) => "id" in part && part.type.startsWith("text") ? [[part.type, part.id]] : []),
      [
        ["text-start", "0"],
        ["text-delta", "0"],
        ["text-end", "0"],
        ["text-start", "1"],
        ["text-delta", "1"],
        ["text-end", "1"]
      ]
    )
  })

  it("hold back parameters that come before the name", () => {
    const { parts } = streamed([
      { toolCalls: [{ index: 0, id: "a", arguments: "{" }] },
      { toolCalls: [{ index: 0, name: "now", arguments: "}" }] },
      { finishReason: "tool_calls" }
    ])
    assert.deepStrictEqual(parts.slice(1, 4), [
      { type: "tool-params-start", id: "a", name: "now" },
      { type: "tool-params-delta", id: "a", delta: "{}" },
      { type: "tool-params-end", id: "a" }
    ])
  })
})

describe("an answer that the server ended without a finish reason", () => {
  it("is what was said, and ends unknown", () => {
    const { generation, parts } = streamed([{ text: "said" }])
    const finish = parts.at(-1)
    assert.strictEqual(finish?.type === "finish" ? finish.reason : undefined, "unknown")
    const last = Result.getOrThrow(wholeOf(generation)).at(-1)
    assert.strictEqual(last?.type === "finish" ? last.reason : undefined, "unknown")
  })

  it("is whole all the same after a call, as TGI never ends one", () => {
    const { parts } = streamed([{ toolCalls: [{ index: 0, name: "now", arguments: "{}" }] }])
    const finish = parts.at(-1)
    assert.strictEqual(finish?.type === "finish" ? finish.reason : undefined, "tool-calls")
  })
})

describe("arguments that are no JSON", () => {
  const call: Generation.Delta = { toolCalls: [{ index: 0, id: "a", name: "now", arguments: `{"a":` }] }

  it("fail the answer with the name of the tool", () => {
    const { failure } = streamed([call, { finishReason: "tool_calls" }])
    assert.strictEqual(failure?._tag === "ToolParameterValidationError" ? failure.toolName : undefined, "now")
  })

  it("are no call where the token limit cut them", () => {
    const { generation, parts } = streamed([call, { finishReason: "length" }])
    assert.deepStrictEqual(parts.map(({ type }) => type), [
      "response-metadata",
      "tool-params-start",
      "tool-params-delta",
      "tool-params-end",
      "finish"
    ])
    assert.deepStrictEqual(Result.getOrThrow(wholeOf(generation)).map(({ type }) => type), [
      "response-metadata",
      "finish"
    ])
  })
})

const finishOf = (...deltas: ReadonlyArray<Generation.Delta>) => {
  const part = streamed(deltas).parts.at(-1)
  return part?.type === "finish" ? part : undefined
}

describe("the finish", () => {
  it.each(
    [
      ["stop", "stop"],
      ["eos_token", "stop"],
      ["stop_sequence", "stop"],
      ["length", "length"],
      ["content_filter", "content-filter"],
      ["abort", "error"],
      ["repetition", "other"]
    ] as const
  )("says %s in the words of effect/ai: %s", (raw, reason) => {
    const finish = finishOf({ text: "x", finishReason: raw })
    assert.strictEqual(finish?.reason, reason)
    assert.strictEqual(finish?.metadata?.huggingface?.rawFinishReason, raw)
  })

  it("is a content filter's where the model refused", () => {
    const finish = finishOf({ refusal: "I may not", finishReason: "stop" })
    assert.strictEqual(finish?.reason, "content-filter")
    assert.strictEqual(finish?.metadata?.huggingface?.refusal, "I may not")
  })

  it("tells who answered, with which program, and what it cost", () => {
    const [, finish] = Result.getOrThrow(wholeOf({
      text: "",
      toolCalls: [],
      finishReason: "stop",
      model: "m-2026",
      systemFingerprint: "vllm-0.32.0-1a",
      statistics: { ...statistics, provider: "together", cost: 0.001, seed: 7 }
    }))
    assert.deepInclude(finish?.type === "finish" ? finish.metadata?.huggingface : undefined, {
      model: "m-2026",
      systemFingerprint: "vllm-0.32.0-1a",
      provider: "together",
      cost: 0.001,
      seed: "7"
    })
  })

  it("counts what the server counted and nothing else", () => {
    const all = { inputTokens: 10, outputTokens: 8, cachedTokens: 4, reasoningTokens: 3 }
    assert.deepStrictEqual(finishOf({ finishReason: "stop", usage: all })?.usage, {
      inputTokens: { total: 10, uncached: 6, cacheRead: 4 },
      outputTokens: { total: 8, text: 5, reasoning: 3 }
    })
    const some = { inputTokens: 10, outputTokens: 8 }
    assert.deepStrictEqual(finishOf({ reasoning: "hm", finishReason: "stop", usage: some })?.usage, {
      inputTokens: { total: 10, uncached: undefined, cacheRead: undefined },
      outputTokens: { total: 8, text: undefined, reasoning: undefined }
    })
  })
})
