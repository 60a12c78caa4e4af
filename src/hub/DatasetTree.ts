/**
 * What the Hub says about a data set and its files. Only what this package reads is described.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

/**
 * A data set repository.
 *
 * @category models
 * @since 0.2.0
 */
export const DatasetInfo = Schema.Struct({
  id: Schema.String,
  /** The commit that was requested. */
  sha: Schema.String,
  private: Schema.optionalKey(Schema.Boolean),
  /** `false`, `"auto"` or `"manual"`. */
  gated: Schema.optionalKey(Schema.Union([Schema.Boolean, Schema.String]))
})

/**
 * @category models
 * @since 0.2.0
 */
export type DatasetInfo = typeof DatasetInfo.Type

/**
 * A file or folder of a data set.
 *
 * @category models
 * @since 0.2.0
 */
export const DatasetEntry = Schema.Struct({
  /** `file` or `directory`. */
  type: Schema.String,
  path: Schema.String,
  /** Bytes; 0 for folders. */
  size: Schema.optionalKey(Schema.Finite),
  /** The git id: of the file itself, or of the pointer to a large one. */
  oid: Schema.optionalKey(Schema.String),
  /** For a file in large storage: its SHA-256. */
  lfs: Schema.optionalKey(Schema.NullOr(Schema.Struct({ oid: Schema.String, size: Schema.Finite })))
})

/**
 * @category models
 * @since 0.2.0
 */
export type DatasetEntry = typeof DatasetEntry.Type

/**
 * How to upload a file, as the Hub decides.
 *
 * @category models
 * @since 0.2.0
 */
export const Preupload = Schema.Struct({
  files: Schema.Array(Schema.Struct({
    path: Schema.String,
    uploadMode: Schema.Literals(["regular", "lfs"]),
    /** Whether the repository's `.gitignore` leaves it out. */
    shouldIgnore: Schema.optionalKey(Schema.Boolean),
    /** The id of the current content: SHA-256 for large files, the git id for others. */
    oid: Schema.optionalKey(Schema.NullOr(Schema.String))
  }))
})

const Href = Schema.Struct({
  href: Schema.String,
  header: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.String)))
})

/**
 * Where the bytes of a large file go; without `actions` the Hub already has them.
 *
 * @category models
 * @since 0.2.0
 */
export const LfsBatch = Schema.Struct({
  objects: Schema.Array(Schema.Struct({
    oid: Schema.String,
    actions: Schema.optionalKey(
      Schema.NullOr(Schema.Struct({ upload: Schema.optionalKey(Href), verify: Schema.optionalKey(Href) }))
    ),
    error: Schema.optionalKey(Schema.NullOr(Schema.Struct({ message: Schema.String })))
  }))
})

/**
 * A commit that was made.
 *
 * @category models
 * @since 0.2.0
 */
export const Committed = Schema.Struct({ commitOid: Schema.String, commitUrl: Schema.optionalKey(Schema.String) })

/**
 * The Hub's verdict on the head of a card.
 *
 * @category models
 * @since 0.2.0
 */
export const YamlVerdict = Schema.Struct({
  errors: Schema.Array(Schema.Struct({ message: Schema.String })),
  warnings: Schema.Array(Schema.Struct({ message: Schema.String }))
})
