/**
 * A dedicated endpoint as the management API describes it. The API grows without notice: unknown fields and states are kept
 * or ignored, and what older responses lack is optional.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * `pending`, `initializing`, `updating` pass by themselves; `scaledToZero` wakes by a request; `paused` needs a resume;
 * `failed` and `updateFailed` need a person. Other states may be added and are kept as they are.
 *
 * @category schemas
 * @since 0.1.0
 */
export const State = Schema.Union([
  Schema.Literals([
    "pending",
    "initializing",
    "updating",
    "updateFailed",
    "running",
    "paused",
    "failed",
    "scaledToZero"
  ]),
  Schema.String
])

/**
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * @category schemas
 * @since 0.1.0
 */
export const Status = Schema.Struct({
  state: State,
  message: optional(Schema.String),
  errorMessage: optional(Schema.String),
  /** Kept while paused, so that having a URL does not mean being ready. */
  url: optional(Schema.String),
  readyReplica: optional(Schema.Int),
  targetReplica: optional(Schema.Int),
  createdAt: optional(Schema.String),
  updatedAt: optional(Schema.String)
})

const Image = Schema.Record(Schema.String, Schema.Json)

/**
 * @category schemas
 * @since 0.1.0
 */
export const Model = Schema.Struct({
  /** The model's repository on the Hub. */
  repository: Schema.String,
  revision: optional(Schema.String),
  framework: optional(Schema.String),
  task: optional(Schema.String),
  /**
   * One key that names the engine (`tgi`, `vLLM`, `sGLang`, `llamacpp`, `tei`, `custom`, `huggingface`, …) and its settings.
   */
  image: optional(Image)
})

/**
 * @category schemas
 * @since 0.1.0
 */
export const DedicatedEndpoint = Schema.Struct({
  name: Schema.String,
  /** `public`, `authenticated` (any account), `private`; in old data `protected`. */
  type: optional(Schema.String),
  provider: optional(Schema.Struct({ vendor: Schema.String, region: Schema.String })),
  compute: optional(Schema.Record(Schema.String, Schema.Json)),
  model: Model,
  /** The path that responds with 200 when a replica is ready. */
  healthRoute: optional(Schema.String),
  tags: optional(Schema.Array(Schema.String)),
  status: Status
})

/**
 * @category models
 * @since 0.1.0
 */
export type DedicatedEndpoint = typeof DedicatedEndpoint.Type

/**
 * A page of a listing.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Page = Schema.Struct({
  items: Schema.Array(DedicatedEndpoint),
  nextCursor: optional(Schema.String)
})

/**
 * The definition of a new endpoint. `name` has lowercase letters, digits and `-`, at most 32 of them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Create = Schema.Struct({
  name: Schema.String.check(Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/u)),
  type: Schema.Literals(["public", "authenticated", "private"]),
  provider: Schema.Struct({ vendor: Schema.String, region: Schema.String }),
  compute: Schema.Struct({
    accelerator: Schema.String,
    instanceType: Schema.String,
    instanceSize: Schema.String,
    scaling: Schema.Struct({
      minReplica: Schema.Int,
      maxReplica: Schema.Int,
      /** Minutes of idleness after which no replica is left, 15 to 2880; needs `minReplica: 0`. */
      scaleToZeroTimeout: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 15, maximum: 2880 })))
    })
  }),
  model: Schema.Struct({
    repository: Schema.String,
    framework: Schema.String,
    task: Schema.optionalKey(Schema.String),
    revision: Schema.optionalKey(Schema.String),
    image: Image,
    env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    /** Environment variables of the container that the API never returns. */
    secrets: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  }),
  tags: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Create = typeof Create.Type

/**
 * A change of an endpoint: only the keys that are present. `model.image` is replaced as a whole.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Update = Schema.Struct({
  type: Schema.optionalKey(Create.fields.type),
  compute: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  model: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  tags: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Update = typeof Update.Type
