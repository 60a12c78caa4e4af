import { assert, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { vi } from "vitest"
import * as Retry from "../../src/http/Retry.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"

vi.mock("undici", () => {
  throw new Error("Cannot find package 'undici'")
})

it.live("a proxy without undici is told, with what to do, and not asked again", () =>
  Effect.gen(function*() {
    const client = TgiClient.layer({ url: "http://model.example", retry: Retry.standard }).pipe(
      Layer.provide(NodeTransport.layerOptions({ proxy: "http://127.0.0.1:9" }))
    )
    const error = yield* Effect.flip(
      TgiClient.TgiClient.use(({ generateStream }) => Stream.runDrain(generateStream({ inputs: "Hi" }))).pipe(
        Effect.provide(client)
      )
    )
    assert.strictEqual(error.attempts, 1)
    assert.include(error.message, "npm install undici")
  }))
