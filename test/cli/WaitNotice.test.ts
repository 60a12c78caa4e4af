import { assert, describe, it } from "@effect/vitest"
import { Console, Duration, Effect } from "effect"
import * as WaitNotice from "../../src/cli/terminal/WaitNotice.ts"
import * as Retry from "../../src/http/Retry.ts"

/** What a verb says of a wait on standard error. */
const notice = (verb: string, wait: Partial<Retry.Wait>) =>
  Effect.gen(function*() {
    const lines: Array<unknown> = []
    yield* Retry.announce({
      subject: "org/llm",
      attempt: 1,
      delay: Duration.seconds(5),
      reason: "it is initializing",
      next: "look",
      ...wait
    }).pipe(
      WaitNotice.said(verb),
      Effect.provideService(Console.Console, {
        ...globalThis.console,
        error: (...line: ReadonlyArray<unknown>) => void lines.push(...line)
      })
    )
    return lines
  })

describe("a wait", () => {
  it.effect("is said, with what for and why", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* notice("generate", {}), ["waiting 5 s for org/llm: it is initializing"])
    }))

  it.effect("for an endpoint is said by a batch too, one between the attempts of a row is not", () =>
    Effect.gen(function*() {
      assert.lengthOf(yield* notice("batch", {}), 1)
      assert.lengthOf(yield* notice("batch", { next: "attempt" }), 0)
    }))

  it.effect("that is over before it is read is not said", () =>
    Effect.gen(function*() {
      assert.lengthOf(yield* notice("generate", { delay: Duration.millis(900) }), 0)
    }))
})
