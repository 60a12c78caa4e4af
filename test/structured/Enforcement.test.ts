import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import * as Enforcement from "../../src/structured/engines/printers/Enforcement.ts"

const compilers = ["tgi", "xgrammar", "llguidance", "llamacpp", "openai"] as const

/** The table of the docs, made of the data that the printers read. */
const table = [
  "| keyword | TGI | xgrammar | llguidance | llama.cpp | strict |",
  "| --- | --- | --- | --- | --- | --- |",
  ...Object.entries(Enforcement.keywords).map(([keyword, { fates }]) =>
    `| \`${keyword}\` | ${compilers.map((compiler) => fates[compiler]).join(" | ")} |`
  )
].join("\n")

describe("what each compiler makes of each keyword", () => {
  it("stands in the docs as it stands in the data", () => {
    assert.include(readFileSync(new URL("../../docs/structured-output.md", import.meta.url), "utf8"), table)
  })

  it("names the version that was asked", () => {
    for (const compiler of compilers) assert.match(Enforcement.versions[compiler], /\d/)
  })
})
