/**
 * `inference-endpoints doctor --prove`: measures what the endpoint honours.
 *
 * @since 0.2.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Proof from "../../Proof.ts"
import * as Prove from "../../prove/Prove.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Visible from "../terminal/Visible.ts"

const mark = (finding: Proof.Finding): string =>
  Proof.isBroken(finding) ? "FAIL" : Proof.isOther(finding) ? "warn" : finding.outcome === "unclear" ? "?   " : "ok  "

const line = (finding: Proof.Finding): string => {
  const { detail, documented, name, outcome, route } = finding
  const other = Proof.isOther(finding) ? `, documented as ${documented}` : ""
  return `${mark(finding)}  ${name.padEnd(21)} ${route.padEnd(10)} ${outcome}${other}: ${Visible.visible(detail)}`
}

const codes = { pass: 0, warn: 4, fail: 1 } as const

/**
 * Measures, prints, saves; ends with the exit code of the verdict.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*(json: boolean, save: string | undefined) {
  const proof = yield* Prove.prove()
  const verdict = Proof.verdict(proof)
  const text = yield* Schema.encodeEffect(Proof.Json)(proof)
  if (save !== undefined) {
    const files = yield* FileSystem.FileSystem
    yield* Effect.catch(
      files.writeFileString(save, `${text}\n`),
      (error) =>
        Effect.andThen(Console.error(`${save} was not written: ${error.message}`), new CommandExit({ code: 3 }))
    )
  }
  if (json) yield* Console.log(Json.line({ verdict, ...proof }))
  else {
    for (const finding of proof.findings) yield* Console.log(line(finding))
    yield* Console.error(
      `${proof.requests} requests to ${proof.engine}${
        proof.engineVersion === undefined ? "" : ` ${proof.engineVersion}`
      }: ${verdict}`
    )
  }
  if (verdict !== "pass") return yield* new CommandExit({ code: codes[verdict] })
})
