/**
 * The two routes that embed, and their vectors in the order of the texts.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InferenceError, InvalidRequest, InvalidResponse } from "../InferenceError.ts"
import * as Embedding from "../protocol/Embedding.ts"
import type { TgiClient } from "../transport/TgiClient.ts"

/**
 * How to request vectors.
 *
 * - `route`: `openai` (default) is `/v1/embeddings`, which TEI, vLLM, SGLang and llama.cpp have; `tei` is TEI's `/embed`.
 * - `dimensions`: requests shorter vectors from a model that can produce them. Vectors of another length, as llama.cpp
 *   returns, are an error.
 * - `normalize` (the server's default is true), `truncate` (cuts a text that is too long, where the server's default is to
 *   refuse it), `promptName` (a prompt that the model's repository defines): only on the route `tei`.
 * - `extra`: fields for the engine as they go over the wire. They win over those made from the options.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly route?: "openai" | "tei" | undefined
  readonly dimensions?: number | undefined
  readonly normalize?: boolean | undefined
  readonly truncate?: boolean | undefined
  readonly promptName?: string | undefined
  readonly extra?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The vectors of some texts, in their order, and how many tokens the texts had, if the server reports it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Vectors {
  readonly results: Array<Array<number>>
  readonly inputTokens: number | undefined
}

type Client = TgiClient["Service"]
type Embedded = Effect.Effect<Vectors, InferenceError>

/**
 * Embeds texts with one request. Fails with `InvalidRequest` on an option that the route does not have, and with
 * `InvalidResponse` when there is not exactly one vector for each text, or when one does not have the requested
 * `dimensions`.
 *
 * @category running
 * @since 0.1.0
 */
export const embed = (
  client: Client,
  model: string,
  inputs: ReadonlyArray<string>,
  options: Options
): Embedded => {
  const { dimensions, extra, route } = options
  const rest = { ...(dimensions !== undefined && { dimensions }), ...extra }
  const checked = checkedBy(dimensions, route === "tei" ? TEI : OPENAI)
  if (route === "tei") return checked(tei(client, { inputs, ...teiFields(options), ...rest }, inputs.length))
  const misplaced = Object.keys(teiFields(options))
  return misplaced.length > 0
    ? Effect.fail(refused(misplaced))
    : checked(openAi(client, { model, input: inputs, ...rest }, inputs.length))
}

/** An engine that does not know the field drops it, and the vectors would not fit an index made for it. */
const checkedBy = (dimensions: number | undefined, method: string) => (embedded: Embedded): Embedded =>
  dimensions === undefined ? embedded : Effect.flatMap(embedded, (vectors) => {
    const other = vectors.results.find(({ length }) => length !== dimensions)
    return other === undefined ? Effect.succeed(vectors) : Effect.fail(
      new InferenceError({
        method,
        reason: new InvalidResponse({
          description:
            `dimensions ${dimensions} were requested, but vectors of ${other.length} came back: this engine, or ` +
            "its model, ignores `dimensions`; leave it out"
        }),
        attempts: 1
      })
    )
  })

const teiFields = ({ normalize, promptName, truncate }: Options) => ({
  ...(normalize !== undefined && { normalize }),
  ...(truncate !== undefined && { truncate }),
  ...(promptName !== undefined && { prompt_name: promptName })
})

const refused = (fields: ReadonlyArray<string>): InferenceError =>
  new InferenceError({
    method: OPENAI,
    reason: new InvalidRequest({
      issues: fields.map((field) => ({
        path: [field],
        message: `${field} is ignored by /v1/embeddings: it is known to TEI's own route, so set route to "tei"`
      }))
    }),
    attempts: 0
  })

const OPENAI = "POST /v1/embeddings"
const TEI = "POST /embed"

const tei = (client: Client, body: Readonly<Record<string, unknown>>, count: number): Embedded =>
  Effect.flatMap(client.json(Embedding.Vectors, "/embed", body), ({ value }) =>
    value.length === count
      ? Effect.succeed({ results: value, inputTokens: undefined })
      : Effect.fail(incomplete(TEI, value.length, count)))

/** Vectors have an index, and may come in any order. */
const openAi = (client: Client, body: Readonly<Record<string, unknown>>, count: number): Embedded =>
  Effect.flatMap(client.json(Embedding.Response, "/v1/embeddings", body), ({ value: { data, usage } }) => {
    const found = new Map(data.map(({ embedding, index }) => [index, embedding]))
    const results: Array<Array<number>> = []
    for (let index = 0; index < count; index++) {
      const vector = found.get(index)
      if (vector !== undefined) results.push(vector)
    }
    return results.length === count && data.length === count
      ? Effect.succeed({ results, inputTokens: usage?.prompt_tokens })
      : Effect.fail(incomplete(OPENAI, data.length, count))
  })

const incomplete = (method: string, given: number, count: number): InferenceError =>
  new InferenceError({
    method,
    reason: new InvalidResponse({ description: `${count} texts were sent, but ${given} vectors came back` }),
    attempts: 1
  })
