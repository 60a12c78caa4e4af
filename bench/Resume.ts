/**
 * Time until a batch with that many rows sends its next request, and its peak of memory: at its first run; with nine tenths of
 * the rows done; with a row appended to the input since; and at its end, where the output is put in order.
 * `node Resume.ts <rows> [resumed grown ordered]` prints them as JSON; with `BUILT=1` of the package as it is published.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { appendFileSync, createWriteStream, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { finished } from "node:stream/promises"
import { pathToFileURL } from "node:url"
import * as Built from "./clients/Built.ts"

export interface Resumed {
  /** Seconds until the request, and of CPU in all. */
  readonly seconds: number
  readonly cpuSeconds: number
  /** The peak of the resident size, and what the modules alone take. */
  readonly megabytes: number
  readonly modules: number
}

const generation = (row: number) => ({
  text: `The response to question ${row}, which is a sentence of some length, as such responses are.`,
  toolCalls: [],
  finishReason: "stop",
  statistics: { duration: 812, attempts: 1, inputTokens: 42, outputTokens: 23 }
})

const write = async (path: string, rows: Iterable<number>, line: (row: number) => string) => {
  const file = createWriteStream(path)
  for (const row of rows) {
    if (!file.write(`${line(row)}\n`)) await new Promise<void>((resolve) => file.once("drain", resolve))
  }
  file.end()
  await finished(file)
}

function* upTo(rows: number) {
  for (let row = 0; row < rows; row++) yield row
}

/** All rows, those that stand beside each other the other way round. */
function* swapped(rows: number) {
  for (let row = 0; row < rows; row++) yield Math.min(rows - 1, row ^ 1)
}

const peak = () => process.resourceUsage().maxRSS / 1024

const files = (folder: string) => ({ input: join(folder, "in.jsonl"), output: join(folder, "out.jsonl") })

const run = async (folder: string, ordered: boolean): Promise<Resumed> => {
  const Runner = await Built.load("batch/Runner", () => import("../src/batch/Runner.ts"))
  const modules = peak()
  const cpu = process.cpuUsage()
  const start = performance.now()
  let at = 0
  await Runner.run({ ...files(folder), limit: 1, concurrency: 1, ordered }, {
    generate: () => {
      at ||= performance.now()
      return Effect.succeed([generation(0)])
    },
    ready: Effect.void,
    fingerprint: "bench"
  }, () => Effect.void).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)
  const { system, user } = process.cpuUsage(cpu)
  return {
    seconds: ((at || performance.now()) - start) / 1000,
    cpuSeconds: (system + user) / 1e6,
    megabytes: peak(),
    modules
  }
}

/** Each in a process of its own, so that no peak is another's. */
const measure = async (rows: number, names: ReadonlyArray<string>) => {
  const Line = await Built.load("batch/rows/Line", () => import("../src/batch/rows/Line.ts"))
  const folder = mkdtempSync(join(tmpdir(), "resume-"))
  const { input, output } = files(folder)
  const once = (name: string): Resumed | undefined =>
    name !== "first" && names.length > 0 && !names.includes(name) ? undefined : JSON.parse(
      execFileSync(process.execPath, [import.meta.filename, "run", folder, name], { encoding: "utf8" })
    )
  const line = (row: number) => Line.output({ id: `row-${row}`, index: row }, { generations: [generation(row)] })
  try {
    const prompt = "What is there to be said about this, in a few words that anybody can understand?"
    const text = (row: number) => JSON.stringify({ id: `row-${row}`, prompt: `Question ${row}. ${prompt}` })
    await write(input, upTo(rows), text)
    const first = once("first")
    await write(output, upTo(rows * 0.9), line)
    const resumed = once("resumed")
    appendFileSync(input, `${text(rows)}\n`)
    const grown = once("grown")
    await write(output, swapped(rows + 1), line)
    const ordered = once("ordered")
    return { rows, first, resumed, grown, ordered }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , what = "1000000", ...rest] = process.argv
  const [folder = "", name] = rest
  const told = what === "run" ? await run(folder, name === "ordered") : await measure(Number(what), rest)
  process.stdout.write(`${JSON.stringify(told, null, 2)}\n`)
}
