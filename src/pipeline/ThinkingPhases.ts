/**
 * A limit on thinking for engines that have none, where the prompt is rendered here: the thought is generated first, for as
 * many tokens as the budget has, and closed if the model did not close it; then the answer after it, under its grammar.
 *
 * Both are raw prompts. A chat route would render the thought again, and templates trim it, close it twice or refuse it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GenerateRequest } from "../dialect/Dialect.ts"
import * as Dialects from "../dialect/Dialects.ts"
import type { Kind } from "../endpoint/address/Engine.ts"
import type { Target } from "../endpoint/EndpointTarget.ts"
import type * as Generation from "../Generation.ts"
import * as GenerationOptions from "../GenerationOptions.ts"
import type { InferenceError } from "../InferenceError.ts"
import type { TemplateError } from "../template/TemplateError.ts"
import type { Family } from "../template/thinking/ThinkingTags.ts"
import * as ThoughtOpening from "../template/thinking/ThoughtOpening.ts"
import type { Constrained } from "./object/Objects.ts"
import { invalid, type Wanted } from "./prepare/Preparing.ts"
import type { Prompting } from "./prepare/Prompting.ts"

type Prompt = Extract<GenerateRequest["input"], { readonly _tag: "Prompt" }>

/**
 * What one phase requests, and how its text begins.
 *
 * @category models
 * @since 0.2.0
 */
export interface Phase {
  readonly wanted: Wanted
  readonly prompt: Prompt
  /** What the prompt says about the text; undefined if all of it is the answer. */
  readonly opening: ThoughtOpening.Opening | undefined
}

/**
 * A generation in two phases.
 *
 * @category models
 * @since 0.2.0
 */
export interface Plan {
  readonly thought: Phase
  /** What follows a thought; undefined if it completes the generation. */
  readonly answer: (thought: Generation.Generation) => Phase | undefined
  /** Whether text of the first phase belongs to the answer: a model that does not think has begun its answer. */
  readonly keepsText: boolean
}

/** After a thought that ends in the middle of a sentence the model tends to go on thinking. */
const LAST_WORDS = "I have thought about this for long enough, and will answer now."

/** What opens the answer after the thought, if more than a blank line. */
const answerOf = ({ close }: Family): string =>
  close === "<|end|>" ? "<|start|>assistant<|channel|>final<|message|>" : "\n\n"

const issue = (message: string): GenerationOptions.Issue => ({ path: ["thinkingBudget"], message })

/**
 * Why the budget cannot be enforced for a prompt; undefined where it can.
 *
 * @category validation
 * @since 0.2.0
 */
export const check = (prompt: Prompt, { returnFullText }: GenerationOptions.GenerationOptions) =>
  returnFullText === true
    ? issue("thinkingBudget cannot be combined with returnFullText, as the text comes from two requests")
    : ThoughtOpening.opening(prompt.text)._tag === "Unknown" && prompt.tags === undefined
    ? issue(
      "thinkingBudget needs the tags of the model's thoughts, but neither the prompt nor its template has any known ones: " +
        "end a raw prompt with the tag that opens a thought (such as <think>), or leave thinkingBudget out if the model does " +
        "not think"
    )
    : undefined

/**
 * The phases of a call; undefined where one request is enough: the engine's chat route enforces the budget, or refuses it,
 * by its own rules. Fails with `InvalidRequest` where the budget cannot be enforced.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = Effect.fnUntraced(function*(
  target: Target,
  wanted: Wanted,
  prompting: Prompting
): Effect.fn.Return<Plan | undefined, InferenceError | TemplateError> {
  const { bosToken, kind } = target.engine
  const asked = { input: wanted.input, options: wanted.options, constrained: wanted.output !== undefined }
  const prompt = yield* prompting(asked, kind, bosToken)
  const dialect = Dialects.all[kind]
  if (prompt._tag === "Messages" || dialect.rules[dialect.raw]?.thinkingBudget._tag !== "Sent") return undefined
  const wrong = check(prompt, wanted.options)
  return wrong === undefined ? plan(wanted, prompt, kind) : yield* invalid("generate", [wrong])
})

/**
 * The two phases of a prompt that passed `check`. Undefined if there is nothing to limit: the prompt's thought is
 * closed, or the budget is 0, for which the prompt was closed.
 *
 * @category constructors
 * @since 0.2.0
 */
export const plan = (wanted: Wanted, prompt: Prompt, engine: Kind): Plan | undefined => {
  const { thinkingBudget: budget = 0, ...options } = wanted.options
  const opening = ThoughtOpening.opening(prompt.text)
  const family = opening._tag === "Unknown" ? prompt.tags : opening.family
  if (family === undefined || budget <= 0 || opening._tag === "Behind") return undefined
  const limit = options.maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS
  const isConstrained = wanted.output !== undefined
  const behind = (text: string, used: number, opening: Phase["opening"]): Phase => ({
    wanted: { ...wanted, input: { raw: text }, options: { ...options, maxNewTokens: Math.max(1, limit - used) } },
    prompt: { ...prompt, text },
    opening
  })
  return {
    keepsText: !isConstrained,
    thought: {
      wanted: {
        ...wanted,
        input: { raw: prompt.text },
        output: undefined,
        options: {
          ...options,
          maxNewTokens: budget,
          stopSequences: [family.close],
          extra: { ...options.extra, ...tagsShown[engine] }
        }
      },
      prompt,
      opening
    },
    answer: ({ finishReason, reasoning, statistics, text }) => {
      const used = statistics.outputTokens ?? budget
      const isCut = finishReason === "length"
      if (reasoning === undefined && opening._tag === "Unknown") {
        // it does not think: its text is the beginning of its answer
        if (isConstrained) return behind(prompt.text + closed(family), used, undefined)
        return isCut ? behind(prompt.text + text, used, undefined) : undefined
      }
      const open = opening._tag === "Unknown" ? family.open : ""
      const thought = whole(reasoning ?? "")
      const end = isCut ? `${thought.trimEnd()}\n\n${LAST_WORDS}\n` : thought
      return behind(
        `${prompt.text}${open}${end}${family.close}${answerOf(family)}`,
        used,
        // a model that was stopped may go on thinking and close its thought once more
        isConstrained ? undefined : ThoughtOpening.unknown
      )
    }
  }
}

const closed = (family: Family): string => `${family.open}\n\n${family.close}${answerOf(family)}`

/** Without the part of a character that a limit cut. */
const whole = (text: string): string => text.replace(/\uFFFD+$/, "")

/** Tags may be special tokens, which these engines leave out of a text unless told otherwise. */
const tagsShown: { readonly [K in Kind]?: Readonly<Record<string, unknown>> } = {
  vllm: { skip_special_tokens: false },
  sglang: { skip_special_tokens: false }
}

const sum = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a + b

const total = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined && b === undefined ? undefined : (a ?? 0) + (b ?? 0)

type Statistics = Generation.Generation["statistics"]

/** The usage of both requests. Counts that one of them did not report are unknown. */
const statistics = (thought: Statistics, answer: Statistics): Statistics => {
  const inputTokens = sum(thought.inputTokens, answer.inputTokens)
  const outputTokens = sum(thought.outputTokens, answer.outputTokens)
  const reasoningTokens = total(thought.outputTokens, answer.reasoningTokens)
  const cachedTokens = total(thought.cachedTokens, answer.cachedTokens)
  const cost = sum(thought.cost, answer.cost)
  const { cachedTokens: _cached, cost: _cost, inputTokens: _in, outputTokens: _out, reasoningTokens: _think, ...rest } =
    answer
  return {
    ...rest,
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
    ...(cost !== undefined && { cost }),
    ...(thought.timeToFirstToken !== undefined && { timeToFirstToken: thought.timeToFirstToken }),
    duration: thought.duration + answer.duration,
    attempts: thought.attempts + answer.attempts
  }
}

/**
 * Both phases as one generation.
 *
 * @category combinators
 * @since 0.2.0
 */
export const together = (
  plan: Plan,
  thought: Generation.Generation,
  answer: Generation.Generation
): Generation.Generation => {
  const reasoning = (thought.reasoning ?? "") + (answer.reasoning ?? "")
  const tokens = thought.tokens === undefined && answer.tokens === undefined
    ? undefined
    : [...thought.tokens ?? [], ...answer.tokens ?? []]
  return {
    ...answer,
    text: plan.keepsText ? thought.text + answer.text : answer.text,
    ...(reasoning !== "" && { reasoning }),
    ...(tokens !== undefined && { tokens }),
    ...(thought.seed !== undefined && { seed: thought.seed }),
    statistics: statistics(thought.statistics, answer.statistics)
  }
}

/**
 * Runs the phases one after the other. The constraint is that of the answer.
 *
 * @category running
 * @since 0.2.0
 */
export const generate = <E>(
  plan: Plan,
  run: (phase: Phase) => Effect.Effect<Constrained, E>
): Effect.Effect<Constrained, E> =>
  Effect.flatMap(run(plan.thought), (thought) => {
    const answer = plan.answer(thought.generation)
    return answer === undefined ? Effect.succeed(thought) : Effect.map(run(answer), ({ constraint, generation }) => ({
      generation: together(plan, thought.generation, generation),
      constraint
    }))
  })

/**
 * The phases as one stream, which ends with the whole generation: that of the thought, and what follows it.
 *
 * @category running
 * @since 0.2.0
 */
export const stream = <E>(
  plan: Plan,
  thought: Stream.Stream<Generation.Event, E>,
  run: (phase: Phase) => Stream.Stream<Generation.Event, E>
): Stream.Stream<Generation.Event, E> =>
  Stream.flatMap(thought, (event): Stream.Stream<Generation.Event, E> => {
    if (event._tag === "Text" && !plan.keepsText) return Stream.empty
    if (event._tag !== "Finish") return Stream.succeed(event)
    const thought = event.generation
    const answer = plan.answer(thought)
    return answer === undefined ?
      Stream.succeed(event) :
      Stream.map(run(answer), (event): Generation.Event =>
        event._tag === "Finish"
          ? { _tag: "Finish", generation: together(plan, thought, event.generation) }
          : event)
  })
