import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as Endpoint from "../../src/endpoint/Endpoint.ts"
import type * as EndpointConfig from "../../src/endpoint/EndpointConfig.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../hub/World.ts"

const chat = { status: "live", providerId: "x", task: "conversational" }

const repos = {
  "org/m": {
    commit: World.commit,
    files: {},
    info: {
      pipeline_tag: "text-generation",
      inferenceProviderMapping: {
        groq: chat,
        slow: { ...chat, status: "staging" },
        embed: { ...chat, task: "feature-extraction" }
      }
    }
  },
  "org/unserved": { commit: World.commit, files: {}, info: {} },
  "org/broken": {
    commit: World.commit,
    files: {},
    info: { inferenceProviderMapping: { groq: { ...chat, status: "error" } } }
  },
  "org/embeds": {
    commit: World.commit,
    files: {},
    info: { inferenceProviderMapping: { hf: { ...chat, task: "feature-extraction" } } }
  }
}

const offer = {
  provider: "groq",
  context_length: 8192,
  pricing: { input: 0.5, output: 1.5 },
  supports_tools: true,
  supports_structured_output: false
}

const world = (options: World.Options = {}) =>
  World.make({
    ...options,
    hub: { repos, renamed: { "org/old": "org/m" }, ...options.hub },
    router: { models: { "org/m": [offer, { provider: "slow" }] }, ...options.router }
  })

const resolve = (
  options: EndpointConfig.Options,
  given: World.Options = {},
  environment: Record<string, string> = {}
) =>
  Effect.gen(function*() {
    const { layer } = yield* world(given)
    return yield* Endpoint.Endpoint.use(({ target }) => target).pipe(
      Effect.provide(
        Endpoint.layer({ apiKey: World.token, ...options }).pipe(
          Layer.provide(Layer.merge(layer, World.env(environment)))
        )
      )
    )
  })

const reasonOf = (...args: Parameters<typeof resolve>) =>
  Effect.map(Effect.flip(resolve(...args)), ({ reason }) => reason)

const down: Double.Handler = () => Effect.succeed(Double.plain(503))

describe("a serverless target", () => {
  it.effect("is the router, asked for the model by its id", () =>
    Effect.gen(function*() {
      const target = yield* resolve({ modelId: "org/m" })
      assert.strictEqual(target.kind, "serverless")
      assert.strictEqual(target.url.href, "https://router.huggingface.co/")
      assert.strictEqual(target.modelName, "org/m")
      assert.strictEqual(target.engine.kind, "router")
    }))

  it.effect.each(["fastest", "cheapest", "preferred", "groq"])(
    "names the policy or provider %s",
    (provider) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* resolve({ modelId: "org/m", provider })).modelName, `org/m:${provider}`)
      })
  )

  it.effect("follows a renamed model", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* resolve({ modelId: "org/old" })).modelName, "org/m")
    }))

  it.effect("tells what the router publishes about the provider", () =>
    Effect.gen(function*() {
      const { engine, offers, pricing } = yield* resolve({ modelId: "org/m", provider: "groq" })
      assert.deepStrictEqual(pricing, { input: 0.5, output: 1.5 })
      assert.strictEqual(engine.limits?.contextLength, 8192)
      assert.deepStrictEqual(
        offers?.map(({ supportsStructuredOutput, supportsTools }) => [supportsTools, supportsStructuredOutput]),
        [
          [true, false]
        ]
      )
    }))

  it.effect("promises no price where several may answer", () =>
    Effect.gen(function*() {
      const target = yield* resolve({ modelId: "org/m" })
      assert.isUndefined(target.pricing)
      assert.deepStrictEqual(target.offers?.map(({ provider }) => provider), ["groq", "slow"])
    }))

  it.effect("bills whom it is told to bill", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* resolve({ modelId: "org/m", billTo: "acme" })).headers, { "x-hf-bill-to": "acme" })
    }))

  it.effect.each([["org/m", "slow", "staging"], ["org/broken", undefined, "error"]] as const)(
    "is used with a warning when the status is not live (%#)",
    ([modelId, provider, status]) =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        const logger = Logger.layer([
          Logger.make(({ logLevel, message }) => lines.push(`${logLevel} ${String(message)}`))
        ])
        yield* resolve({ modelId, ...(provider !== undefined && { provider }) }).pipe(Effect.provide(logger))
        assert.isTrue(lines.some((line) => line.startsWith("Warn") && line.includes(status)))
      })
  )

  it.effect("goes on with the Hub's word while the router's listing fails", () =>
    Effect.gen(function*() {
      const target = yield* resolve({ modelId: "org/m" }, {
        hosts: { "router.huggingface.co": () => Effect.succeed(Double.plain(500)) }
      })
      assert.strictEqual(target.modelName, "org/m")
    }))

  it.effect("goes on with the router's word while the Hub cannot be reached", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(resolve({ modelId: "org/m", provider: "groq" }, {
        hosts: { "huggingface.co": () => Effect.succeed(Double.plain(503)) }
      }))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(fiber)).modelName, "org/m:groq")
    }))

  it.effect("goes on with the router's word when the Hub is offline", () =>
    Effect.gen(function*() {
      const target = yield* resolve({ modelId: "org/m" }, {}, { HF_HUB_OFFLINE: "1" })
      assert.strictEqual(target.modelName, "org/m")
    }))
})

describe("a model that cannot be served", () => {
  it.effect("by anybody: says to deploy it", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ modelId: "org/unserved" })
      assert.strictEqual(reason._tag, "ModelNotServed")
      assert.include(reason.message, "dedicated endpoint")
    }))

  it.effect("by the provider: says by whom it is", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ modelId: "org/m", provider: "together" })
      assert.strictEqual(reason._tag, "ModelNotServed")
      assert.include(reason.message, "groq")
      assert.notInclude(reason.message, "embed")
    }))

  it.effect.each([["org/embeds", undefined], ["org/m", "embed"]] as const)(
    "for this task: says for which (%#)",
    ([modelId, provider]) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf({ modelId, ...(provider !== undefined && { provider }) })
        assert.strictEqual(reason._tag, "TaskMismatch")
        assert.include(reason.message, "feature-extraction")
      })
  )

  it.effect("because it does not exist", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reasonOf({ modelId: "org/nothing" }))._tag, "NotFound")
    }))

  it.effect("without a token", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ modelId: "org/m", apiKey: false })
      assert.strictEqual(reason._tag, "MissingToken")
      assert.include(reason.message, "HF_TOKEN")
    }))

  it.effect("without the permission: names it", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ modelId: "org/m" }, { router: { forbidden: [World.token] } })
      assert.strictEqual(reason._tag, "Forbidden")
      assert.include(reason.message, "inference.serverless.write")
    }))

  it.effect("without credit: says where to pay", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf({ modelId: "org/m" }, { router: { broke: [World.token] } })
      assert.strictEqual(reason._tag, "PaymentRequired")
      assert.include(reason.message, "settings/billing")
    }))

  it.effect("because neither the Hub nor the router can be reached", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(
        reasonOf({ modelId: "org/m" }, { hosts: { "huggingface.co": down, "router.huggingface.co": down } })
      )
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Unreachable")
    }))
})
