/**
 * `inference-endpoints decide`: which label answers a question, and how likely each one is; and how well calibrated that is,
 * by rows whose labels are known.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Calibration from "../../decide/Calibration.ts"
import * as Decision from "../../decide/Decision.ts"
import { labelsOf, type Question } from "../../decide/Question.ts"
import { amount, defaulted, optional, text, yes } from "../input/Flags.ts"
import * as Input from "../input/Input.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Visible from "../terminal/Visible.ts"

const flags = {
  words: Argument.String("input").pipe(
    Argument.withDescription("The text to decide about; - reads standard input"),
    Argument.variadic()
  ),
  question: Flag.String("question").pipe(Flag.withAlias("q"), Flag.withDescription("The question about the input")),
  labels: Flag.String("label").pipe(
    Flag.withAlias("l"),
    Flag.withDescription("A label, or label=what it means; at least two"),
    Flag.atLeast(2)
  ),
  codes: yes("codes", "Show labels as letters, for labels that begin alike"),
  orders: defaulted(Flag.Int("orders"), "Ask with the labels in this many orders, and average (default 1)", 1),
  minimumMass: amount("minimum-mass", "The least total probability of all labels (default 0.5)"),
  route: optional(
    Flag.Literals("route", ["auto", "native", "tokens"]),
    "The engine's own route, or the log probabilities of a token (default auto)"
  ),
  rows: text("rows", "A file of JSON lines with input and label: decides all, and measures the calibration"),
  concurrency: defaulted(Flag.Int("concurrency"), "Rows in flight at once (default 8)", 8),
  json: yes("json", "Print JSON"),
  target: Target.flags
}

const labelOf = (given: string) => {
  const at = given.indexOf("=")
  return at === -1 ? { label: given } : { label: given.slice(0, at), description: given.slice(at + 1) }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const tell = Effect.fnUntraced(
  function*({ atMost, label, mass, orders, outside, probabilities, route }: Decision.Decision) {
    const width = Math.max(...Object.keys(probabilities).map(({ length }) => length))
    for (const [name, probability] of Object.entries(probabilities).toSorted(([, a], [, b]) => b - a)) {
      const bound = atMost[name]
      yield* Console.log(
        `${name === label ? "*" : " "} ${Visible.visible(name).padEnd(width)}  ${percent(probability).padStart(7)}${
          bound === undefined ? "" : `  (not listed: at most ${percent(bound)})`
        }`
      )
    }
    const elsewhere = outside.slice(0, 3).map(({ probability, text }) =>
      `${Visible.visible(JSON.stringify(text))} ${percent(probability)}`
    )
    yield* Console.error(
      [
        mass === undefined
          ? "the engine does not report the mass of the labels"
          : `the labels have ${percent(mass)} of the probability`,
        ...(elsewhere.length === 0 ? [] : [`other beginnings: ${elsewhere.join(", ")}`]),
        ...(orders.count === 1 ? [] : [`${orders.flips} of ${orders.count} orders prefer another label`]),
        route === "native" ? "by the engine's own route" : "by the log probabilities of one token"
      ].join("; ")
    )
  }
)

const Row = Schema.Struct({ input: Schema.String, label: Schema.String })

/** The rows of a file, one per line. */
const read = Effect.fnUntraced(function*(path: string, labels: ReadonlyArray<string>) {
  const text = yield* Input.file(path)
  const decode = Schema.decodeEffect(Schema.fromJsonString(Row))
  return yield* Effect.forEach(
    text.split("\n").map((line, at) => ({ line, at: at + 1 })).filter(({ line }) => line.trim() !== ""),
    ({ at, line }) =>
      Effect.catch(decode(line), (error) => Notice.usage(`${path}, line ${at}: ${error.message}`)).pipe(
        Effect.tap(({ label }) =>
          labels.includes(label)
            ? Effect.void
            : Notice.usage(`${path}, line ${at}: ${JSON.stringify(label)} is not one of the labels`)
        )
      )
  )
})

const bar = ({ accuracy, confidence, count, from, to }: Calibration.Bin): string =>
  `  ${from.toFixed(1)} to ${to.toFixed(1)}  ${String(count).padStart(6)}  ${
    confidence === undefined || accuracy === undefined
      ? "-"
      : `sure ${percent(confidence).padStart(7)}  right ${percent(accuracy).padStart(7)}`
  }`

const measure = Effect.fnUntraced(function*(
  path: string,
  question: Question,
  options: Decision.Options,
  concurrency: number,
  json: boolean
) {
  const labels = labelsOf(question).map(({ label }) => label)
  const rows = yield* read(path, labels)
  const decided = yield* Effect.forEach(
    rows,
    ({ input, label }) =>
      Effect.map(Effect.result(Decision.decide(input, question, options)), (result) => ({ truth: label, result })),
    { concurrency }
  )
  const failed = decided.flatMap(({ result }) => Result.isFailure(result) ? [result.failure.message] : [])
  const calibration = Calibration.measure(
    decided.flatMap(({ result, truth }) =>
      Result.isSuccess(result) ? [{ truth, probabilities: result.success.probabilities }] : []
    )
  )
  if (json) {
    yield* Console.log(Json.line({ rows: rows.length, failed: failed.length, calibration }))
  } else if (calibration !== undefined) {
    yield* Console.log(
      `${calibration.count} of ${rows.length} rows: ${percent(calibration.accuracy)} right, ${
        percent(calibration.confidence)
      } sure; expected calibration error ${calibration.expectedError.toFixed(3)}, Brier ${calibration.brier.toFixed(3)}`
    )
    for (const bin of calibration.bins.filter(({ count }) => count > 0)) yield* Console.log(bar(bin))
  }
  if (failed.length > 0) {
    yield* Console.error(`${failed.length} rows have no decision; the first: ${failed[0]}`)
    return yield* new CommandExit({ code: 1 })
  }
})

const command = Command.make("decide", flags, (given) =>
  Effect.gen(function*() {
    const { codes, concurrency, json, minimumMass, orders, route, rows, words } = given
    const question: Question = { instructions: given.question, labels: given.labels.map(labelOf) }
    const options: Decision.Options = { codes, orders, minimumMass, route }
    if (rows !== undefined) return yield* measure(rows, question, options, concurrency, json)
    const decision = yield* Decision.decide(yield* Input.prompt(words), question, options)
    yield* json ? Console.log(Json.line({ ...decision })) : tell(decision)
  }).pipe(Effect.provide(Target.layer(given.target)))).pipe(
    Command.withDescription(
      "Which label answers a question, and how likely each one is; with --rows, how well calibrated that is"
    )
  )

/** `decide`. */
export const main = Program.make(command)
