/**
 * `batch watch` of an output: a line every few seconds, or its page on a port.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Results from "../../batch/Results.ts"
import * as Json from "../terminal/Json.ts"
import { visible } from "../terminal/Visible.ts"

interface How {
  readonly web: boolean
  readonly port: number
  readonly once: boolean
  readonly every: number
  readonly json: boolean
}

/** The progress of a batch, in one line. */
const line = ({ dollars, failures, rows, tokens }: Results.Status): string =>
  [
    `${rows.done} of ${rows.total} rows done, ${rows.failed} failed, ${rows.pending} pending`,
    `${tokens.input} tokens in, ${tokens.output} out`,
    ...(dollars > 0 ? [`$${dollars.toFixed(2)}`] : []),
    ...Object.entries(failures).map(([name, count]) => `${name} ${count}`)
  ].join("; ")

export const watch = (output: string, { every, json, once, port, web }: How) =>
  Effect.gen(function*() {
    if (web) {
      const { serve } = yield* Effect.promise(() => import("./LivePage.ts"))
      const address = yield* serve(output, port)
      yield* Console.log(address)
      yield* Console.error("the page of this batch, for browsers on this machine; Ctrl-C stops it")
      return yield* once ? Effect.void : Effect.never
    }
    while (true) {
      const status = yield* Results.status({ output })
      yield* Console.log(json ? Json.line(status) : visible(line(status)))
      if (once || status.rows.pending === 0 || !status.locked) return
      yield* Effect.sleep(`${every} seconds`)
    }
  }).pipe(Effect.scoped)
