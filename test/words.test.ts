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
  ["said aloud", /\bsaid aloud\b/i, "set explicitly"],
  ["so many", /\bso many\b/i, "that many, this many, or a number of"],
  ["gone on with", /\b(?:gone on|goes on behind|go on behind)\b/i, "continued, or continues after"],
  ["asked for whole", /\basked for (?:whole|anew|again|piece)\b/i, "requested as a whole, requested again, or retried"],
  ["without a word", /\b(?:without a word|in silence)\b/i, "silently"],
  [
    "a row a line",
    /\b(?:a|one) (?:row|line|file|class|chunk|method|delta) (?:a|an) (?=[a-z]+[.,:;`]|\S+$)/i,
    "one line per row"
  ],
  ["is there already", /\bis there already\b/i, "already exists"],
  ["does not tell", /\b(?:do|does|did) not tell\b/i, "does not report, or does not say"],
  ["was told", /\b(?:can be|is|was) told (?!to\b|apart\b|not to\b)/i, "is given, gets, or knows"],
  ["begins anew", /\banew\b/i, "again, or over"],
  ["held to", /\b(?:is|are) held to\b/i, "is enforced"],
  ["sum up to", /\bsums? up to\b/i, "sum to"],
  ["what becomes of", /\bwhat (?:becomes|became) of\b/i, "what happens to"],
  ["known of", /\bknown of\b/i, "known about"],
  ["demands", /\bdemand(?:s|ed (?:call|name|of)|ed, but)\b/i, "requires"],
  ["is to be", /\b(?:is|are|was|were) to be\b/i, "must be, or will be"],
  ["gives back", /\bgives? back\b/i, "returns"],
  ["in vain", /\bin vain\b/i, "to no effect"],
  ["some forty", /\bsome forty\b/i, "about forty"],
  ["cannot bear", /\b(?:can bear|bearable)\b/i, "can handle"],
  ["who answers", /\b(?:who|what) answer(?:s|ed)\b/i, "which server, engine or provider responds"],
  ["exclude each other", /\bexclude (?:each other|one another)\b/i, "cannot be combined"]
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
