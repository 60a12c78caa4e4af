/**
 * How each option is measured: what is sent, and what the answers have to show.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions, Name } from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import type { Outcome } from "../Proof.ts"
import { type Answer, type Asked, HOT, type Lab, REPEAT } from "./Lab.ts"

/**
 * What a measure found.
 *
 * @category models
 * @since 0.2.0
 */
export interface Found {
  readonly outcome: Outcome
  readonly detail: string
}

/**
 * @category models
 * @since 0.2.0
 */
export type Measure = (lab: Lab) => Effect.Effect<Found, GenerateError>

/** @category constructors @since 0.2.0 */
export const found = (outcome: Outcome, detail: string): Found => ({ outcome, detail })

const said = ({ reasoning = "", text }: Generation.Generation): string => reasoning + text

/** Judges an answer, unless it was refused. */
const judged = (answer: Answer, judge: (generation: Generation.Generation) => Found): Found =>
  Result.isSuccess(answer) ? judge(answer.success) : found("refused", answer.failure)

const both = (a: Answer, b: Answer, judge: (a: Generation.Generation, b: Generation.Generation) => Found): Found =>
  judged(a, (first) => judged(b, (second) => judge(first, second)))

const same = (a: Generation.Generation, b: Generation.Generation): boolean => said(a) === said(b)

const sent = (lab: Lab, options: GenerationOptions, rest: Omit<Asked, "options"> = {}) => lab.ask({ options, ...rest })

/** Whether texts are drawn at all, without which nothing that limits drawing can be seen. */
const isDrawing = (lab: Lab) =>
  Effect.map(
    Effect.all([lab.greedy, lab.drawn]),
    ([greedy, [one, two]]) =>
      Result.isSuccess(greedy) && Result.isSuccess(one) && Result.isSuccess(two) &&
      !(same(greedy.success, one.success) && same(greedy.success, two.success))
  )

const NOT_DRAWING = found("unclear", "the model writes the same at a high temperature")

const drawing = (lab: Lab, measure: Effect.Effect<Found, GenerateError>) =>
  Effect.flatMap(isDrawing(lab), (is) => is ? measure : Effect.succeed(NOT_DRAWING))

/** Where the likeliest text is not the same twice, a difference says nothing. */
const steadily = (measure: Measure): Measure => (lab) =>
  Effect.flatMap(
    Effect.all([lab.greedy, lab.again]),
    ([one, two]) =>
      Result.isSuccess(one) && Result.isSuccess(two) && !same(one.success, two.success)
        ? Effect.succeed(found("unclear", "two requests for the likeliest text give two texts"))
        : measure(lab)
  )

/** What leaves the likeliest token alone makes the text the likeliest one, at any temperature. */
const leavesOne = (options: GenerationOptions): Measure => (lab) =>
  drawing(
    lab,
    Effect.map(
      Effect.all([lab.greedy, sent(lab, { temperature: HOT, ...options })]),
      ([greedy, one]) =>
        both(greedy, one, (greedy, one) =>
          same(greedy, one)
            ? found("honoured", "one candidate is left, and the text is the likeliest one")
            : found("dropped", "one candidate should be left, and the text is another than the likeliest"))
    )
  )

/** What makes drawing repeatable makes two texts the same. */
const repeats = (options: GenerationOptions): Measure => (lab) =>
  drawing(
    lab,
    Effect.map(
      Effect.all([sent(lab, { temperature: HOT, ...options }), sent(lab, { temperature: HOT, ...options })]),
      ([one, two]) =>
        both(one, two, (one, two) =>
          same(one, two)
            ? found("honoured", "the same text twice")
            : found("dropped", "two requests that are equal gave two texts"))
    )
  )

/** What bends the likeliest text gives another one. */
const bends = (options: GenerationOptions): Measure =>
  steadily((lab) =>
    Effect.map(
      Effect.all([lab.repeating, sent(lab, { temperature: 0, ...options }, { text: REPEAT })]),
      ([plain, bent]) =>
        both(plain, bent, (plain, bent) =>
          same(plain, bent)
            ? found("dropped", "the text is the same with it and without it")
            : found("honoured", "the text is another one with it"))
    )
  )

const tool = (name: string) => ({
  name,
  description: `The ${name} of a city`,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false
  }
})

const TOOLS = [tool("weather"), tool("population")]
const PLACES = "What is the weather in Paris, and what is the population of Rome?"

const calls = (lab: Lab, options: GenerationOptions) =>
  sent(lab, { maxNewTokens: 128, temperature: 0, tools: TOOLS, ...options }, { text: PLACES })

const first = (tokens: Generation.Generation["tokens"]) => tokens?.[0]

const listed = (options: GenerationOptions, count: number): Measure => (lab) =>
  Effect.map(sent(lab, { temperature: 0, ...options }), (answer) =>
    judged(answer, ({ tokens }) => {
      const top = first(tokens)?.top ?? []
      return tokens === undefined || top.length < count
        ? found("dropped", `${count} alternatives were asked for, and ${top.length} came`)
        : found("honoured", `${top.length} alternatives at the first place`)
    }))

const probabilities: Measure = (lab) =>
  Effect.map(sent(lab, { temperature: 0, logprobs: true }), (answer) =>
    judged(answer, ({ tokens = [] }) => {
      const told = tokens.flatMap(({ logprob }) => logprob === undefined ? [] : [logprob])
      if (told.length === 0) return found("dropped", "none came")
      const wrong = told.find((logprob) => logprob > 1e-6)
      if (wrong !== undefined) return found("dropped", `${wrong} is no log probability`)
      return told.length >= 4 && new Set(told).size === 1
        ? found("dropped", `all ${told.length} tokens have ${told[0]}: they are made up`)
        : found("honoured", `of ${told.length} tokens`)
    }))

/** The id of the token that the likeliest text begins with, by the engine's own tokenizer. */
const bias: Measure = Effect.fnUntraced(function*(lab) {
  const plain = yield* lab.greedy
  if (Result.isFailure(plain)) return found("refused", plain.failure)
  const [word = ""] = plain.success.text.match(/^\s*\S+/) ?? []
  const id = word === "" ? undefined : yield* firstId(lab, word)
  if (id === undefined) return found("unclear", "the server's tokenizer could not be asked for the id of a token")
  const bent = yield* sent(lab, { temperature: 0, logitBias: { [id]: -100 } })
  return judged(bent, (bent) =>
    same(plain.success, bent)
      ? found("dropped", "a token that was forbidden is written all the same")
      : found("honoured", "a token that was forbidden is not written"))
})

const firstId = (lab: Lab, word: string): Effect.Effect<string | undefined, GenerateError> =>
  Effect.map(Effect.result(lab.llm.request("/tokenize", tokenizing(lab, word), Anything)), (told) => {
    const value = Result.isSuccess(told) ? told.success : undefined
    const tokens: unknown = Array.isArray(value) ? value : member(value, "tokens")
    const [one]: ReadonlyArray<unknown> = Array.isArray(tokens) ? tokens : []
    const id = typeof one === "object" ? member(one, "id") : one
    return typeof id === "number" ? `${id}` : undefined
  })

const tokenizing = ({ about: { engine, model, served } }: Lab, word: string) =>
  engine === "llamacpp"
    ? { content: word }
    : engine === "tgi"
    ? { inputs: word }
    : { model: served ?? model, prompt: word, add_special_tokens: false }

const Anything: Schema.Codec<unknown, unknown> = Schema.Unknown

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const stops: Measure = Effect.fnUntraced(function*(lab) {
  const plain = yield* lab.greedy
  if (Result.isFailure(plain)) return found("refused", plain.failure)
  const { text } = plain.success
  const words = text.trim().split(/\s+/)
  // a whole word, since some engines look for a stop sequence at the ends of tokens alone
  const stop = words[Math.floor(words.length / 2)]
  if (stop === undefined || words.length < 3) return found("unclear", "the model wrote too little to be stopped in")
  const answer = yield* sent(lab, { temperature: 0, stopSequences: [stop] })
  return judged(answer, (stopped) =>
    stopped.text.length < text.length
      ? found("honoured", "the text ends at the stop sequence")
      : found("dropped", "the text goes on behind the stop sequence"))
})

const limits: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, maxNewTokens: 3 }),
    (answer) =>
      judged(answer, ({ finishReason, statistics: { outputTokens }, ...rest }) => {
        const written = outputTokens ??
          said({ finishReason, statistics: { duration: 0, attempts: 1 }, ...rest }).split(/\s+/).length
        return written > 4
          ? found("dropped", `3 tokens were asked for, and ${written} came`)
          : found("honoured", `${written} tokens of 3, ended by ${finishReason}`)
      })
  )

const samples: Measure = (lab) =>
  lab.route === "generate"
    ? Effect.map(
      Effect.all([lab.greedy, sent(lab, { doSample: true }), sent(lab, { doSample: true })]),
      ([greedy, one, two]) =>
        both(greedy, one, (greedy, one) =>
          judged(two, (two) =>
            same(greedy, one) && same(greedy, two)
              ? found("dropped", "sampling was asked for, and the text is the likeliest one")
              : found("honoured", "the text is drawn")))
    )
    : Effect.map(Effect.all([lab.greedy, sent(lab, { doSample: false })]), ([greedy, one]) =>
      both(greedy, one, (greedy, one) =>
        same(greedy, one)
          ? found("honoured", "the text is the likeliest one")
          : found("dropped", "no sampling was asked for, and the text is drawn")))

const differs = (options: GenerationOptions, rest: Omit<Asked, "options"> = {}): Measure =>
  steadily((lab) =>
    Effect.map(
      Effect.all([sent(lab, { temperature: 0 }, rest), sent(lab, { temperature: 0, ...options }, rest)]),
      ([plain, other]) =>
        both(plain, other, (plain, other) =>
          same(plain, other)
            ? found("dropped", "the text is the same with it and without it")
            : found("honoured", "the text is another one with it"))
    )
  )

const echoes: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, returnFullText: true }, { text: REPEAT }),
    (answer) =>
      judged(answer, ({ text }) =>
        text.startsWith(REPEAT)
          ? found("honoured", "the prompt stands before the text")
          : found("dropped", "the prompt does not stand before the text"))
  )

const candidates: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: HOT, bestOf: 2 }),
    (answer) =>
      judged(answer, ({ bestOf = [] }) =>
        bestOf.length > 0
          ? found("honoured", `the best of ${bestOf.length + 1}`)
          : found("dropped", "the response speaks of no other candidate"))
  )

const prefilled: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, decoderInputDetails: true }),
    (answer) =>
      judged(answer, ({ prefill = [] }) =>
        prefill.length > 0
          ? found("honoured", `${prefill.length} tokens of the prompt`)
          : found("unclear", "the tokens of the prompt are not listed; a server may have to be started for it"))
  )

const adapter: Measure = (lab) =>
  Effect.map(sent(lab, { temperature: 0, adapterId: "no-adapter-has-this-name" }), (answer) =>
    Result.isFailure(answer)
      ? found("honoured", "an adapter that is not there is refused")
      : found("unclear", "any name is taken; whether an adapter is used, one that is there would have to tell"))

const effort: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, reasoningEffort: "no-such-effort" }),
    (answer) =>
      Result.isFailure(answer) && lab.rules?.reasoningEffort._tag === "Sent"
        ? found("honoured", "an effort that there is not is refused")
        : found("unclear", "what an effort does, the text does not tell")
  )

const called =
  (options: GenerationOptions, is: (names: ReadonlyArray<string>) => boolean, wanted: string): Measure => (lab) =>
    Effect.map(calls(lab, options), (answer) =>
      judged(answer, ({ toolCalls }) => {
        const names = toolCalls.map(({ name }) => name)
        const came = names.length === 0 ? "no call came" : `called: ${names.join(", ")}`
        return is(names) ? found("honoured", came) : found("dropped", `${wanted}; ${came}`)
      }))

const worst = (...measures: ReadonlyArray<Measure>): Measure => (lab) =>
  Effect.map(
    Effect.forEach(measures, (measure) => measure(lab)),
    (all) => {
      const bad = all.find(({ outcome }) => outcome === "dropped" || outcome === "refused")
      return bad ?? found("honoured", all.map(({ detail }) => detail).join("; "))
    }
  )

const parallel: Measure = (lab) =>
  Effect.map(
    Effect.all([
      calls(lab, { toolChoice: "required", parallelToolCalls: true }),
      calls(lab, { toolChoice: "required", parallelToolCalls: false })
    ]),
    ([many, one]) =>
      both(many, one, (many, one) =>
        one.toolCalls.length > 1
          ? found("dropped", `one call was allowed, and ${one.toolCalls.length} came`)
          : many.toolCalls.length > 1
          ? found("honoured", "several calls without it, one with it")
          : found("unclear", "the model makes one call either way"))
  )

const THINKING = { enable_thinking: true, thinking: true }

const thought = ({ reasoning = "" }: Generation.Generation): number =>
  reasoning.split(/\s+/).filter((word) => word !== "").length

const thinks = (lab: Lab, options: GenerationOptions) => sent(lab, { temperature: 0, maxNewTokens: 96, ...options })

const budget: Measure = (lab) =>
  Effect.map(
    Effect.all([
      thinks(lab, { templateVariables: THINKING }),
      thinks(lab, { templateVariables: THINKING, thinkingBudget: 4 })
    ]),
    ([free, held]) =>
      both(free, held, (free, held) =>
        thought(free) <= 8
          ? found("unclear", "the model does not think, or says nothing of it")
          : thought(held) <= 8
          ? found("honoured", `${thought(free)} words of thinking without it, ${thought(held)} with it`)
          : found("dropped", `4 tokens of thinking were allowed, and ${thought(held)} words came`))
  )

const variables: Measure = (lab) =>
  Effect.map(
    Effect.all([
      thinks(lab, { templateVariables: THINKING }),
      thinks(lab, { templateVariables: { enable_thinking: false, thinking: false } })
    ]),
    ([on, off]) =>
      both(on, off, (on, off) =>
        same(on, off)
          ? found("unclear", "thinking switched on and off gives the same text")
          : found("honoured", "thinking switched on and off gives two texts"))
  )

const CONTINUED = [
  { role: "user" as const, content: "Count to ten." },
  { role: "assistant" as const, content: "One, two, three," }
]

const continues: Measure = (lab) =>
  Effect.map(
    Effect.all([
      sent(lab, { temperature: 0, continueFinalMessage: true }, { messages: CONTINUED }),
      sent(lab, { temperature: 0, continueFinalMessage: false }, { messages: CONTINUED })
    ]),
    ([on, off]) =>
      judged(on, (on) =>
        Result.isFailure(off)
          ? found("honoured", "a last message of the assistant is taken with it alone")
          : same(on, off.success)
          ? found("dropped", "the text is the same whether the last message is continued or not")
          : found("honoured", "continued and not give two texts"))
  )

const LONG = `${Array.from({ length: 60 }, (_, at) => `word${at}`).join(" ")} ${REPEAT}`

/**
 * How each option is measured. What is not here needs no measure: it changes nothing on the server.
 *
 * @category constants
 * @since 0.2.0
 */
export const options: { readonly [N in Name]?: Measure } = {
  maxNewTokens: limits,
  temperature: leavesOne({ temperature: 0.01 }),
  doSample: samples,
  topP: leavesOne({ topP: 0.001 }),
  topK: leavesOne({ topK: 1 }),
  minP: leavesOne({ minP: 1 }),
  typicalP: repeats({ typicalP: 0.001 }),
  seed: repeats({ seed: 7 }),
  repetitionPenalty: bends({ repetitionPenalty: 1.9 }),
  frequencyPenalty: bends({ frequencyPenalty: 2 }),
  presencePenalty: bends({ presencePenalty: 2 }),
  logitBias: bias,
  stopSequences: stops,
  logprobs: probabilities,
  topLogprobs: listed({ topLogprobs: 3 }, 3),
  topNTokens: listed({ topNTokens: 3 }, 3),
  returnFullText: echoes,
  watermark: differs({ watermark: true }),
  truncate: differs({ truncate: 8 }, { text: LONG }),
  bestOf: candidates,
  decoderInputDetails: prefilled,
  adapterId: adapter,
  tools: called({ toolChoice: "required" }, (names) => names.length > 0, "a call was demanded"),
  toolChoice: worst(
    called({ toolChoice: "required" }, (names) => names.length > 0, "a call was demanded"),
    called(
      { toolChoice: { name: "population" } },
      (names) => names.length > 0 && names.every((name) => name === "population"),
      "a call of population was demanded"
    ),
    called({ toolChoice: "none" }, (names) => names.length === 0, "calls were forbidden")
  ),
  toolPrompt: (lab) =>
    Effect.map(
      Effect.all([
        calls(lab, { toolChoice: "auto" }),
        calls(lab, { toolChoice: "auto", toolPrompt: "Never use these tools, whatever is asked:" })
      ]),
      ([plain, told]) =>
        both(plain, told, (plain, told) =>
          plain.statistics.inputTokens !== told.statistics.inputTokens || !same(plain, told) ||
            JSON.stringify(plain.toolCalls) !== JSON.stringify(told.toolCalls)
            ? found("honoured", "the prompt is another one with it")
            : found("unclear", "the response is the same with it and without it"))
    ),
  parallelToolCalls: parallel,
  reasoningEffort: effort,
  thinkingBudget: budget,
  continueFinalMessage: continues,
  templateVariables: variables
}
