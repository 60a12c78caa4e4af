import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import { Incoming } from "../../src/http/Incoming.ts"
import type { Limits } from "../../src/http/TransportLimits.ts"

/** A transport that brings what the test says. */
class Exchange extends Incoming {
  closed: Error | undefined

  constructor(limits: Limits) {
    super(limits)
    this.sent()
  }

  head(): void {
    this.begin(200, {}, 0)
    this.alive()
  }

  chunk(): void {
    this.receive(new Uint8Array(1))
    this.alive()
  }

  done(): void {
    this.end()
  }

  still(): void {
    this.quiet()
  }

  protected close(reason: Error): void {
    this.closed = reason
  }
  protected pause(): void {}
  protected resume(): void {}
}

/** A server whose health route says so, one after the other; how often it was asked. */
const health = (...answers: ReadonlyArray<boolean>) => {
  let asked = 0
  return { asked: () => asked, ask: Effect.sync(() => answers[asked++] ?? false) }
}

const codeOf = (error: Error | undefined): unknown => error !== undefined && "code" in error ? error.code : undefined

/** How many timers an exchange of so many chunks arms. */
const armed = (chunks: number) => {
  const arm = vi.spyOn(globalThis, "setTimeout")
  const exchange = new Exchange({ headers: 100, firstEvent: 200, idle: 60_000, total: 600_000 })
  exchange.head()
  for (let at = 0; at < chunks; at++) exchange.chunk()
  exchange.done()
  const count = arm.mock.calls.length
  arm.mockRestore()
  return count
}

describe("the limits of one exchange", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  it("arm the same timers however many chunks come", () => {
    assert.strictEqual(armed(10_000), armed(1))
  })

  it("leave no timer behind", () => {
    const exchange = new Exchange({ headers: 100, firstEvent: 200, idle: 300, total: 400 })
    exchange.head()
    exchange.chunk()
    assert.isAbove(vi.getTimerCount(), 0)
    exchange.done()
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("end one whose reader waits for a chunk as long as `idle`, counted from the last", () => {
    const exchange = new Exchange({ idle: 1000 })
    exchange.head()
    vi.advanceTimersByTime(900)
    exchange.chunk()
    vi.advanceTimersByTime(990)
    assert.isUndefined(exchange.failure)
    vi.advanceTimersByTime(20)
    assert.strictEqual(codeOf(exchange.failure), "UND_ERR_BODY_TIMEOUT")
  })

  it("do not count as silence of the server what the reader takes", () => {
    const exchange = new Exchange({ idle: 1000 })
    exchange.head()
    exchange.still()
    vi.advanceTimersByTime(10_000)
    assert.isUndefined(exchange.failure)
    exchange.chunk()
    vi.advanceTimersByTime(1010)
    assert.strictEqual(codeOf(exchange.failure), "UND_ERR_BODY_TIMEOUT")
  })

  it("ask for a sign of life after 300 s without a head, and after 300 s more, as long as there is one", () => {
    const { ask, asked } = health(true, true, false)
    const exchange = new Exchange({ silence: { after: 300_000, ask } })
    for (const times of [0, 1, 2]) {
      vi.advanceTimersByTime(299_999)
      assert.strictEqual(asked(), times)
      assert.isUndefined(exchange.failure)
      vi.advanceTimersByTime(1)
      assert.strictEqual(asked(), times + 1)
    }
    assert.strictEqual(codeOf(exchange.failure), "ERR_NO_SIGN_OF_LIFE")
    assert.strictEqual(exchange.closed, exchange.failure)
  })

  it("ask for none once the head is there", () => {
    const { ask, asked } = health()
    const exchange = new Exchange({ silence: { after: 300_000, ask } })
    vi.advanceTimersByTime(299_999)
    exchange.head()
    vi.advanceTimersByTime(3_000_000)
    assert.strictEqual(asked(), 0)
    assert.isUndefined(exchange.failure)
  })
})
