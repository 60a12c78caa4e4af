/** A worker in a process of its own, whose first request blocks the event loop beyond the lease. Says what happens, a line each. */
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import { Worker } from "../../src/cluster/index.ts"
import { model, services } from "./Job.ts"

const [database = "", folder = ""] = process.argv.slice(2)
const BLOCKED_MILLIS = 5500

/** At once, though the loop is about to be blocked. */
const say = (line: string) => Effect.sync(() => void writeSync(1, `${line}\n`))

let isFirst = true
const blocking = model(() =>
  Effect.suspend(() => {
    if (!isFirst) return Effect.void
    isFirst = false
    return Effect.andThen(
      say("blocked"),
      Effect.sync(() => {
        const until = performance.now() + BLOCKED_MILLIS
        while (performance.now() < until) { /* the loop is blocked */ }
      })
    )
  })
)

await Worker.run({
  job: "j",
  worker: "a",
  onEvent: (event) =>
    event._tag === "Lost"
      ? say(`Lost ${event.error.reason._tag}`)
      : event._tag === "Claimed"
      ? say(`Claimed ${event.claim.epoch}`)
      : say(event._tag)
}).pipe(
  Effect.flatMap(({ shards }) => say(`shards ${shards}`)),
  Effect.scoped,
  Effect.provide(Layer.mergeAll(services(database, folder), blocking)),
  Effect.runPromise
)
