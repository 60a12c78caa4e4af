import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Table from "../src/dialect/Table.ts"

const root = new URL("..", import.meta.url).pathname
const examples = readdirSync(join(root, "examples")).filter((name) => /^\d\d-[a-z-]+\.ts$/.test(name))

/** What a reader of each example is promised to see. */
const promised: Readonly<Record<string, RegExp>> = {
  "01-generate.ts": /tokens in, 24 out, length/,
  "02-stream.ts": /finished: [^]*-- cut: .*after 4 events/,
  "03-serverless.ts": /asked as org\/model:cheapest/,
  "04-dedicated.ts": /is paused \(Resumed[^]*is running \(Ready/,
  "05-base-url.ts": /is tgi 3\.3\.7[^]*is vllm/,
  "06-structured-output.ts": /User \{ name: [^]*the token limit cut the answer/,
  "07-stream-object.ts": /1\. \{ name: [^]*all 3 are here/,
  "08-tools.ts": /the model calls get_weather \{ city: /,
  "09-batch.ts": /rows/,
  "10-magpie-dataset.ts": /\\"answer\\": .*\\"confident\\": /,
  "11-agent.ts": /turn 1: weather[^]*turn 2: pack/,
  "12-fallback.ts": /gave up on this attempt[^]*large: /,
  "14-chat-template.ts": /<\|im_start\|>assistant[^]*offset: /,
  "15-observability.ts": /thought: Scattering\.[^]*gen_ai\.usage\.output_tokens/
}

const run = (file: string, cwd: string) =>
  promisify(execFile)(process.execPath, [join(root, "examples", file)], { cwd, encoding: "utf8" })

describe("every example runs to its end and shows what it promises", () => {
  it("and every promise has an example", () =>
    assert.deepStrictEqual(Object.keys(promised).toSorted(), examples.toSorted()))

  for (const [file, promise] of Object.entries(promised)) {
    it(file, async () => {
      const folder = mkdtempSync(join(tmpdir(), "example-"))
      try {
        const { stdout } = await run(file, folder)
        assert.match(stdout, promise)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
})

it("the README's table of options is the one that the rules make", () => {
  assert.isTrue(readFileSync(join(root, "README.md"), "utf8").includes(Table.markdown()))
})
