import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Option, Tracer } from "effect"
import { HttpClient } from "effect/http"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "./Wire.ts"

/** A span of a tracer that exports, as it is no span of the default one. */
const exported: Tracer.Span = {
  ...new Tracer.NativeSpan({
    name: "exported",
    parent: Option.none(),
    annotations: Context.empty(),
    links: [],
    startTime: 0n,
    kind: "client",
    sampled: true
  }),
  traceId: "a".repeat(31),
  spanId: "b".repeat(16),
  attributes: new Map(),
  end() {},
  attribute() {},
  event() {},
  addLinks() {}
}

const world = Effect.fnUntraced(function*() {
  const wire = Wire.make(() => new Response(""))
  const client = yield* TgiClient.make({ url: "http://localhost:8080" }).pipe(Effect.provide(wire.layer))
  return { client, sent: () => wire.requests[0]?.headers["traceparent"] }
})

describe("the trace goes along", () => {
  it.effect("where a tracer exports it", () =>
    Effect.gen(function*() {
      const { client, sent } = yield* world()
      yield* client.health.pipe(Effect.provideService(Tracer.ParentSpan, exported))
      assert.strictEqual(sent(), `00-0${"a".repeat(31)}-${"b".repeat(16)}-01`)
    }))

  it.effect("but not where nobody exports spans", () =>
    Effect.gen(function*() {
      const { client, sent } = yield* world()
      yield* client.health.pipe(Effect.withSpan("a span"))
      assert.isUndefined(sent())
    }))

  it.effect("nor where the program has switched propagation off", () =>
    Effect.gen(function*() {
      const { client, sent } = yield* world()
      yield* client.health.pipe(
        Effect.provideService(Tracer.ParentSpan, exported),
        Effect.provideService(HttpClient.TracerPropagationEnabled, false)
      )
      assert.isUndefined(sent())
    }))
})
