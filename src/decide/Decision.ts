/**
 * A distribution over labels instead of text: which label answers a question, and how likely each one is.
 *
 * An engine's own route for decisions is used where there is one. Otherwise the question is asked as a chat and the log
 * probabilities of the first token are read, unconstrained: what the model would have written other than the labels, above
 * all a refusal, then shows as mass that the labels do not have.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Generation } from "../Generation.ts"
import { type GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import * as Calibration from "./Calibration.ts"
import { type DecisionError, InvalidQuestion, make as failure } from "./DecisionError.ts"
import type { Decision } from "./Distribution.ts"
import * as Masses from "./Masses.ts"
import * as Question from "./Question.ts"
import * as Reading from "./Reading.ts"

type Service = InferenceEndpointsLLM["Service"]

/**
 * How to decide, besides the options of the service.
 *
 * - `minimumMass`: the least total probability of all labels (default 0.5); less fails with `LowMass`.
 * - `orders`: in how many orders the labels are shown (default 1, at most as many as there are labels). Probabilities are
 *   the mean of all orders, and `flips` says how often another label came first.
 * - `codes`: shows each label as a letter and reads the letters (default false): for labels that begin alike. Letters
 *   depend more on their order than labels do.
 * - `route`: `native` (the engine's own route, or fail), `tokens`, or the native one where there is one (default `auto`).
 * - `concurrency`: requests in flight at once (default 4).
 *
 * @category models
 * @since 0.2.0
 */
export interface Options extends Omit<CallOptions, "numGenerations" | "structuredOutput" | "maxNewTokens"> {
  readonly minimumMass?: number | undefined
  readonly orders?: number | undefined
  readonly codes?: boolean | undefined
  readonly route?: "auto" | "native" | "tokens" | undefined
}

export type { Decision } from "./Distribution.ts"

/**
 * Questions by name.
 *
 * @category models
 * @since 0.2.0
 */
export interface Questions {
  readonly [name: string]: Question.Question
}

/**
 * The labels of a question.
 *
 * @category models
 * @since 0.2.0
 */
export type LabelOf<Q> = Q extends Question.Question<infer L> ? L : never

/**
 * The answers to questions, by name.
 *
 * @category models
 * @since 0.2.0
 */
export type Decisions<Q extends Questions> = { readonly [K in keyof Q]: Decision<LabelOf<Q[K]>> }

/**
 * As `Decisions`, with the answer or the failure of each question.
 *
 * @category models
 * @since 0.2.0
 */
export type Settled<Q extends Questions> = {
  readonly [K in keyof Q]: Result.Result<Decision<LabelOf<Q[K]>>, DecisionError>
}

type Failed = GenerateError | DecisionError

const MINIMUM_MASS = 0.5

/**
 * A question, with its labels in the type.
 *
 * @category constructors
 * @since 0.2.0
 */
export const question = <const L extends string>(question: Question.Question<L>): Question.Question<L> => question

/**
 * A question of yes or no. The probability that it holds is that of `yes`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const predicate = (
  instructions: string,
  meaning: { readonly yes?: string | undefined; readonly no?: string | undefined } = {}
): Question.Question<"yes" | "no"> => ({ instructions, labels: { yes: meaning.yes ?? null, no: meaning.no ?? null } })

/**
 * An answer's place on a scale: the mean of the labels' places, counted from 0, weighted by their probabilities.
 *
 * @category accessors
 * @since 0.2.0
 */
export const rating = <L extends string>(question: Question.Question<L>, decision: Decision<L>): number =>
  Question.labelsOf(question).reduce(
    // every label of the question has a probability
    (total, { label }, at) => total + at * (decision.probabilities[label as L] ?? 0),
    0
  )

/**
 * Decides one question about an input.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Decision } from "effect-inference-endpoints"
 *
 * const team = Decision.question({
 *   instructions: "Which team should handle this ticket?",
 *   labels: { billing: "payments, refunds", technical: "bugs, crashes" }
 * })
 *
 * const program = Effect.map(
 *   Decision.decide("I was charged twice.", team),
 *   ({ label, probabilities }) => `${label}: ${probabilities[label]}`
 * )
 * ```
 *
 * @category running
 * @since 0.2.0
 */
export const decide = <const L extends string>(
  input: Message.Input,
  question: Question.Question<L>,
  options: Options = {}
): Effect.Effect<Decision<L>, Failed, InferenceEndpointsLLM> =>
  Effect.flatMap(InferenceEndpointsLLM, (llm) => Effect.map(all(llm, input, { "": question }, options), only))

/** The only answer. */
const only = <L extends string>(decisions: { readonly "": Decision<L> }): Decision<L> => decisions[""]

/**
 * Decides several questions about one input: in one request on a native route, otherwise in one request per question, which
 * share the beginning of their prompts.
 *
 * @category running
 * @since 0.2.0
 */
export const decideAll = <const Q extends Questions>(
  input: Message.Input,
  questions: Q,
  options: Options = {}
): Effect.Effect<Decisions<Q>, Failed, InferenceEndpointsLLM> =>
  Effect.flatMap(InferenceEndpointsLLM, (llm) => all(llm, input, questions, options))

/**
 * As `decideAll`, with the answer or the failure of each question; fails if none of them could be asked.
 *
 * @category running
 * @since 0.2.0
 */
export const decideSettled = <const Q extends Questions>(
  input: Message.Input,
  questions: Q,
  options: Options = {}
): Effect.Effect<Settled<Q>, Failed, InferenceEndpointsLLM> =>
  Effect.flatMap(InferenceEndpointsLLM, (llm) => settle(llm, input, questions, options))

/**
 * The work of a batch that judges its rows: decides the questions about a row's input, and returns the decisions as a
 * generation whose text is JSON (`{ "<name>": { "label", "probabilities", "mass" } }`), so that a log keeps it, a
 * report counts it, and a column can be made from it.
 *
 * @category running
 * @since 0.2.0
 */
export const row = (llm: Service, questions: Questions, options: Options = {}) =>
(
  input: Message.Input,
  call: CallOptions = {}
): Effect.Effect<ReadonlyArray<Generation>, Failed> => {
  const { maxNewTokens: _length, numGenerations: _count, structuredOutput: _output, ...rest } = call
  return Effect.map(all(llm, input, questions, { ...rest, ...options }), (decisions): ReadonlyArray<Generation> => {
    const usage = Object.values(decisions).map(({ usage }) => usage)
    const isNative = Object.values(decisions).some(({ route }) => route === "native")
    return [{
      text: JSON.stringify(Object.fromEntries(
        Object.entries(decisions).map((
          [name, { label, mass, probabilities }]
        ) => [name, { label, probabilities, mass }])
      )),
      toolCalls: [],
      finishReason: "stop",
      statistics: { duration: 0, attempts: 1, ...(isNative ? usage[0] : usage.reduce(Masses.sum, {})) }
    }]
  })
}

const all = <Q extends Questions>(
  llm: Service,
  input: Message.Input,
  questions: Q,
  options: Options
): Effect.Effect<Decisions<Q>, Failed> =>
  Effect.flatMap(settle(llm, input, questions, options), (settled) =>
    Effect.map(
      Effect.forEach(Object.entries(settled), ([name, result]) =>
        Effect.map(Effect.fromResult(result), (decision) => [name, decision] as const)),
      // what was settled has the names and the labels of the questions
      (decisions) =>
        Object.fromEntries(decisions) as Decisions<Q>
    ))

const settle = Effect.fnUntraced(function*<Q extends Questions>(
  llm: Service,
  input: Message.Input,
  questions: Q,
  options: Options
): Effect.fn.Return<Settled<Q>, Failed> {
  const { codes = false, concurrency = 4, minimumMass = MINIMUM_MASS, orders = 1, route = "auto", ...call } = options
  yield* checked(questions, { codes, minimumMass, orders })
  const about = yield* llm.about
  const how: Reading.How = { codes, call: { ...call, concurrency }, minimumMass, route }
  const read = yield* Effect.forEach(
    turns(questions, orders),
    ([turn, turned]) => Reading.inOrder(llm, about, input, turned, turn, how),
    { concurrency }
  )
  const settled = Object.entries(questions).map(([name, question]) => [
    name,
    Result.map(
      Result.all(read.flatMap((readings) => readings.get(name) ?? [])),
      (readings) => combined(question, readings)
    )
  ])
  // every name has a question, and `combined` gives a probability to each of its labels
  return Object.fromEntries(settled) as Settled<Q>
})

const checked = (
  questions: Questions,
  { codes, minimumMass, orders }: { readonly codes: boolean; readonly minimumMass: number; readonly orders: number }
): Effect.Effect<void, DecisionError> => {
  const wrong = [
    ...(minimumMass >= 0 && minimumMass <= 1 ? [] : [`minimumMass must be from 0 to 1, given ${minimumMass}`]),
    ...(Number.isSafeInteger(orders) && orders >= 1
      ? []
      : [`orders must be an integer of at least 1, given ${orders}`]),
    ...(Object.keys(questions).length > 0 ? [] : ["there must be at least one question"])
  ]
  if (wrong.length > 0) {
    const issues = wrong.map((message) => ({ path: [message.split(" ", 1)[0] ?? ""], message }))
    return Effect.fail(failure(new InvalidQuestion({ issues })))
  }
  for (const [name, question] of Object.entries(questions)) {
    const issue = Question.check(question, codes)
    if (issue !== undefined) return Effect.fail(failure(issue, name))
  }
  return Effect.void
}

/** Each order, with the questions that have that many labels. */
const turns = (questions: Questions, orders: number): ReadonlyArray<readonly [turn: number, questions: Questions]> =>
  Array.from({ length: orders }, (_, turn): readonly [number, Questions] => [
    turn,
    Object.fromEntries(
      Object.entries(questions).filter(([, question]) => turn < Question.labelsOf(question).length)
    )
  ]).filter(([, turned]) => Object.keys(turned).length > 0)

/** The mean of all orders. */
const combined = (question: Question.Question, readings: ReadonlyArray<Reading.Reading>): Decision => {
  const labels = Question.labelsOf(question).map(({ label }) => label)
  const mean = (value: (reading: Reading.Reading) => number | undefined) =>
    readings.reduce((total, reading) => total + (value(reading) ?? 0), 0) / readings.length
  const probabilities = Object.fromEntries(
    labels.map((label) => [label, mean((reading) => reading.probabilities.get(label))])
  )
  const label = Calibration.likeliest(probabilities)?.[0] ?? ""
  const first = (reading: Reading.Reading) =>
    labels.toSorted((a, b) => (reading.probabilities.get(b) ?? 0) - (reading.probabilities.get(a) ?? 0))[0]
  const bounded = labels.filter((label) => readings.some(({ atMost }) => atMost.has(label)))
  return {
    label,
    probabilities,
    mass: readings.some(({ mass }) => mass === undefined) ? undefined : mean(({ mass }) => mass),
    atMost: Object.fromEntries(
      bounded.map((
        label
      ) => [label, mean(({ atMost, probabilities }) => atMost.get(label) ?? probabilities.get(label))])
    ),
    outside: readings[0]?.outside ?? [],
    orders: { count: readings.length, flips: readings.filter((reading) => first(reading) !== label).length },
    route: readings[0]?.route ?? "tokens",
    usage: readings.map(({ usage }) => usage).reduce(Masses.sum, {})
  }
}
