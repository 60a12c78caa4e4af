/**
 * Conversations out of nothing but a model, one a row: Magpie as its original has it, with several turns, system prompts,
 * and what people filter by.
 *
 * The service must be made with `useMagpieTemplate` and a template, and its options must stop at the end of a user's turn:
 * either by the model's own token or by `stopSequences`.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Generation } from "../../Generation.ts"
import { type GenerateError, InferenceEndpointsLLM } from "../../InferenceEndpointsLLM.ts"
import type * as Message from "../../Message.ts"
import type * as Settings from "../../Settings.ts"
import type { Features } from "../features/Features.ts"
import * as Columns from "../features/Features.ts"
import type { Row } from "../parquet/Parquet.ts"
import * as SystemPrompts from "./SystemPrompts.ts"
import * as TextFacts from "./TextFacts.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How many conversations are tried; those of which a turn fails are left out and counted. */
  readonly rows: number
  /** Pairs of a user's and an assistant's turn. Default 1, which gives `instruction` and `response`; more give `conversation`. */
  readonly turns?: number | undefined
  /** Leaves the last turn of the assistant out. Default false. */
  readonly endWithUser?: boolean | undefined
  /** Keeps the system message in the `conversation`, or in a column of its own. Default false. */
  readonly includeSystemPrompt?: boolean | undefined
  /** Only the first turn of a user, whatever `turns` says. Default false. */
  readonly onlyInstruction?: boolean | undefined
  /** Default: none for one turn; for several one that asks the user to follow up. */
  readonly systemPrompts?: SystemPrompts.SystemPrompts | undefined
  /** For the turns of the user. */
  readonly instructionOptions?: Settings.CallOptions | undefined
  /** For the turns of the assistant. */
  readonly responseOptions?: Settings.CallOptions | undefined
  /** Of the first row; each later one has the next. What is drawn and generated for a row depends on it alone. Default 0. */
  readonly seed?: number | undefined
  /** Conversations in flight. Default 16. */
  readonly concurrency?: number | undefined
}

/**
 * What was made so far.
 *
 * @category models
 * @since 0.2.0
 */
export interface Tally {
  readonly done: number
  /** Left out since their instruction was there already, up to case, punctuation and space. */
  readonly duplicates: number
  /** By reason. */
  readonly failures: Readonly<Record<string, number>>
  readonly tokens: { readonly input: number; readonly output: number }
}

/**
 * @category models
 * @since 0.2.0
 */
export interface MagpieRows {
  readonly features: Features
  /** In the order of their seeds. */
  readonly rows: Stream.Stream<Row>
  readonly tally: Effect.Effect<Tally>
}

const FOLLOW_UP =
  "You are a helpful assistant. The user asks a first question and then, turn after turn, goes deeper into the same topic. Answer each question thoroughly and to the point."

const MESSAGES = Columns.list(Columns.struct({ role: Columns.string, content: Columns.string }))

const isOne = ({ onlyInstruction, turns = 1 }: Options): boolean => onlyInstruction === true || turns === 1

const hasResponse = (options: Options): boolean => options.onlyInstruction !== true && options.endWithUser !== true

const featuresOf = (options: Options): Features =>
  Columns.make({
    ...(isOne(options)
      ? { instruction: Columns.string, ...(hasResponse(options) && { response: Columns.string }) }
      : { conversation: MESSAGES }),
    ...(options.includeSystemPrompt === true && isOne(options) && { system_prompt: Columns.string }),
    system_prompt_key: Columns.string,
    model_name: Columns.string,
    seed: Columns.int64,
    instruction_length: Columns.int64,
    ...(hasResponse(options) && { response_length: Columns.int64 }),
    language: Columns.string,
    key: Columns.string
  })

interface Made {
  readonly seed: number
  readonly system: SystemPrompts.Drawn | undefined
  readonly turns: ReadonlyArray<{ readonly role: "user" | "assistant"; readonly content: string }>
}

const rowOf = (options: Options, model: string, { seed, system, turns }: Made): Row => {
  const [first, second] = turns
  const instruction = first?.content ?? ""
  const shown = options.includeSystemPrompt === true && system !== undefined
    ? [{ role: "system", content: system.text }]
    : []
  return {
    ...(isOne(options)
      ? { instruction, ...(hasResponse(options) && { response: second?.content ?? null }) }
      : { conversation: [...shown, ...turns] }),
    ...(options.includeSystemPrompt === true && isOne(options) && { system_prompt: system?.text ?? null }),
    system_prompt_key: system?.key ?? null,
    model_name: model,
    seed,
    instruction_length: TextFacts.length(instruction),
    ...(hasResponse(options) && {
      response_length: turns.filter(({ role }) => role === "assistant").reduce(
        (sum, { content }) => sum + TextFacts.length(content),
        0
      )
    }),
    language: TextFacts.language(instruction),
    key: TextFacts.key(instruction)
  }
}

/** Turns of a whole conversation: user and assistant in turn. */
const rolesOf = ({ endWithUser, onlyInstruction, turns = 1 }: Options): ReadonlyArray<"user" | "assistant"> => {
  if (onlyInstruction === true) return ["user"]
  const all = Array.from({ length: turns }, () => ["user", "assistant"] as const).flat()
  return endWithUser === true ? all.slice(0, -1) : all
}

const started: Tally = { done: 0, duplicates: 0, failures: {}, tokens: { input: 0, output: 0 } }

const counted = (tally: Tally, { statistics }: Generation): Tally => ({
  ...tally,
  tokens: {
    input: tally.tokens.input + (statistics.inputTokens ?? 0),
    output: tally.tokens.output + (statistics.outputTokens ?? 0)
  }
})

const failed = (tally: Tally, reason: string): Tally => ({
  ...tally,
  failures: { ...tally.failures, [reason]: (tally.failures[reason] ?? 0) + 1 }
})

/**
 * Rows by the service of the context. Fails only with system prompts whose weights do not sum to 1.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const llm = yield* InferenceEndpointsLLM
  const model = yield* llm.displayName
  const prompts = options.systemPrompts ?? (isOne(options) ? undefined : FOLLOW_UP)
  const draw = prompts === undefined
    ? Effect.undefined
    : yield* Effect.fromResult(
      Result.map(SystemPrompts.make(prompts), (draw): Effect.Effect<SystemPrompts.Drawn | undefined> => draw)
    )
  const tally = yield* Ref.make(started)
  const roles = rolesOf(options)

  const turnOf = (role: "user" | "assistant", messages: ReadonlyArray<Message.Message>, seed: number) =>
    llm.generate(messages, {
      ...(role === "user" ? options.instructionOptions : options.responseOptions),
      numGenerations: 1,
      seed
    }).pipe(Effect.flatMap(({ generations: [generation] }) =>
      generation === undefined
        ? Effect.succeed("")
        : Effect.as(Ref.update(tally, (now) => counted(now, generation)), generation.text)
    ))

  const conversation = Effect.fnUntraced(function*(at: number) {
    const seed = (options.seed ?? 0) + at
    const system = yield* Random.withSeed(draw, seed)
    const turns: Array<Made["turns"][number]> = []
    const messages: Array<Message.Message> = system === undefined ? [] : [{ role: "system", content: system.text }]
    for (const role of roles) {
      const content = yield* turnOf(role, messages, seed)
      turns.push({ role, content })
      messages.push({ role, content })
    }
    return rowOf(options, model, { seed, system, turns })
  })

  const orCounted = (effect: Effect.Effect<Row, GenerateError>) =>
    Effect.catch(effect, ({ reason }) => Effect.as(Ref.update(tally, (now) => failed(now, reason._tag)), undefined))

  const seen = new Set<unknown>()
  const unique = (row: Row | undefined): Effect.Effect<ReadonlyArray<Row>> => {
    if (row === undefined) return Effect.succeed([])
    const again = seen.has(row["key"])
    seen.add(row["key"])
    return Effect.as(
      Ref.update(tally, (now) => again ? { ...now, duplicates: now.duplicates + 1 } : { ...now, done: now.done + 1 }),
      again ? [] : [row]
    )
  }

  const made: MagpieRows = {
    features: featuresOf(options),
    rows: Stream.range(0, options.rows - 1).pipe(
      Stream.mapEffect((at) => orCounted(conversation(at)), { concurrency: options.concurrency ?? 16 }),
      Stream.mapEffect(unique),
      Stream.flatMap((rows) => Stream.fromIterable(rows))
    ),
    tally: Ref.get(tally)
  }
  return made
})
