import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { InferenceEndpointsLLM, Message } from "../../src/index.ts"
import * as Platform from "../../src/simulator/Platform.ts"

const messages = [Message.user("Why is the sky blue?")]

describe("a dedicated endpoint that goes away while a program runs", () => {
  it.effect.each(["scaledToZero", "paused"])(
    "and is %s comes back without losing a request",
    (state) =>
      Effect.gen(function*() {
        const { client, endpoints, server } = yield* Platform.make({
          endpoints: { endpoints: { "my/llm": { pending: 60_000, initializing: 60_000 } } }
        })
        const model = InferenceEndpointsLLM.layer({ endpointName: "llm", endpointNamespace: "my", apiKey: "hf_x" })
          .pipe(
            Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
          )
        const answers = yield* Ref.make(0)
        yield* Effect.gen(function*() {
          const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
          yield* llm.generate(messages, { maxNewTokens: 4 })
          yield* endpoints.set("my/llm", state)
          const one = Effect.andThen(llm.generate(messages, { maxNewTokens: 4 }), Ref.update(answers, (n) => n + 1))
          const fiber = yield* Effect.forkChild(
            Effect.all(Array.from({ length: 10 }, () => one), { concurrency: "unbounded" })
          )
          yield* TestClock.adjust("10 minutes")
          yield* Fiber.join(fiber)
        }).pipe(Effect.provide(model))
        assert.strictEqual(yield* Ref.get(answers), 10)
        assert.strictEqual((yield* server.journal.totals).completed, 10 + 1 + (yield* probes(server)))
        const resumes = (yield* endpoints.api.received).filter(({ url }) => url.pathname.endsWith("/resume"))
        assert.lengthOf(resumes, state === "paused" ? 1 : 0)
      })
  )
})

/** Requests that are not for generating. */
const probes = (server: Platform.Platform["Service"]["server"]) =>
  Effect.map(server.journal.entries, (entries) => entries.filter(({ request }) => request.method === "GET").length)
