/**
 * Names on the Hub as safe parts of a URL. Repository ids, revisions and file names come from configuration and from
 * other people's files, so they follow a strict grammar before they become a path.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"

const idPart = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/

// oxlint-disable-next-line no-control-regex -- control characters are what it matches
const unsafe = /[\u0000-\u001f\u007f\\]/

const segments = (text: string): boolean =>
  text.length <= 1024 && text.isWellFormed() && !unsafe.test(text) &&
  text.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")

/**
 * A model repository as a path: `name` or `org/name`. Each part has 1 to 96 letters, digits, `_`, `-`, `.`, with none of
 * `--`, `..`, a `.git` ending, or a dot or dash at its border.
 *
 * @category encoding
 * @since 0.1.0
 */
export const repo = (id: string): Result.Result<string, string> => {
  const parts = id.split("/")
  return parts.length <= 2 &&
      parts.every((part) => idPart.test(part) && !/--|\.\./.test(part) && !part.endsWith(".git"))
    ? Result.succeed(id)
    : Result.fail("a repository id looks like `name` or `org/name`, of letters, digits, `_`, `-` and `.`")
}

/**
 * A branch, tag, pull request or commit as one path segment: `refs/pr/1` becomes `refs%2Fpr%2F1`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const revision = (name: string): Result.Result<string, string> =>
  segments(name) && !/[\s~^:?*[\]@{}]/.test(name) && !name.includes("..")
    ? Result.succeed(encodeURIComponent(name))
    : Result.fail("a revision is the name of a branch, tag or commit")

/**
 * A file of a repository as a path, each segment encoded.
 *
 * @category encoding
 * @since 0.1.0
 */
export const file = (path: string): Result.Result<string, string> =>
  segments(path)
    ? Result.succeed(path.split("/").map(encodeURIComponent).join("/"))
    : Result.fail("a file is a relative path without `..`, `\\` and control characters")

/**
 * Whether a revision is a full commit, whose files never change.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)
