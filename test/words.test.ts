import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = new URL("..", import.meta.url).pathname
const texts = ["src/**/*.ts", "examples/*.ts", "bench/*.ts", "docs/*.md", "*.md"].flatMap((pattern) =>
  globSync(pattern, { cwd: root })
)

/** What reads translated, and what to write instead. A glossary stands in ARCHITECTURE.md. */
const relapses: ReadonlyArray<readonly [string, RegExp, string]> = [
  ["can not", /\bcan not\b/i, "cannot"],
  // "there is no" is fine, and so is "is no longer"
  [
    "is no",
    /(?<!there )(?<!there can )(?<!there may )(?<!there must )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|later\b|larger\b|other\b|one\b|need\b)/i,
    "is not"
  ],
  ["no byte", /\bno byte\b/i, "no data"],
  ["under way", /\bunder way\b/i, "in flight, or in progress"],
  ["said aloud", /\bsaid aloud\b/i, "set explicitly"]
]

describe("the words of comments, messages and pages", () => {
  for (const [name, pattern, instead] of relapses) {
    it(`say ${instead}, not: ${name}`, () => {
      const found = texts.flatMap((file) =>
        readFileSync(join(root, file), "utf8").split("\n").flatMap((line, index) =>
          pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []
        )
      )
      assert.deepStrictEqual(found, [])
    })
  }
})
