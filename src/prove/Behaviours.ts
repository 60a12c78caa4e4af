/**
 * What is measured besides the options: grammars, several choices, usage in streams, cancelling, the prompt cache.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import { GRAMMAR } from "../pipeline/prepare/Measured.ts"
import * as StructuredOutput from "../structured/StructuredOutput.ts"
import * as Canary from "./Canary.ts"
import { HOT, type Lab } from "./Lab.ts"
import { type Found, found, judged, type Measure, said, stillThinking } from "./Measure.ts"

/**
 * A behaviour: its name, what it is documented to be, and how it is measured.
 *
 * @category models
 * @since 0.2.0
 */
export interface Behaviour {
  readonly name: string
  readonly documented: (lab: Lab) => "honoured" | "dropped" | "refused" | undefined
  readonly measure: Measure
}

/** A text that no model writes by itself. */
const Odd = Schema.Struct({ qx7: Schema.Literals(["zk-41", "zk-42"]) })

const output = StructuredOutput.make(Odd)
const pattern = StructuredOutput.fromRegex("[0-9]{4}-zk")

const grammarOf = <A>(lab: Lab, output: StructuredOutput.StructuredOutput<A>) =>
  Effect.result(output.grammar(lab.about.engine, lab.route === "chat" ? "chat" : "raw"))

const shapedAs = (is: (text: string) => boolean, what: string) => (generation: Generation.Generation): Found => {
  const { reasoning = "", text } = generation
  // llama.cpp files what a regex shapes under the thinking
  const told = text.trim() === "" ? reasoning : text
  return is(told)
    ? found("honoured", `the text is ${what}`)
    : stillThinking(generation) ?? found("dropped", `the text is not ${what}: ${JSON.stringify(told.slice(0, 60))}`)
}

const constrained = <A>(
  output: StructuredOutput.StructuredOutput<A>,
  is: (text: string) => boolean,
  what: string
): Measure =>
  Effect.fnUntraced(function*(lab) {
    const constraint = yield* grammarOf(lab, output)
    if (Result.isFailure(constraint)) return found("refused", `not sent: ${constraint.failure.message}`)
    const ask = (options: GenerationOptions) =>
      lab.ask({ options: { maxNewTokens: 64, ...options }, constraint: constraint.success.fields })
    const judge = shapedAs(is, what)
    const first = judged(yield* ask({}), judge)
    if (first.outcome !== "unclear" || lab.rules?.templateVariables._tag !== "Sent") return first
    const plain = yield* ask({ templateVariables: { enable_thinking: false, thinking: false } })
    // if the model then says nothing, nothing can be concluded
    return judged(plain, (generation) => said(generation).trim() === "" ? first : judge(generation))
  })

const isOdd = (text: string): boolean => {
  const value = Result.try((): unknown => JSON.parse(text))
  return Result.isSuccess(value) && Result.isSuccess(Schema.decodeUnknownResult(Odd)(value.success))
}

/** Engines that drop every constraint are not sent one. */
const enforces = ({ about: { engine } }: Lab): "honoured" | "refused" =>
  engine === "hf-serve" || engine === "transformers" ? "refused" : "honoured"

/** Which grammar compiler vLLM uses: xgrammar reads a pattern and ignores a length that contradicts it. */
const whichCompiler: Measure = Effect.fnUntraced(function*(lab) {
  const schema = {
    type: "object",
    properties: { word: { type: "string", pattern: "^[a-z]{6,12}$", maxLength: 3 } },
    required: ["word"],
    additionalProperties: false
  }
  const answer = yield* lab.ask({ options: { maxNewTokens: 48, extra: { structured_outputs: { json: schema } } } })
  if (Result.isFailure(answer)) return found("honoured", "guidance, or another that sees the contradiction: it refuses")
  return /"word"\s*:\s*"[a-z]{6,12}"/.test(answer.success.text)
    ? found("honoured", "xgrammar: it enforces a pattern but not the length next to it")
    : found("honoured", "guidance: pattern and length hold together")
})

const Choices = Schema.Struct({ choices: Schema.Array(Schema.Unknown) })

const several: Measure = (lab) =>
  Effect.map(
    lab.raw({ options: { temperature: HOT, extra: { n: 2 } } }, Choices),
    (answer): Found =>
      Result.isFailure(answer)
        ? found("refused", answer.failure)
        : answer.success.choices.length === 2
        ? found("honoured", "two choices")
        : found("dropped", `two choices were requested, but ${answer.success.choices.length} arrived`)
  )

/** Without the service's own options. */
const PLAIN = { temperature: 0, thinkingBudget: -1, structuredOutput: false } as const

const counted: Measure = (lab) =>
  Effect.map(
    Effect.result(Stream.runLast(lab.llm.stream("Say hello.", { ...PLAIN, maxNewTokens: 4 }))),
    (last): Found => {
      if (Result.isFailure(last)) return found("refused", last.failure.message.slice(0, 200))
      const event = Option.getOrUndefined(last.success)
      const tokens = event?._tag === "Finish" ? event.generation.statistics.outputTokens : undefined
      return tokens === undefined
        ? found("dropped", "the stream does not report its tokens")
        : found("honoured", `${tokens} tokens reported at the end of the stream`)
    }
  )

/** The second of two equal prompts may be read from a cache. */
const cached: Measure = (lab) =>
  Effect.map(
    lab.long,
    ([, answer]) =>
      judged(answer, ({ statistics: { cachedTokens, inputTokens } }) =>
        cachedTokens === undefined
          ? found("unclear", "the server does not report what it read from a cache")
          : cachedTokens > 0
          ? found(
            "honoured",
            `${cachedTokens} of ${inputTokens ?? "unknown"} tokens of a repeated prompt came from the cache`
          )
          : found("unclear", "a repeated prompt was processed again, or the server does not count its cache"))
  )

/**
 * The behaviours that every endpoint is measured for.
 *
 * @category constants
 * @since 0.2.0
 */
export const all: ReadonlyArray<Behaviour> = [
  { name: GRAMMAR, documented: enforces, measure: constrained(output, isOdd, "JSON of the schema") },
  {
    name: "grammar: regex",
    documented: enforces,
    measure: constrained(pattern, (text) => /^[0-9]{4}-zk$/.test(text.trim()), "what the regex allows")
  },
  { name: "usage in streams", documented: () => "honoured", measure: counted },
  { name: "prompt cache", documented: () => undefined, measure: cached }
]

/**
 * Those that only one route or engine has.
 *
 * @category constants
 * @since 0.2.0
 */
export const choices: Behaviour = {
  name: "n",
  documented: ({ about: { engine } }) =>
    engine === "vllm" || engine === "sglang" || engine === "llamacpp" ? "honoured" : "dropped",
  measure: several
}

/** @category constants @since 0.2.0 */
export const compiler: Behaviour = { name: "grammar engine", documented: () => undefined, measure: whichCompiler }

/**
 * Whether concurrent callers get their own responses.
 *
 * @category constants
 * @since 0.2.0
 */
export const apart: Behaviour = {
  name: "callers kept apart",
  documented: () => "honoured",
  measure: (lab) =>
    Effect.map(
      Canary.look(lab.llm, { rounds: 1, streams: 4 }),
      ({ mixed: [first], requests, silent, verdict }) =>
        first !== undefined
          ? found("dropped", `a response to ${first.asked} contains ${first.got}, which another request asked for`)
          : verdict === "unclear"
          ? found("unclear", "no response contains the requested word")
          : found(
            "honoured",
            `${
              requests - silent
            } of ${requests} concurrent responses contain their own word, and none contains another's`
          )
    )
}

/**
 * Whether a generation ends when its reader leaves, by the server's own count of running generations.
 *
 * @category constructors
 * @since 0.2.0
 */
export const cancelling = (running: Effect.Effect<number | undefined>): Measure =>
  Effect.fnUntraced(function*(lab) {
    const before = yield* running
    if (before === undefined) return found("unclear", "the server does not report how many generations run")
    const during = yield* lab.llm.stream("Count from one to a thousand, in words.", {
      ...PLAIN,
      maxNewTokens: 512,
      delivery: "stream"
    }).pipe(
      Stream.take(1),
      Stream.mapEffect(() => running),
      Stream.runHead,
      Effect.map(Option.getOrUndefined)
    )
    if (during === undefined || during <= before) {
      return found("unclear", "the count of running generations did not rise")
    }
    for (let look = 0; look < LOOKS; look++) {
      if ((yield* running) === before) return found("honoured", "the generation ended when its reader left")
      yield* Effect.sleep(PAUSE)
    }
    return found("dropped", "the generation kept running after its reader had left")
  })

const LOOKS = 15
const PAUSE = "200 millis"
