/**
 * Decisions by the engine's own route, where it has one: all questions over an input in one request.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Usage } from "../Generation.ts"
import type { GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { About } from "../pipeline/About.ts"
import * as Wire from "../protocol/Decision.ts"
import { type DecisionError, InvalidAnswer, make as failure, Refused } from "./DecisionError.ts"
import type { Shown } from "./Question.ts"

type Service = InferenceEndpointsLLM["Service"]

/**
 * A question as it is sent: its instructions and the labels in their order.
 *
 * @category models
 * @since 0.2.0
 */
export interface Asked {
  readonly name: string
  readonly instructions: string
  readonly labels: ReadonlyArray<Shown>
}

/**
 * The probabilities of the labels as the engine reports them, and the mass if it reports that.
 *
 * @category models
 * @since 0.2.0
 */
export interface Told {
  readonly probabilities: ReadonlyMap<string, number>
  readonly mass: number | undefined
}

/** Whether a version such as `0.33.0` is at least 0.33. */
const isSince33 = (version: string | undefined): boolean => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? "") ?? []
  return major !== undefined && minor !== undefined && (Number(major) > 0 || Number(minor) >= 33)
}

/**
 * The route that an engine is known to have.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = ({ engine, engineVersion }: About): "/v1/decisions" | "/v1/systemone" | undefined =>
  engine === "sglang" || (engine === "vllm" && isSince33(engineVersion))
    ? "/v1/decisions"
    : engine === "transformers"
    ? "/v1/systemone"
    : undefined

/**
 * The text of an input that is a single text; the routes take no conversation.
 *
 * @category accessors
 * @since 0.2.0
 */
export const stateOf = (input: Message.Input): string | undefined => {
  if (typeof input === "string") return input
  if ("raw" in input || input.length !== 1) return undefined
  const [only] = input
  return only?.role === "user" && typeof only.content === "string" ? only.content : undefined
}

/**
 * Asks all questions in one request.
 *
 * @category running
 * @since 0.2.0
 */
export const ask = (
  llm: Service,
  path: "/v1/decisions" | "/v1/systemone",
  model: string,
  state: string,
  questions: ReadonlyArray<Asked>
): Effect.Effect<
  { readonly answers: ReadonlyArray<Result.Result<Told, DecisionError>>; readonly usage: Usage },
  GenerateError
> =>
  path === "/v1/decisions"
    ? Effect.map(llm.request(path, decisions(model, state, questions), Wire.Decisions), ({ answers, usage }) => ({
      answers: questions.map((question, at) =>
        told(question, answers[at], (answer) =>
          answer.probabilities?.map(({ probability, value }) =>
            [String(value), probability] as const
          ))
      ),
      usage: usageOf(usage)
    }))
    : Effect.map(llm.request(path, systemOne(model, state, questions), Wire.SystemOne), ({ answers, usage }) => ({
      answers: questions.map((question) =>
        told(question, answers[question.name], ({ probabilities }) =>
          probabilities === undefined || probabilities === null ? undefined : Object.entries(probabilities))
      ),
      usage: usageOf(usage)
    }))

const decisions = (model: string, input: string, questions: ReadonlyArray<Asked>) => ({
  model,
  input,
  questions: questions.map(({ instructions, labels, name }) => ({
    type: "choice",
    name,
    instructions,
    choices: labels.map(({ description, label }) => ({ value: label, description: description ?? null }))
  }))
})

const systemOne = (model: string, state: string, questions: ReadonlyArray<Asked>) => ({
  model,
  state,
  questions: Object.fromEntries(questions.map(({ instructions, labels, name }) => [name, {
    type: "choice",
    instructions,
    criteria: Object.fromEntries(labels.map(({ description, label }) => [label, description ?? null]))
  }]))
})

const usageOf = (
  usage:
    | { readonly input_tokens?: number | null | undefined; readonly output_tokens?: number | null | undefined }
    | null
    | undefined
): Usage => ({
  ...(typeof usage?.input_tokens === "number" && { inputTokens: usage.input_tokens }),
  ...(typeof usage?.output_tokens === "number" && { outputTokens: usage.output_tokens })
})

interface Answer {
  readonly type?: string | null | undefined
  readonly label_mass?: number | null | undefined
}

/** How far from 1 the sum of probabilities may be: servers round them. */
const ROUNDING = 0.01

/** The answer as probabilities of exactly the labels, or why it is not one. */
const told = <A extends Answer>(
  { labels, name }: Asked,
  answer: A | undefined,
  listed: (answer: A) => ReadonlyArray<readonly [string, number]> | undefined
): Result.Result<Told, DecisionError> => {
  const invalid = (description: string) => Result.fail(failure(new InvalidAnswer({ description }), name))
  if (answer === undefined) return invalid("there is none for this question")
  if (answer.type === "refusal") return Result.fail(failure(new Refused({ question: name }), name))
  const probabilities = new Map(listed(answer) ?? [])
  const missing = labels.find(({ label }) => !probabilities.has(label))
  if (missing !== undefined) return invalid(`it has no probability of ${JSON.stringify(missing.label)}`)
  const sum = [...probabilities.values()].reduce((total, value) => total + value, 0)
  return Math.abs(sum - 1) > ROUNDING * labels.length || probabilities.size !== labels.length
    ? invalid(`its ${probabilities.size} probabilities sum to ${sum}`)
    : Result.succeed({
      probabilities: new Map([...probabilities].map(([label, value]) => [label, value / sum])),
      mass: answer.label_mass ?? undefined
    })
}
