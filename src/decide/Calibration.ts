/**
 * How well probabilities are calibrated: of the decisions that were 80 % sure, 80 % should be right.
 *
 * @since 0.2.0
 */

/**
 * A decision whose right label is known.
 *
 * @category models
 * @since 0.2.0
 */
export interface Judged {
  /** The label that is right. */
  readonly truth: string
  readonly probabilities: { readonly [label: string]: number }
}

/**
 * The decisions whose likeliest label had a probability in one range.
 *
 * @category models
 * @since 0.2.0
 */
export interface Bin {
  readonly from: number
  readonly to: number
  readonly count: number
  /** The mean probability of the likeliest label; undefined in an empty bin. */
  readonly confidence: number | undefined
  /** The share of right decisions; undefined in an empty bin. */
  readonly accuracy: number | undefined
}

/**
 * What labelled data says about a model's decisions.
 *
 * @category models
 * @since 0.2.0
 */
export interface Calibration {
  readonly count: number
  /** The share of decisions whose likeliest label is right. */
  readonly accuracy: number
  /** The mean probability of the likeliest label. */
  readonly confidence: number
  /** Expected calibration error: how far confidence and accuracy of the bins differ, weighted by their counts. */
  readonly expectedError: number
  /** The mean of the squared distance from the truth over all labels, 0 to 2: lower is better. */
  readonly brier: number
  /** The mean log loss, in nats. A truth of probability 0 counts as 1e-12. */
  readonly logLoss: number
  readonly bins: ReadonlyArray<Bin>
}

/**
 * The likeliest label; in a tie, the first one. Undefined if there is none.
 *
 * @category accessors
 * @since 0.2.0
 */
export const likeliest = (
  probabilities: Judged["probabilities"]
): readonly [label: string, probability: number] | undefined => {
  let best: readonly [string, number] | undefined
  for (const [label, probability] of Object.entries(probabilities)) {
    if (best === undefined || probability > best[1]) best = [label, probability]
  }
  return best
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0) / values.length

const LEAST = 1e-12

/**
 * Measures decisions against the truth, in ranges of equal width. Undefined if there are no decisions.
 *
 * @category running
 * @since 0.2.0
 */
export const measure = (judged: ReadonlyArray<Judged>, bins = 10): Calibration | undefined => {
  const all = judged.flatMap(({ probabilities, truth }) => {
    const best = likeliest(probabilities)
    return best === undefined ? [] : [{ confidence: best[1], right: best[0] === truth ? 1 : 0, probabilities, truth }]
  })
  if (all.length === 0) return undefined
  const filled = Array.from({ length: bins }, (_, at): Bin => {
    const inside = all.filter(({ confidence }) => Math.min(bins - 1, Math.floor(confidence * bins)) === at)
    const isEmpty = inside.length === 0
    return {
      from: at / bins,
      to: (at + 1) / bins,
      count: inside.length,
      confidence: isEmpty ? undefined : mean(inside.map(({ confidence }) => confidence)),
      accuracy: isEmpty ? undefined : mean(inside.map(({ right }) => right))
    }
  })
  return {
    count: all.length,
    accuracy: mean(all.map(({ right }) => right)),
    confidence: mean(all.map(({ confidence }) => confidence)),
    expectedError: filled.reduce(
      (total, { accuracy = 0, confidence = 0, count }) => total + count / all.length * Math.abs(accuracy - confidence),
      0
    ),
    brier: mean(all.map(({ probabilities, truth }) =>
      Object.entries(probabilities).reduce(
        (total, [label, probability]) => total + (probability - (label === truth ? 1 : 0)) ** 2,
        Object.hasOwn(probabilities, truth) ? 0 : 1
      )
    )),
    logLoss: mean(all.map(({ probabilities, truth }) => -Math.log(Math.max(LEAST, probabilities[truth] ?? 0)))),
    bins: filled
  }
}
