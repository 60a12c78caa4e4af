/**
 * Where a batch stops by itself, leaving every other row pending for a later run.
 *
 * Tokens, dollars and errors count all that is in the output, so the same command does not spend a budget twice. The
 * most that a row can use is reserved before its request goes out, so that a budget of tokens or dollars is never
 * exceeded; what it did not use is given back. Usage that the server did not report cannot be counted, which ends a
 * batch with such a budget.
 *
 * @since 0.1.0
 */

/**
 * What an endpoint costs, in dollars: a router's prices by tokens, or a dedicated endpoint's by time.
 *
 * @category models
 * @since 0.1.0
 */
export interface Price {
  readonly inputPerMillion?: number | undefined
  readonly outputPerMillion?: number | undefined
  /** Only the time of the present run is known and counted. */
  readonly perHour?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  /** Read and written. */
  readonly tokens?: number | undefined
  /** Needs a price. */
  readonly dollars?: number | undefined
  /** Failed rows. */
  readonly errors?: number | undefined
  /** No row starts after it. */
  readonly until?: Date | undefined
}

/**
 * Tokens read and written.
 *
 * @category models
 * @since 0.2.0
 */
export interface Used {
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * What was spent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent extends Used {
  readonly failed: number
  /** Milliseconds of the present run. */
  readonly elapsed: number
  /** Generations whose tokens are not known. */
  readonly uncounted: number
}

const MILLION = 1_000_000
const HOUR = 3_600_000

/**
 * Whether a price covers both kinds of tokens, or an hour.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isKnown = (price: Price | undefined): price is Price =>
  price !== undefined &&
  (price.perHour !== undefined || (price.inputPerMillion !== undefined && price.outputPerMillion !== undefined))

/**
 * What tokens cost, without the time.
 *
 * @category accessors
 * @since 0.2.0
 */
export const ofTokens = (price: Price, { inputTokens, outputTokens }: Used): number =>
  (inputTokens * (price.inputPerMillion ?? 0) + outputTokens * (price.outputPerMillion ?? 0)) / MILLION

/**
 * @category accessors
 * @since 0.1.0
 */
export const dollars = (price: Price, spent: Omit<Spent, "failed" | "uncounted">): number =>
  ofTokens(price, spent) + (spent.elapsed / HOUR) * (price.perHour ?? 0)

/**
 * Which budget is used up, in a sentence; undefined while none is. `reserved` is what rows in flight and the next one may
 * use at most.
 *
 * @category accessors
 * @since 0.1.0
 */
export const exceeded = (
  budget: Budget,
  price: Price,
  spent: Spent,
  now: number,
  reserved: Used = { inputTokens: 0, outputTokens: 0 }
): string | undefined => {
  const counts = budget.tokens !== undefined || (budget.dollars !== undefined && price.perHour === undefined)
  if (counts && spent.uncounted > 0) {
    return `the server did not report the tokens of ${spent.uncounted} generations, so the budget cannot be enforced; set countTokens, a price by the hour, or leave out the budget`
  }
  const tokens = spent.inputTokens + spent.outputTokens
  const more = reserved.inputTokens + reserved.outputTokens
  if (budget.tokens !== undefined && (tokens >= budget.tokens || tokens + more > budget.tokens)) {
    return `the budget of ${budget.tokens} tokens is used up (${tokens}${
      more > 0 ? `, and the next row may use ${more}` : ""
    })`
  }
  if (budget.dollars !== undefined) {
    const used = dollars(price, spent)
    const next = ofTokens(price, reserved)
    if (used >= budget.dollars || used + next > budget.dollars) {
      return `the budget of $${budget.dollars} is used up ($${used.toFixed(2)}${
        next > 0 ? `, and the next row may cost $${next.toFixed(4)}` : ""
      })`
    }
  }
  if (budget.errors !== undefined && spent.failed >= budget.errors) {
    return `${spent.failed} rows have failed, of ${budget.errors} allowed`
  }
  if (budget.until !== undefined && now >= budget.until.getTime()) {
    return `the time is up (${budget.until.toISOString()})`
  }
  return undefined
}

/**
 * What is wrong with a budget.
 *
 * @category validation
 * @since 0.1.0
 */
export const problems = (budget: Budget): ReadonlyArray<string> =>
  (["tokens", "dollars", "errors"] as const).flatMap((name) => {
    const value = budget[name]
    return value === undefined || value > 0 ? [] : [`budget.${name} must be above 0, got ${value}`]
  })

/**
 * Why a budget in dollars cannot be counted at this price; undefined when it can.
 *
 * @category validation
 * @since 0.2.0
 */
export const unpriced = (budget: Budget, price: Price | undefined): string | undefined =>
  budget.dollars === undefined || isKnown(price)
    ? undefined
    : "budget.dollars needs a price: per million tokens read and written, or per hour"
