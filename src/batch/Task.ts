/**
 * What a batch requests instead of text: decisions, vectors, scores. The result is JSON in the text of a generation, so
 * that the same files can hold it, a report can count it, and it can become a column.
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
import { InferenceError, type InvalidRequest, InvalidResponse } from "../InferenceError.ts"
import * as Message from "../Message.ts"
import * as Jsonl from "./rows/Jsonl.ts"
import { type Columns, isRecord } from "./rows/Row.ts"

type Service = InferenceEndpointsLLM["Service"]

/**
 * What to request.
 *
 * - `decide`: which label answers each question about the row's input. Text: `{ "<name>": { "label", "probabilities", "mass"
 *   } }`.
 * - `embed`: the vector of the row's text, by `/v1/embeddings`. Text: `[0.01, …]`.
 * - `score`: of a row with a `query` and `texts` (or the columns that `columns.query` and `columns.texts` name), how well each
 *   of the texts fits the query, by `/rerank` or `/v1/rerank`. Text: a number for each text, in their order. Of any other
 *   row, how a model that classifies sequences or rates them rates its text, by `/predict` (text-embeddings-inference),
 *   `/classify` (vLLM) or `/v1/classify` (SGLang). Text: `[{ "label", "score" }, …]`, the highest score first; a class that
 *   the server does not name has its number for a label.
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
  // no tokens are written on these routes
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
        new InvalidResponse({ description: `one text was sent, but ${data.length} vectors came back` })
      )
    }
    return [generationOf([...vector.embedding], duration, usage?.prompt_tokens)]
  })

/** The routes for one kind of work, of which a server has one: the first that exists is remembered. */
const routes = (...paths: ReadonlyArray<string>) => {
  let known: string | undefined
  return <A>(ask: (path: string) => Effect.Effect<A, GenerateError>): Effect.Effect<A, GenerateError> => {
    const from = ([path = "", ...others]: ReadonlyArray<string>): Effect.Effect<A, GenerateError> => {
      const asked = Effect.tap(ask(path), () => {
        known = path
        return Effect.void
      })
      return others.length === 0 ? asked : Effect.catchIf(asked, isMissing, () => from(others))
    }
    return Effect.suspend(() => from(known === undefined ? paths : [known]))
  }
}

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
  const value = text.startsWith("{") ? Jsonl.parse(text) : undefined
  if (!isRecord(value) || typeof value.query !== "string" || !Array.isArray(value.texts)) return undefined
  const texts = value.texts.filter((text) => typeof text === "string")
  return { query: value.query, texts }
}

const isMissing = (error: GenerateError): boolean =>
  error._tag === "InferenceError" && (error.reason._tag === "NotFound" ||
    ("status" in error.reason && (error.reason.status === 404 || error.reason.status === 405)))

/** TEI's list, for one text or for each, or the list of vLLM and SGLang, which only names the likeliest class. */
const Label = Schema.Struct({ label: Schema.String, score: Schema.Finite })

const Classes = Schema.Union([
  Schema.Array(Label),
  Schema.Array(Schema.Array(Label)),
  Schema.Struct({
    data: Schema.Array(Schema.Struct({ label: Schema.NullOr(Schema.String), probs: Schema.Array(Schema.Finite) })),
    usage: Schema.optionalKey(Tokens)
  })
])

const named = (label: string | null, probs: ReadonlyArray<number>): ReadonlyArray<typeof Label.Type> => {
  const top = probs.indexOf(Math.max(...probs))
  return probs.map((score, at) => ({ label: at === top && label !== null ? label : String(at), score }))
}

const labelsOf = (classes: typeof Classes.Type): ReadonlyArray<typeof Label.Type> =>
  "data" in classes
    ? classes.data.length === 1 ? classes.data.flatMap(({ label, probs }) => named(label, probs)) : []
    : classes.flat()

const classify = (llm: Service) => {
  const route = routes("/v1/classify", "/classify", "/predict")
  return Effect.fnUntraced(function*(input: Message.Input) {
    const { model, served } = yield* llm.about
    const text = textOf(input)
    const [classes, duration] = yield* timed(
      route((path) =>
        llm.request(path, path === "/predict" ? { inputs: text } : { model: served ?? model, input: text }, Classes)
      )
    )
    const labels = labelsOf(classes)
    if (labels.length === 0) {
      return yield* failed(
        "POST /classify",
        new InvalidResponse({ description: "one text was sent, but no scores for its classes came back" })
      )
    }
    return [generationOf(
      labels.toSorted((a, b) => b.score - a.score),
      duration,
      "data" in classes ? classes.usage?.prompt_tokens : undefined
    )]
  })
}

const rank = (llm: Service) => {
  const route = routes("/rerank", "/v1/rerank")
  return Effect.fnUntraced(
    function*({ query, texts }: { readonly query: string; readonly texts: ReadonlyArray<string> }) {
      const { model, served } = yield* llm.about
      // one body for the two dialects: TEI reads `texts`, the others `documents`
      const body = { model: served ?? model, query, texts, documents: texts }
      const [scores, duration] = yield* timed(route((path) => llm.request(path, body, Scores)))
      const found = scoresOf(scores)
      const all = texts.flatMap((_, at) => found.get(at) ?? [])
      if (all.length !== texts.length) {
        return yield* failed(
          "POST /rerank",
          new InvalidResponse({ description: `${texts.length} texts were sent, but ${all.length} scores came back` })
        )
      }
      return [generationOf(all, duration, isList(scores) ? undefined : scores.usage?.total_tokens)]
    }
  )
}

const score = (llm: Service) => {
  const ranked = rank(llm)
  const classified = classify(llm)
  return (input: Message.Input) => {
    const pair = pairOf(input)
    return pair === undefined ? classified(input) : ranked(pair)
  }
}

/**
 * The work for a row of a batch.
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
 * The options of a batch with the columns that the task reads: for a row to score, its query and its texts.
 *
 * @category conversions
 * @since 0.2.0
 */
export const rowsOf = <O extends { readonly columns?: Columns | undefined }>(options: O, task: Task | undefined): O =>
  task?.kind === "score"
    ? { ...options, columns: { ...options.columns, query: options.columns?.query ?? "query" } }
    : options
