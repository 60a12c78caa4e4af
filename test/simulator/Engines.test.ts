import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Answer, Fault, Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { events, get, payloads, post, user } from "./Wire.ts"

const engines = ["vllm", "sglang", "llamacpp"] as const
const chat = (body: object) => post("/v1/chat/completions", { messages: user("Hi"), ...body })
const answer = (...answers: ReadonlyArray<Answer.Answer>) =>
  Simulator.Simulator.use((simulator) => simulator.answer(...answers))
const on = (engine: SimulatorOptions.Engine, options: SimulatorOptions.Options = {}) =>
  Effect.provide(Simulator.layer({ engine, ...options }))
const tool = (name: string) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }
})
const reasoningKey = { vllm: "reasoning", sglang: "reasoning_content", llamacpp: "reasoning_content" }

describe.each(engines)("%s", (engine) => {
  layer(Simulator.layer({ engine }))("as itself", (it) => {
    it.effect("owns its model by name", () =>
      Effect.gen(function*() {
        const [model] = (yield* get("/v1/models")).json.data
        assert.strictEqual(model.owned_by, engine)
        assert.strictEqual(model.id, `simulator/${engine}`)
      }))

    it.effect("accepts OpenAI's schema form, with any root", () =>
      Effect.gen(function*() {
        const schema = { type: "array", items: { type: ["integer", "null"] }, minItems: 2, maxItems: 3 }
        const format = { type: "json_schema", json_schema: { name: "list", schema, strict: true } }
        const list = JSON.parse((yield* chat({ response_format: format })).json.choices[0].message.content)
        assert.isArray(list)
        assert.isTrue(list.every((item: unknown) => item === null || Number.isInteger(item)))
      }))

    it.effect("refuses TGI's schema form with a JSON failure", () =>
      Effect.gen(function*() {
        const format = { type: "json", value: { type: "object" } }
        const { headers, json, status } = yield* chat({ response_format: format })
        assert.strictEqual(status, 400)
        assert.include(headers["content-type"] ?? "", "application/json")
        assert.isString(engine === "sglang" ? json.message : json.error.message)
      }))

    it.effect("calls several tools unless told otherwise, with the finish reason tool_calls", () =>
      Effect.gen(function*() {
        const calls = [{ name: "a", arguments: { city: "Rome" } }, { name: "b", arguments: { city: "Oslo" } }]
        yield* answer({ toolCalls: calls }, { toolCalls: calls })
        const tools = [tool("a"), tool("b")]
        const [many] = (yield* chat({ tools, parallel_tool_calls: true })).json.choices
        assert.lengthOf(many.message.tool_calls, 2)
        assert.strictEqual(many.finish_reason, "tool_calls")
        assert.strictEqual(many.message.tool_calls[1].function.arguments, `{"city":"Oslo"}`)
        const [one] = (yield* chat({ tools, parallel_tool_calls: false })).json.choices
        assert.lengthOf(one.message.tool_calls, 1)
      }))

    it.effect("streams calls whose fragments join to their arguments, by index", () =>
      Effect.gen(function*() {
        yield* answer({
          toolCalls: [{ name: "a", arguments: { city: "Rome" } }, { name: "b", arguments: { city: "Oslo" } }]
        })
        const list = events(
          (yield* chat({ tools: [tool("a"), tool("b")], parallel_tool_calls: true, stream: true })).text
        )
        const deltas = list.flatMap((event) => event.choices[0].delta.tool_calls ?? [])
        for (const [index, city] of ["Rome", "Oslo"].entries()) {
          const own = deltas.filter((delta) => delta.index === index)
          assert.strictEqual(own.map((delta) => delta.function.arguments).join(""), JSON.stringify({ city }))
          assert.isString(own[0].id)
        }
        assert.strictEqual(list.at(-1).choices[0].finish_reason, "tool_calls")
      }))

    it.effect("gives thinking a field of its own, in both modes", () =>
      Effect.gen(function*() {
        const key = reasoningKey[engine]
        yield* answer({ reasoning: "Hm, well.", text: "Yes" }, { reasoning: "Hm, well.", text: "Yes" })
        const { message } = (yield* chat({})).json.choices[0]
        assert.deepInclude(message, { content: "Yes", [key]: "Hm, well." })
        const deltas = events((yield* chat({ stream: true })).text).map((event) => event.choices[0].delta)
        assert.strictEqual(deltas.map((delta) => delta[key] ?? "").join(""), "Hm, well.")
        assert.strictEqual(deltas.map((delta) => delta.content ?? "").join(""), "Yes")
      }))

    it.effect("does not think when told not to", () =>
      Effect.gen(function*() {
        yield* answer({ reasoning: "Hm", text: "Yes" })
        const { message } = (yield* chat({ chat_template_kwargs: { enable_thinking: false } })).json.choices[0]
        assert.isNotOk(message[reasoningKey[engine]])
      }))

    it.effect("begins a stream with the role and ends it with a reason, usage when asked for, and a mark", () =>
      Effect.gen(function*() {
        yield* answer({ text: "one two" })
        const { text } = yield* chat({ stream: true, stream_options: { include_usage: true } })
        const list = events(text)
        assert.strictEqual(list[0].choices[0].delta.role, "assistant")
        assert.strictEqual(list.at(-2).choices[0].finish_reason, "stop")
        assert.deepStrictEqual(list.at(-1).choices, [])
        assert.strictEqual(list.at(-1).usage.completion_tokens, 3)
        assert.strictEqual(payloads(text).at(-1), "[DONE]")
      }))

    it.effect("leaves a stop string out, even inside a token, and takes it as text or list", () =>
      Effect.gen(function*() {
        yield* answer({ text: "one twothree" }, { text: "one twothree" })
        const [bare] = (yield* chat({ stop: "thr" })).json.choices
        assert.deepStrictEqual([bare.message.content, bare.finish_reason], ["one two", "stop"])
        assert.strictEqual((yield* chat({ stop: ["thr", "x"] })).json.choices[0].message.content, "one two")
      }))

    it.effect("accepts what TGI refuses: top_p 1, temperature 0, a map of biases", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* chat({ top_p: 1, temperature: 0, logit_bias: { "1": 1 } })).status, 200)
      }))

    it.effect("answers n choices, each with an index", () =>
      Effect.gen(function*() {
        const { choices } = (yield* chat({ n: 3 })).json
        assert.deepStrictEqual(choices.map((choice: { index: number }) => choice.index), [0, 1, 2])
        assert.strictEqual(
          new Set(choices.map((choice: { message: unknown }) => JSON.stringify(choice.message))).size,
          3
        )
      }))

    it.effect("says length when the limit cuts the text", () =>
      Effect.gen(function*() {
        const { choices, usage } = (yield* chat({ max_tokens: 2 })).json
        assert.deepStrictEqual([choices[0].finish_reason, usage.completion_tokens], ["length", 2])
      }))

    it.effect("completes prompts, several at once", () =>
      Effect.gen(function*() {
        yield* answer({ text: " there" }, { text: " you" })
        const { choices } = (yield* post("/v1/completions", { prompt: ["hi", "hey"] })).json
        assert.deepStrictEqual(choices.map((choice: { text: string }) => choice.text), [" there", " you"])
        const { text } = yield* post("/v1/completions", { prompt: "hi", stream: true, max_tokens: 2 })
        assert.strictEqual(events(text).at(-1).choices[0].finish_reason, "length")
      }))

    it.effect("reports a crash inside a stream as an object with a message", () =>
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        yield* simulator.fail(Fault.crash(1, "boom"))
        const { text } = yield* chat({ stream: true })
        assert.strictEqual(events(text).at(-1).error.message, "boom")
      }))
  })

  layer(Simulator.layer({ engine, embeddings: true }))("started to embed", (it) => {
    it.effect("embeds the same text as the same vector of length 1", () =>
      Effect.gen(function*() {
        const { data } = (yield* post("/v1/embeddings", { input: ["a", "b", "a"] })).json
        assert.deepStrictEqual(data[0].embedding, data[2].embedding)
        assert.notDeepEqual(data[0].embedding, data[1].embedding)
        assert.closeTo(Math.hypot(...data[0].embedding), 1, 1e-6)
        const [coded] = (yield* post("/v1/embeddings", { input: "a", encoding_format: "base64" })).json.data
        const bytes = Uint8Array.from(atob(coded.embedding), (character) => character.charCodeAt(0))
        assert.deepStrictEqual([...new Float32Array(bytes.buffer)], data[0].embedding)
      }))
  })
})

describe("failures", () => {
  it.effect("of vLLM are nested and name the status", () =>
    Effect.gen(function*() {
      const { json, status } = yield* chat({ model: "other" })
      assert.strictEqual(status, 404)
      assert.deepStrictEqual(json.error, {
        message: "The model `other` does not exist. Valid aliases: simulator/vllm.",
        type: "NotFoundError",
        param: "model",
        code: 404
      })
    }).pipe(on("vllm")))

  it.effect("of SGLang are flat", () =>
    Effect.gen(function*() {
      const { json } = yield* chat({ temperature: -1 })
      assert.deepInclude(json, { object: "error", type: "BadRequestError", param: null, code: 400 })
    }).pipe(on("sglang")))

  it.effect("of llama.cpp carry the numbers of a context that is too small", () =>
    Effect.gen(function*() {
      const { json, status } = yield* chat({})
      assert.strictEqual(status, 400)
      assert.deepInclude(json.error, { code: 400, type: "exceed_context_size_error", n_prompt_tokens: 8, n_ctx: 8 })
    }).pipe(on("llamacpp", { maxTotalTokens: 8 })))

  it.effect("of a wrong key differ, and health stays open", () =>
    Effect.gen(function*() {
      const { json, status } = yield* chat({})
      assert.deepStrictEqual([status, json], [401, { error: "Unauthorized" }])
      assert.strictEqual((yield* get("/health")).status, 200)
      assert.strictEqual((yield* get("/v1/models", { authorization: "Bearer k" })).status, 200)
    }).pipe(on("vllm", { apiKey: "k" })))

  it.effect("of a wrong key on llama.cpp are typed", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({})).json.error.type, "authentication_error")
    }).pipe(on("llamacpp", { apiKey: "k" })))
})

describe("forms of an answer", () => {
  it.effect("are structured_outputs on vLLM and ignored elsewhere", () =>
    Effect.gen(function*() {
      const outputs = (structured_outputs: object) =>
        Effect.map(chat({ structured_outputs }), ({ json }) => json.choices[0].message.content)
      assert.include(["yes", "no"], yield* outputs({ choice: ["yes", "no"] }))
      assert.match(yield* outputs({ regex: "[a-c]{3}" }), /^[a-c]{3}$/)
      assert.isNumber(JSON.parse(yield* outputs({ json: { type: "integer" } })))
      assert.include(["left", "right"], yield* outputs({ grammar: `root ::= "left" | "right"` }))
      assert.match((yield* chat({ regex: "[a-c]{3}" })).json.choices[0].message.content, /imulat/)
    }).pipe(on("vllm")))

  it.effect("are top-level text on SGLang", () =>
    Effect.gen(function*() {
      const regex = (yield* chat({ regex: "[a-c]{3}" })).json.choices[0].message.content
      assert.match(regex, /^[a-c]{3}$/)
      const schema = JSON.stringify({ type: "object", properties: { a: { const: 1 } }, required: ["a"] })
      const { choices } = (yield* post("/v1/completions", { prompt: "x", json_schema: schema })).json
      assert.deepStrictEqual(JSON.parse(choices[0].text), { a: 1 })
    }).pipe(on("sglang")))

  it.effect("are json_schema or a grammar on llama.cpp, but no grammar beside tools", () =>
    Effect.gen(function*() {
      const { choices } = (yield* chat({ json_schema: { enum: [3] } })).json
      assert.strictEqual(choices[0].message.content, "3")
      assert.strictEqual((yield* chat({ grammar: "root ::= \"a\"", tools: [tool("a")] })).status, 400)
    }).pipe(on("llamacpp")))
})

describe("what an engine is asked to tell one from another", () => {
  it.effect("is version on vLLM", () =>
    Effect.gen(function*() {
      assert.isString((yield* get("/version")).json.version)
      assert.strictEqual((yield* get("/info")).status, 404)
      assert.strictEqual((yield* post("/tokenize", { prompt: "a b" })).json.count, 3)
      const rendered = yield* post("/v1/chat/completions", { messages: user("Hi"), return_prompt_text: true })
      assert.include(rendered.json.prompt_text, "<|im_start|>user")
    }).pipe(on("vllm")))

  it.effect("is server info on SGLang", () =>
    Effect.gen(function*() {
      assert.isString((yield* get("/get_server_info")).json.version)
    }).pipe(on("sglang")))

  it.effect("is props on llama.cpp, which renders templates and says who it is", () =>
    Effect.gen(function*() {
      const props = yield* get("/props")
      assert.containsAllKeys(props.json, ["build_info", "total_slots", "chat_template"])
      assert.strictEqual(props.headers["server"], "llama.cpp")
      const { prompt } = (yield* post("/apply-template", { messages: user("Hi") })).json
      assert.strictEqual(prompt, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
      const { json } = yield* post("/tokenize", { content: "a b", with_pieces: true })
      assert.strictEqual(json.tokens.map((token: { piece: string }) => token.piece).join(""), "a b")
    }).pipe(on("llamacpp")))
})

layer(Simulator.layer({ engine: "tei", maxInputTokens: 4 }))("text-embeddings-inference", (it) => {
  it.effect("embeds one text or several", () =>
    Effect.gen(function*() {
      assert.lengthOf((yield* post("/embed", { inputs: "a" })).json, 1)
      const { json } = yield* post("/embed", { inputs: ["a", "b"] })
      assert.lengthOf(json, 2)
      assert.lengthOf(json[0], 8)
      assert.strictEqual((yield* post("/v1/embeddings", { input: "a" })).json.data[0].object, "embedding")
    }))

  it.effect("ranks texts for a query, the nearest first", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/rerank", { query: "b", texts: ["a", "b", "c"], return_text: true })
      assert.deepStrictEqual([json[0].index, json[0].text], [1, "b"])
      assert.closeTo(json[0].score, 1, 1e-6)
      assert.isAtLeast(json[1].score, json[2].score)
      assert.notProperty((yield* post("/rerank", { query: "b", texts: ["a"] })).json[0], "text")
      assert.strictEqual((yield* post("/rerank", { query: "b", texts: [] })).status, 422)
    }))

  it.effect("describes itself without a router and with a type of model", () =>
    Effect.gen(function*() {
      const { json } = yield* get("/info")
      assert.notProperty(json, "router")
      assert.property(json, "model_type")
    }))

  it.effect("refuses what is empty with 422 and what is too long with 413, unless it may truncate", () =>
    Effect.gen(function*() {
      const long = "a b c d e"
      assert.strictEqual((yield* post("/embed", { inputs: "" })).status, 422)
      assert.strictEqual((yield* post("/embed", { inputs: long })).status, 413)
      assert.strictEqual((yield* post("/embed", { inputs: long, truncate: true })).status, 200)
    }))
})
