/**
 * The options of a run, kept in its manifest, so that its failed rows can be retried by naming its output alone.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { noBatch, refuse } from "./Claim.ts"
import * as Manifest from "./log/Manifest.ts"
import * as Options from "./Options.ts"
import { isRecord } from "./rows/Row.ts"

type Kept = Pick<Options.Options, "input" | "columns" | "options" | "retries" | "keep">

const isJson = Schema.is(Schema.Record(Schema.String, Schema.Json))

/** The digits of a seed that may not fit a number. */
const bigintText = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** A structured output that is a Schema of a program cannot be written. */
const isWritten = ({ structuredOutput }: NonNullable<Options.Options["options"]>): boolean =>
  structuredOutput === undefined || structuredOutput === false || typeof structuredOutput.schema === "string" ||
  isJson(structuredOutput.schema)

/**
 * The options of a run that its manifest keeps.
 *
 * @category conversions
 * @since 0.2.0
 */
export const givenOf = (
  { columns, input, keep, options = {}, retries }: Options.Options
): { readonly given?: Readonly<Record<string, unknown>> } =>
  isWritten(options)
    ? { given: JSON.parse(JSON.stringify({ input, columns, options, retries, keep }, bigintText)) }
    : {}

/**
 * The options of an earlier run, and what it used: its endpoint, template and task as its manifest records them.
 *
 * @category models
 * @since 0.2.0
 */
export interface Recalled {
  readonly options: Kept
  readonly endpoint: Readonly<Record<string, unknown>>
  readonly template: Readonly<Record<string, unknown>>
  readonly task: unknown
}

const member = (value: unknown, name: string): Readonly<Record<string, unknown>> => {
  const found = isRecord(value) ? value[name] : undefined
  return isRecord(found) ? found : {}
}

const seeded = ({ options, ...given }: Kept): Kept => {
  const seed: unknown = options?.seed
  return { ...given, options: { ...options, ...(typeof seed === "string" && { seed: BigInt(seed) }) } }
}

/**
 * Reads the options of the run that wrote an output. Fails with `InvalidOptions` if no batch wrote it, if an option of
 * the run cannot be written down, or if version 0.1.0 started it.
 *
 * @category running
 * @since 0.2.0
 */
export const recall = Effect.fnUntraced(function*(output: string) {
  const manifest = yield* Manifest.read(Options.paths({ output }).manifest)
  if (manifest === undefined) return yield* noBatch(output)
  const { configuration, given } = manifest
  if (given?.input === undefined) {
    return yield* refuse(
      `the manifest of ${output} does not hold the options of its run; run the same command again, with --retry-failed`
    )
  }
  const service = member(configuration, "service")
  const backend = member(service, "backend")
  const recalled: Recalled = {
    // what this package's `givenOf` wrote
    options: seeded(given as unknown as Kept),
    endpoint: member(backend, "endpoint"),
    template: member(backend, "template"),
    task: service.task
  }
  return recalled
})
