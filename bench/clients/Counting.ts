/** Counts the frames of a stream that are tokens. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export const count = <A, E>(frames: Stream.Stream<A, E>, isToken: (frame: A) => boolean) => {
  let tokens = 0
  return Effect.map(
    Stream.runForEachArray(frames, (array) =>
      Effect.sync(() => {
        for (const frame of array) if (isToken(frame)) tokens++
      })),
    () => tokens
  )
}
