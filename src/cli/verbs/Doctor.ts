/**
 * `inference-endpoints doctor`: whether everything that a generation needs is in place, and what is known about it.
 *
 * Exit codes: 0 all pass · 1 something fails · 4 all pass, with a warning.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Endpoint from "../../endpoint/Endpoint.ts"
import * as Hub from "../../hub/Hub.ts"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import * as StructuredOutput from "../../structured/StructuredOutput.ts"
import { text, yes } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import * as Colour from "../terminal/Colour.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Program from "../terminal/Program.ts"
import * as Visible from "../terminal/Visible.ts"
import * as DoctorProof from "./DoctorProof.ts"

type Verdict = "pass" | "warn" | "fail"

interface Check {
  readonly name: string
  readonly verdict: Verdict
  readonly detail: string
}

const check = (name: string, verdict: Verdict, detail: string): Check => ({ name, verdict, detail })

const marks: Readonly<Record<Verdict, string>> = { pass: "ok  ", warn: "warn", fail: "FAIL" }

const meanings: Readonly<Record<Verdict, Colour.Meaning>> = { pass: "good", warn: "doubtful", fail: "bad" }

/** How the engine is known, in words. */
const sources: Readonly<Record<Endpoint.Target["engine"]["source"], string>> = {
  override: "by the flag or INFERENCE_ENGINE",
  image: "by the image of the endpoint",
  models: "by /v1/models",
  info: "by /info",
  route: "by the engine's own route",
  target: "the router's dialect",
  assumed: "not recognised: the plain OpenAI dialect is assumed"
}

const credentials = Effect.fnUntraced(function*(source: string) {
  const hub = yield* Hub.Hub
  return Result.match(yield* Effect.result(hub.whoami), {
    onSuccess: ({ name, orgs }) =>
      check(
        "token",
        "pass",
        `the token from ${source} belongs to ${name}${
          orgs.length === 0 ? "" : `, of ${orgs.map(({ name }) => name).join(", ")}`
        }`
      ),
    // your own server needs no Hub token
    onFailure: (error) => check("token", "warn", error.message)
  })
})

const where = ({ displayName, kind, url }: Endpoint.Target, source: string): Check =>
  check("target", "pass", `${kind}: ${displayName} at ${url.origin} (by ${source})`)

const engine = ({ engine: { kind, source, version } }: Endpoint.Target): Check =>
  check(
    "engine",
    source === "assumed" ? "warn" : "pass",
    `${kind}${version === undefined ? "" : ` ${version}`} (${sources[source]})`
  )

const limits = ({ engine }: Endpoint.Target): Check => {
  const told = Object.entries(engine.limits ?? {}).filter(([, value]) => value !== undefined)
  return told.length === 0
    ? check(
      "limits",
      "warn",
      "the server does not report its limits, so requests beyond them are only refused by the server itself"
    )
    : check("limits", "pass", told.map(([name, value]) => `${name} ${value}`).join(", "))
}

const Probe = Schema.Struct({ name: Schema.String, age: Schema.Int })

const structured = ({ engine }: Endpoint.Target) =>
  Effect.map(
    Effect.result(StructuredOutput.make(Probe).grammar(engine.kind, "chat")),
    Result.match({
      onSuccess: ({ dropped }) =>
        dropped.length === 0
          ? check("structured output", "pass", "a JSON Schema is enforced")
          : check(
            "structured output",
            "warn",
            `not enforced by the engine: ${dropped.map(({ keyword }) => keyword).join(", ")}`
          ),
      onFailure: (error) => check("structured output", "warn", error.message)
    })
  )

const request = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const start = yield* Clock.currentTimeMillis
  const result = yield* Effect.result(llm.generate("Say hello.", { maxNewTokens: 8 }))
  const took = (yield* Clock.currentTimeMillis) - start
  return Result.match(result, {
    onSuccess: ({ generations: [generation] }) => {
      const tokens = generation?.statistics.outputTokens
      return check(
        "request",
        tokens === undefined ? "warn" : "pass",
        `${tokens ?? "an unknown number of"} tokens in ${took} ms, ended by ${generation?.finishReason}`
      )
    },
    onFailure: (error) => check("request", "fail", error.message)
  })
})

const examine = Effect.fnUntraced(function*(target: Target.Target) {
  const endpoint = yield* Endpoint.Endpoint
  const sources = yield* Target.sourcesOf(target)
  const checks: Array<Check> = [yield* credentials(sources.token)]
  const found = yield* Effect.result(endpoint.target)
  if (Result.isFailure(found)) return [...checks, check("target", "fail", found.failure.message)]
  return [
    ...checks,
    where(found.success, sources.endpoint),
    engine(found.success),
    limits(found.success),
    yield* structured(found.success),
    yield* request
  ]
})

const verdictOf = (checks: ReadonlyArray<Check>): Verdict =>
  checks.some(({ verdict }) => verdict === "fail")
    ? "fail"
    : checks.some(({ verdict }) => verdict === "warn")
    ? "warn"
    : "pass"

const codes: Readonly<Record<Verdict, number>> = { pass: 0, fail: 1, warn: 4 }

const flags = {
  json: yes("json", "Print the checks as JSON"),
  prove: yes("prove", "Measure what the endpoint honours, with about forty tiny requests"),
  save: text("save", "With --prove: the file to save the measurements to, as JSON"),
  target: Target.flags
}

const command = Command.make("doctor", flags, ({ json, prove, save, target }) =>
  Effect.gen(function*() {
    if (prove) return yield* DoctorProof.run(json, save)
    const checks = yield* examine(target)
    const verdict = verdictOf(checks)
    if (json) yield* Console.log(Json.line({ verdict, checks }))
    else {
      for (const { detail, name, verdict } of checks) {
        yield* Console.log(
          `${Colour.paint(meanings[verdict], marks[verdict])}  ${name.padEnd(17)}  ${Visible.visible(detail)}`
        )
      }
    }
    if (verdict !== "pass") return yield* new CommandExit({ code: codes[verdict] })
  }).pipe(Effect.provide(Target.layer(target)))).pipe(
    Command.withDescription("Check token, target, engine, limits and one request. Exit codes: 0 pass, 1 fail, 4 warn")
  )

/** `doctor`. */
export const main = Program.make(command)
