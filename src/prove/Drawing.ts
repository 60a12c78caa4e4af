/**
 * Whether options that change or limit sampling are read: the likeliest text changes, or becomes the only one possible.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import { type Answer, type Asked, HOT, type Lab, REPEAT, SEED } from "./Lab.ts"
import { both, type Found, found, judged, type Measure, said, same, sent } from "./Measure.ts"

/** Whether texts are sampled at all; otherwise limits on sampling cannot be seen. */
const isDrawing = Effect.fnUntraced(function*(lab: Lab) {
  const [greedy, one] = yield* Effect.all([lab.greedy, lab.drawn])
  if (Result.isFailure(greedy) || Result.isFailure(one)) return false
  if (!same(greedy.success, one.success)) return true
  // by chance, perhaps
  const two = yield* sent(lab, { temperature: HOT })
  return Result.isSuccess(two) && !same(greedy.success, two.success)
})

const NOT_DRAWING = found("unclear", "the model writes the same text at a high temperature")

const drawing = (lab: Lab, measure: Effect.Effect<Found, GenerateError>) =>
  Effect.flatMap(isDrawing(lab), (is) => is ? measure : Effect.succeed(NOT_DRAWING))

/** If the likeliest text is not the same twice, a difference means nothing. */
const steadily = (measure: Measure): Measure => (lab) =>
  Effect.flatMap(
    Effect.all([lab.greedy, lab.again]),
    ([one, two]) =>
      Result.isSuccess(one) && Result.isSuccess(two) && !same(one.success, two.success)
        ? Effect.succeed(found("unclear", "two requests for the likeliest text give different texts"))
        : measure(lab)
  )

/**
 * An option that leaves only the likeliest token makes the text the likeliest one, at any temperature.
 *
 * @category measures
 * @since 0.2.0
 */
export const leavesOne = (options: GenerationOptions): Measure => (lab) =>
  drawing(
    lab,
    Effect.map(
      Effect.all([lab.greedy, sent(lab, { temperature: HOT, ...options })]),
      ([greedy, one]) =>
        both(greedy, one, (greedy, one) =>
          same(greedy, one)
            ? found("honoured", "one candidate is left, and the text is the likeliest one")
            : found("dropped", "one candidate should be left, but the text is not the likeliest one"))
    )
  )

/**
 * Asks a third time where two texts differ and the engine is known to read what was sent: it may have read the second prompt
 * from a cache, which changes floating-point results.
 */
const twice = Effect.fnUntraced(function*(
  isKnown: boolean,
  first: Effect.Effect<Answer, GenerateError>,
  next: Effect.Effect<Answer, GenerateError>
) {
  const one = yield* first
  const two = yield* next
  if (Result.isFailure(one)) return found("refused", one.failure)
  if (Result.isFailure(two)) return found("refused", two.failure)
  if (same(one.success, two.success)) return found("honoured", "the same text twice")
  if (!isKnown) return found("dropped", "two equal requests gave two texts")
  return judged(yield* next, (three) =>
    same(three, one.success) || same(three, two.success)
      ? found("honoured", "the same text in two of three requests; a prompt cache or batching changes the arithmetic")
      : found("dropped", "three equal requests gave three texts"))
})

/**
 * An option that leaves one candidate, even if not the likeliest, makes two texts the same.
 *
 * @category measures
 * @since 0.2.0
 */
export const typical: Measure = (lab) => {
  const one = sent(lab, { temperature: HOT, typicalP: 0.001 })
  return drawing(lab, twice(lab.rules?.typicalP._tag === "Sent", one, one))
}

/**
 * One seed makes two texts the same.
 *
 * @category measures
 * @since 0.2.0
 */
export const seeded: Measure = (lab) =>
  drawing(lab, twice(true, lab.drawn, sent(lab, { temperature: HOT, seed: SEED })))

/** Whether a penalty has something to act on: a word that occurs three times. */
const isRepeating = (generation: Generation.Generation): boolean => {
  const words = said(generation).toLowerCase().split(/\s+/)
  return words.some((word) => word !== "" && words.filter((other) => other === word).length >= 3)
}

/**
 * An option that changes probabilities gives another likeliest text.
 *
 * @category measures
 * @since 0.2.0
 */
export const bends = (options: GenerationOptions): Measure =>
  steadily((lab) =>
    Effect.map(
      Effect.all([lab.repeating, sent(lab, { temperature: 0, ...options }, { text: REPEAT })]),
      ([plain, bent]) =>
        both(plain, bent, (plain, bent) =>
          !same(plain, bent)
            ? found("honoured", "the text changes with it")
            : isRepeating(plain)
            ? found("dropped", "the text repeats itself as much with it as without it")
            : found("unclear", "the text repeats nothing that a penalty could act on"))
    )
  )

/**
 * An option that changes a prompt or a text gives another text.
 *
 * @category measures
 * @since 0.2.0
 */
export const differs = (options: GenerationOptions, rest: Omit<Asked, "options"> = {}): Measure =>
  steadily((lab) =>
    Effect.map(
      Effect.all([sent(lab, { temperature: 0 }, rest), sent(lab, { temperature: 0, ...options }, rest)]),
      ([plain, other]) =>
        both(plain, other, (plain, other) =>
          same(plain, other)
            ? found("dropped", "the text is the same with and without it")
            : found("honoured", "the text differs with it"))
    )
  )

/**
 * Whether sampling is switched on and off.
 *
 * @category measures
 * @since 0.2.0
 */
export const samples: Measure = (lab) =>
  lab.route === "generate"
    ? Effect.map(
      Effect.all([lab.greedy, sent(lab, { doSample: true }), sent(lab, { doSample: true })]),
      ([greedy, one, two]) =>
        both(greedy, one, (greedy, one) =>
          judged(two, (two) =>
            same(greedy, one) && same(greedy, two)
              ? found("dropped", "sampling was requested, but the text is the likeliest one")
              : found("honoured", "the text is sampled")))
    )
    : Effect.map(Effect.all([lab.greedy, lab.again]), ([greedy, one]) =>
      both(greedy, one, (greedy, one) =>
        same(greedy, one)
          ? found("honoured", "the text is the likeliest one")
          : found("dropped", "no sampling was requested, but the text is sampled")))
