/**
 * What a batch asks for in place of text: decisions, vectors, scores. What comes is JSON in the text of a generation, so that
 * the same files hold it, a report counts it, and a column can be made of it.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Decision from "../decide/Decision.ts"
import type { DecisionError } from "../decide/DecisionError.ts"
import type * as Generation from "../Generation.ts"
import type { GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import { InferenceError, InvalidRequest, InvalidResponse } from "../InferenceError.ts"
import * as Message from "../Message.ts"
import { type Columns, isRecord } from "./rows/Row.ts"

type Service = InferenceEndpointsLLM["Service"]

/**
 * What is asked for.
 *
 * - `decide`: which label answers each question about the row's input. Text: `{ "<name>": { "label", "probabilities", "mass" } }`.
 * - `embed`: the vector of the row's text, by `/v1/embeddings`. Text: `[0.01, …]`.
 * - `score`: how well each of the row's texts fits its query, by `/rerank` or `/v1/rerank`. The row has a `query` and `texts`
 *   (or the columns that `columns.query` and `columns.texts` name). Text: a number for each text, in their order.
 *
 * @category models
 * @since 0.2.0
 */
export type Task =
  | { readonly kind: "decide"; readonly questions: Decision.Questions; readonly options?: Decision.Options | undefined }
  | { readonly kind: "embed"; readonly dimensions?: number | undefined }
  | { readonly kind: "score" }

/**
 * How a task may fail.
 *
 * @category models
 * @since 0.2.0
 */
export type Failed = GenerateError | DecisionError

const textOf = (input: Message.Input): string =>
  typeof input === "string"
    ? input
    : "raw" in input
    ? input.raw
    : input.map(Message.text).join("\n")

/** A generation of JSON, with what the server counted. */
const generationOf = (
  value: Schema.Json,
  duration: number,
  inputTokens: number | undefined
): Generation.Generation => ({
  text: JSON.stringify(value),
  toolCalls: [],
  finishReason: "stop",
  // nothing is written on these routes
  statistics: { duration, attempts: 1, outputTokens: 0, ...(inputTokens !== undefined && { inputTokens }) }
})

const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(
    Clock.currentTimeMillis,
    (start) =>
      Effect.flatMap(effect, (value) => Effect.map(Clock.currentTimeMillis, (end) => [value, end - start] as const))
  )

const failed = (method: string, reason: InvalidRequest | InvalidResponse) =>
  new InferenceError({ method, reason, attempts: reason._tag === "InvalidRequest" ? 0 : 1 })

const Tokens = Schema.Struct({
  prompt_tokens: Schema.optionalKey(Schema.Finite),
  total_tokens: Schema.optionalKey(Schema.Finite)
})

const Vectors = Schema.Struct({
  data: Schema.Array(Schema.Struct({ embedding: Schema.Array(Schema.Finite) })),
  usage: Schema.optionalKey(Tokens)
})

const embed = (llm: Service, dimensions: number | undefined) => (input: Message.Input) =>
  Effect.gen(function*() {
    const { model, served } = yield* llm.about
    const path = "/v1/embeddings"
    const [{ data, usage }, duration] = yield* timed(
      llm.request(path, {
        model: served ?? model,
        input: [textOf(input)],
        ...(dimensions !== undefined && { dimensions })
      }, Vectors)
    )
    const [vector, second] = data
    if (vector === undefined || second !== undefined) {
      return yield* failed(
        `POST ${path}`,
        new InvalidResponse({ description: `one text was sent and ${data.length} vectors came back` })
      )
    }
    return [generationOf([...vector.embedding], duration, usage?.prompt_tokens)]
  })

/** TEI's list, or the object of vLLM, SGLang and llama.cpp. */
const Scores = Schema.Union([
  Schema.Array(Schema.Struct({ index: Schema.Int, score: Schema.Finite })),
  Schema.Struct({
    results: Schema.Array(Schema.Struct({ index: Schema.Int, relevance_score: Schema.Finite })),
    usage: Schema.optionalKey(Tokens)
  })
])

type Scores = typeof Scores.Type

const isList = (scores: Scores): scores is Extract<Scores, ReadonlyArray<unknown>> => Array.isArray(scores)

const scoresOf = (scores: Scores): ReadonlyMap<number, number> =>
  new Map(
    isList(scores)
      ? scores.map(({ index, score }) => [index, score])
      : scores.results.map(({ index, relevance_score: score }) => [index, score])
  )

const pairOf = (
  input: Message.Input
): { readonly query: string; readonly texts: ReadonlyArray<string> } | undefined => {
  const text = textOf(input)
  const value: unknown = text.startsWith("{") ? JSON.parse(text) : undefined
  if (!isRecord(value) || typeof value.query !== "string" || !Array.isArray(value.texts)) return undefined
  const texts = value.texts.filter((text) => typeof text === "string")
  return { query: value.query, texts }
}

const isMissing = (error: GenerateError): boolean =>
  error._tag === "InferenceError" && (error.reason._tag === "NotFound" ||
    ("status" in error.reason && (error.reason.status === 404 || error.reason.status === 405)))

const score = (llm: Service) => (input: Message.Input) =>
  Effect.gen(function*() {
    const pair = pairOf(input)
    if (pair === undefined) {
      return yield* failed(
        "POST /rerank",
        new InvalidRequest({ issues: [{ path: ["query"], message: "a row to score has a query and texts" }] })
      )
    }
    const { model, served } = yield* llm.about
    // one body for the two dialects: TEI reads `texts`, the others `documents`
    const body = { model: served ?? model, query: pair.query, texts: pair.texts, documents: pair.texts }
    const ask = (path: string) => llm.request(path, body, Scores)
    const [scores, duration] = yield* timed(
      Effect.catchIf(ask("/rerank"), isMissing, () => ask("/v1/rerank"))
    )
    const found = scoresOf(scores)
    const all = pair.texts.flatMap((_, at) => found.get(at) ?? [])
    if (all.length !== pair.texts.length) {
      return yield* failed(
        "POST /rerank",
        new InvalidResponse({ description: `${pair.texts.length} texts were sent and ${all.length} scores came back` })
      )
    }
    return [generationOf(all, duration, isList(scores) ? undefined : scores.usage?.total_tokens)]
  })

/**
 * What is done for a row of a batch.
 *
 * @category running
 * @since 0.2.0
 */
export const generate = (llm: Service, task: Task) => {
  switch (task.kind) {
    case "decide":
      return Decision.row(llm, task.questions, task.options)
    case "embed":
      return embed(llm, task.dimensions)
    case "score":
      return score(llm)
  }
}

/**
 * The options of a batch with the columns that the task reads: of a row to score its query and its texts.
 *
 * @category conversions
 * @since 0.2.0
 */
export const rowsOf = <O extends { readonly columns?: Columns | undefined }>(options: O, task: Task | undefined): O =>
  task?.kind === "score"
    ? { ...options, columns: { ...options.columns, query: options.columns?.query ?? "query" } }
    : options
