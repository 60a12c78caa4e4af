/**
 * `DecisionModel` of `effect/ai`: classifications, ratings and probabilities over any engine that reports log probabilities,
 * or by the engine's own route for decisions.
 *
 * @since 0.2.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Decision from "effect/ai/Decision"
import * as DecisionModel from "effect/ai/DecisionModel"
import * as Model from "effect/ai/Model"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Decide from "../decide/Decision.ts"
import type { DecisionError } from "../decide/DecisionError.ts"
import * as Masses from "../decide/Masses.ts"
import type { Question } from "../decide/Question.ts"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import * as AiFailure from "./AiFailure.ts"

/**
 * Overrides for the calls in its scope: see `Decision.Options`. They win over what the model was made with.
 *
 * @category configuration
 * @since 0.2.0
 */
export const Config: Context.Reference<Decide.Options> = Context.Reference<Decide.Options>(
  "effect-inference-endpoints/ai/HuggingFaceDecisionModel/Config",
  { defaultValue: () => ({}) }
)

/**
 * Overrides the options of the decisions in an effect; others stay.
 *
 * @category configuration
 * @since 0.2.0
 */
export const withConfigOverride: {
  (overrides: Decide.Options): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, overrides: Decide.Options): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, overrides: Decide.Options) =>
    Effect.updateService(self, Config, (config) => ({ ...config, ...overrides }))
)

const PLACE = { module: "HuggingFaceDecisionModel", method: "decide" }

type Answerable = Exclude<Decision.Any, Decision.Locate>

const words = (value: Decision.Description | Schema.Json): string =>
  typeof value === "string" ? value : JSON.stringify(value, undefined, 2)

const described = (value: Decision.Description | null): string | null => value === null ? null : words(value)

/** A decision as a question with labels. */
const questionOf = (decision: Answerable): Question => {
  const instructions = words(decision.instructions)
  switch (decision._tag) {
    case "Classify":
      return {
        instructions,
        labels: Object.entries(decision.criteria).map(([label, description]) => ({
          label,
          description: described(description)
        }))
      }
    case "Rate":
      return {
        instructions,
        labels: decision.criteria.map(({ description, label }) => ({
          label,
          description: description === label ? null : words(description)
        }))
      }
    case "Probability":
      return Decide.predicate(`Does this hold?\n${instructions}`, {
        yes: decision.criteria === undefined ? undefined : words(decision.criteria.true),
        no: decision.criteria === undefined ? undefined : words(decision.criteria.false)
      })
  }
}

const answerOf = (decision: Answerable, question: Question, given: Decide.Decision): DecisionModel.ProviderAnswer => {
  const { label, probabilities } = given
  const confidence = probabilities[label]
  switch (decision._tag) {
    case "Classify":
      return { _tag: "Classify", label, probabilities, confidence }
    case "Rate":
      return { _tag: "Rate", rating: Decide.rating(question, given), probabilities, confidence }
    case "Probability":
      return { _tag: "Probability", probability: probabilities["yes"] ?? 0 }
  }
}

/** A question that the model does not decide is a refusal; one that could not be sent is an error of the call. */
const refusalOf = (error: DecisionError): Effect.Effect<DecisionModel.ProviderAnswer, AiError.AiError> =>
  error.reason._tag === "LowMass" || error.reason._tag === "Refused"
    ? Effect.succeed({ _tag: "Refusal" })
    : Effect.fail(failureOf(error))

const failureOf = (error: DecisionError | AiFailure.Failure): AiError.AiError =>
  error._tag === "DecisionError"
    ? AiError.make({
      ...PLACE,
      reason: error.reason._tag === "InvalidAnswer"
        ? new AiError.InvalidOutputError({ description: error.message })
        : new AiError.InvalidUserInputError({ description: error.message })
    })
    : AiFailure.fromError(error, PLACE)

/**
 * Makes the model over the service. A decision with too little probability on its labels (`minimumMass`) counts as refused,
 * so that `decideSettled` keeps the others. Images are refused.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(options: { readonly config?: Decide.Options | undefined } = {}) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  return yield* DecisionModel.make({
    decide: Effect.fnUntraced(function*({ decisions, state }) {
      const config = { ...options.config, ...(yield* Config) }
      const questions = Object.fromEntries(
        Object.entries(decisions).map(([name, decision]) => [name, questionOf(decision)])
      )
      const settled = yield* Decide.decideSettled(words(state), questions, config).pipe(
        Effect.provideService(InferenceEndpointsLLM.InferenceEndpointsLLM, llm),
        Effect.mapError(failureOf)
      )
      const answers = yield* Effect.forEach(Object.entries(decisions), ([name, decision]) => {
        const result = settled[name]
        const question = questions[name]
        if (result === undefined || question === undefined) return Effect.succeed([])
        const answer = Result.isSuccess(result)
          ? Effect.succeed(answerOf(decision, question, result.success))
          : refusalOf(result.failure)
        return Effect.map(answer, (answer) => [[name, answer] as const])
      })
      const given = Object.values(settled).flatMap((result) => Result.isSuccess(result) ? [result.success] : [])
      // on a native route, each of them reports the usage of all
      const usages = given.map(({ usage }) => usage)
      const usage = given.some(({ route }) => route === "native") ? usages[0] ?? {} : usages.reduce(Masses.sum, {})
      return {
        answers: Object.fromEntries(answers.flat()),
        usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens },
        metadata: { huggingface: { mass: Object.fromEntries(masses(settled)) } }
      }
    })
  })
})

/** The total probability of the labels of each decision, if known. */
const masses = (settled: Decide.Settled<Decide.Questions>): ReadonlyArray<readonly [string, number]> =>
  Object.entries(settled).flatMap(([name, result]) => {
    const mass = Result.isSuccess(result)
      ? result.success.mass
      : result.failure.reason._tag === "LowMass"
      ? result.failure.reason.mass
      : undefined
    return mass === undefined ? [] : [[name, mass]]
  })

/**
 * The model over an existing `InferenceEndpointsLLM`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Parameters<typeof make>[0] = {}
): Layer.Layer<DecisionModel.DecisionModel, never, InferenceEndpointsLLM.InferenceEndpointsLLM> =>
  Layer.effect(DecisionModel.DecisionModel, make(options))

/**
 * The options of a layer: those of the service, and how to decide.
 *
 * @category models
 * @since 0.2.0
 */
export interface LayerOptions extends InferenceEndpointsLLM.LayerOptions {
  readonly config?: Decide.Options | undefined
}

/**
 * The model with the endpoint that the options name.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = <const O extends LayerOptions>(options: O & EndpointConfig.OneTarget<O, LayerOptions>) => {
  const { config, ...service }: LayerOptions = options
  return Layer.provide(
    layerWith({ config }),
    InferenceEndpointsLLM.layer<InferenceEndpointsLLM.LayerOptions>(service)
  )
}

/**
 * A model by name: the name is only a label; the options say where it runs.
 *
 * A `Model` cannot fail to be built, so a configuration that names no endpoint fails every call instead.
 *
 * @category models
 * @since 0.2.0
 */
export const model = <const Name extends string, const O extends LayerOptions>(
  name: Name,
  options: O & EndpointConfig.OneTarget<O, LayerOptions>
): Model.Model<"huggingface", DecisionModel.DecisionModel, HttpClient.HttpClient> =>
  Model.make(
    "huggingface",
    name,
    Layer.catch(layer<LayerOptions>({ modelDisplayName: name, ...options }), unavailable)
  )

const unavailable = (error: AiFailure.Failure): Layer.Layer<DecisionModel.DecisionModel> =>
  Layer.effect(
    DecisionModel.DecisionModel,
    DecisionModel.make({ decide: () => Effect.fail(AiFailure.fromError(error, PLACE)) })
  )
