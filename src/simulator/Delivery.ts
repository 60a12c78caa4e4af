/**
 * Sends a transmission on the clock of Effect: waiting, keep-alives, and an end as it was planned.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { type Chunking, Chunks } from "./Chunks.ts"
import { Broken } from "./Exchange.ts"
import type { Transmission } from "./Transmission.ts"

const encoder = new TextEncoder()

/**
 * The whole body at once, compressed.
 *
 * @category sending
 * @since 0.1.0
 */
export const compressed = (self: Transmission): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    const bytes = encoder.encode(self.pieces.map((piece) => piece.text).join(""))
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  })

/**
 * What a sender is told as it goes: tokens that left, and how it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly sent: (tokens: number) => void
  readonly ended: (outcome: "completed" | "failed" | "cancelled") => void
}

const comment = encoder.encode(":\n\n")

const finish = (self: Transmission): Pull.Pull<never, Broken> => {
  switch (self.ending) {
    case "complete":
    case "cut":
      return Cause.done()
    case "stall":
      return Effect.never
    default:
      return Effect.fail(new Broken({ how: self.ending }))
  }
}

/**
 * The body as a stream on the clock of Effect. It ends as the transmission says and tells the observer; leaving it early
 * counts as cancelled.
 *
 * @category sending
 * @since 0.1.0
 */
export const stream = (
  self: Transmission,
  chunking: Chunking,
  observer: Observer
): Stream.Stream<Uint8Array, Broken> => {
  let outcome: "completed" | "failed" | "cancelled" = "cancelled"
  const pulls = Effect.sync(() => {
    const chunks = new Chunks(self.pieces, chunking)
    const quiet = self.keepAlive ?? Infinity
    let heard = 0
    const alive = (): Pull.Pull<readonly [Uint8Array], Broken> => {
      heard += quiet
      return Effect.as(Effect.sleep(quiet), [comment] as const)
    }
    return Effect.suspend(function pull(): Pull.Pull<readonly [Uint8Array], Broken> {
      const left = chunks.wait() - heard
      if (left > quiet) return alive()
      if (left > 0) {
        chunks.elapsed()
        heard = 0
        return Effect.flatMap(Effect.sleep(left), pull)
      }
      heard = 0
      const chunk = chunks.next()
      if (chunk !== undefined) {
        observer.sent(chunk.tokens)
        return Effect.succeed([chunk.bytes])
      }
      if (self.ending === "stall" && self.keepAlive !== undefined) return alive()
      if (self.ending !== "stall") outcome = self.outcome
      return finish(self)
    })
  })
  return Stream.onExit(Stream.fromPull(pulls), () => Effect.sync(() => observer.ended(outcome)))
}
