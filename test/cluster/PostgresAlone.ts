/** A server in a process of its own, which says its number and waits to be killed. */
import { Effect } from "effect"
import * as Postgres from "./Postgres.ts"

await Effect.gen(function*() {
  const { pid } = yield* Postgres.server
  console.log(yield* pid)
  return yield* Effect.never
}).pipe(Effect.scoped, Effect.runPromise)
