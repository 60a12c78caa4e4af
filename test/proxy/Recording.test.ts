import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type * as Proxy from "../../src/proxy/Proxy.ts"
import * as Recording from "../../src/proxy/Recording.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Replay from "../../src/simulator/tape/Replay.ts"
import * as Tape from "../../src/simulator/tape/Tape.ts"
import * as Port from "./Port.ts"
import { layer } from "./Service.ts"

/** Exchanges with a server whose tokens take a second each, and the tape of them. */
const recorded = <A>(
  exchanges: Effect.Effect<A, never, Proxy.Proxy | Simulator.Simulator>,
  secrets: ReadonlyArray<string> = []
) => {
  const lines: Array<string> = []
  const onExchange = Recording.make({
    secrets: secrets.map((secret) => Redacted.make(secret)),
    write: (line) => Effect.sync(() => void lines.push(line))
  }, true)
  return Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(exchanges)
    // in steps, so that nobody is ahead of the others
    for (let second = 0; second < 30; second++) yield* TestClock.adjust("1 second")
    const value = yield* Fiber.join(fiber)
    return { value, lines, text: lines.join("") }
  }).pipe(
    Effect.provide(layer({
      server: { script: () => ({ text: "one two three" }), latency: { firstToken: "1 second", perToken: "1 second" } },
      proxy: { keepEvents: true, onExchange }
    }))
  )
}

const tapeOf = (text: string) => Effect.orDie(Effect.fromResult(Tape.read(text)))

const answer = Effect.fnUntraced(function*(tape: Tape.Tape, body: object, options?: Replay.Options) {
  const { body: given, headers, status } = yield* Effect.orDie(
    Replay.make(tape, options)({
      method: "POST",
      path: "/v1/chat/completions",
      headers: {},
      body: JSON.stringify({ model: "m", messages: [Port.message], ...body })
    })
  )
  return { status, headers, body: given }
})

const taking = (text: string): Tape.Exchange => ({
  request: { method: "POST", path: "/v1/chat/completions", body: { model: "m", messages: [Port.message] } },
  response: { status: 200, headers: {}, at: 5, body: { text } },
  ending: "complete"
})

const dated = (day: string) => ({ messages: [{ role: "user", content: `Today is ${day}.` }] })

describe("a tape", () => {
  it.effect("has the borders and times of events, how the response ended, and what answered", () =>
    Effect.gen(function*() {
      const { text, value } = yield* recorded(Port.chat({ stream: true }))
      const { exchanges, head } = yield* tapeOf(text)
      const [exchange] = exchanges
      assert.match(head.package, /^effect-inference-endpoints\/\d/)
      assert.deepStrictEqual(exchange?.response.events?.map(([, data]) => data), Port.data(value))
      const times = exchange?.response.events?.map(([at]) => at / 1000) ?? []
      assert.isTrue(times.every((time, index) => time >= (times[index - 1] ?? 0)))
      assert.isAbove(new Set(times).size, 2)
      assert.deepStrictEqual([exchange?.ending, exchange?.by?.engine], ["complete", "tgi"])
      assert.deepStrictEqual(Object.keys(exchange?.response.headers ?? {}), ["content-type"])
    }))

  it.effect("of a cut response breaks off again", () =>
    Effect.gen(function*() {
      const { text, value } = yield* recorded(
        Effect.andThen(
          Effect.flatMap(Simulator.Simulator, ({ fail }) => fail(Fault.cut(2))),
          Port.chat({ stream: true })
        )
      )
      const tape = yield* tapeOf(text)
      assert.deepStrictEqual([value.ending, tape.exchanges[0]?.ending], ["broken", "cut"])
      const events = tape.exchanges[0]?.response.events?.map(([, data]) => data)
      assert.deepStrictEqual(events, Port.data(value))
    }))

  it.effect("is not written where a key that is in use stands in what was asked or answered, and says so", () => {
    const warnings: Array<unknown> = []
    return Effect.gen(function*() {
      const content = "my key is swordfish\"1, do not tell"
      const { lines } = yield* recorded(
        Port.chat({ messages: [{ role: "user", content }] }),
        ["swordfish\"1"]
      )
      assert.deepStrictEqual(lines, [])
      assert.match(String(warnings[0]), /it contains a key that is in use/)
    }).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => void warnings.push(message))])))
  })

  it.effect("has nothing of a client without the key, who asked nothing", () => {
    const lines: Array<string> = []
    const onExchange = Recording.make({ secrets: [], write: (line) => Effect.sync(() => void lines.push(line)) }, true)
    const key = Redacted.make("the-key")
    return Effect.gen(function*() {
      assert.strictEqual((yield* Port.chat()).status, 401)
      assert.deepStrictEqual(lines, [])
      assert.strictEqual((yield* Port.chat({}, { authorization: "Bearer the-key" })).status, 200)
      assert.lengthOf(lines, 1)
    }).pipe(Effect.provide(layer({ proxy: { key, onExchange } })))
  })

  it.effect("holds no header of the client, and masks what looks like a secret, by its look and by its field", () =>
    Effect.gen(function*() {
      const { text } = yield* recorded(
        Port.chat({
          messages: [{ role: "user", content: "hf_abcdefghijklmnopqrst and Bearer abcdefghijkl" }],
          max_tokens: 3,
          metadata: { api_key: "plain" }
        }, { cookie: "a=b-cookie", "x-secret": "odd-header" })
      )
      assert.notMatch(text, /hf_abc|abcdefghijkl|plain|b-cookie|odd-header/)
      assert.include(text, "\"max_tokens\":3")
    }))
})

describe("a replay", () => {
  it.effect("gives each of equal requests its take, in their order and then from the first again", () =>
    Effect.gen(function*() {
      const handler = Replay.make({
        head: { tape: 1, date: "2026-11-30", package: "x" },
        exchanges: [taking("first"), taking("second")]
      })
      const texts: Array<unknown> = []
      for (let index = 0; index < 3; index++) {
        const { body } = yield* handler({
          method: "POST",
          path: "/v1/chat/completions",
          headers: {},
          // the order of keys means nothing
          body: JSON.stringify({ messages: [Port.message], model: "m" })
        })
        texts.push(body)
      }
      assert.deepStrictEqual(texts, ["first", "second", "first"].map((text) => JSON.stringify({ text })))
    }))

  it.effect("of what is not on the tape is an error with the nearest request and the difference", () =>
    Effect.gen(function*() {
      const { text } = yield* recorded(
        Effect.andThen(Port.chat({ max_tokens: 3 }), Port.chat({ stop: ["x", "y", "z"] }))
      )
      const { body, headers, status } = yield* answer(yield* tapeOf(text), { max_tokens: 4 })
      assert.deepStrictEqual([status, headers["x-should-retry"]], [404, "false"])
      const { error } = JSON.parse(String(body))
      assert.deepStrictEqual([error.code, error.param], ["tape_miss", "max_tokens"])
      assert.match(error.message, /max_tokens: taped 3, requested 4/)
    }))

  it.effect("takes requests for the same that differ in what is normalised by name", () =>
    Effect.gen(function*() {
      const { text } = yield* recorded(Port.chat(dated("2026-11-29")))
      const tape = yield* tapeOf(text)
      assert.strictEqual((yield* answer(tape, dated("2026-11-30"))).status, 404)
      assert.strictEqual((yield* answer(tape, dated("2026-11-30"), { normalise: ["date"] })).status, 200)
    }))

  it.effect("is found by the masked request, so that a secret in it does not miss", () =>
    Effect.gen(function*() {
      const body = { messages: [{ role: "user", content: "use hf_abcdefghijklmnopqrst" }] }
      const { text } = yield* recorded(Port.chat(body))
      assert.strictEqual((yield* answer(yield* tapeOf(text), body)).status, 200)
    }))
})
