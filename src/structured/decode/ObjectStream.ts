/**
 * Text as it streams → the value as it grows.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { StructuredOutputError } from "../StructuredOutputError.ts"
import type { Decoder } from "./Answer.ts"
import * as PartialJson from "./PartialJson.ts"
import * as Prose from "./Prose.ts"
import type * as Repair from "./Repair.ts"

/**
 * A piece of the response; the last one says how it ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delta {
  readonly text: string
  readonly finishReason?: string | undefined
  /** All text so far was thinking, not part of the value. */
  readonly restarts?: boolean | undefined
}

/**
 * The value so far, encoded and not validated: complete parts stay as they are, the last one may grow. It is built when
 * `value` is first read, so that unused partials cost nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Partial {
  readonly _tag = "Partial"
  readonly #make: () => Schema.Json | undefined
  #value: { readonly made: Schema.Json | undefined } | undefined

  constructor(make: () => Schema.Json | undefined) {
    this.#make = make
  }

  get value(): Schema.Json | undefined {
    this.#value ??= { made: this.#make() }
    return this.#value.made
  }
}

/**
 * An element of the top-level array, decoded, as soon as it is complete.
 *
 * @category models
 * @since 0.1.0
 */
export interface Element<A> {
  readonly _tag: "Element"
  readonly index: number
  readonly value: A
}

/**
 * The whole value, decoded: always the last event.
 *
 * @category models
 * @since 0.1.0
 */
export interface Done<A> {
  readonly _tag: "Done"
  readonly value: A
  readonly repairs: ReadonlyArray<Repair.Step>
}

/**
 * What is known about a value after a piece of its text.
 *
 * @category models
 * @since 0.1.0
 */
export type Event<A, I = never> = Partial | Element<I> | Done<A>

/**
 * How the value is observed while it grows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<I extends Schema.Constraint> {
  /** The `wrap` of the constraint that was sent. */
  readonly wrap?: string | undefined
  /** The schema of the elements, if the value is an array: each is then emitted once, decoded. */
  readonly element?: I | undefined
  /** A change to an element before it is decoded; none by default. */
  readonly restore?: ((value: Schema.Json) => Schema.Json) | undefined
}

/**
 * The value of a streamed response as it grows, in time linear in its length. The stream fails like `decode` when the whole
 * does not fit; an element that does not decode is not emitted, and is reported by that failure.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, R, E, R2, I extends Schema.Constraint = Schema.Never>(
  output: Decoder<A, R>,
  deltas: Stream.Stream<Delta, E, R2>,
  options: Options<I> = {}
): Stream.Stream<Event<A, I["Type"]>, E | StructuredOutputError, R | R2 | I["DecodingServices"]> =>
  Stream.suspend(() => {
    const begin = () => PartialJson.make(options.wrap === undefined ? {} : { wrap: options.wrap })
    let parser = begin()
    const decodeElement = options.element && Schema.decodeUnknownEffect(Schema.toCodecJson(options.element))
    const finder = output.lenient
      ? new Prose.Finder({
        read: (text) => parser.push(text),
        isOver: () => parser.isDone || parser.failure !== undefined,
        restart: () => {
          parser = begin()
        }
      })
      : undefined
    let text = ""
    let finishReason: string | undefined
    const read = Effect.fnUntraced(function*(delta: Delta) {
      if (delta.restarts === true) {
        text = ""
        finder?.restart()
        parser = begin()
      }
      text += delta.text
      finishReason = delta.finishReason ?? finishReason
      const before = { parser, version: parser.version }
      if (finder === undefined) parser.push(delta.text)
      else finder.push(delta.text)
      const events: Array<Event<A, I["Type"]>> = []
      if (decodeElement !== undefined) {
        for (const { index, value } of parser.takeElements()) {
          const decoded = yield* Effect.option(decodeElement(options.restore?.(value) ?? value))
          if (decoded._tag === "Some") events.push({ _tag: "Element", index, value: decoded.value })
        }
      } else parser.takeElements()
      if (parser.version > (parser === before.parser ? before.version : 0)) events.push(partial(parser, options.wrap))
      return events
    })
    const done = Effect.suspend(() => output.decode({ text, finishReason, wrap: options.wrap }))
    return deltas.pipe(
      Stream.mapEffect(read),
      Stream.flattenIterable,
      Stream.concat(Stream.fromEffect(Effect.map(done, (decoded) => ({ _tag: "Done" as const, ...decoded }))))
    )
  })

const partial = (parser: PartialJson.PartialJson, wrap: string | undefined): Partial => {
  const snapshot = parser.snapshot()
  if (wrap === undefined) return new Partial(snapshot)
  return new Partial(() => {
    const whole = snapshot()
    return typeof whole === "object" && whole !== null && Object.hasOwn(whole, wrap)
      ? Reflect.get(whole, wrap)
      : undefined
  })
}
