import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import * as Recording from "./Recording.ts"

const deliveries = ["stream", "unary"] as const

/** The warnings that are logged. */
const warnings = (name: string, logprobs: boolean, delivery: "stream" | "unary") =>
  Effect.suspend(() => {
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(String(message))
    })
    return Effect.as(Recording.play(name, { delivery, logprobs }).pipe(Effect.provide(Logger.layer([logger]))), said)
  })

describe("a generation comes whole", () => {
  const cases: ReadonlyArray<readonly [name: string, route: Recording.Route]> = [
    ["chat.sse", "chat"],
    ["chat.json", "chat"],
    ["completion.sse", "completion"],
    ["completion.json", "completion"],
    ["native.sse", "native"],
    ["native.json", "native"],
    ["no-choice.sse", "chat"],
    ["no-choice-completion.sse", "completion"],
    ["heartbeats.sse", "chat"],
    ["heartbeats-native.sse", "native"],
    ["named-events.sse", "chat"]
  ]
  for (const [name, route] of cases) {
    for (const delivery of deliveries) {
      it.effect(`from ${name} on the ${route} route, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { events, generation } = yield* Recording.play(name, { route, delivery })
          assert.strictEqual(generation?.text, "Hello there")
          assert.strictEqual(Recording.textOf(events, "Text"), "Hello there")
          assert.strictEqual(generation?.finishReason, "stop")
          if (name.startsWith("heartbeats") || name.startsWith("named")) return
          assert.deepInclude(generation?.statistics, { outputTokens: 3 })
        }))
    }
  }

  it.effect("is the same generation in either form, on every route", () =>
    Effect.gen(function*() {
      for (const route of ["chat", "completion", "native"] as const) {
        const essences: Array<unknown> = []
        for (const form of ["sse", "json"]) {
          for (const delivery of deliveries) {
            const { generation } = yield* Recording.play(`${route}.${form}`, { route, delivery, logprobs: true })
            const { statistics, ...rest } = { ...generation }
            essences.push({ ...rest, outputTokens: statistics?.outputTokens })
          }
        }
        for (const essence of essences) assert.deepStrictEqual(essence, essences[0])
      }
    }))
})

describe("content as a list", () => {
  for (const name of ["parts.sse", "parts.json"]) {
    for (const delivery of deliveries) {
      it.effect(`has its text and its thinking, from ${name} asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { events, generation } = yield* Recording.play(name, { delivery })
          assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "Hello there"])
          assert.strictEqual(Recording.textOf(events, "Reasoning"), "hm")
        }))
    }
  }
})

describe("a character that two events share", () => {
  for (const delivery of deliveries) {
    it.effect(`comes out as one, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const { events, generation } = yield* Recording.play("half-characters.sse", { delivery })
        assert.strictEqual(generation?.text, "a 😀 b")
        for (const event of events) if (event._tag === "Text") assert.isTrue(event.text.isWellFormed())
      }))
  }
})

describe("thinking", () => {
  const splitReasoning = true
  for (const name of ["think-tags.sse", "think-close-alone.sse"]) {
    for (const delivery of deliveries) {
      it.effect(`is taken apart from ${name}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { generation } = yield* Recording.play(name, { delivery, splitReasoning })
          assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "\n\nHello there"])
        }))
    }
  }

  it.effect("that a server's prompt opened is said to have been thinking when its end comes", () =>
    Effect.gen(function*() {
      const { events, generation } = yield* Recording.play("think-close-alone.sse", { splitReasoning })
      assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "\n\nHello there"])
      const at = events.findIndex(({ _tag }) => _tag === "TextWasReasoning")
      assert.strictEqual(Recording.textOf(events.slice(0, at), "Text"), "hm")
      assert.strictEqual(Recording.textOf(events.slice(at), "Text"), "\n\nHello there")
    }))

  const known = {
    "the caller says so": { splitReasoning: "opened" },
    "its model is known to": { splitReasoning, model: "Qwen/QwQ-32B-AWQ" }
  } as const
  for (const [name, setup] of Object.entries(known)) {
    for (const delivery of deliveries) {
      it.effect(`that a server's prompt opened is told as such from the first event on where ${name}, asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { events, generation } = yield* Recording.play("think-close-alone.sse", { ...setup, delivery })
          assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "\n\nHello there"])
          assert.strictEqual(Recording.textOf(events, "Reasoning"), "hm")
          assert.strictEqual(Recording.textOf(events, "Text"), "\n\nHello there")
        }))
    }

    it.effect(`leaves an answer alone whose thinking the server takes apart itself, where ${name}`, () =>
      Effect.gen(function*() {
        const { events, generation } = yield* Recording.play("parts.sse", setup)
        assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "Hello there"])
        assert.strictEqual(Recording.textOf(events, "Text"), "Hello there")
      }))
  }

  it.effect("that our own prompt opened is told as such from the first event on", () =>
    Effect.gen(function*() {
      const body = ["h", "m</th", "ink>Hello"].map((text) =>
        `data: ${JSON.stringify({ choices: [{ text, finish_reason: null }] })}\n\n`
      )
      const { events, generation } = yield* Recording.heard(
        () => Recording.response("x.sse", `${body.join("")}data: [DONE]\n\n`),
        { route: "completion", splitReasoning, raw: "<|user|>hi<|assistant|><think>\n" }
      )
      assert.deepStrictEqual([generation?.reasoning, generation?.text], ["hm", "Hello"])
      assert.strictEqual(Recording.textOf(events, "Text"), "Hello")
    }))

  it.effect("is what the engine says it is, where nothing constrains the answer", () =>
    Effect.gen(function*() {
      const { generation } = yield* Recording.play("filed-as-thinking.sse", { engine: "llamacpp" })
      assert.deepStrictEqual([generation?.reasoning, generation?.text], ["yes", ""])
    }))

  for (const delivery of deliveries) {
    it.effect(`under which llama.cpp files a constrained answer is that answer, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        const structuredOutput = { format: "regex", schema: "yes|no" } as const
        const { events, generation } = yield* Recording.play("filed-as-thinking.sse", {
          engine: "llamacpp",
          structuredOutput,
          delivery
        })
        assert.deepStrictEqual([generation?.reasoning, generation?.text], [undefined, "yes"])
        assert.strictEqual(Recording.textOf(events, "Text"), "yes")
      }))
  }
})

describe("log probabilities", () => {
  for (const name of ["logprobs.sse", "logprobs.json"]) {
    for (const delivery of deliveries) {
      it.effect(`keep their bytes and say which are thinking, from ${name} asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { generation } = yield* Recording.play(name, { delivery, logprobs: true })
          assert.deepStrictEqual(
            generation?.tokens?.map(({ bytes, reasoning = false, text }) => [text, reasoning, bytes?.length]),
            [["hm", true, 2], ["Hello", false, 5], [" there", false, 6]]
          )
        }))
    }
  }

  for (const name of ["echo-completion.sse", "echo-completion.json"]) {
    for (const delivery of deliveries) {
      it.effect(`of a repeated prompt are the prompt's, from ${name} asked for as ${delivery}`, () =>
        Effect.gen(function*() {
          const { generation } = yield* Recording.play(name, {
            route: "completion",
            delivery,
            logprobs: true,
            returnFullText: true
          })
          assert.strictEqual(generation?.text, "Say somethingHello there")
          assert.deepStrictEqual(generation?.tokens?.map(({ text }) => text), ["Hello", " there"])
          assert.deepStrictEqual(generation?.prefill?.map(({ text }) => text), ["<s>", "Say", " something"])
        }))
    }
  }

  for (const delivery of deliveries) {
    it.effect(`that were asked for and not sent are a warning, asked for as ${delivery}`, () =>
      Effect.gen(function*() {
        assert.lengthOf(yield* warnings("chat.sse", true, delivery), 1)
        assert.deepStrictEqual(yield* warnings("chat.sse", false, delivery), [])
        assert.deepStrictEqual(yield* warnings("logprobs.sse", true, delivery), [])
      }))
  }
})
