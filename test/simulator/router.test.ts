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

  it.effect("leaves generation to the server behind it", () =>
    Effect.gen(function*() {
      const request = yield* ask({ ...options, inner: ({ url }) => Effect.succeed(Double.plain(200, url.pathname)) })
      assert.strictEqual(yield* (yield* request("/v1/chat/completions")).text, "/v1/chat/completions")
    }))
})
