import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, Redacted, Schema } from "effect"
import * as EndpointConfig from "../../src/endpoint/EndpointConfig.ts"
import * as World from "../hub/World.ts"

const problem = (options: EndpointConfig.Options) =>
  Effect.map(Effect.flip(EndpointConfig.make(options)), ({ reason }) => reason)

const tokenOf = (options: EndpointConfig.Options, environment: Readonly<Record<string, string>> = {}) =>
  EndpointConfig.make(options).pipe(
    Effect.flatMap(({ target }) => EndpointConfig.token(options.apiKey, target)),
    Effect.map((token) => token === undefined ? undefined : Redacted.value(token)),
    Effect.provide(World.env(environment))
  )

describe("EndpointConfig.make", () => {
  it.effect.each(
    [
      [{ modelId: "org/m" }, "Serverless"],
      [{ endpointName: "e", endpointNamespace: "org" }, "Dedicated"],
      [{ endpointName: "e" }, "Dedicated"],
      [{ baseUrl: "http://localhost" }, "Url"]
    ] as const
  )("finds the one target (%#)", ([options, tag]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* EndpointConfig.make(options)).target._tag, tag)
    }))

  it.effect("waits 300 s if not told otherwise", () =>
    Effect.gen(function*() {
      assert.strictEqual(Duration.toSeconds((yield* EndpointConfig.make({ modelId: "m" })).config.waitTimeout), 300)
    }))

  it.effect("names what was given when there are two targets", () =>
    Effect.gen(function*() {
      const reason = yield* problem({ modelId: "m", endpointName: "e", endpointNamespace: "org" })
      assert.strictEqual(reason._tag, "InvalidConfig")
      assert.include(reason.message, "given: modelId, endpointName, endpointNamespace")
    }))

  it.effect("names what may be given when there is none", () =>
    Effect.gen(function*() {
      assert.include((yield* problem({})).message, "modelId, endpointName or baseUrl")
    }))

  it.effect("ignores a base URL beside another target, with a warning", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.layer([
        Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
      ])
      const { target } = yield* EndpointConfig.make({ modelId: "m", baseUrl: "https://host" }).pipe(
        Effect.provide(logger)
      )
      assert.strictEqual(target._tag, "Serverless")
      assert.deepStrictEqual(lines, ["Warn baseUrl is ignored because modelId is given"])
    }))

  it.effect.each([
    { modelId: "../x" },
    { endpointName: "a/b" },
    { endpointName: "e", endpointNamespace: "../x" },
    { endpointNamespace: "org" },
    { baseUrl: "nonsense" },
    { modelId: "m", billTo: "a\r\nb: c" },
    { modelId: "m", provider: "a b" },
    { modelId: "m", revision: "../x" },
    { modelId: "m", waitTimeout: Duration.infinity }
  ])("refuses a value that cannot be used (%#)", (options) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* problem(options))._tag, "InvalidConfig")
    }))
})

describe("EndpointConfig as JSON", () => {
  it.prop("comes back as it was", [EndpointConfig.EndpointConfig], ([config]) => {
    const again = Schema.decodeUnknownSync(EndpointConfig.EndpointConfig)(
      JSON.parse(JSON.stringify(EndpointConfig.encode(config)))
    )
    return Schema.toEquivalence(EndpointConfig.EndpointConfig)(again, config)
  })

  it.effect("holds no secret", () =>
    Effect.gen(function*() {
      const { config } = yield* EndpointConfig.make({ modelId: "m", apiKey: World.token })
      assert.notInclude(JSON.stringify(EndpointConfig.encode(config)), World.token)
    }))
})

describe("EndpointConfig.fromEnv", () => {
  it.effect("reads every attribute", () =>
    Effect.gen(function*() {
      const options = yield* EndpointConfig.fromEnv.pipe(Effect.provide(World.env({
        INFERENCE_ENDPOINT_NAME: "e",
        INFERENCE_ENDPOINT_NAMESPACE: "org",
        INFERENCE_MODEL_DISPLAY_NAME: "Mine",
        INFERENCE_WAIT_TIMEOUT: "90 seconds",
        INFERENCE_ENGINE: "vllm",
        INFERENCE_BASE_URL: ""
      })))
      const { config } = yield* EndpointConfig.make(options)
      assert.deepStrictEqual(EndpointConfig.encode(config), {
        endpointName: "e",
        endpointNamespace: "org",
        modelDisplayName: "Mine",
        waitTimeout: 90_000,
        engine: "vllm"
      })
    }))

  it.effect("refuses an engine that there is not", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        EndpointConfig.fromEnv.pipe(Effect.provide(World.env({ INFERENCE_ENGINE: "x" })))
      )
      assert.strictEqual(error._tag, "ConfigError")
    }))
})

describe("EndpointConfig.token", () => {
  const environment = { HF_TOKEN: "hf_env" }

  it.effect("gives what was passed to the server that was named", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* tokenOf({ baseUrl: "https://host", apiKey: "sk-mine" }), "sk-mine")
    }))

  it.effect("gives a token of the environment to Hugging Face alone", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* tokenOf({ baseUrl: "https://host" }, environment))
      assert.isUndefined(yield* tokenOf({ baseUrl: "http://localhost:8080" }, environment))
      assert.strictEqual(yield* tokenOf({ baseUrl: "https://x.endpoints.huggingface.cloud" }, environment), "hf_env")
      assert.strictEqual(yield* tokenOf({ baseUrl: "https://router.huggingface.co/v1" }, environment), "hf_env")
      assert.strictEqual(yield* tokenOf({ modelId: "m" }, environment), "hf_env")
    }))

  it.effect("refuses to send a token in the clear", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(tokenOf({ baseUrl: "http://host/?secret=1", apiKey: "hf_x" }))
      assert.strictEqual(error.reason._tag, "InvalidConfig")
      assert.notInclude(error.message, "secret")
    }))

  it.effect("refuses a foreign key for the router", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(tokenOf({ modelId: "m", apiKey: "sk-x" }))).reason._tag, "InvalidConfig")
    }))

  it("never shows the Hub a foreign key", () => {
    assert.isUndefined(EndpointConfig.hubToken("sk-x"))
    assert.isUndefined(EndpointConfig.hubToken(Redacted.make("sk-x")))
    assert.strictEqual(EndpointConfig.hubToken("hf_x"), "hf_x")
    assert.strictEqual(EndpointConfig.hubToken(false), false)
  })
})
