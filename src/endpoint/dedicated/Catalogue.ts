/**
 * The catalogue of Inference Endpoints: models with recipes, each an engine and hardware that were tested together.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import { DedicatedEndpoint } from "./DedicatedEndpoint.ts"

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * @category schemas
 * @since 0.2.0
 */
export const Recipe = Schema.Struct({
  /** What `deploy` accepts as `recipe`. */
  publicId: Schema.String,
  /** `cpu`, `gpu`, `neuron`. */
  accelerator: Schema.String,
  /** `vllm`, `llamacpp`, `tei`, `sglang`, … */
  engineType: Schema.String,
  /** The file that llama.cpp loads. */
  ggufFile: optional(Schema.String),
  revision: optional(Schema.String)
})

/**
 * A model of the catalogue.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Model = Schema.Struct({
  /** The model's repository on the Hub. */
  repoId: Schema.String,
  modelName: optional(Schema.String),
  authorName: optional(Schema.String),
  license: optional(Schema.String),
  task: optional(Schema.String),
  createdAt: optional(Schema.String),
  recipes: Schema.Array(Recipe)
})

/**
 * @category models
 * @since 0.2.0
 */
export type Model = typeof Model.Type

/**
 * @category schemas
 * @since 0.2.0
 */
export const List = Schema.Struct({ items: Schema.Array(Model) })

/**
 * @category schemas
 * @since 0.2.0
 */
export const Deployed = Schema.Struct({ endpoint: DedicatedEndpoint })

/**
 * Which models to list; an absent field does not filter.
 *
 * @category models
 * @since 0.2.0
 */
export interface Query {
  readonly accelerator?: string | undefined
  readonly engine?: string | undefined
  readonly license?: string | undefined
  readonly task?: string | undefined
  readonly search?: string | undefined
  readonly limit?: number | undefined
}

/**
 * What to deploy: the default recipe of a model, or of those for an accelerator or a file; or one recipe by its id.
 *
 * @category models
 * @since 0.2.0
 */
export type Choice =
  | {
    readonly repository: string
    readonly accelerator?: string | undefined
    readonly ggufFile?: string | undefined
  }
  | { readonly recipe: string }

/**
 * The query string of a listing, with its `?`, or `""`.
 *
 * @category conversions
 * @since 0.2.0
 */
export const search = (query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]])
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`
}

/**
 * The route that deploys a choice, below the catalogue. Undefined if a name could become another path.
 *
 * @category conversions
 * @since 0.2.0
 */
export const route = (choice: Choice): string | undefined => {
  if ("recipe" in choice) return /^[\w-]+$/.test(choice.recipe) ? `recipe/${choice.recipe}/deploy` : undefined
  return /^(?!.*\.\.)[\w.-]+\/[\w.-]+$/.test(choice.repository) ? `model/${choice.repository}/deploy` : undefined
}
