/**
 * A part of an input, by default a file: the interface of every format and every source to the rest of the batch.
 *
 * A part is read at least twice, once to check it before anything is sent, and once row by row while rows are processed.
 * The second reading yields exactly what the first one saw, or fails.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import type { BatchError } from "../BatchError.ts"

/**
 * A row as its format yields it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Raw {
  /** The line or row of the part, counted from 1, for messages. */
  readonly number: number
  /** Counted from 0 over the rows of the part. */
  readonly index: number
  /** The JSON text of the row, if the format has one. */
  readonly text?: string | undefined
  /** The columns, if the format has no JSON text. */
  readonly columns?: Readonly<Record<string, unknown>> | undefined
  /** Why it is not a row, as the end of a sentence that begins with its position. */
  readonly problem?: string | undefined
}

/**
 * What was read: its length and a digest of each mebibyte.
 *
 * @category models
 * @since 0.2.0
 */
export interface Seen {
  readonly bytes: number
  readonly blocks: ReadonlyArray<string>
}

/**
 * What a part is recognised by later.
 *
 * @category models
 * @since 0.2.0
 */
export interface Identity extends Seen {
  readonly sha256: string
  /** The digest of its first `mark` bytes, if that was requested and it has that many. */
  readonly atMark?: string | undefined
  /** Whether a line ends at `mark`. */
  readonly cleanMark?: boolean | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Reading {
  /** The next rows; undefined at the end. An empty array is possible. */
  readonly next: Effect.Effect<ReadonlyArray<Raw> | undefined, BatchError>
  /** The record of what was read so far; of the whole part once the end was reached. */
  readonly identity: () => Identity
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Open {
  /** Reads what was seen then and no more, and fails with `Changed` if it is different. */
  readonly seen?: Seen | undefined
  /** A length in bytes at which the digest is needed too. */
  readonly mark?: number | undefined
  /** Digests as in version 0.1.0: of the bytes as a whole. */
  readonly whole?: boolean | undefined
  /** Rows to leave out, by their index in the part. */
  readonly skip?: ((index: number) => boolean) | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Part {
  /** Its name in messages and in the manifest. */
  readonly path: string
  readonly open: (how: Open) => Effect.Effect<Reading, BatchError, FileSystem.FileSystem | Scope.Scope>
  /** The identity alone, without parsing. */
  readonly identify: (how: Open) => Effect.Effect<Identity, BatchError, FileSystem.FileSystem>
}

/**
 * Opens what is not plain JSONL or CSV: another format, or another source.
 *
 * @category models
 * @since 0.2.0
 */
export interface Opener {
  /** Whether it takes this, by its name as given, and by its first bytes if it is a file. */
  readonly takes: (path: string, head: Uint8Array | undefined) => boolean
  readonly parts: (
    path: string
  ) => Effect.Effect<ReadonlyArray<Part>, BatchError, FileSystem.FileSystem | Path.Path | Scope.Scope>
}

/**
 * Openers in addition to the built-in ones; the first that takes a path wins.
 *
 * @category references
 * @since 0.2.0
 */
export const Openers = Context.Reference<ReadonlyArray<Opener>>("effect-inference-endpoints/batch/Openers", {
  defaultValue: () => []
})
