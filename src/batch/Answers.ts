/**
 * How a row gets its generations: from the cache if there is one, otherwise generated and judged.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"
import * as AnswerCache from "./AnswerCache.ts"
import * as Judge from "./Judge.ts"
import type { Options } from "./Options.ts"
import type * as Work from "./Work.ts"

const RETRIES = 2

const bigintText = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** Options that only affect how a row is sent, so that its generations do not depend on them. */
const manner = new Set([
  "concurrency",
  "countTokens",
  "delivery",
  "wholeUpTo",
  "revive",
  "resume",
  "unsupported",
  "captureContent"
])

/** The options of a row as a string, which is the same for the same options. */
const textOf = (options: CallOptions): string => {
  const asked = Object.entries(options).filter(([name, value]) => value !== undefined && !manner.has(name))
  return JSON.stringify(asked.toSorted(([a], [b]) => a < b ? -1 : 1), bigintText)
}

/**
 * The input and the options of a row as one string, which is the same for the same request.
 *
 * @category getters
 * @since 0.2.0
 */
export const promptOf = (input: Message.Input, optionsText: string): string =>
  // a string contains no large integer, and a replacer costs as much as the rest
  `[${
    typeof input === "string" || "raw" in input ? JSON.stringify(input) : JSON.stringify(input, bigintText)
  },${optionsText}]`

/**
 * The options of a call, and their string, by the row's own options: most rows have none, and share one object.
 *
 * @category constructors
 * @since 0.2.0
 */
export const callsOf = (options: CallOptions | undefined) => {
  const calls = (own: CallOptions) => {
    // one request of a row at a time, so that rows in flight are requests in flight
    const call = { concurrency: 1, ...options, ...own }
    return { call, optionsText: textOf(call) }
  }
  const shared = calls({})
  return (own: CallOptions) => Object.keys(own).length === 0 ? shared : calls(own)
}

/**
 * What is known about an endpoint that reports nothing.
 *
 * @category constants
 * @since 0.2.0
 */
export const unknown: Work.About = {
  model: "",
  revision: "",
  provider: "",
  engine: "",
  engineVersion: "",
  template: "",
  isPinned: false
}

type Generate<E> = (input: Message.Input, options: CallOptions) => Effect.Effect<Judge.Judged["generations"], E>

interface Asking<E> {
  readonly generate: Generate<E>
  readonly task?: string | undefined
}

/**
 * How rows get their generations: from the cache if there is one, otherwise generated and judged.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (options: Options) => {
  const cache = options.cache === undefined ? undefined : AnswerCache.make(options.cache)
  return <E>(
    { generate, task = "" }: Asking<E>,
    about: Work.About,
    input: Message.Input,
    call: CallOptions,
    asked: string
  ) => {
    const judged = () => Judge.generate(generate, input, call, options.retries ?? RETRIES)
    return cache === undefined
      ? judged()
      : cache.through(AnswerCache.keyOf(about, `${task}${asked}`), options.retryFailed === true, Effect.suspend(judged))
  }
}

/**
 * The generations of one row, as a run would generate or look them up.
 *
 * @category running
 * @since 0.2.0
 */
export const answered = <E>(
  options: Options,
  work: Asking<E>,
  about: Work.About | undefined,
  input: Message.Input,
  call: CallOptions
): Effect.Effect<Judge.Answered, E | StructuredOutputError> =>
  make(options)(work, about ?? unknown, input, call, promptOf(input, textOf(call)))
