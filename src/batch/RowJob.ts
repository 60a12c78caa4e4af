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
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"
import * as Answers from "./Answers.ts"
import type * as BatchError from "./BatchError.ts"
import type { Item } from "./Items.ts"
import type * as Judge from "./Judge.ts"
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
  /** With `pin`: where the first response of the output came from. */
  readonly pinned: { source: string | undefined }
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

/** What a row yielded. */
export interface Given extends Judge.Judged, Tally.Counted {
  readonly provenance: Line.Provenance
}

/** The name of this package with its version. */
const PACKAGE = HeaderFields.userAgent(undefined)

const NOTES = 20

/** Reports each note once, and only up to a limit. */
const notes = (onEvent: Run<never>["onEvent"]) => {
  const told = new Set<string>()
  return (all: ReadonlyArray<string>) =>
    Effect.forEach(all, (message) => {
      if (told.has(message) || told.size >= NOTES) return Effect.void
      told.add(message)
      return onEvent({ _tag: "Warning", message })
    }, { discard: true })
}

/**
 * What the generations cost: as the server reports for each, else by the price, if that and the tokens are known. The
 * time of an endpoint belongs to no row.
 */
const costOf = (price: Budget.Price | undefined, { discarded, generations }: Judge.Judged): number | undefined => {
  const isPriced = price?.inputPerMillion !== undefined && price.outputPerMillion !== undefined
  let dollars = 0
  for (const { statistics } of discarded.length === 0 ? generations : [...generations, ...discarded]) {
    const { cost, inputTokens, outputTokens } = statistics
    if (cost !== undefined) dollars += cost
    else if (isPriced && inputTokens !== undefined && outputTokens !== undefined) {
      dollars += Budget.ofTokens(price, { inputTokens, outputTokens })
    } else return undefined
  }
  return dollars
}

/** What a response says about its origin. */
const sourceOf = ({ model, statistics }: Judge.Judged["generations"][number]): string =>
  `the model ${JSON.stringify(model ?? "")}${
    statistics.provider === undefined ? "" : ` of ${JSON.stringify(statistics.provider)}`
  }`

/** The provider, if every response names it and the endpoint does not. */
const providerOf = ({ provider }: Work.About, { generations }: Judge.Judged): string => {
  const [first] = generations
  if (provider !== "") return provider
  return generations.length === 1
    ? first?.statistics.provider ?? ""
    : [...new Set(generations.flatMap(({ statistics }) => statistics.provider ?? []))].join(" ")
}

const keptOf = ({ keep }: Options, { columns, text }: Row.Row): string | undefined => {
  if (keep === undefined) return undefined
  if (keep === true) return text ?? JSON.stringify(columns)
  return JSON.stringify(Object.fromEntries(keep.map((name) => [name, columns[name] ?? null])))
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = <E extends Raised>(
  run: Run<E>,
  next: () => Effect.Effect<Item | undefined, BatchError.BatchError, FileSystem.FileSystem>,
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
  const price = endpoints[0]?.price ?? {}
  const answers = Answers.make(options)
  const callOf = Answers.callsOf(options.options)
  const { pinned } = run

  /** With `pin`, the first response says which model of which provider it is. */
  const checked = ({ generations }: Given): Effect.Effect<void> => {
    const other = generations.map(sourceOf).find((source) => source !== (pinned.source ??= source))
    return other === undefined ? Effect.void : stop({
      by: "pin",
      message: `a response came from ${other}, but the output holds responses from ${pinned.source ?? ""}`
    })
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
      const { call, optionsText } = callOf(request.success.options)
      const about = endpoint.about ?? Answers.unknown
      const asked = Answers.promptOf(input, optionsText)
      const answered = answers(endpoint.work, about, input, call, asked)
      const given = Effect.map(answered, (judged): Given => {
        const dollars = judged.cached ? 0 : costOf(endpoint.price, judged)
        return {
          ...judged,
          dollars,
          provenance: {
            model: about.model,
            revision: about.revision,
            provider: providerOf(about, judged),
            engine: about.engine,
            engineVersion: about.engineVersion,
            template: about.template,
            prompt: Digest.of(asked),
            dollars,
            package: PACKAGE
          }
        }
      })
      const pinning = options.pin === true ? Effect.tap(given, checked) : given
      return told === undefined ? pinning : Effect.andThen(note(told), pinning)
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
        const input = keptOf(options, row)
        return Effect.map(journal.output(Line.output(row, input === undefined ? given : { ...given, input })), () => {
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
        } is given up, and the others take over its rows: ${fault.message}`
      })
  }
}
