/**
 * How a generation is assembled from several requests.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type { Constraint } from "../../structured/Grammar.ts"
import * as Residual from "../../structured/regex/Residual.ts"
import * as Continuation from "./Continuation.ts"
import * as Slices from "./Slices.ts"

/**
 * How to use several requests; undefined if the constraint does not show what may follow a text.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  { options, settings, target }: Slices.Asked,
  constraint: Constraint | undefined,
  next?: Continuation.Plan["next"]
): Continuation.Over | undefined => {
  const language = constraint === undefined ? undefined : languageOf(constraint)
  if (constraint !== undefined && language === undefined) return undefined
  const { continueFrom = "" } = settings
  const plan: Continuation.Plan = {
    limit: Slices.tokensOf(options),
    language,
    written: language === undefined ? continueFrom : continueFrom.slice(0, language.longest(continueFrom).length),
    stop: options.stopSequences ?? [],
    limits: target.engine.limits,
    resume: settings.resume ?? 0,
    next,
    sliced: Slices.isSliced(target) && settings.continuation !== false
  }
  return (call, open) => Continuation.make(call, plan, open)
}

/** The language of a constraint that is a single regex. */
const languageOf = ({ fields }: Constraint): Residual.Residual | undefined => {
  const grammar = fields["grammar"] ?? fields["response_format"]
  if (typeof grammar !== "object" || grammar === null || !("type" in grammar) || !("value" in grammar)) return undefined
  return grammar.type === "regex" && typeof grammar.value === "string"
    ? Result.getOrUndefined(Residual.make(grammar.value))
    : undefined
}
