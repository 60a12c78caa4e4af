/**
 * What an endpoint was measured to honour: a value that can be saved, read again, and passed to the service (`proof`),
 * which then refuses what this endpoint does not do, whatever its engine is documented to do.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Engine from "./endpoint/address/Engine.ts"

/**
 * What happened to a requested option. `unclear`: the model's responses did not show it.
 *
 * @category models
 * @since 0.2.0
 */
export const Outcome = Schema.Literals(["honoured", "dropped", "refused", "unclear"])

/**
 * @category models
 * @since 0.2.0
 */
export type Outcome = typeof Outcome.Type

/**
 * One thing that was measured: an option under its own name, or a behaviour in words.
 *
 * @category models
 * @since 0.2.0
 */
export const Finding = Schema.Struct({
  name: Schema.String,
  route: Schema.Literals(["generate", "chat", "completion"]),
  outcome: Outcome,
  /** What this package's tables say about the engine, if anything. */
  documented: Schema.optionalKey(Schema.Literals(["honoured", "dropped", "refused"])),
  detail: Schema.String
})

/**
 * @category models
 * @since 0.2.0
 */
export type Finding = typeof Finding.Type

/**
 * What was measured on one endpoint.
 *
 * @category models
 * @since 0.2.0
 */
export const Proof = Schema.Struct({
  version: Schema.Literal(1),
  /** When, in ISO 8601. */
  measuredAt: Schema.String,
  model: Schema.String,
  engine: Engine.Kind,
  engineVersion: Schema.optionalKey(Schema.String),
  /** How many requests it took. */
  requests: Schema.Int,
  findings: Schema.Array(Finding)
})

/**
 * @category models
 * @since 0.2.0
 */
export type Proof = typeof Proof.Type

/**
 * A proof as JSON text.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Json = Schema.fromJsonString(Proof)

/**
 * Whether the endpoint behaved differently from what is known about its engine.
 *
 * @category guards
 * @since 0.2.0
 */
export const isOther = ({ documented, outcome }: Finding): boolean =>
  documented !== undefined && outcome !== "unclear" && outcome !== documented

/**
 * Whether something that programs rely on does not work.
 *
 * @category guards
 * @since 0.2.0
 */
export const isBroken = (finding: Finding): boolean => isOther(finding) && finding.documented === "honoured"

/**
 * `fail` if the endpoint does not do what its engine is known to do, `warn` if it differs otherwise, or if the result
 * is unclear.
 *
 * @category accessors
 * @since 0.2.0
 */
export const verdict = ({ findings }: Proof): "pass" | "warn" | "fail" =>
  findings.some(isBroken) ? "fail" : findings.some((finding) => isOther(finding)) ? "warn" : "pass"

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ")

/**
 * The findings as a table in Markdown.
 *
 * @category conversions
 * @since 0.2.0
 */
export const markdown = ({ findings }: Proof): string =>
  [
    "| what | route | measured | |",
    "| --- | --- | --- | --- |",
    ...findings.map((finding) =>
      `| ${cell(finding.name)} | \`${finding.route}\` | ${finding.outcome}${
        isOther(finding) ? `, documented: ${finding.documented}` : ""
      } | ${cell(finding.detail)} |`
    )
  ].join("\n")
