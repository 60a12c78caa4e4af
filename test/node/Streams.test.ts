/** Streams of the client over the Node transport, which keeps their limits and reads on after their end by itself. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Pull, Stream } from "effect"
import type * as Http from "node:http"
import * as Retry from "../../src/http/Retry.ts"
import type { InferenceError } from "../../src/InferenceError.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import type * as Generate from "../../src/protocol/Generate.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "../transport/Wire.ts"
import * as Loopback from "./Loopback.ts"

const streaming = (
  answer: (response: Http.ServerResponse) => void,
  timeouts: TgiClient.Options["timeouts"],
  test: (client: TgiClient.TgiClient["Service"], server: Loopback.Loopback) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function*() {
    const server = yield* Loopback.http((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      answer(response)
    })
    const client = TgiClient.layer({ url: server.url, retry: Retry.none, timeouts })
    yield* Effect.flatMap(TgiClient.TgiClient, (client) => test(client, server)).pipe(
      Effect.provide(client.pipe(Layer.provide(NodeTransport.layer)))
    )
  })

const collect = (client: TgiClient.TgiClient["Service"]) =>
  Effect.map(Stream.runCollect(client.generateStream(Wire.prompt)), (frames) => frames.map(({ token }) => token.text))

/** All frames and the end of a stream, by one way to read it. */
const readings = {
  pull: ({ pull }: TgiClient.Opened<Generate.Frame>, hear: (text: string) => void) => {
    const next: Effect.Effect<void, InferenceError> = Pull.matchEffect(pull, {
      onSuccess: (frames) => {
        for (const { token } of frames) hear(token.text)
        return next
      },
      onFailure: Effect.failCause,
      onDone: () => Effect.void
    })
    return next
  },
  each: ({ each }: TgiClient.Opened<Generate.Frame>, hear: (text: string) => void) =>
    each((frames) => {
      for (const { token } of frames) hear(token.text)
    })
}

const heardBy = (client: TgiClient.TgiClient["Service"], read: (typeof readings)["pull"]) =>
  Effect.suspend(() => {
    const texts: Array<string> = []
    return Effect.scoped(
      Effect.flatMap(client.openGenerate(Wire.prompt), (opened) => read(opened, (text) => texts.push(text)))
    )
      .pipe(
        Effect.match({
          onSuccess: () => ({ texts, end: "ended" }),
          onFailure: ({ message, received }) => ({ texts, end: message, received })
        })
      )
  })

describe("frames that are given as they come", () => {
  const [a, b] = [Wire.token("a"), Wire.token("b")]
  it.live.each<readonly [string, (response: Http.ServerResponse) => void]>([
    ["a whole stream", (response) => response.end(a + b + Wire.last("ab"))],
    ["a stream in many reads", (response) => {
      const parts = [a, b.slice(0, 9), b.slice(9), Wire.last("ab")]
      const next = () => {
        const part = parts.shift()
        if (part === undefined) response.end()
        else response.write(part, () => setImmediate(next))
      }
      next()
    }],
    ["one without its end mark", (response) => response.end(a + b)],
    ["one that breaks off", (response) => response.write(a + b, () => response.destroy())],
    [
      "one whose server says that it failed",
      (response) => response.end(`${a}data:{"error":"late","error_type":"x"}\n\n`)
    ],
    ["one that ends with something else", (response) => response.end(`${a}data: {"hello":1}\n\n`)]
  ])(
    "are those of a pull, and end as it does: %s",
    ([, answer]) =>
      streaming(answer, undefined, (client) =>
        Effect.gen(function*() {
          const pulled = yield* heardBy(client, readings.pull)
          assert.isAbove(pulled.texts.length, 0)
          assert.deepStrictEqual(yield* heardBy(client, readings.each), pulled)
        }))
  )

  it.live("stop with their reader, whose connection is closed", () =>
    streaming((response) => response.write(a), undefined, (client, server) =>
      Effect.gen(function*() {
        const heard = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(Effect.scoped(
          Effect.flatMap(client.openGenerate(Wire.prompt), ({ each }) =>
            each(() => Deferred.doneUnsafe(heard, Effect.void)))
        ))
        yield* Deferred.await(heard)
        yield* Fiber.interrupt(fiber)
        yield* server.closed(0)
      })))

  it.live("a hearer that throws is a defect of its program, and not of the process", () =>
    streaming((response) => response.end(a + b + Wire.last("ab")), undefined, (client) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(Effect.scoped(
          Effect.flatMap(client.openGenerate(Wire.prompt), ({ each }) =>
            each(() => {
              throw new Error("mine")
            }))
        ))
        assert.isTrue(Exit.hasDies(exit))
      })))
})

describe("after the end mark", () => {
  it.live("a body that ends a little later gives its connection back", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a") + Wire.last("a"))
        setTimeout(() => response.end(": bye\n\n"), 20)
      },
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          for (let nth = 0; nth < 5; nth++) assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          assert.strictEqual(server.accepted(), 1)
        })
    ))

  it.live("a body that does not end is waited for briefly, and closed", () =>
    streaming(
      (response) => response.write(Wire.token("a") + Wire.last("a")),
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          yield* server.closed(0)
        })
    ))

  it.live("a body that goes on for ever is left, and closed", () =>
    streaming(
      (response) => {
        const more = () => {
          if (!response.destroyed) response.write(`: ${"x".repeat(4000)}\n\n`, () => setImmediate(more))
        }
        response.write(Wire.token("a") + Wire.last("a"), more)
      },
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          yield* server.closed(0)
        })
    ))

  it.live("a connection that breaks changes nothing", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a") + Wire.last("a"))
        setTimeout(() => response.destroy(), 20)
      },
      undefined,
      (client) => Effect.map(collect(client), (texts) => assert.deepStrictEqual(texts, ["a", "</s>"]))
    ))
})

describe("the limit on the first event", () => {
  it.live("is told by its phase, where nothing but comments come", () =>
    streaming(
      (response) => {
        const more = () => {
          if (!response.destroyed) response.write(": wait\n\n", () => setTimeout(more, 5))
        }
        more()
      },
      { firstEvent: "150 millis" },
      (client, server) =>
        Effect.gen(function*() {
          const { reason } = yield* Effect.flip(Stream.runDrain(client.generateStream(Wire.prompt)))
          assert.deepInclude(reason, { _tag: "Timeout", phase: "firstEvent" })
          yield* server.closed(0)
        })
    ))

  it.live("does not bound what comes after it", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a"))
        setTimeout(() => response.end(Wire.last("a")), 300)
      },
      { firstEvent: "150 millis" },
      (client) => Effect.map(collect(client), (texts) => assert.deepStrictEqual(texts, ["a", "</s>"]))
    ))
})
