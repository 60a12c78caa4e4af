import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as RepoPath from "../../src/hub/RepoPath.ts"

const ok = (result: Result.Result<string, string>) => Result.getOrUndefined(result)

/** Whether a path, put below a root, stays below it however a URL is normalised. */
const staysBelow = (path: string) => new URL(`https://hub/root/${path}`).pathname.startsWith("/root/")

describe("RepoPath", () => {
  it("accepts the ids of the Hub", () => {
    for (const id of ["gpt2", "org/name", "meta-llama/Llama-3.1-8B", "a_b/c.d"]) {
      assert.strictEqual(ok(RepoPath.repo(id)), id)
    }
  })

  it("refuses ids that are none", () => {
    for (
      const id of [
        "",
        "/",
        "a/",
        "/a",
        "a/b/c",
        "../a",
        "a/..",
        "a b",
        "a?b",
        "a#b",
        "a%2f",
        ".a",
        "a--b",
        "a..b",
        "a/b.git",
        "a\\b",
        "-a"
      ]
    ) {
      assert.isUndefined(ok(RepoPath.repo(id)), id)
    }
  })

  it("makes one segment of a revision", () => {
    assert.strictEqual(ok(RepoPath.revision("refs/pr/1")), "refs%2Fpr%2F1")
  })

  it("refuses revisions that git refuses", () => {
    for (const name of ["", "..", "a..b", "../x", "a b", "a^", "a~1", "a:b", "/a", "a//b"]) {
      assert.isUndefined(ok(RepoPath.revision(name)), name)
    }
  })

  it("refuses files that could escape", () => {
    for (const path of ["", "/etc/passwd", "a/../b", "..", "a\\b", "a\u0000", "a//b", "./a", "a/."]) {
      assert.isUndefined(ok(RepoPath.file(path)), path)
    }
  })

  it.prop("never lets a file escape its root", [Schema.String], ([path]) => {
    const encoded = ok(RepoPath.file(path))
    return encoded === undefined || staysBelow(encoded)
  })

  it.prop("gives back every file name that it encodes", [Schema.String], ([path]) => {
    const result = Result.try(() => RepoPath.file(path))
    const encoded = Result.isSuccess(result) ? ok(result.success) : undefined
    return encoded === undefined || encoded.split("/").map(decodeURIComponent).join("/") === path
  })

  it.prop("never throws", [Schema.String], ([text]) => {
    RepoPath.repo(text)
    RepoPath.revision(text)
    RepoPath.file(text)
    return true
  })
})
