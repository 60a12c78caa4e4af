import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import * as Router from "../../src/simulator/platform/Router.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

const ask = (options: Router.Options) =>
  Effect.map(Router.make(options), ({ handler }) => {
    const client = Double.client({ [Router.host]: handler })
    return (path: string, token = "hf_ada") =>
      client.execute(HttpClientRequest.bearerToken(HttpClientRequest.get(`https://${Router.host}${path}`), token))
  })

const options: Router.Options = {
  models: { "org/m": [{ provider: "groq", context_length: 8 }], "org/n": [] },
  broke: ["hf_broke"],
  forbidden: ["hf_forbidden"]
}

const inner: Double.Handler = ({ url }) => Effect.succeed(Double.plain(200, url.pathname))
const post = (options: Router.Options, path: string, model: string) =>
  Effect.flatMap(
    Router.make({ ...options, inner, native: inner }),
    ({ handler }) =>
      Double.client({ [Router.host]: handler }).execute(
        HttpClientRequest.post(`https://${Router.host}${path}`).pipe(HttpClientRequest.bodyJsonUnsafe({ model }))
      )
  )

describe("the simulated router", () => {
  it.effect("lists the models with their providers", () =>
    Effect.gen(function*() {
      const { data } = (yield* (yield* ask(options))("/v1/models").pipe(Effect.flatMap(({ json }) => json))) as {
        readonly data: ReadonlyArray<{ readonly id: string; readonly providers: unknown }>
      }
      assert.deepStrictEqual(data.map(({ id }) => id), ["org/m", "org/n"])
      assert.deepStrictEqual(data[0]?.providers, [{ status: "live", provider: "groq", context_length: 8 }])
    }))

  it.effect("does not know every model", () =>
    Effect.gen(function*() {
      const request = yield* ask(options)
      assert.strictEqual((yield* request("/v1/models/org/m")).status, 200)
      assert.strictEqual((yield* request("/v1/models/org/x")).status, 404)
    }))

  it.effect("refuses who cannot pay and who may not", () =>
    Effect.gen(function*() {
      const request = yield* ask(options)
      assert.strictEqual((yield* request("/v1/models", "hf_broke")).status, 402)
      assert.strictEqual((yield* request("/v1/models", "hf_forbidden")).status, 403)
    }))

  it.effect("leaves chat to the server behind it, with or without a provider or a policy", () =>
    Effect.gen(function*() {
      for (const model of ["org/m", "org/m:groq", "org/m:fastest"]) {
        assert.strictEqual(yield* (yield* post(options, "/v1/chat/completions", model)).text, "/v1/chat/completions")
      }
    }))

  it.effect("refuses a model that no provider serves, as the real one does", () =>
    Effect.gen(function*() {
      for (const model of ["org/x", "org/n", ""]) {
        const response = yield* post(options, "/v1/chat/completions", model)
        assert.strictEqual(response.status, 400)
        assert.include(yield* response.text, "model_not_supported")
      }
    }))

  it.effect("has no completion route but those of providers", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post(options, "/v1/completions", "org/m")).status, 404)
      assert.strictEqual((yield* post(options, "/groq/v1/completions", "org/m")).status, 404)
      for (
        const path of [
          "/together/v1/completions",
          "/featherless-ai/v1/completions",
          "/novita/v3/openai/completions",
          "/deepinfra/v1/openai/completions"
        ]
      ) {
        assert.strictEqual(yield* (yield* post(options, path, "org/m")).text, "/v1/completions")
      }
      assert.strictEqual(yield* (yield* post(options, "/hf-inference/models/org/m", "")).text, "/")
      assert.strictEqual((yield* post(options, "/hf-inference/models/org/m/v1/completions", "")).status, 404)
    }))
})
