/**
 * Where a batch stops of itself, with every other row pending for a later run.
 *
 * Tokens, dollars and errors count all that is in the output, so the same command does not spend a budget twice. Rows
 * under way when a budget is used up are finished: it can be passed by so many rows as run at once.
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
 * What was spent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly failed: number
  /** Milliseconds of the present run. */
  readonly elapsed: number
}

const MILLION = 1_000_000
const HOUR = 3_600_000

/**
 * @category accessors
 * @since 0.1.0
 */
export const dollars = (price: Price, spent: Spent): number =>
  (spent.inputTokens * (price.inputPerMillion ?? 0) + spent.outputTokens * (price.outputPerMillion ?? 0)) / MILLION +
  (spent.elapsed / HOUR) * (price.perHour ?? 0)

/**
 * Which budget is used up, in a sentence; undefined while none is.
 *
 * @category accessors
 * @since 0.1.0
 */
export const exceeded = (budget: Budget, price: Price, spent: Spent, now: number): string | undefined => {
  const tokens = spent.inputTokens + spent.outputTokens
  if (budget.tokens !== undefined && tokens >= budget.tokens) {
    return `the budget of ${budget.tokens} tokens is used up (${tokens})`
  }
  if (budget.dollars !== undefined && dollars(price, spent) >= budget.dollars) {
    return `the budget of $${budget.dollars} is used up ($${dollars(price, spent).toFixed(2)})`
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
export const problems = (budget: Budget, price: Price): ReadonlyArray<string> => {
  const named = (["tokens", "dollars", "errors"] as const).flatMap((name) => {
    const value = budget[name]
    return value === undefined || value > 0 ? [] : [`budget.${name} must be above 0, given ${value}`]
  })
  const priced = Object.values(price).some((value) => value !== undefined)
  return budget.dollars !== undefined && !priced
    ? [...named, "budget.dollars needs a price: per million tokens, or per hour"]
    : named
}
