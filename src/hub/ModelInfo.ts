/**
 * What the Hub says about a model, about its inference providers and about the owner of a token. Only what this package
 * reads is described; everything else is ignored.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as RepoPath from "./RepoPath.ts"

/**
 * One provider that serves a model.
 *
 * @category models
 * @since 0.1.0
 */
export const Provider = Schema.Struct({
  provider: Schema.String,
  /** `live`, `staging` (being tested) or `error` (its last health probe failed); others may be added. */
  status: Schema.Union([Schema.Literals(["live", "staging", "error"]), Schema.String]),
  /** The model's name at the provider. */
  providerId: Schema.optionalKey(Schema.String),
  /** `conversational`, `text-generation`, `feature-extraction`, … */
  task: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Provider = typeof Provider.Type

const ProviderFields = Schema.Struct({
  status: Provider.fields.status,
  providerId: Provider.fields.providerId,
  task: Provider.fields.task
})

/** The Hub writes a list, or an object keyed by provider. */
const Providers = Schema.Union([
  Schema.Array(Provider),
  Schema.Record(Schema.String, ProviderFields).pipe(
    Schema.decodeTo(
      Schema.Array(Schema.toType(Provider)),
      SchemaTransformation.transform({
        decode: (byName): ReadonlyArray<Provider> =>
          Object.entries(byName).map(([provider, fields]) => ({ provider, ...fields })),
        encode: (list) => Object.fromEntries(list.map(({ provider, ...fields }) => [provider, fields]))
      })
    )
  )
])

/**
 * A model on the Hub.
 *
 * @category models
 * @since 0.1.0
 */
export const ModelInfo = Schema.Struct({
  /** The current id: different from the requested one if the model was renamed. */
  id: Schema.String.check(
    Schema.makeFilter((id: string) => Result.isSuccess(RepoPath.repo(id)) || "the id of a repository")
  ),
  /** The commit that the metadata was read at. */
  sha: Schema.optionalKey(Schema.NullOr(Schema.String)),
  private: Schema.optionalKey(Schema.Boolean),
  /** `false`, `"auto"` or `"manual"`. */
  gated: Schema.optionalKey(Schema.Union([Schema.Boolean, Schema.String])),
  disabled: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  /** `text-generation`, `image-text-to-text`, … */
  pipelineTag: Schema.optionalKey(Schema.NullOr(Schema.String)),
  libraryName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  tags: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  siblings: Schema.optionalKey(Schema.Array(Schema.Struct({ rfilename: Schema.String }))),
  /** Holds `tokenizer_config`, `chat_template_jinja`, `processor_config` of the default branch, gated models included. */
  config: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
  gguf: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
  /** `"warm"` when a serverless provider serves it. */
  inference: Schema.optionalKey(Schema.NullOr(Schema.String)),
  inferenceProviderMapping: Schema.optionalKey(Schema.NullOr(Providers))
}).pipe(Schema.encodeKeys({ pipelineTag: "pipeline_tag", libraryName: "library_name" }))

/**
 * @category models
 * @since 0.1.0
 */
export type ModelInfo = typeof ModelInfo.Type

/**
 * The providers of a model, in the order of the token owner's preference.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProviderMapping {
  /** The model's current id. */
  readonly id: string
  readonly pipelineTag: string | undefined
  readonly providers: ReadonlyArray<Provider>
}

/**
 * The owner of a token.
 *
 * @category models
 * @since 0.1.0
 */
export const WhoAmI = Schema.Struct({
  /** `user`, `org` or `app`. */
  type: Schema.String,
  name: Schema.String,
  fullname: Schema.optionalKey(Schema.NullOr(Schema.String)),
  isPro: Schema.optionalKey(Schema.Boolean),
  canPay: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  orgs: Schema.Array(Schema.Struct({ name: Schema.String })).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))
})

/**
 * @category models
 * @since 0.1.0
 */
export type WhoAmI = typeof WhoAmI.Type

/**
 * One entry of a repository's tree.
 *
 * @category models
 * @since 0.1.0
 */
export const TreeEntry = Schema.Struct({ type: Schema.String, path: Schema.String })
