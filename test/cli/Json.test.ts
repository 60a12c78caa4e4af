import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Json from "../../src/cli/terminal/Json.ts"

const root = new URL("../../src/cli", import.meta.url).pathname

describe("what --json prints", () => {
  it("is one line that begins with the version of its shape", () =>
    assert.strictEqual(Json.line({ rows: 2, text: "a\nb" }), "{\"version\":1,\"rows\":2,\"text\":\"a\\nb\"}"))

  it("comes from one place, in every verb", () => {
    const own = globSync("**/*.ts", { cwd: root }).flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(/json\s*\?\s*(?:Console\.log\()?JSON\.stringify/g)].map(() =>
        file
      )
    )
    assert.deepStrictEqual(own, [])
  })
})
