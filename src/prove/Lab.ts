/**
 * What a measurement needs from an endpoint: request bodies in its dialect, responses as generations, refusals as
 * values.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dialect from "../dialect/Dialect.ts"
import * as Dialects from "../dialect/Dialects.ts"
import * as Frames from "../dialect/Frames.ts"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions, Name } from "../GenerationOptions.ts"
import type { GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type { Message } from "../Message.ts"
import type { About } from "../pipeline/About.ts"
import * as Folding from "../pipeline/fold/Folding.ts"
import * as ChatCompletion from "../protocol/ChatCompletion.ts"
import * as Completion from "../protocol/Completion.ts"
import * as Generate from "../protocol/Generate.ts"

/**
 * The outcome of a request: a generation, or why it was refused.
 *
 * @category models
 * @since 0.2.0
 */
export type Answer = Result.Result<Generation.Generation, string>

/**
 * A request to be measured.
 *
 * @category models
 * @since 0.2.0
 */
export interface Asked {
  readonly options: GenerationOptions
  /** The text to send; the lab's own by default. */
  readonly text?: string | undefined
  /** Messages instead of a text, on the chat route. */
  readonly messages?: ReadonlyArray<Message> | undefined
  readonly constraint?: Readonly<Record<string, unknown>> | undefined
}

/**
 * One route of an endpoint, ready for requests.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lab {
  readonly about: About
  readonly dialect: Dialect.Dialect
  readonly route: Dialect.Route
  readonly rules: Dialect.Rules | undefined
  readonly llm: InferenceEndpointsLLM["Service"]
  /** Sends a request; a server that fails in any way other than a refusal fails here. */
  readonly ask: (asked: Asked) => Effect.Effect<Answer, GenerateError>
  /** The body of a request, and the response read by another schema. */
  readonly raw: <A>(
    asked: Asked,
    response: Schema.Codec<A, A>
  ) => Effect.Effect<Result.Result<A, string>, GenerateError>
  /** The likeliest text. */
  readonly greedy: Effect.Effect<Answer, GenerateError>
  /** The likeliest text once more, as requested from an engine that knows `doSample`. */
  readonly again: Effect.Effect<Answer, GenerateError>
  /** A sampled text, by the seed `SEED` if the engine reads one. */
  readonly drawn: Effect.Effect<Answer, GenerateError>
  /** A text that repeats itself. */
  readonly repeating: Effect.Effect<Answer, GenerateError>
  /** The likeliest text with everything that a response can list, so that listings need no requests of their own. */
  readonly listing: Effect.Effect<Answer, GenerateError>
  /** The likeliest text after a long prompt, and its first three tokens, requested when the first response had arrived. */
  readonly long: Effect.Effect<readonly [Answer, Answer], GenerateError>
}

/** The length of every text: long enough to differ, short enough to cost nothing. */
export const LENGTH = 16

/** A temperature at which texts differ, and that every engine accepts. */
export const HOT = 1.8

/** The seed of every sampled text. */
export const SEED = 7

const WORDS = { chat: "Write ten random words, separated by blanks.", raw: "Ten random words, separated by blanks:" }

/** A prompt that makes a model repeat itself, so that a penalty shows. */
export const REPEAT = "Repeat the word red for ever: red red red red red red"

/** A prompt long enough to be truncated, and to be worth caching. */
export const LONG = `${Array.from({ length: 60 }, (_, at) => `word${at}`).join(" ")} ${REPEAT}`

const paths = { generate: "/generate", chat: "/v1/chat/completions", completion: "/v1/completions" } as const

const refusing = new Set([400, 404, 405, 413, 415, 422, 424, 500, 501])

/**
 * A server's refusal in its own words; a server that is unreachable or busy, or drops the connection, has not refused.
 */
const refusalOf = (error: GenerateError): string | undefined =>
  error._tag === "InferenceError" && "status" in error.reason && refusing.has(error.reason.status)
    ? error.reason.message.slice(0, 200)
    : undefined

const folded = (delta: Generation.Delta): Generation.Generation => {
  const fold = Folding.make({ splitReasoning: true, keepTokens: true })
  fold.add(delta, [])
  return fold.finish({ duration: 0, attempts: 1 })
}

/**
 * A lab on a route.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  llm: InferenceEndpointsLLM["Service"],
  about: About,
  route: Dialect.Route,
  count: Ref.Ref<number>
) {
  const dialect = Dialects.all[about.engine]
  const encoded = ({ constraint, messages, options, text }: Asked) =>
    Dialect.encode(dialect, {
      input: route === "chat"
        ? { _tag: "Messages", messages: messages ?? [{ role: "user", content: text ?? WORDS.chat }] }
        : { _tag: "Prompt", text: text ?? WORDS.raw },
      model: about.engine === "tgi" ? "" : about.served ?? about.model,
      options: { maxNewTokens: LENGTH, ...options },
      constraint,
      stream: false
    }).call.body
  const raw: Lab["raw"] = (asked, response) =>
    Ref.update(count, (n) => n + 1).pipe(
      Effect.andThen(llm.request(paths[route], encoded(asked), response)),
      Effect.map(Result.succeed),
      Effect.catch((error) => {
        const refusal = refusalOf(error)
        return refusal === undefined ? Effect.fail(error) : Effect.succeed(Result.fail(refusal))
      })
    )
  const sent: Lab["ask"] = (asked) => {
    switch (route) {
      case "generate":
        return Effect.map(
          raw(asked, Generate.Response),
          Result.map((response) => folded(Frames.nativeResponse(response)))
        )
      case "chat":
        return Effect.map(
          raw(asked, ChatCompletion.Response),
          Result.map((response) => folded(Frames.chatResponse(response)))
        )
      case "completion":
        return Effect.map(
          raw(asked, Completion.Response),
          Result.map((response) => folded(Frames.completion(response, true)))
        )
    }
  }
  const told = new Map<string, Effect.Effect<Answer, GenerateError>>()
  /** A request with one likeliest response is sent once, whatever the names of the options. */
  const ask: Lab["ask"] = (asked) => {
    if (asked.options.temperature !== 0) return sent(asked)
    const key = JSON.stringify(encoded(asked))
    return Effect.suspend(() =>
      told.get(key) ?? Effect.flatMap(Effect.cached(sent(asked)), (once) => {
        told.set(key, once)
        return once
      })
    )
  }
  const rules = dialect.rules[route]
  const reads = (name: Name): boolean => rules?.[name]._tag === "Sent"
  const greedy = ask({ options: { temperature: 0 } })
  const again = yield* Effect.cached(sent({ options: reads("doSample") ? { doSample: false } : { temperature: 0 } }))
  const repeating = ask({ options: { temperature: 0 }, text: REPEAT })
  const plain = sent({ options: { temperature: HOT } })
  const seeded = sent({ options: { temperature: HOT, seed: SEED } })
  const drawn = yield* Effect.cached(
    reads("seed") ? Effect.flatMap(seeded, (one) => Result.isSuccess(one) ? Effect.succeed(one) : plain) : plain
  )
  const listing = ask({
    options: {
      temperature: 0,
      ...(reads("logprobs") && { logprobs: true }),
      ...(reads("topLogprobs") && { topLogprobs: 3 }),
      ...(reads("decoderInputDetails") && { decoderInputDetails: true })
    }
  })
  const longest = ask({ options: { temperature: 0 }, text: LONG })
  const long = yield* Effect.cached(
    Effect.flatMap(longest, (first) =>
      Effect.map(
        ask({ options: { temperature: 0, maxNewTokens: 3 }, text: LONG }),
        (second) => [first, second] as const
      ))
  )
  const counted: typeof llm = {
    ...llm,
    stream: (input, call) => Stream.unwrap(Effect.as(Ref.update(count, (n) => n + 1), llm.stream(input, call)))
  }
  const lab: Lab = {
    about,
    dialect,
    route,
    rules,
    llm: counted,
    ask,
    raw,
    greedy,
    again,
    drawn,
    repeating,
    listing,
    long
  }
  return lab
})

/**
 * How options go over the wire on most engines: used for an engine that is known not to read them.
 *
 * @category constants
 * @since 0.2.0
 */
export const habits: { readonly [N in Name]?: string } = {
  topK: "top_k",
  minP: "min_p",
  typicalP: "typical_p",
  repetitionPenalty: "repetition_penalty",
  frequencyPenalty: "frequency_penalty",
  presencePenalty: "presence_penalty",
  stopSequences: "stop",
  logitBias: "logit_bias",
  watermark: "watermark",
  truncate: "truncate",
  bestOf: "best_of",
  topNTokens: "top_n_tokens",
  adapterId: "adapter_id",
  toolPrompt: "tool_prompt",
  reasoningEffort: "reasoning_effort",
  thinkingBudget: "thinking_budget"
}
