import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "src", "structured")
const modules = globSync("**/*.ts", { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), "utf8")
}))

/** The comment that ends where a line begins. */
const commentAbove = (text: string, at: number): string => {
  const before = text.slice(0, at).trimEnd()
  return before.endsWith("*/") ? before.slice(before.lastIndexOf("/**")) : ""
}

describe("Documentation", () => {
  it("every module of structured output says what it is for, and since when it exists", () => {
    const missing = modules.filter(({ text }) => !/^\/\*\*\n \* [A-Z`][^]*?@since \d+\.\d+\.\d+\n \*\/\n/.test(text))
    assert.isAbove(modules.length, 40)
    assert.deepStrictEqual(missing.map(({ path }) => path), [])
  })

  it("every export of structured output has its category and the version in which it came", () => {
    const missing = modules.flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:declare )?(?:const|type|interface|class|function) ?(\w+)?/gm)].flatMap((found) => {
        const comment = commentAbove(text, found.index)
        return /@category \w/.test(comment) && /@since \d/.test(comment) ? [] : [`${path}: ${found[1] ?? "types"}`]
      })
    )
    assert.deepStrictEqual(missing, [])
  })
})
