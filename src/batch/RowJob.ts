/**
 * A row of a batch from its columns to its line: mapped, generated, judged, priced, written and counted.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as HeaderFields from "../http/HeaderFields.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"
import * as AnswerCache from "./AnswerCache.ts"
import type * as BatchError from "./BatchError.ts"
import * as Judge from "./Judge.ts"
import type * as Journal from "./log/Journal.ts"
import type * as Ledger from "./log/Ledger.ts"
import type { Options } from "./Options.ts"
import * as Budget from "./pace/Budget.ts"
import type { Raised } from "./pace/Fault.ts"
import type * as Pool from "./pace/Pool.ts"
import * as Reserve from "./pace/Reserve.ts"
import type * as Progress from "./report/Progress.ts"
import type * as Report from "./report/Report.ts"
import * as Tally from "./report/Tally.ts"
import * as Digest from "./rows/Digest.ts"
import * as Line from "./rows/Line.ts"
import type * as Request from "./rows/Request.ts"
import type * as Row from "./rows/Row.ts"
import type { RowError } from "./rows/RowError.ts"
import type * as Work from "./Work.ts"

/**
 * What a run is made of.
 *
 * @category models
 * @since 0.2.0
 */
export interface Run<E extends Raised> {
  readonly options: Options
  readonly endpoints: ReadonlyArray<Endpoint<E>>
  readonly mapping: Row.Mapping
  readonly ledger: Ledger.Ledger
  readonly tally: Tally.Tally
  readonly onEvent: (event: Progress.Event) => Effect.Effect<void>
}

/**
 * An endpoint that is ready.
 *
 * @category models
 * @since 0.2.0
 */
export interface Endpoint<E extends Raised> {
  readonly name: string
  readonly work: Work.Work<E>
  readonly about: Work.About | undefined
  readonly price: Budget.Price | undefined
}

/** A row and what is asked for it. */
export interface Item {
  readonly row: Row.Row
  readonly request: Result.Result<Request.Request, RowError>
  /** What it holds of the budget until it is done. */
  reserved: Budget.Used | undefined
}

/** What a row gave. */
export interface Given extends Judge.Judged, Tally.Counted {
  readonly provenance: Line.Provenance
}

/** The name of this package with its version. */
const PACKAGE = HeaderFields.userAgent(undefined)

const RETRIES = 2
const NOTES = 20

/** Tells each note once, and of so many no more. */
const notes = (onEvent: Run<never>["onEvent"]) => {
  const told = new Set<string>()
  return (all: ReadonlyArray<string>) =>
    Effect.forEach(all, (message) => {
      if (told.has(message) || told.size >= NOTES) return Effect.void
      told.add(message)
      return onEvent({ _tag: "Warning", message })
    }, { discard: true })
}

const bigintText = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** Options of how a row is sent, which its generations do not depend on. */
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

/** The input and the options of a row as one text, which is the same for the same request. */
const promptOf = (input: Message.Input, options: CallOptions): string => {
  const asked = Object.entries(options).filter(([name, value]) => value !== undefined && !manner.has(name))
  return JSON.stringify([input, asked.toSorted(([a], [b]) => a < b ? -1 : 1)], bigintText)
}

const unknown: Work.About = {
  model: "",
  revision: "",
  provider: "",
  engine: "",
  engineVersion: "",
  template: "",
  isPinned: false
}

/** What the generations cost, where the price and the tokens are known; the time of an endpoint belongs to no row. */
const costOf = (price: Budget.Price | undefined, { discarded, generations }: Judge.Judged): number | undefined => {
  if (price?.inputPerMillion === undefined || price.outputPerMillion === undefined) return undefined
  let dollars = 0
  for (const { statistics } of [...generations, ...discarded]) {
    const { inputTokens, outputTokens } = statistics
    if (inputTokens === undefined || outputTokens === undefined) return undefined
    dollars += Budget.ofTokens(price, { inputTokens, outputTokens })
  }
  return dollars
}

const keptOf = ({ keep }: Options, { columns, text }: Row.Row): string | undefined => {
  if (keep === undefined) return undefined
  if (keep === true) return text ?? JSON.stringify(columns)
  return JSON.stringify(Object.fromEntries(keep.map((name) => [name, columns[name] ?? null])))
}

type Generate<E> = (input: Message.Input, options: CallOptions) => Effect.Effect<Judge.Judged["generations"], E>

/** How rows are answered: from the cache where there is one, else generated and judged. */
const answersOf = (options: Options) => {
  const cache = options.cache === undefined ? undefined : AnswerCache.make(options.cache)
  return <E>(generate: Generate<E>, about: Work.About, input: Message.Input, call: CallOptions, asked: string) => {
    const judged = Effect.suspend(() => Judge.generate(generate, input, call, options.retries ?? RETRIES))
    return cache === undefined
      ? Effect.map(judged, (judged) => ({ ...judged, cached: false }))
      : cache.through(AnswerCache.keyOf(about, asked), options.retryFailed === true, judged)
  }
}

/**
 * The generations of one row, as a run would make or find them.
 *
 * @category running
 * @since 0.2.0
 */
export const answered = <E>(
  options: Options,
  generate: Generate<E>,
  about: Work.About | undefined,
  input: Message.Input,
  call: CallOptions
): Effect.Effect<Judge.Judged & { readonly cached: boolean }, E | StructuredOutputError> =>
  answersOf(options)(generate, about ?? unknown, input, call, promptOf(input, call))

/**
 * The next row with its request, at most so many.
 *
 * @category constructors
 * @since 0.2.0
 */
export const items = <E, R>(
  source: Effect.Effect<Row.Row | undefined, E, R>,
  mapping: Row.Mapping,
  limit: number | undefined
): Effect.Effect<Item | undefined, E, R> => {
  let taken = 0
  return Effect.suspend(() => {
    if (limit !== undefined && taken >= limit) return Effect.undefined
    taken++
    return Effect.map(
      source,
      (row) => row === undefined ? undefined : { row, request: mapping(row), reserved: undefined }
    )
  })
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = <E extends Raised>(
  run: Run<E>,
  next: Effect.Effect<Item | undefined, BatchError.BatchError, FileSystem.FileSystem>,
  journal: Journal.Journal,
  stop: (why: Report.Why) => Effect.Effect<void>,
  retrying: (lane: number) => Effect.Effect<void>
): Pool.Job<
  Item,
  Given,
  E | RowError | StructuredOutputError,
  BatchError.BatchError,
  never,
  FileSystem.FileSystem
> => {
  const { endpoints, onEvent, options, tally } = run
  const { budget } = options
  const note = notes(onEvent)
  const reserve = Reserve.make()
  const [first] = endpoints
  const price = first?.price ?? {}
  const answers = answersOf(options)
  let model: string | undefined

  /** With `pin`, the first response says which model it is. */
  const checked = (given: Given): Effect.Effect<Given> => {
    if (options.pin !== true) return Effect.succeed(given)
    const other = given.generations.find((generation) => generation.model !== (model ??= generation.model))
    return other === undefined ? Effect.succeed(given) : Effect.as(
      stop({
        by: "pin",
        message: `a response came from the model ${JSON.stringify(other.model)}, and the output holds those of ${
          JSON.stringify(model)
        }`
      }),
      given
    )
  }

  return {
    next,
    ...(budget !== undefined && {
      mayStart: (item) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (item.reserved !== undefined) return Effect.succeed("go" as const)
          const { request } = item
          const worst = Result.isFailure(request)
            ? { inputTokens: 0, outputTokens: 0 }
            : Reserve.worst(reserve, request.success.input, { ...options.options, ...request.success.options })
          const message = Budget.exceeded(budget, price, tally.at(now), now, Reserve.plus(reserve.held, worst))
          if (message === undefined) {
            item.reserved = worst
            reserve.take(worst)
            return Effect.succeed("go" as const)
          }
          return reserve.rows > 0
            ? Effect.succeed("wait" as const)
            : Effect.as(stop({ by: "budget", message }), "stop" as const)
        })
    }),
    work: ({ request }, lane) => {
      if (Result.isFailure(request)) return Effect.fail(request.failure)
      const endpoint = endpoints[lane]
      if (endpoint === undefined) return Effect.never
      const { input, notes: told } = request.success
      // one request of a row at a time, so that rows in flight are requests in flight
      const call = { concurrency: 1, ...options.options, ...request.success.options }
      const about = endpoint.about ?? unknown
      const asked = promptOf(input, call)
      const answered = answers(endpoint.work.generate, about, input, call, asked)
      const given = Effect.flatMap(answered, (judged) => {
        const dollars = judged.cached ? 0 : costOf(endpoint.price, judged)
        return checked({
          ...judged,
          dollars,
          provenance: {
            model: about.model,
            revision: about.revision,
            provider: about.provider,
            engine: about.engine,
            engineVersion: about.engineVersion,
            template: about.template,
            prompt: Digest.of(asked),
            dollars,
            package: PACKAGE
          }
        })
      })
      return told === undefined ? given : Effect.andThen(note(told), given)
    },
    tokens: ({ discarded, generations }) =>
      Tally.tokensOf(discarded.length === 0 ? generations : [...generations, ...discarded]),
    delivered: ({ request, reserved, row }, outcome) => {
      const settle = () => {
        if (reserved === undefined) return
        reserve.give(reserved)
        if (Result.isFailure(outcome) || Result.isFailure(request)) return
        for (const { statistics } of outcome.success.generations) reserve.learn(request.success.input, statistics)
      }
      if (Result.isSuccess(outcome)) {
        const given = outcome.success
        return Effect.map(journal.output(Line.output(row, { ...given, input: keptOf(options, row) })), () => {
          tally.answered(given)
          settle()
        })
      }
      const { fault } = outcome.failure
      return Effect.flatMap(journal.errors(Line.error(row, fault)), () => {
        tally.rejected(fault)
        settle()
        return onEvent({ _tag: "RowFailed", id: row.id, index: row.index, fault })
      })
    },
    retrying: (_item, fault, lane) => {
      tally.retried(fault.attempts)
      return retrying(lane)
    },
    gaveUp: (lane, fault) =>
      onEvent({
        _tag: "Warning",
        message: `the endpoint ${
          endpoints[lane]?.name ?? lane
        } is given up, and the others do its rows: ${fault.message}`
      })
  }
}
