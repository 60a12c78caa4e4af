/**
 * What a simulated server received and how each request ended.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Received } from "./Reply.ts"

/**
 * How a request ended; `open` until then. `failed` is an injected fault, or an error status.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome = "open" | "completed" | "cancelled" | "failed"

/**
 * A request in the journal. The entry of an open request is filled in as it proceeds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  /** Counts from 1 in the order of arrival. */
  readonly id: number
  readonly request: Received
  /** Milliseconds since the epoch, on the clock of Effect. */
  readonly at: number
  /** `undefined` until the status line was sent. */
  readonly status: number | undefined
  readonly outcome: Outcome
  /** Generated tokens that left the server. */
  readonly tokens: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Totals {
  readonly received: number
  readonly completed: number
  readonly cancelled: number
  readonly failed: number
  readonly inFlight: number
  /** The most requests that were ever in flight at once. */
  readonly peakInFlight: number
  readonly tokens: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  /** The latest requests in the order of arrival, as many as the options allow. */
  readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  readonly totals: Effect.Effect<Totals>
  /** Waits until an entry satisfies the predicate, which may already be the case. */
  readonly wait: (predicate: (entry: Entry) => boolean) => Effect.Effect<Entry>
  /** Forgets entries and totals, but not what is in flight. */
  readonly clear: Effect.Effect<void>
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/**
 * An open entry, to be filled in by the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ticket {
  readonly started: (status: number) => void
  readonly sent: (tokens: number) => void
  /** Only the first call counts. */
  readonly ended: (outcome: Exclude<Outcome, "open">) => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (limit: number) => {
  const none: Totals = { received: 0, completed: 0, cancelled: 0, failed: 0, inFlight: 0, peakInFlight: 0, tokens: 0 }
  const totals: Mutable<Totals> = { ...none }
  const waiters = new Set<{ readonly predicate: (entry: Entry) => boolean; readonly found: Deferred.Deferred<Entry> }>()
  let entries: Array<Entry> = []

  const changed = (entry: Entry): void => {
    for (const waiter of waiters) {
      if (!waiter.predicate(entry)) continue
      waiters.delete(waiter)
      Deferred.doneUnsafe(waiter.found, Exit.succeed(entry))
    }
  }

  const keep = (entry: Entry): void => {
    entries.push(entry)
    if (entries.length > limit * 2) entries = entries.slice(-limit)
  }

  const open = (request: Received, at: number, release: (outcome: Outcome) => void): Ticket => {
    const entry: Mutable<Entry> = { id: ++totals.received, request, at, status: undefined, outcome: "open", tokens: 0 }
    totals.inFlight++
    totals.peakInFlight = Math.max(totals.peakInFlight, totals.inFlight)
    keep(entry)
    changed(entry)
    return {
      started(status) {
        entry.status = status
        changed(entry)
      },
      sent(tokens) {
        entry.tokens += tokens
        totals.tokens += tokens
        changed(entry)
      },
      ended(outcome) {
        if (entry.outcome !== "open") return
        entry.outcome = outcome
        totals.inFlight--
        totals[outcome]++
        release(outcome)
        changed(entry)
      }
    }
  }

  const wait = (predicate: (entry: Entry) => boolean): Effect.Effect<Entry> =>
    Effect.suspend(() => {
      const present = entries.find(predicate)
      if (present !== undefined) return Effect.succeed(present)
      const waiter = { predicate, found: Deferred.makeUnsafe<Entry>() }
      waiters.add(waiter)
      return Effect.onInterrupt(Deferred.await(waiter.found), () => Effect.sync(() => waiters.delete(waiter)))
    })

  const journal: Journal = {
    entries: Effect.sync(() => entries.slice(-limit)),
    totals: Effect.sync(() => ({ ...totals })),
    wait,
    clear: Effect.sync(() => {
      entries = []
      Object.assign(totals, none, { inFlight: totals.inFlight, peakInFlight: totals.inFlight })
    })
  }
  return { journal, open }
}
