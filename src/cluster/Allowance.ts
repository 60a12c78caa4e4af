/**
 * What all workers of a job share besides its shards: a rate, a budget, a pause, and the election of the worker that
 * wakes the endpoint. Each is a row of the database.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as ClusterError from "./ClusterError.ts"
import { Database } from "./Database.ts"

/**
 * @category services
 * @since 0.2.0
 */
export class Allowance extends Context.Service<Allowance, {
  /** Books units of a bucket that all workers share, and returns how long to wait before they may be used. */
  readonly book: (
    key: string,
    units: number,
    perSecond: number,
    burst: number
  ) => Effect.Effect<Duration.Duration, ClusterError.ClusterError>
  /** What the job may spend of a unit, such as `tokens`. What has already been spent stays spent. */
  readonly allow: (job: string, unit: string, allowed: number) => Effect.Effect<void, ClusterError.ClusterError>
  /** Takes an amount from the budget; false if that is more than is left. */
  readonly reserve: (job: string, unit: string, amount: number) => Effect.Effect<boolean, ClusterError.ClusterError>
  /** Returns what was reserved and not spent; a negative amount was overspent. */
  readonly giveBack: (job: string, unit: string, amount: number) => Effect.Effect<void, ClusterError.ClusterError>
  /** No worker sends anything for this long. A longer existing pause stays. */
  readonly pause: (key: string, length: Duration.Duration) => Effect.Effect<void, ClusterError.ClusterError>
  /** How much longer the pause lasts. */
  readonly paused: (key: string) => Effect.Effect<Duration.Duration, ClusterError.ClusterError>
  /**
   * Runs `wake` in one worker at a time while the others wait for it: forty workers wake an endpoint once. After a
   * success no worker wakes it for a minute. If `wake` fails, or its worker dies, another one tries.
   */
  readonly wake: <E, R>(
    key: string,
    worker: string,
    wake: Effect.Effect<void, E, R>
  ) => Effect.Effect<void, E | ClusterError.ClusterError, R>
}>()("effect-inference-endpoints/cluster/Allowance") {}

/** The elected worker has to renew its election before this is over. */
const TERM = Duration.seconds(15)
/** How long an endpoint counts as awake. */
const AWAKE = Duration.minutes(1)
const LOOK = Duration.millis(500)

const make = Effect.gen(function*() {
  const { now, run, sql } = yield* Database
  const number = (value: number) => sql`CAST(${value} AS DOUBLE PRECISION)`
  const seconds = (duration: Duration.Duration) => number(Duration.toSeconds(duration))

  const elect = (key: string, worker: string) =>
    Effect.map(
      run(
        "electing who wakes the endpoint",
        sql`INSERT INTO batch_gate (key, paused_until, awake_until, waker, waker_until)
          VALUES (${key}, 0, 0, ${worker}, ${now} + ${seconds(TERM)})
          ON CONFLICT (key) DO UPDATE SET waker = excluded.waker, waker_until = excluded.waker_until
          WHERE batch_gate.awake_until < ${now} AND
            (batch_gate.waker = excluded.waker OR batch_gate.waker_until < ${now})
          RETURNING 1 AS elected`
      ),
      (rows) => rows.length === 1
    )
  const isAwake = (key: string) =>
    Effect.map(
      run(
        "checking whether the endpoint is awake",
        sql`SELECT 1 AS awake FROM batch_gate WHERE key = ${key} AND awake_until >= ${now}`
      ),
      (rows) => rows.length === 1
    )
  const awake = (key: string, length: Duration.Duration) =>
    Effect.asVoid(run(
      "recording that the endpoint is awake",
      sql`UPDATE batch_gate SET waker = NULL, waker_until = 0, awake_until = ${now} + ${
        seconds(length)
      } WHERE key = ${key}`
    ))

  const wake = <E, R>(
    key: string,
    worker: string,
    effect: Effect.Effect<void, E, R>
  ): Effect.Effect<void, E | ClusterError.ClusterError, R> => {
    const renewing = elect(key, worker).pipe(
      Effect.delay(Duration.times(TERM, 1 / 3)),
      Effect.forever
    )
    const lead = Effect.raceFirst(effect, renewing).pipe(
      Effect.andThen(awake(key, AWAKE)),
      // the next one tries at once
      Effect.onError(() => Effect.ignore(awake(key, Duration.seconds(-1))))
    )
    const look: Effect.Effect<void, E | ClusterError.ClusterError, R> = Effect.gen(function*() {
      if (yield* isAwake(key)) return
      if (yield* elect(key, worker)) return yield* lead
      yield* Effect.delay(look, LOOK)
    })
    return look
  }

  return Allowance.of({
    book: Effect.fnUntraced(function*(key, units, perSecond, burst) {
      const cost = number(units / perSecond)
      const slack = number(burst / perSecond)
      const [row] = yield* run(
        "booking a rate",
        sql<{ wait: number }>`INSERT INTO batch_rate (key, free_at) VALUES (${key}, ${now} + ${cost} - ${slack})
          ON CONFLICT (key) DO UPDATE SET free_at = ${cost} + CASE
            WHEN batch_rate.free_at > ${now} - ${slack} THEN batch_rate.free_at ELSE ${now} - ${slack} END
          RETURNING free_at - ${now} AS wait`
      )
      return Duration.seconds(Math.max(0, row?.wait ?? 0))
    }),
    allow: (job, unit, allowed) =>
      Effect.asVoid(run(
        "setting a budget",
        sql`INSERT INTO batch_budget (job, unit, spent, allowed) VALUES (${job}, ${unit}, 0, ${number(allowed)})
          ON CONFLICT (job, unit) DO UPDATE SET allowed = excluded.allowed`
      )),
    reserve: (job, unit, amount) =>
      Effect.map(
        run(
          "reserving a budget",
          sql`UPDATE batch_budget SET spent = spent + ${number(amount)}
            WHERE job = ${job} AND unit = ${unit} AND spent + ${number(amount)} <= allowed RETURNING 1 AS reserved`
        ),
        (rows) => rows.length === 1
      ),
    giveBack: (job, unit, amount) =>
      Effect.asVoid(run(
        "returning a budget",
        sql`UPDATE batch_budget SET spent = spent - ${number(amount)} WHERE job = ${job} AND unit = ${unit}`
      )),
    pause: (key, length) =>
      Effect.asVoid(run(
        "pausing all workers",
        sql`INSERT INTO batch_gate (key, paused_until, awake_until, waker_until)
          VALUES (${key}, ${now} + ${seconds(length)}, 0, 0)
          ON CONFLICT (key) DO UPDATE SET paused_until = excluded.paused_until
          WHERE batch_gate.paused_until < excluded.paused_until`
      )),
    paused: (key) =>
      Effect.map(
        run(
          "reading the pause",
          sql<{ left: number }>`SELECT paused_until - ${now} AS "left" FROM batch_gate WHERE key = ${key}`
        ),
        ([row]) => Duration.seconds(Math.max(0, row?.left ?? 0))
      ),
    wake
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<Allowance, never, Database> = Layer.effect(Allowance, make)
