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
  "06-structured-output.ts": /User \{ name: [^]*the token limit cut the response/,
  "07-stream-object.ts": /1\. \{ name: [^]*all 3 are here/,
  "08-tools.ts": /the model calls get_weather \{ city: /,
  "09-batch.ts": /rows/,
  "10-magpie-dataset.ts": /\\"answer\\": .*\\"confident\\": /,
  "11-agent.ts": /turn 1: weather[^]*turn 2: pack/,
  "12-fallback.ts": /gave up on this attempt[^]*large: /,
  "14-chat-template.ts": /<\|im_start\|>assistant[^]*<·\|im_end\|><·\|im_start\|>system[^]*offset: /,
  "15-observability.ts": /thought: Scattering\.[^]*gen_ai\.usage\.output_tokens/,
  "16-what-servers-send.ts": /no usage: .*usage unknown[^]*received "Hello there\."[^]*end mark alone: EmptyResponse/,
  "17-limits-and-waits.ts": /waiting briefly for POST [^]*it answered: true[^]*2 calls within one deadline/,
  "18-magpie-to-hub.ts":
    /made: \d+ conversations, \d+ left out as duplicates, (?!0 )\d+ liked by the judge\nwould push: data\/train-00000-of-00001\.parquet \(new\)[^]*license: apache-2\.0[^]*commits: 1, when it is repeated: 0\nread back: (\d+) of \1 rows/,
  "19-many-workers.ts": /60 rows in 6 shards[^]*60 rows done, 0 failed/,
  "20-schemas.ts": /vllm \(xgrammar\): .*uniqueItems[^]*refused before sending: .*nothing[^]*value: \{"title":"Dusk"/,
  "21-failures.ts":
    /shard restarts: GenerationFailed after 4 attempts[^]*twice by a proxy: InvalidResponse after 1 attempt[^]*received "One two three"[^]*dies of it: Fatal/,
  "22-long-objects.ts":
    /130 entries, 3\d\d\d tokens, 4 requests, one generation\nas a stream: the same text, Finish\nsalvaged [^:]*: whole/,
  "23-tools-on-tgi.ts":
    /get_weather \{"city":"Rome","days":3\}\nget_time [^]*"One moment\." and 2 calls in \d+ events, tool_calls\nnine tools: 1 call, its arguments decode, 2 requests/,
  "24-simulated-platform.ts": /before: scaledToZero[^]*after: running[^]*dropped by vllm-router[^]*the stream was cut/,
  "25-decisions.ts":
    /billing: .*the labels have 1\.00[^]*urgent: 0\.90[^]*no answer: decide: the labels have 20\.0 %[^]*10 labelled tickets: .*expected calibration error/,
  "28-judged-rows.ts": /(?:yes|no) \([\d.]+\): Works as it should\.[^]*4 of 4 rows are judged/,
  "29-several-endpoints.ts": /the endpoint fragile is given up[^]*300 rows done, 0 failed, 300 lines/,
  "30-object-store.ts": /w1: stopped by hand, \d+ objects in the store[^]*60 rows done, 0 failed/,
  "26-thinking-budget.ts":
    /answer: Mostly[^]*12 tokens of thinking, 20 in all[^]*safe is a boolean[^]*closed for the model: true[^]*refused before sending: .*below maxNewTokens/,
  "27-proof.ts":
    /requests to vllm 0\.32\.0: fail[^]*seed: dropped, documented as honoured[^]*refused: .*seed was dropped[^]*canary: pass[^]*mixes up its callers/,
  "31-file-batch-by-promises.ts":
    /interrupted: some rows are left\ncomplete: 60 rows done, 0 failed, the first ones were not sent again: true\n60 lines/,
  "32-port.ts":
    /200 .*"model":"gpt-4o-mini".*\n400 .*"param":"presence_penalty"[^]*resumed 1 time\n[^]*output_tokens_total\{model="llm"\} \d/,
  "33-tapes.ts":
    /1 exchange, \d+ events\n200 a stream\n404 .*taped \\"Why is the sky blue\?\\", requested \\"Why is the sky red/
}

/** Examples import the package by its name, as a program of a reader does. */
const fromSource = ["--import", join(root, ".ci", "source.mjs")]

const run = (file: string, cwd: string) =>
  promisify(execFile)(process.execPath, [...fromSource, join(root, "examples", file)], { cwd, encoding: "utf8" })

describe("every example runs to its end and shows what it promises", () => {
  it("and every promise has an example", () =>
    assert.deepStrictEqual(Object.keys(promised).toSorted(), examples.toSorted()))

  it("and can be pasted: it imports the package by its name", () => {
    for (const name of readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"))) {
      assert.notMatch(readFileSync(join(root, "examples", name), "utf8"), /from "\.\.\/src\//, name)
    }
  })

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

const main = (...args: ReadonlyArray<string>) =>
  promisify(execFile)(process.execPath, [...fromSource, join(root, "examples", "main.ts"), ...args], {
    cwd: root,
    encoding: "utf8"
  })

describe("the main job", () => {
  it("answers every prompt of the repository, says that the simulator is no model, and reports", async () => {
    const folder = mkdtempSync(join(tmpdir(), "main-"))
    try {
      const output = join(folder, "answers.jsonl")
      const { stderr, stdout } = await main("examples/data/prompts.jsonl", output)
      assert.match(stdout, /It is not a model/)
      assert.match(stderr, /rows: 120 done, 0 failed[^]*tokens: [^]*time: [^]*output: /)
      const rows = readFileSync(output, "utf8").trimEnd().split("\n").map((line): unknown => JSON.parse(line))
      assert.lengthOf(rows, 120)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it("says in one line that there is no such file, without a stack, and exits with 2", async () => {
    const failed = await main("nowhere.jsonl", join(tmpdir(), "never.jsonl")).then(
      () => undefined,
      (error: { readonly code: number; readonly stderr: string }) => error
    )
    assert.strictEqual(failed?.code, 2)
    assert.strictEqual(
      failed?.stderr.trim(),
      "nowhere.jsonl: there is no such file. Nothing was sent; correct the input and run again"
    )
  })
})

it("the documentation's table of options is the one that the rules make", () => {
  assert.isTrue(readFileSync(join(root, "docs", "engines.md"), "utf8").includes(Table.markdown()))
})
