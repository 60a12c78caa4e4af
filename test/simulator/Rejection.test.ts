import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { Simulator } from "../../src/simulator/index.ts"
import { post, user } from "./Wire.ts"

const prefix = {
  400: "Failed to parse the request body as JSON: ",
  422: "Failed to deserialize the JSON body into the target type: "
}

layer(Simulator.layer({ payloadLimit: 1000 }))("a body that does not fit is refused in plain text", (it) => {
  it.effect.each(
    [
      ["/generate", "{}", 422, "missing field `inputs` at line 1 column 2"],
      ["/generate", `{"inputs":["a"]}`, 422, "inputs: invalid type: sequence, expected a string at line 1 column 10"],
      [
        "/generate",
        `{"inputs":"x","parameters":null}`,
        422,
        "parameters: invalid type: null, expected struct GenerateParameters at line 1 column 31"
      ],
      [
        "/generate",
        `{"inputs":"x","parameters":{"stop":null}}`,
        422,
        "parameters.stop: invalid type: null, expected a sequence at line 1 column 39"
      ],
      [
        "/generate",
        `{"inputs":"x",\n"parameters":{"top_k":1.5}}`,
        422,
        "parameters.top_k: invalid type: floating point `1.5`, expected i32 at line 2 column 25"
      ],
      [
        "/generate",
        `{"inputs":"x","parameters":{"seed":-1}}`,
        422,
        "parameters.seed: invalid value: integer `-1`, expected u64 at line 1 column 37"
      ],
      ["/generate", `{"inputs":"x"`, 400, "EOF while parsing an object at line 1 column 13"],
      ["/generate", "", 400, "EOF while parsing a value at line 1 column 0"],
      ["/generate", `{"inputs":"a","inputs":"b"}`, 422, "duplicate field `inputs` at line 1 column 22"],
      ["/", `{"inputs":"a","stream":null}`, 422, "stream: invalid type: null, expected a boolean at line 1 column 27"],
      ["/invocations", `{"other":1}`, 422, "data did not match any variant of untagged enum SagemakerRequest"],
      [
        "/v1/chat/completions",
        `{"messages":[],"max_tokens":1,"max_completion_tokens":1}`,
        422,
        "duplicate field `max_tokens` at line 1 column 53"
      ],
      [
        "/v1/chat/completions",
        `{"messages":[],"stop":"x"}`,
        422,
        `stop: invalid type: string "x", expected a sequence at line 1 column 25`
      ],
      [
        "/v1/chat/completions",
        `{"messages":[],"response_format":{"type":"json_object"}}`,
        422,
        "response_format: missing field `value` at line 1 column 55"
      ],
      [
        "/v1/chat/completions",
        `{"messages":[],"response_format":{"type":"text"}}`,
        422,
        "response_format.type: unknown variant `text`, expected one of `json`, `json_object`, `regex`, `json_schema` " +
        "at line 1 column 47"
      ],
      [
        "/v1/chat/completions",
        `{"messages":[],"tools":[{"type":"function","function":{"name":"f"}}]}`,
        422,
        "tools[0].function: missing field `arguments` at line 1 column 66"
      ],
      [
        "/v1/chat/completions",
        `{"messages":[{"role":"assistant","content":null}]}`,
        422,
        "messages[0]: data did not match any variant of untagged enum MessageBody at line 1 column 48"
      ],
      [
        "/v1/completions",
        `{"prompt":[]}`,
        422,
        "prompt: Empty array detected. Do not use an empty array for the prompt. at line 1 column 12"
      ],
      ["/generate", String.raw`{"inputs":"\x"}`, 400, "inputs: invalid escape at line 1 column 13"],
      ["/generate", `{"inputs":-}`, 400, "inputs: invalid number at line 1 column 12"],
      ["/generate", `{"inputs":01}`, 400, "inputs: invalid number at line 1 column 12"],
      [
        "/generate",
        `{"inputs":"x","parameters":{"grammar":[]}}`,
        422,
        "parameters.grammar: invalid length 0, expected adjacently tagged enum GrammarType at line 1 column 40"
      ],
      ["/vertex", "[]", 422, "invalid length 0, expected struct VertexRequest with 1 element at line 1 column 2"],
      [
        "/vertex",
        `{"instances":[{"x":1}]}`,
        422,
        "instances[0]: data did not match any variant of untagged enum VertexInstance at line 1 column 22"
      ]
    ] as const
  )("%s %s", ([path, body, status, detail]) =>
    Effect.gen(function*() {
      const answer = yield* post(path, body)
      assert.strictEqual(answer.status, status)
      assert.strictEqual(answer.text, prefix[status] + detail)
      assert.strictEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
    }))

  it.effect("415 for another content type, and 413 for too many bytes", () =>
    Effect.gen(function*() {
      const plain = yield* HttpClientRequest.post("http://simulator/generate").pipe(
        HttpClientRequest.bodyText(`{"inputs":"x"}`, "text/plain"),
        HttpClient.execute
      )
      assert.strictEqual(plain.status, 415)
      assert.strictEqual(yield* plain.text, "Expected request with `Content-Type: application/json`")
      assert.strictEqual((yield* post("/generate", { inputs: "é".repeat(600) })).status, 413)
    }))

  it.effect("unknown keys and text after the first value are ignored", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/generate", `{"inputs":"x","other":[1,{}]} trailing`)).status, 200)
    }))

  it.effect("an empty list stands for parameters that are all left out", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/generate", { inputs: "x", parameters: [] })).status, 200)
    }))

  it.effect("an OpenAI map of logit biases and a null for stream options", () =>
    Effect.gen(function*() {
      const bias = yield* post("/v1/chat/completions", { messages: user("x"), logit_bias: { "1": 1 } })
      assert.strictEqual(bias.status, 422)
      const stream = yield* post("/v1/chat/completions", { messages: user("x"), stream_options: null })
      assert.strictEqual(stream.status, 422)
    }))
})
