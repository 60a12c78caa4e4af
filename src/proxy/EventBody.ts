/**
 * The body of a streamed response. Its headers are held back for some seconds: a status says more than an error in a 200.
 * Then they are sent, and comments keep the connection open until the first event. A later failure is an event with the
 * error, after which the connection is broken, since an orderly end would look like a short success.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Refusal from "./Refusal.ts"

/**
 * The response broke off: the server must not end it in an orderly way.
 *
 * @category errors
 * @since 0.2.0
 */
export class Broken extends Data.TaggedError("Broken")<{}> {}

/**
 * How a body is kept alive.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How long the headers are held back for a status. */
  readonly hold: Duration.Input
  /** The longest silence. */
  readonly heartbeat: Duration.Input
}

const utf8 = new TextEncoder()

/** A single line: a blank one after it would be an empty event to some clients. */
const comment = utf8.encode(": waiting\n")

/** The last bytes are sent before the connection is broken. */
const FLUSH = "50 millis"

/**
 * Runs the source of events and returns the body once its headers may be sent; fails like the source, if that happens first.
 *
 * @category running
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  { heartbeat, hold }: Options,
  run: (say: (data: string) => Effect.Effect<void>) => Effect.Effect<void, Refusal.Refusal, Scope.Scope>
) {
  const queue = yield* Queue.bounded<Uint8Array, Broken | Cause.Done>(256)
  const begun = yield* Deferred.make<void, Refusal.Refusal>()
  let open = false
  let quiet = true
  const say = (data: string): Effect.Effect<void> => {
    quiet = false
    const offered = Effect.asVoid(Queue.offer(queue, utf8.encode(`data: ${data}\n\n`)))
    return open ? offered : Effect.andThen(Deferred.succeed(begun, undefined), offered)
  }
  const failed = (refusal: Refusal.Refusal): Effect.Effect<void> =>
    open
      ? Effect.gen(function*() {
        yield* say(JSON.stringify(Refusal.body(refusal)))
        yield* Effect.sleep(FLUSH)
        yield* Queue.fail(queue, new Broken())
      })
      : Effect.asVoid(Deferred.fail(begun, refusal))
  yield* Effect.forkScoped(
    Effect.matchEffect(run(say), { onFailure: failed, onSuccess: () => Queue.end(queue) })
  )
  const held = yield* Effect.timeoutOption(Deferred.await(begun), hold)
  if (held._tag === "None" && (yield* Deferred.isDone(begun))) yield* Deferred.await(begun)
  open = true
  const beat = Effect.suspend(() => {
    const silent = quiet
    quiet = true
    return silent ? Queue.offer(queue, comment) : Effect.void
  })
  yield* Effect.forkScoped(Effect.forever(Effect.delay(beat, heartbeat)))
  // if nothing has arrived yet, the first comment brings the headers
  if (held._tag === "None") yield* Queue.offer(queue, comment)
  return Stream.fromQueue(queue)
})
