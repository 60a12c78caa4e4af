/**
 * A model behind the port: its names, and the service that calls it.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as EmbeddingRoutes from "../ai/EmbeddingRoutes.ts"
import * as EndpointRoutes from "../ai/EndpointRoutes.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import type { InferenceError } from "../InferenceError.ts"
import type * as TargetClients from "../pipeline/TargetClients.ts"

/**
 * A model behind the port.
 *
 * @category models
 * @since 0.2.0
 */
export interface Backend {
  /** Its name in `/v1/models` and in `model`. */
  readonly model: string
  /** Further names, listed too. */
  readonly aliases?: ReadonlyArray<string> | undefined
  readonly llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]
  readonly embed: (
    texts: ReadonlyArray<string>,
    options: EmbeddingRoutes.Options
  ) => Effect.Effect<EmbeddingRoutes.Vectors, EndpointError | InferenceError>
}

/** TEI's own limit on the number of texts per request. */
const AT_ONCE = 32

const total = (counts: ReadonlyArray<number | undefined>): number | undefined =>
  counts.reduce<number | undefined>(
    (sum, count) => sum === undefined || count === undefined ? undefined : sum + count,
    0
  )

/**
 * Makes one from the service and the endpoint in the context.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  names: { readonly model: string; readonly aliases?: ReadonlyArray<string> | undefined },
  client: TargetClients.Options = {}
) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const use = yield* EndpointRoutes.make(client)
  const backend: Backend = {
    ...names,
    llm,
    embed: (texts, options) =>
      use((client, { modelName }) =>
        Effect.map(
          Effect.forEach(
            Arr.chunksOf(texts, AT_ONCE),
            (chunk) => EmbeddingRoutes.embed(client, modelName, chunk, options),
            { concurrency: 4 }
          ),
          (answers) => ({
            results: answers.flatMap(({ results }) => results),
            inputTokens: total(answers.map(({ inputTokens }) => inputTokens))
          })
        )
      )
  }
  return backend
})
