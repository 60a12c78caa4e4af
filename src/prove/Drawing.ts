/**
 * Whether what bends and limits the choice of tokens is read: the likeliest text changes, or is all that is left.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import { type Answer, type Asked, HOT, type Lab, REPEAT, SEED } from "./Lab.ts"
import { both, type Found, found, judged, type Measure, same, sent } from "./Measure.ts"

/** Whether texts are drawn at all, without which nothing that limits drawing can be seen. */
const isDrawing = Effect.fnUntraced(function*(lab: Lab) {
  const [greedy, one] = yield* Effect.all([lab.greedy, lab.drawn])
  if (Result.isFailure(greedy) || Result.isFailure(one)) return false
  if (!same(greedy.success, one.success)) return true
  // by chance, perhaps
  const two = yield* sent(lab, { temperature: HOT })
  return Result.isSuccess(two) && !same(greedy.success, two.success)
})

const NOT_DRAWING = found("unclear", "the model writes the same at a high temperature")

const drawing = (lab: Lab, measure: Effect.Effect<Found, GenerateError>) =>
  Effect.flatMap(isDrawing(lab), (is) => is ? measure : Effect.succeed(NOT_DRAWING))

/** Where the likeliest text is not the same twice, a difference says nothing. */
const steadily = (measure: Measure): Measure => (lab) =>
  Effect.flatMap(
    Effect.all([lab.greedy, lab.again]),
    ([one, two]) =>
      Result.isSuccess(one) && Result.isSuccess(two) && !same(one.success, two.success)
        ? Effect.succeed(found("unclear", "two requests for the likeliest text give two texts"))
        : measure(lab)
  )

/**
 * What leaves the likeliest token alone makes the text the likeliest one, at any temperature.
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
            : found("dropped", "one candidate should be left, and the text is another than the likeliest"))
    )
  )

const twice = (lab: Lab, answers: Effect.Effect<readonly [Answer, Answer], GenerateError>) =>
  drawing(
    lab,
    Effect.map(
      answers,
      ([one, two]) =>
        both(one, two, (one, two) =>
          same(one, two)
            ? found("honoured", "the same text twice")
            : found("dropped", "two requests that are equal gave two texts"))
    )
  )

/**
 * What leaves one candidate, though not the likeliest, makes two texts the same.
 *
 * @category measures
 * @since 0.2.0
 */
export const repeats = (options: GenerationOptions): Measure => (lab) => {
  const one = sent(lab, { temperature: HOT, ...options })
  return twice(lab, Effect.all([one, one]))
}

/**
 * One seed makes two texts the same.
 *
 * @category measures
 * @since 0.2.0
 */
export const seeded: Measure = (lab) => twice(lab, Effect.all([lab.drawn, sent(lab, { temperature: HOT, seed: SEED })]))

/**
 * What bends the likeliest text gives another one.
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
          same(plain, bent)
            ? found("dropped", "the text is the same with it and without it")
            : found("honoured", "the text is another one with it"))
    )
  )

/**
 * What changes a prompt or a text gives another text.
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
            ? found("dropped", "the text is the same with it and without it")
            : found("honoured", "the text is another one with it"))
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
              ? found("dropped", "sampling was asked for, and the text is the likeliest one")
              : found("honoured", "the text is drawn")))
    )
    : Effect.map(Effect.all([lab.greedy, lab.again]), ([greedy, one]) =>
      both(greedy, one, (greedy, one) =>
        same(greedy, one)
          ? found("honoured", "the text is the likeliest one")
          : found("dropped", "no sampling was asked for, and the text is drawn")))
