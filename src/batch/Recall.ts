/**
 * What a run was given, kept in its manifest, so that its failed rows can be retried by naming its output alone.
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

/** Digits of a seed that a number may not hold. */
const bigintText = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** A structured output that is a Schema of a program cannot be written. */
const isWritten = ({ structuredOutput }: NonNullable<Options.Options["options"]>): boolean =>
  structuredOutput === undefined || structuredOutput === false || typeof structuredOutput.schema === "string" ||
  isJson(structuredOutput.schema)

/**
 * What the manifest keeps of a run's options.
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
 * What an earlier run was given, and what it asked: its endpoint, template and task as its manifest holds them.
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
 * Reads what the run of an output was given. Fails with `InvalidOptions` when no batch wrote it, when the run was given
 * something that cannot be written down, or when version 0.1.0 began it.
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
      `the manifest of ${output} does not say what its run was given; run it again as it was run, with --retry-failed`
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
