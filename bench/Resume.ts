/**
 * Time until a batch of so many rows, nine tenths of them done, sends its first request again: `node Resume.ts <rows>`.
 * Prints seconds of wall clock and of CPU, and the peak of the resident size, as JSON.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { createWriteStream, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { finished } from "node:stream/promises"
import { pathToFileURL } from "node:url"
import * as Line from "../src/batch/rows/Line.ts"
import * as Runner from "../src/batch/Runner.ts"

export interface Resumed {
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly megabytes: number
}

const generation = (row: number) => ({
  text: `The response to question ${row}, which is a sentence of some length, as such responses are.`,
  toolCalls: [],
  finishReason: "stop",
  statistics: { duration: 812, attempts: 1, inputTokens: 42, outputTokens: 23 }
})

const write = async (path: string, rows: number, line: (row: number) => string) => {
  const file = createWriteStream(path)
  for (let row = 0; row < rows; row++) {
    if (!file.write(`${line(row)}\n`)) await new Promise<void>((resolve) => file.once("drain", resolve))
  }
  file.end()
  await finished(file)
}

const measure = async (rows: number): Promise<Resumed> => {
  const folder = mkdtempSync(join(tmpdir(), "resume-"))
  const input = join(folder, "in.jsonl")
  const output = join(folder, "out.jsonl")
  const run = (limit: number) => {
    let at = 0
    return Effect.map(
      Runner.run({ input, output, limit, concurrency: 1 }, {
        generate: () => {
          at ||= performance.now()
          return Effect.succeed([generation(0)])
        },
        ready: Effect.void,
        fingerprint: "bench"
      }, () => Effect.void),
      () => at
    ).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)
  }
  try {
    const prompt = "What is there to be said about this, in a few words that anybody can understand?"
    await write(input, rows, (row) => JSON.stringify({ id: `row-${row}`, prompt: `Question ${row}. ${prompt}` }))
    await run(1)
    await write(
      output,
      rows * 0.9,
      (row) => Line.output({ id: `row-${row}`, index: row }, { generations: [generation(row)] })
    )
    const cpu = process.cpuUsage()
    const start = performance.now()
    const at = await run(1)
    const { system, user } = process.cpuUsage(cpu)
    return {
      rows,
      seconds: (at - start) / 1000,
      cpuSeconds: (system + user) / 1e6,
      megabytes: process.resourceUsage().maxRSS / 1024
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2] ?? 1_000_000)))}\n`)
}
