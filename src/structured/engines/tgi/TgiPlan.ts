/**
 * How much of a schema is sent to TGI's compilers. The cost of a grammar there grows with its text and with the square
 * of its states, so the same schema is written in less and less detail until the server can handle it.
 *
 * @since 0.2.0
 */

/**
 * @category models
 * @since 0.2.0
 */
export interface Plan {
  /** How many levels of a recursive part are written out. */
  readonly depth: number
  /** How deep a free value nests; 0 for scalars only. */
  readonly free: number
  /** Whether strings may contain every escape, including line breaks, or only those of TGI's own grammar. */
  readonly escapes: boolean
  /** Whether an object that lists its keys and allows more gets further keys. */
  readonly open: boolean
  /** Whether optional keys of a free value are left out. */
  readonly sparse: boolean
  /** Up to how many keys an object without a required one keeps them in order. */
  readonly optional: number
  /** Up to which length characters are counted. */
  readonly length: number
  /** How many states counting the items of one list may cost. */
  readonly counted: number
}

/**
 * From the most to the least detailed.
 *
 * @category constants
 * @since 0.2.0
 */
export const plans = (depth: number, free: "refuse" | "scalars" | "bounded"): readonly [Plan, ...Array<Plan>] => {
  const most = free === "bounded" ? 2 : 0
  const richest: Plan = {
    depth,
    free: most,
    escapes: true,
    open: true,
    sparse: false,
    optional: 6,
    length: 200,
    counted: 400
  }
  const steps: ReadonlyArray<Plan> = [
    { depth, free: 1, escapes: true, open: false, sparse: false, optional: 6, length: 200, counted: 400 },
    { depth, free: 1, escapes: true, open: false, sparse: false, optional: 6, length: 64, counted: 200 },
    { depth, free: 1, escapes: false, open: false, sparse: false, optional: 6, length: 64, counted: 200 },
    { depth: 2, free: 1, escapes: false, open: false, sparse: false, optional: 6, length: 64, counted: 200 },
    { depth: 2, free: 1, escapes: true, open: false, sparse: false, optional: 1, length: 64, counted: 200 },
    { depth: 2, free: 0, escapes: false, open: false, sparse: false, optional: 1, length: 32, counted: 100 },
    { depth: 1, free: 0, escapes: false, open: false, sparse: false, optional: 1, length: 16, counted: 60 },
    { depth: 1, free: 0, escapes: false, open: false, sparse: true, optional: 1, length: 4, counted: 20 }
  ]
  return [
    richest,
    ...steps.map((plan) => ({ ...plan, depth: Math.min(plan.depth, depth), free: Math.min(plan.free, most) }))
  ]
}
