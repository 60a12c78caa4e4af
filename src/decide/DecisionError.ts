/**
 * Why there is no distribution over the labels.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"

/** How many tokens outside the labels a message names. */
const SHOWN = 5

const percent = (share: number): string => `${(100 * share).toPrecision(3)} %`

/**
 * A question that cannot be asked: fewer than two labels, two that are the same, or more than an engine takes.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidQuestion extends Schema.TaggedError<InvalidQuestion>()("InvalidQuestion", {
  issues: Schema.Array(Schema.Struct({ path: Schema.Array(Schema.String), message: Schema.String }))
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the question cannot be asked: ${this.issues.map(({ message }) => message).join("; ")}`
  }
}

/**
 * The engine reports no log probabilities on this route, so that there is nothing to read a distribution from. `sent`:
 * whether a request had been sent before that was known.
 *
 * @category reasons
 * @since 0.2.0
 */
export class NoLogProbabilities extends Schema.TaggedError<NoLogProbabilities>()("NoLogProbabilities", {
  engine: Schema.String,
  why: Schema.String,
  sent: Schema.Boolean
}) {
  readonly isRetryable = false
  override get message(): string {
    return `${this.engine} reports no log probabilities here: ${this.why}. Use an engine that does (TGI, vLLM, SGLang, llama.cpp), ` +
      "or generateObject with an enum, which gives a label without its probability"
  }
}

/**
 * The model would rather have written something other than one of the labels: refused, thought, or begun a sentence.
 * `outside` are the likeliest tokens of that.
 *
 * @category reasons
 * @since 0.2.0
 */
export class LowMass extends Schema.TaggedError<LowMass>()("LowMass", {
  mass: Schema.Finite,
  minimum: Schema.Finite,
  outside: Schema.Array(Schema.Struct({ text: Schema.String, probability: Schema.Finite }))
}) {
  readonly isRetryable = false
  override get message(): string {
    const others = this.outside.slice(0, SHOWN).map(({ probability, text }) =>
      `${JSON.stringify(text)} ${percent(probability)}`
    )
    return `the labels have ${percent(this.mass)} of the probability, but at least ${
      percent(this.minimum)
    } is required` +
      `${
        others.length === 0 ? "" : `; the likeliest other beginnings are ${others.join(", ")}`
      }. Add a label for everything else (such as ` +
      "`other`), say in the instructions that one label alone is the answer, close the model's thoughts (with a tokenizerId), " +
      "or lower `minimumMass`"
  }
}

/**
 * Labels that begin with the same token and cannot be scored whole: that needs a prompt that is rendered here.
 *
 * @category reasons
 * @since 0.2.0
 */
export class SharedToken extends Schema.TaggedError<SharedToken>()("SharedToken", {
  labels: Schema.Array(Schema.String),
  token: Schema.String
}) {
  readonly isRetryable = false
  override get message(): string {
    return `the labels ${this.labels.map((label) => JSON.stringify(label)).join(", ")} begin with the same token ` +
      `${
        JSON.stringify(this.token)
      }, so that it does not show which one is meant. Set \`codes\` to true, choose labels that begin ` +
      "differently, or render prompts here (tokenizerId), where labels are scored whole"
  }
}

/**
 * The server itself refused to decide.
 *
 * @category reasons
 * @since 0.2.0
 */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { question: Schema.String }) {
  readonly isRetryable = false
  override get message(): string {
    return `the server refused to answer ${JSON.stringify(this.question)}`
  }
}

/**
 * A native answer that is not a distribution over the requested labels.
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidAnswer
  extends Schema.TaggedError<InvalidAnswer>()("InvalidAnswer", { description: Schema.String })
{
  readonly isRetryable = false
  override get message(): string {
    return `the answer is not a distribution over the labels: ${this.description}`
  }
}

/**
 * Every reason.
 *
 * @category reasons
 * @since 0.2.0
 */
export const Reason = Schema.Union([
  InvalidQuestion,
  NoLogProbabilities,
  LowMass,
  SharedToken,
  Refused,
  InvalidAnswer
])

/**
 * Every reason.
 *
 * @category reasons
 * @since 0.2.0
 */
export type Reason = typeof Reason.Type

/**
 * The error of decisions.
 *
 * @category errors
 * @since 0.2.0
 */
export class DecisionError extends StageError.make<DecisionError>()("DecisionError", {
  method: "decide",
  reason: Reason
}) {}

/**
 * An error of a question.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (reason: Reason, question?: string): DecisionError =>
  new DecisionError({ reason, ...(question !== undefined && question !== "" && { method: `decide ${question}` }) })
