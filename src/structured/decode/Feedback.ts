/**
 * Retries, with what was wrong in the last response.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as StructuredOutputError from "../StructuredOutputError.ts"
import type { Answer, Decoded, Decoder } from "./Answer.ts"

const MAX_ISSUES = 10
const MAX_MESSAGE = 200

/**
 * What to tell the model about a response that did not decode: at most ten problems, one per line. Undefined if words
 * do not help: a response that was cut off, refused or never requested.
 *
 * @category accessors
 * @since 0.1.0
 */
export const message = ({ reason }: StructuredOutputError.StructuredOutputError): string | undefined => {
  switch (reason._tag) {
    case "Mismatch": {
      const lines = reason.issues.slice(0, MAX_ISSUES).map(({ message, path }) =>
        `- ${path.length === 0 ? "the value" : path.join(".")}: ${
          message.split("\n", 1).join("").slice(0, MAX_MESSAGE)
        }`
      )
      const more = reason.issues.length - lines.length
      if (more > 0) lines.push(`- and ${more} more`)
      return `The JSON does not fit the schema:\n${
        lines.join("\n")
      }\nAnswer again with the corrected JSON and nothing else.`
    }
    case "NotJson":
      return `The answer is not valid JSON: ${reason.description} at character ${reason.offset}.\n` +
        "Answer again with one JSON value and nothing else."
    case "Empty":
      return "The answer was empty. Answer with one JSON value and nothing else."
    default:
      return undefined
  }
}

/**
 * What the caller needs to know for a (further) attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Round {
  /** 0 for the first attempt. Add it to the seed: a greedy model would repeat itself. */
  readonly index: number
  /** The previous response, if it had the wrong shape, and what to say about it. */
  readonly correction: { readonly answer: string; readonly feedback: string } | undefined
  /** How many times the token limit has cut a response: a reason to raise it, not to complain to the model. */
  readonly truncations: number
  /** The text of the previous response, if it was cut off or is not JSON: its beginning may be good. */
  readonly broken: string | undefined
}

/**
 * A decoded value with its response and the failed ones before it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome<A, B extends Answer> extends Decoded<A> {
  readonly answer: B
  readonly attempts: ReadonlyArray<StructuredOutputError.Attempt>
}

/**
 * Repeats until a response decodes, with at most `times` retries. A wrong shape is retried with feedback, a cut response
 * without; a refusal ends it. The last error holds all earlier responses.
 *
 * @category combinators
 * @since 0.1.0
 */
export const retryWithFeedback = <A, R, B extends Answer, E, R2>(
  output: Decoder<A, R>,
  options: {
    readonly times: number
    readonly ask: (round: Round) => Effect.Effect<B, E, R2>
  }
): Effect.Effect<Outcome<A, B>, E | StructuredOutputError.StructuredOutputError, R | R2> => {
  const round = (
    at: Round,
    attempts: ReadonlyArray<StructuredOutputError.Attempt>
  ): Effect.Effect<Outcome<A, B>, E | StructuredOutputError.StructuredOutputError, R | R2> =>
    Effect.flatMap(options.ask(at), (answer) =>
      output.decode(answer).pipe(
        Effect.map((decoded) => ({ ...decoded, answer, attempts })),
        Effect.catch((error) => {
          if (!error.isRetryable || answer.isFinal === true || at.index >= options.times) {
            return Effect.fail(StructuredOutputError.make(error.reason, attempts))
          }
          const feedback = message(error)
          return round({
            index: at.index + 1,
            correction: feedback === undefined ? undefined : { answer: answer.text, feedback },
            truncations: at.truncations + (error.reason._tag === "Truncated" ? 1 : 0),
            broken: error.reason._tag === "Truncated" || error.reason._tag === "NotJson" ? answer.text : undefined
          }, [...attempts, attempt(answer, error)])
        })
      ))
  return round({ index: 0, correction: undefined, truncations: 0, broken: undefined }, [])
}

const attempt = (
  answer: Answer,
  error: StructuredOutputError.StructuredOutputError
): StructuredOutputError.Attempt => ({
  text: answer.text,
  ...answer.finishReason !== undefined && { finishReason: answer.finishReason },
  problem: error.reason.message
})
