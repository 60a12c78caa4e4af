/**
 * The labels of some questions in one order → their probabilities, by the engine's own route or by tokens.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Usage } from "../Generation.ts"
import type { GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { About } from "../pipeline/About.ts"
import type { CallOptions } from "../Settings.ts"
import { type DecisionError, InvalidQuestion, LowMass, make as failure, SharedToken } from "./DecisionError.ts"
import * as NativeRoute from "./NativeRoute.ts"
import * as Question from "./Question.ts"
import * as TokenRoute from "./TokenRoute.ts"

type Service = InferenceEndpointsLLM["Service"]

type Failed = GenerateError | DecisionError

/**
 * The result of one order of a question.
 *
 * @category models
 * @since 0.2.0
 */
export interface Reading {
  readonly probabilities: ReadonlyMap<string, number>
  readonly mass: number | undefined
  readonly atMost: ReadonlyMap<string, number>
  readonly outside: ReadonlyArray<{ readonly text: string; readonly probability: number }>
  readonly route: "native" | "tokens"
  readonly usage: Usage
}

/**
 * How to read.
 *
 * @category models
 * @since 0.2.0
 */
export interface How {
  readonly codes: boolean
  readonly call: CallOptions
  readonly minimumMass: number
  readonly route: "auto" | "native" | "tokens"
}

/** How much probability labels that cannot be told apart may have; above that, no decision is read. */
const MOST_SHARED = 0.01

/**
 * The readings of questions by name.
 *
 * @category models
 * @since 0.2.0
 */
export type Readings = ReadonlyMap<string, Result.Result<Reading, DecisionError>>

/** Services whose endpoint turned out to lack the route that its engine should have. */
const withoutNative = new WeakSet<Service>()

/**
 * Reads the questions with their labels rotated by a number of places.
 *
 * @category running
 * @since 0.2.0
 */
export const inOrder = (
  llm: Service,
  about: About,
  input: Message.Input,
  questions: Record<string, Question.Question>,
  turn: number,
  how: How
): Effect.Effect<Readings, Failed> => {
  const path = how.route === "tokens" || how.codes || withoutNative.has(llm) ? undefined : NativeRoute.of(about)
  const state = NativeRoute.stateOf(input)
  const byTokens = tokens(llm, input, questions, turn, how)
  if (path === undefined || state === undefined) {
    return how.route === "native"
      ? Effect.fail(failure(
        new InvalidQuestion({
          issues: [{
            path: ["route"],
            message: state === undefined
              ? "the native route takes one text, and no conversation or raw prompt"
              : `${about.engine} has no route for decisions${how.codes ? " with codes" : ""}: leave \`route\` out`
          }]
        })
      ))
      : byTokens
  }
  const asked = Object.entries(questions).map(([name, question]) => ({
    name,
    instructions: question.instructions,
    labels: Question.shown(question, false, turn)
  }))
  return NativeRoute.ask(llm, path, about.served ?? about.model, state, asked).pipe(
    Effect.map(({ answers, usage }): Readings =>
      new Map(answers.map((answer, at) => {
        const name = asked[at]?.name ?? ""
        return [
          name,
          Result.flatMap(answer, ({ mass, probabilities }) =>
            mass !== undefined && mass < how.minimumMass
              ? Result.fail(failure(new LowMass({ mass, minimum: how.minimumMass, outside: [] }), name))
              : Result.succeed<Reading>({
                probabilities,
                mass,
                atMost: new Map(),
                outside: [],
                route: "native",
                usage
              }))
        ]
      }))
    ),
    Effect.catchIf((error) => how.route === "auto" && isMissing(error), (error) =>
      Effect.suspend(() => {
        // a 400 may be about this question alone
        if (statusOf(error) !== 400) withoutNative.add(llm)
        return byTokens
      }))
  )
}

const statusOf = (error: GenerateError): number | undefined =>
  error._tag === "InferenceError" && "status" in error.reason ? error.reason.status : undefined

/** A server without the route, or whose model the route does not support. */
const isMissing = (error: GenerateError): boolean => [400, 404, 405, 422, 501].includes(statusOf(error) ?? 0)

const tokens = (
  llm: Service,
  input: Message.Input,
  questions: Record<string, Question.Question>,
  turn: number,
  how: How
): Effect.Effect<Readings, Failed> =>
  Effect.map(
    Effect.forEach(
      Object.entries(questions),
      ([name, question]) =>
        byToken(llm, input, question, turn, how).pipe(
          Effect.map(Result.succeed),
          Effect.catchTag("DecisionError", (error) =>
            error.reason._tag === "NoLogProbabilities"
              ? Effect.fail(error)
              : Effect.succeed(Result.fail(failure(error.reason, name)))),
          Effect.map((result): readonly [string, Result.Result<Reading, DecisionError>] => [name, result])
        ),
      { concurrency: how.call.concurrency ?? 1 }
    ),
    (readings): Readings => new Map(readings)
  )

const byToken = Effect.fnUntraced(function*(
  llm: Service,
  input: Message.Input,
  question: Question.Question,
  turn: number,
  { call, codes, minimumMass }: How
): Effect.fn.Return<Reading, Failed> {
  const shown = Question.shown(question, codes, turn)
  const asked = Question.ask(input, Question.text(question, shown))
  const masses = yield* TokenRoute.masses(llm, asked, shown.map(({ key }) => key), call)
  const { outside, shared, unseen, usage } = masses
  if (shared !== undefined && shared.mass > MOST_SHARED) {
    return yield* failure(new SharedToken({ labels: shared.keys, token: shared.token }))
  }
  const mass = Math.min(1, [...masses.labels.values()].reduce((total, value) => total + value, 0))
  if (mass < minimumMass || mass === 0) return yield* failure(new LowMass({ mass, minimum: minimumMass, outside }))
  return {
    probabilities: new Map(shown.map(({ key, label }) => [label, (masses.labels.get(key) ?? 0) / mass])),
    mass,
    atMost: new Map(shown.filter(({ key }) => !masses.labels.has(key)).map(({ label }) => [label, unseen])),
    outside,
    route: "tokens",
    usage
  }
})
