/**
 * Sends a transmission on the clock of Effect: waiting, keep-alives, and an end as it was planned.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Chunking } from "./Chunks.ts"
import * as Chunks from "./Chunks.ts"
import { Broken } from "./Exchange.ts"
import type { Ending, Transmission } from "./Transmission.ts"

const encoder = new TextEncoder()

/**
 * The whole body at once, compressed a number of times.
 *
 * @category sending
 * @since 0.1.0
 */
export const compressed = (self: Transmission, layers: number): Effect.Effect<Uint8Array> =>
  Effect.promise(async () => {
    let bytes: Uint8Array<ArrayBuffer> = encoder.encode(self.pieces.map((piece) => piece.text).join(""))
    for (let layer = 0; layer < layers; layer++) {
      const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))
      bytes = new Uint8Array(await new Response(stream).arrayBuffer())
    }
    return bytes
  })

/**
 * Called during sending: with the tokens that were sent, and how it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observer {
  readonly sent: (tokens: number) => void
  readonly ended: (outcome: "completed" | "failed" | "cancelled") => void
}

const comment = encoder.encode(":\n\n")

/** An end other than silence. */
const finish = (ending: Exclude<Ending, "stall">): Pull.Pull<never, Broken> =>
  ending === "complete" || ending === "cut" ? Cause.done() : Effect.fail(new Broken({ how: ending }))

/**
 * The body as a stream on the clock of Effect. It ends as the transmission says and notifies the observer; leaving it early
 * counts as cancelled. The first chunk with a token waits for the `gate`.
 *
 * @category sending
 * @since 0.1.0
 */
export const stream = (
  self: Transmission,
  chunking: Chunking,
  observer: Observer,
  gate: Effect.Effect<void> | undefined = undefined
): Stream.Stream<Uint8Array, Broken> => {
  const { ending, keepAlive } = self
  const chunks = Chunks.make(self.pieces, chunking)
  const finished = self.outcome
  let outcome: "completed" | "failed" | "cancelled" = "cancelled"
  const pulls = Effect.sync(() => {
    let at = 0
    let waited = 0
    const alive = (quiet: number): Pull.Pull<readonly [Uint8Array], Broken> => {
      waited += quiet
      return Effect.as(Effect.sleep(quiet), [comment] as const)
    }
    const send = ({ bytes, tokens }: Chunks.Chunk): Pull.Pull<readonly [Uint8Array], Broken> => {
      at++
      waited = 0
      observer.sent(tokens)
      return Effect.succeed([bytes])
    }
    let shut = gate
    const next = (): Pull.Pull<readonly [Uint8Array], Broken> => {
      const chunk = chunks[at]
      if (chunk === undefined) {
        if (ending === "stall") return keepAlive === undefined ? Effect.never : alive(keepAlive)
        outcome = finished
        return finish(ending)
      }
      if (chunk.tokens > 0 && shut !== undefined) {
        const opened = shut
        shut = undefined
        return Effect.andThen(opened, Effect.suspend(next))
      }
      const left = chunk.wait - waited
      if (left <= 0) return send(chunk)
      return keepAlive !== undefined && left > keepAlive
        ? alive(keepAlive)
        : Effect.andThen(Effect.sleep(left), Effect.suspend(() => send(chunk)))
    }
    return Effect.suspend(next)
  })
  return Stream.onExit(Stream.fromPull(pulls), () => Effect.sync(() => observer.ended(outcome)))
}
