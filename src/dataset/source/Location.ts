/**
 * Names of data sets on the Hub.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as DatasetError from "../DatasetError.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Location {
  /** `org/name`. */
  readonly repo: string
  /** A branch, tag, pull request or commit; `main` if the name has none. */
  readonly revision: string | undefined
  /** Below the root: a file, a folder or a pattern; empty for the whole. */
  readonly path: string
}

const percent = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * `hf://datasets/org/name[@revision][/path]`; undefined for any other name, such as a file. A revision with
 * slashes is written as `refs%2Fpr%2F1`.
 *
 * @category decoding
 * @since 0.2.0
 */
export const parse = (source: string): Result.Result<Location | undefined, DatasetError.DatasetError> => {
  if (!source.startsWith("hf://")) return Result.succeed(undefined)
  const [, org, name, revision, path = ""] =
    /^hf:\/\/datasets\/([^/@]+)\/([^/@]+)(?:@([^/]+))?(?:\/(.*))?$/.exec(source) ?? []
  return org === undefined || name === undefined
    ? Result.fail(
      DatasetError.of("find")(
        new DatasetError.InvalidSource({
          source,
          problem:
            "the address of a data set on the Hub looks like hf://datasets/org/name, optionally with @revision and /path"
        })
      )
    )
    : Result.succeed({
      repo: `${org}/${name}`,
      revision: revision === undefined ? undefined : percent(revision),
      path
    })
}
