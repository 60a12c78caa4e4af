/**
 * A row's request → generations in the requested form: structured output is decoded, and requested again if it does not
 * decode.
 *
 * Another attempt has the next seed, or a seed of its own if none was given, and twice the limit on tokens when the
 * limit cut the text.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import * as GenerationOptions from "../GenerationOptions.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import * as OutputSpec from "../structured/OutputSpec.ts"
import * as Wrapper from "../structured/schema/Wrapper.ts"
import type { StructuredOutput } from "../structured/StructuredOutput.ts"
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Judged {
  readonly generations: ReadonlyArray<Generation.Generation>
  /** The decoded values as JSON text, one per generation. */
  readonly values: ReadonlyArray<string> | undefined
  /** Generations that did not decode. */
  readonly discarded: ReadonlyArray<Generation.Generation>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Answered extends Judged {
  /** It was in the cache: nothing was paid for it now. */
  readonly cached: boolean
}

type Generate<E> = (
  input: Message.Input,
  options: CallOptions
) => Effect.Effect<ReadonlyArray<Generation.Generation>, E>

type Output = StructuredOutput<unknown>

/** A value that is not an object may stand under a property of its own, which the service added for the engine. */
const decode = (output: Output, { finishReason, refusal, text }: Generation.Generation) => {
  const answer = { text, finishReason: refusal === undefined ? finishReason : "refusal" }
  return output.decode(answer).pipe(
    Effect.catch((error) => Effect.mapError(output.decode({ ...answer, wrap: Wrapper.WRAP }), () => error)),
    Effect.map(({ value }) => JSON.stringify(value))
  )
}

const isCut = ({ reason }: StructuredOutputError): boolean => reason._tag === "Truncated"

/** One generation until it decodes. */
const one = Effect.fnUntraced(function*<E>(
  generate: Generate<E>,
  input: Message.Input,
  options: CallOptions,
  output: Output,
  retries: number,
  first: Generation.Generation
) {
  const discarded: Array<Generation.Generation> = []
  const limit = options.maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS
  let generation = first
  let cuts = 0
  while (true) {
    const decoded = yield* Effect.result(decode(output, generation))
    if (Result.isSuccess(decoded)) return { generation, value: decoded.success, discarded }
    if (discarded.length >= retries) return yield* decoded.failure
    if (isCut(decoded.failure)) cuts++
    discarded.push(generation)
    const seed = options.seed === undefined
      ? yield* Random.nextIntBetween(0, 2 ** 31)
      : GenerationOptions.seedAfter(options.seed, discarded.length)
    const again = yield* generate(input, {
      ...options,
      numGenerations: 1,
      seed,
      ...(cuts > 0 && { maxNewTokens: limit * 2 ** cuts })
    })
    const [next] = again
    if (next === undefined) return yield* decoded.failure
    generation = next
  }
})

const none: ReadonlyArray<Generation.Generation> = []

const asGenerated = (generations: ReadonlyArray<Generation.Generation>): Answered => ({
  generations,
  values: undefined,
  discarded: none,
  cached: false
})

/**
 * Generates for a row, and retries what does not decode, up to a number of times per generation.
 *
 * @category running
 * @since 0.2.0
 */
export const generate = <E>(
  generate: Generate<E>,
  input: Message.Input,
  options: CallOptions,
  retries: number
): Effect.Effect<Answered, E | StructuredOutputError> => {
  const { structuredOutput: spec } = options
  const generated = generate(input, options)
  if (spec === undefined || spec === false) return Effect.map(generated, asGenerated)
  return Effect.gen(function*() {
    const { output } = yield* Effect.fromResult(OutputSpec.interpret(spec))
    const all = yield* Effect.forEach(
      yield* generated,
      (first) => one(generate, input, options, output, retries, first)
    )
    return {
      generations: all.map(({ generation }) => generation),
      values: all.map(({ value }) => value),
      discarded: all.flatMap(({ discarded }) => discarded),
      cached: false
    }
  })
}
