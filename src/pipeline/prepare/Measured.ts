/**
 * An option that an endpoint was measured not to honour is not sent to it, whatever is known about its engine.
 *
 * @since 0.2.0
 */
import { type Dialect, names, type Route, type Rule, type Rules } from "../../dialect/Dialect.ts"
import type { GenerationOptions, Issue } from "../../GenerationOptions.ts"
import type { Finding, Proof } from "../../Proof.ts"

/**
 * The name of the finding on JSON under a grammar.
 *
 * @category constants
 * @since 0.2.0
 */
export const GRAMMAR = "grammar: JSON Schema"

const isRefusal = (finding: Finding | undefined): finding is Finding =>
  finding !== undefined && (finding.outcome === "dropped" || finding.outcome === "refused")

const message = ({ detail, name, outcome }: Finding, { engine, measuredAt }: Proof): string =>
  `${name} was ${outcome} by this ${names[engine]} when it was measured (${measuredAt}): ${detail}`

/** Whether a value adds nothing to a body, so that it does not matter whether the server reads it. */
const isNeutral = (rules: Rules | undefined, name: string, value: unknown): boolean => {
  const rule = Object.entries(rules ?? {}).find(([option]) => option === name)?.[1]
  if (rule === undefined) return true
  // the value of an option is what the rule of its name takes, which the compiler cannot see through the name
  const { _tag, encode, neutral } = rule as {
    _tag: Rule<unknown>["_tag"]
    encode?: (value: unknown) => object | undefined
    neutral?: (value: unknown) => boolean
  }
  return _tag === "Sent"
    ? encode !== undefined && Object.keys(encode(value) ?? {}).length === 0
    : neutral?.(value) === true
}

/**
 * The options of a request that the endpoint was measured not to honour.
 *
 * @category validation
 * @since 0.2.0
 */
export const refusals = (
  proof: Proof,
  dialect: Dialect,
  route: Route,
  options: GenerationOptions,
  isConstrained: boolean
): ReadonlyArray<Issue> => {
  if (proof.engine !== dialect.engine) {
    const answers = `${names[dialect.engine]} serves this endpoint`
    return [{
      path: ["proof"],
      message: `the proof was measured on ${names[proof.engine]}, but ${answers}: measure again`
    }]
  }
  const rules = dialect.rules[route]
  const found = new Map(
    proof.findings.filter((finding) => finding.route === route).map((finding) => [finding.name, finding])
  )
  const grammar = isConstrained ? found.get(GRAMMAR) : undefined
  return [
    ...Object.entries(options).flatMap(([name, value]) => {
      const finding = found.get(name)
      return value === undefined || !isRefusal(finding) || isNeutral(rules, name, value)
        ? []
        : [{ path: [name], message: message(finding, proof) }]
    }),
    ...(isRefusal(grammar) ? [{ path: ["structuredOutput"], message: message(grammar, proof) }] : [])
  ]
}
