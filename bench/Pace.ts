/**
 * The pace next to the best fixed level, on servers of known capacity, in virtual time: `node bench/Pace.ts [rows]`. Prints
 * a table: rows per second of all rows and of the second half, as shares of the best fixed level's; requests per row; the
 * level at the end.
 */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Modelled from "../test/batch/Modelled.ts"

const LEVELS = [1, 2, 4, 5, 8, 12, 16, 20, 24, 32, 48, 64, 96, 100, 128, 200, 256]

const inVirtualTime = <A>(effect: Effect.Effect<A>) => Effect.runPromise(Effect.provide(effect, TestClock.layer()))

const rows = Number(process.argv[2] ?? 3000)
const share = (value: number, best: number): string => (value / best).toFixed(2)

process.stdout.write(
  "| server | best fixed level | rows/s there | all rows | second half | again, from the level found | requests per row | level |\n"
)
process.stdout.write("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
for (const [name, model] of Object.entries(Modelled.models)) {
  let [level, best] = [0, 0]
  for (const fixed of LEVELS) {
    if (fixed > (model.room ?? Infinity)) continue
    const { settled } = await inVirtualTime(Modelled.run(model, fixed, Math.max(1000, fixed * 20)))
    if (settled > best * 1.005) [level, best] = [fixed, settled]
  }
  const adaptive = await inVirtualTime(Modelled.run(model, { max: 256 }, rows))
  const again = await inVirtualTime(Modelled.run(model, { max: 256, initial: adaptive.level }, rows))
  process.stdout.write(
    `| ${
      [
        name,
        level,
        best.toFixed(1),
        share(adaptive.whole, best),
        share(adaptive.settled, best),
        share(again.whole, best),
        adaptive.posts.toFixed(3),
        adaptive.level
      ].join(" | ")
    } |\n`
  )
}
