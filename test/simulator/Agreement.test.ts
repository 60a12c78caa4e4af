import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"
import * as Completion from "../../src/protocol/Completion.ts"
import * as Failure from "../../src/protocol/Failure.ts"
import * as Generate from "../../src/protocol/Generate.ts"
import * as Info from "../../src/protocol/Info.ts"
import * as Tokenize from "../../src/protocol/Tokenize.ts"
import { Simulator } from "../../src/simulator/index.ts"
import { events, get, post, user } from "./Wire.ts"

const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }]
const chats = [{}, { logprobs: true, top_logprobs: 2 }, { tools }]
const details = { details: true, do_sample: true, best_of: 2, top_n_tokens: 2, decoder_input_details: true }

const reads = <A, I>(schema: Schema.Codec<A, I>, value: unknown) =>
  Effect.asVoid(Schema.decodeUnknownEffect(schema)(value))

const chat = Effect.forEach(chats, (body) =>
  Effect.gen(function*() {
    const request = { messages: user("Hi"), max_tokens: 40, ...body }
    yield* reads(ChatCompletion.Response, (yield* post("/v1/chat/completions", request)).json)
    const { text } = yield* post("/v1/chat/completions", {
      ...request,
      stream: true,
      stream_options: { include_usage: true }
    })
    yield* Effect.forEach(events(text), (event) => reads(ChatCompletion.Chunk, event))
  }))

const completions = Effect.gen(function*() {
  yield* reads(Completion.Response, (yield* post("/v1/completions", { prompt: ["a", "b"] })).json)
  const { text } = yield* post("/v1/completions", { prompt: "a", stream: true })
  yield* Effect.forEach(events(text), (event) => reads(Completion.Response, event))
})

describe("the client's wire schemas, written apart from the simulator, read what it sends", () => {
  it.effect.each([["2.0.4"], ["2.4.0"], ["3.0.0"], ["3.3.7"]] as const)(
    "as TGI %s",
    ([version]) =>
      Effect.gen(function*() {
        yield* reads(Generate.Response, (yield* post("/generate", { inputs: "a", parameters: details })).json)
        const { text } = yield* post("/generate_stream", {
          inputs: "a",
          parameters: { details: true, top_n_tokens: 2 }
        })
        yield* Effect.forEach(events(text), (event) => reads(Generate.Frame, event))
        yield* reads(Info.Info, (yield* get("/info")).json)
        yield* reads(Tokenize.Tokens, (yield* post("/tokenize", { inputs: "a b" })).json)
        yield* chat
        yield* completions
      }).pipe(Effect.provide(Simulator.layer({ version, prefillLogprobs: true })))
  )

  it.effect.each([["vllm"], ["sglang"], ["llamacpp"]] as const)("as %s", ([engine]) =>
    Effect.gen(function*() {
      yield* reads(Info.Models, (yield* get("/v1/models")).json)
      yield* chat
      yield* completions
      const { text } = yield* post("/v1/chat/completions", {
        messages: user("x"),
        temperature: engine === "llamacpp" ? "hot" : -1
      })
      assert.include(Failure.read(text).message, "temperature")
    }).pipe(Effect.provide(Simulator.layer({ engine }))))
})
