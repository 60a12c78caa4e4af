import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, post } from "./Wire.ts"

const scripted = (text: string) => Simulator.Simulator.use((simulator) => simulator.answer({ text }))
const seeded = (seed: number) => post("/generate", { inputs: "x", parameters: { do_sample: true, seed } })

layer(Simulator.layer())("a native answer in one piece", (it) => {
  it.effect("has only the text unless details are asked for", () =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/generate", { inputs: "Hello" })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(Object.keys(json), ["generated_text"])
    }))

  it.effect("is wrapped in an array of one on the compatible route", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/", { inputs: "Hello" })
      assert.lengthOf(json, 1)
    }))

  it.effect("repeats the prompt on the compatible route of a text-generation model, and not elsewhere", () =>
    Effect.gen(function*() {
      yield* scripted(" world")
      assert.strictEqual((yield* post("/", { inputs: "Hello" })).json[0].generated_text, "Hello world")
      yield* scripted(" world")
      assert.strictEqual((yield* post("/generate", { inputs: "Hello" })).json.generated_text, " world")
    }))

  it.effect("holds the end-of-sequence token in the tokens and not in the text", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const { details, generated_text } =
        (yield* post("/generate", { inputs: "x", parameters: { details: true } })).json
      assert.strictEqual(generated_text, "one two")
      assert.strictEqual(details.finish_reason, "eos_token")
      assert.strictEqual(details.generated_tokens, 3)
      assert.deepInclude(details.tokens.at(-1), { id: 2, text: "</s>", special: true })
      assert.deepStrictEqual(details.prefill, [])
      assert.notProperty(details, "top_tokens")
    }))

  it.effect("says length when the end of the sequence falls exactly on the limit", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true, max_new_tokens: 3 } })
      assert.strictEqual(json.details.finish_reason, "length")
    }))

  it.effect("keeps the stop sequence in the text", () =>
    Effect.gen(function*() {
      yield* scripted("one two three")
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true, stop: [" two"] } })
      assert.strictEqual(json.generated_text, "one two")
      assert.strictEqual(json.details.finish_reason, "stop_sequence")
    }))

  it.effect("echoes every digit of a seed", () =>
    Effect.gen(function*() {
      const body = `{"inputs":"x","parameters":{"details":true,"do_sample":true,"seed":18446744073709551615}}`
      assert.include((yield* post("/generate", body)).text, `"seed":18446744073709551615`)
    }))

  it.effect("has a null seed when nothing was sampled", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true, seed: 7 } })
      assert.isNull(json.details.seed)
    }))

  it.effect("draws a seed of 64 bits when sampling without one", () =>
    Effect.gen(function*() {
      const { text } = yield* post("/generate", { inputs: "x", parameters: { details: true, do_sample: true } })
      assert.match(text, /"seed":\d{15,20},/)
    }))

  it.effect("is the same text each time when greedy, and another for another seed", () =>
    Effect.gen(function*() {
      const greedy = { inputs: "Tell me about rivers", parameters: {} }
      assert.strictEqual((yield* post("/generate", greedy)).text, (yield* post("/generate", greedy)).text)
      assert.strictEqual((yield* seeded(1)).text, (yield* seeded(1)).text)
      assert.notStrictEqual((yield* seeded(1)).text, (yield* seeded(2)).text)
    }))

  it.effect("lists the losers of best_of and fills top tokens in descending order", () =>
    Effect.gen(function*() {
      const parameters = { best_of: 2, do_sample: true, details: true, top_n_tokens: 3, max_new_tokens: 4 }
      const { details } = (yield* post("/generate", { inputs: "x", parameters })).json
      assert.lengthOf(details.best_of_sequences, 1)
      assert.lengthOf(details.top_tokens, details.tokens.length)
      for (const list of details.top_tokens) {
        const logprobs = list.map((token: { logprob: number }) => token.logprob)
        assert.deepStrictEqual(logprobs, logprobs.toSorted((left: number, right: number) => right - left))
      }
    }))

  it.effect("carries counts and times in headers, with characters as Unicode scalars", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const { headers } = yield* post("/generate", { inputs: "héllo 😀" })
      assert.strictEqual(headers["x-compute-characters"], "7")
      assert.strictEqual(headers["x-prompt-tokens"], "3")
      assert.strictEqual(headers["x-generated-tokens"], "3")
      for (const name of ["x-compute-type", "x-compute-time", "x-total-time", "x-queue-time", "x-time-per-token"]) {
        assert.property(headers, name)
      }
      assert.notProperty(headers, "x-request-id")
    }))

  it.effect("answers a grammar with text of its language", () =>
    Effect.gen(function*() {
      const grammar = { type: "json", value: { properties: { id: { type: "integer" } }, required: ["id"] } }
      const { json } = yield* post("/generate", { inputs: "x", parameters: { grammar } })
      assert.isNumber(JSON.parse(json.generated_text).id)
    }))

  it.effect("shows nothing for the first token of a character of four bytes", () =>
    Effect.gen(function*() {
      yield* scripted("a 😀")
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true } })
      assert.deepStrictEqual(json.details.tokens.map((token: { text: string }) => token.text), ["a", "", " 😀", "</s>"])
    }))
})

layer(Simulator.layer({ prefillLogprobs: true, maxTotalTokens: 4096 }))("a long or detailed answer", (it) => {
  it.effect("fills prefill with a null logprob first, where the server computes it", () =>
    Effect.gen(function*() {
      const { details } =
        (yield* post("/generate", { inputs: "a b", parameters: { decoder_input_details: true } })).json
      assert.lengthOf(details.prefill, 3)
      assert.isNull(details.prefill[0].logprob)
      assert.notProperty(details.prefill[0], "special")
    }))

  it.effect("takes an empty pattern for no grammar", () =>
    Effect.gen(function*() {
      const parameters = { max_new_tokens: 5, grammar: { type: "regex", value: "" } }
      const { json } = yield* post("/generate", { inputs: "x", parameters })
      assert.isNotEmpty(json.generated_text)
    }))

  it.effect("begins a grammar again at each slice of 1024, since 3.1.1", () =>
    Effect.gen(function*() {
      const tokens = Array.from({ length: 1100 }, (_, index) => `${index} `)
      const grammar = { type: "regex", value: "[0-9 ]*" }
      const parameters = { max_new_tokens: 1100, grammar }
      const said = Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        yield* simulator.answer({ tokens: tokens.map((text) => ({ text })) })
        return (yield* post("/generate", { inputs: "x", parameters })).json.generated_text as string
      })
      const sizes = { maxTotalTokens: 4096 }
      const broken = yield* said.pipe(Effect.provide(Simulator.layer(sizes)))
      assert.include(broken, "1022 1023 0 1 2 ")
      const whole = yield* said.pipe(Effect.provide(Simulator.layer({ ...sizes, version: "3.1.0" })))
      assert.include(whole, "1022 1023 1024 1025 ")
    }))

  it.effect("goes on in slices of 1024, so that 1500 tokens become 2048", () =>
    Effect.gen(function*() {
      yield* scripted("a ".repeat(3000))
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true, max_new_tokens: 1500 } })
      assert.strictEqual(json.details.generated_tokens, 2048)
    }))

  it.effect("takes tokens from the test as they are, with logprobs printed as 32-bit floats", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({
        tokens: [{ id: 9, text: "q", logprob: -0.34 }, { id: 8, text: "r", logprob: Number.NaN }]
      })
      const { text } = yield* post("/generate", { inputs: "x", parameters: { details: true } })
      assert.include(text, `{"id":9,"text":"q","logprob":-0.34,"special":false},{"id":8,"text":"r","logprob":null`)
    }))
})

layer(Simulator.layer())("a native stream", (it) => {
  it.effect("has one event a token, the last with the whole text, and no end mark", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const { headers, text } = yield* post("/generate_stream", { inputs: "x y", parameters: { details: true } })
      const list = events(text)
      assert.deepStrictEqual(list.map((event) => event.index), [1, 2, 3])
      assert.deepStrictEqual(list.map((event) => event.generated_text), [null, null, "one two"])
      assert.deepStrictEqual(list.at(-1).details, {
        finish_reason: "eos_token",
        generated_tokens: 3,
        seed: null,
        input_length: 3
      })
      assert.notInclude(text, "[DONE]")
      assert.strictEqual(headers["content-type"], "text/event-stream")
      assert.strictEqual(headers["cache-control"], "no-cache")
      assert.strictEqual(headers["x-accel-buffering"], "no")
      assert.notProperty(headers, "x-total-time")
    }))

  it.effect("frames each event as data, a space, one line of JSON and a blank line", () =>
    Effect.gen(function*() {
      const { text } = yield* post("/generate_stream", { inputs: "x", parameters: { max_new_tokens: 2 } })
      assert.match(text, /^(?:data: \{[^\n]*\}\n\n){2}$/)
    }))

  it.effect("ends with the text even when details were not asked for", () =>
    Effect.gen(function*() {
      yield* scripted("a")
      const last = events((yield* post("/generate_stream", { inputs: "x", parameters: {} })).text).at(-1)
      assert.deepInclude(last, { generated_text: "a", details: null })
    }))

  it.effect("answers invalid parameters with status 200 and an event", () =>
    Effect.gen(function*() {
      const { status, text } = yield* post("/generate_stream", { inputs: "x", parameters: { temperature: 0 } })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(events(text), [
        { error: "Input validation error: `temperature` must be strictly positive", error_type: "validation" }
      ])
    }))

  it.effect("is what the compatible route gives when asked to stream", () =>
    Effect.gen(function*() {
      yield* scripted("b")
      const { text } = yield* post("/", { inputs: "a", stream: true })
      assert.strictEqual(events(text).at(-1).generated_text, "ab")
    }))
})

describe("permits", () => {
  it.effect("are refused to a request with invalid parameters too", () =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/generate", { inputs: "" })
      assert.strictEqual(status, 429)
      assert.deepStrictEqual(json, { error: "Model is overloaded", error_type: "overloaded" })
      const stream = yield* post("/generate_stream", { inputs: "x" })
      assert.strictEqual(stream.status, 200)
      assert.deepInclude(events(stream.text)[0], { error_type: "overloaded" })
    }).pipe(Effect.provide(Simulator.layer({ maxConcurrentRequests: 0 }))))

  it.effect("are needed for every candidate of best_of", () =>
    Effect.gen(function*() {
      const { status } = yield* post("/generate", { inputs: "x", parameters: { best_of: 2, do_sample: true } })
      assert.strictEqual(status, 429)
      assert.strictEqual(yield* Simulator.Simulator.use((simulator) => simulator.permits), 0)
    }).pipe(Effect.provide(Simulator.layer({ maxConcurrentRequests: 1 }))))
})
