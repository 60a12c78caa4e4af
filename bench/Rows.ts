/**
 * CPU per row of a batch from file to file, next to a plain script that does the same without any guarantees, and to one
 * that does it with the service's `generate`: `node Rows.ts <plain|calls|batch> <unary|stream> <rows> <origin>`. Prints rows
 * per second and microseconds of CPU per row, as JSON.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { request } from "undici"
import * as Batch from "../src/batch/Batch.ts"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import * as NodeInferenceEndpoints from "../src/node/NodeInferenceEndpoints.ts"

const CONCURRENCY = 64
const TOKENS = 20

const textOfStream = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder()
  let rest = ""
  let text = ""
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      if (!line.startsWith("data:")) continue
      const event = JSON.parse(line.slice(5))
      text += event.token.text
    }
  }
  return text
}

/** What people write by hand: no check of the input, no lock, no sync, no retry. */
const plain = async (input: string, output: string, url: string, stream: boolean) => {
  const rows = readFileSync(input, "utf8").trimEnd().split("\n")
  const file = createWriteStream(output)
  let next = 0
  const worker = async () => {
    while (next < rows.length) {
      const row = JSON.parse(rows[next++] ?? "")
      const { body } = await request(`${url}/${stream ? "generate_stream" : "generate"}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: row.prompt, parameters: { max_new_tokens: TOKENS, details: true } })
      })
      const text = stream ? await textOfStream(body) : JSON.parse(await body.text()).generated_text
      file.write(`${JSON.stringify({ id: row.id, text })}\n`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  await new Promise<void>((resolve) => file.end(resolve))
}

/** The same with calls of the service. */
const calls = (input: string, output: string, url: string, stream: boolean) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
    const file = createWriteStream(output)
    yield* Effect.forEach(readFileSync(input, "utf8").trimEnd().split("\n"), (line) => {
      const row = JSON.parse(line)
      return Effect.map(
        llm.generate({ raw: row.prompt }, { maxNewTokens: TOKENS, delivery: stream ? "stream" : "unary" }),
        ({ text }) => void file.write(`${JSON.stringify({ id: row.id, text })}\n`)
      )
    }, { concurrency: CONCURRENCY, discard: true })
    yield* Effect.callback<void>((resume) => void file.end(() => resume(Effect.void)))
  }).pipe(
    Effect.provide(NodeInferenceEndpoints.layer({ baseUrl: url, engine: "tgi", apiKey: false })),
    Effect.runPromise
  )

const batch = (input: string, output: string, url: string, stream: boolean) =>
  Batch.run({
    input,
    output,
    columns: { raw: true },
    options: { maxNewTokens: TOKENS, delivery: stream ? "stream" : "unary" },
    concurrency: CONCURRENCY,
    progress: "none"
  }).pipe(
    Effect.provide([NodeInferenceEndpoints.layer({ baseUrl: url, engine: "tgi", apiKey: false }), NodeServices.layer]),
    Effect.runPromise
  )

const measure = async (who: string, how: string, rows: number, url: string) => {
  const folder = mkdtempSync(join(tmpdir(), "rows-"))
  const run = async (count: number, name: string) => {
    const input = join(folder, `${name}.in.jsonl`)
    writeFileSync(
      input,
      Array.from({ length: count }, (_, row) => `${JSON.stringify({ id: `row-${row}`, prompt: `Question ${row}?` })}\n`)
        .join("")
    )
    const client = who === "plain" ? plain : who === "calls" ? calls : batch
    await client(input, join(folder, `${name}.jsonl`), url, how === "stream")
  }
  try {
    await run(Math.ceil(rows / 4), "warm")
    const cpu = process.cpuUsage()
    const start = performance.now()
    await run(rows, "measured")
    const { system, user } = process.cpuUsage(cpu)
    return { perSecond: rows / ((performance.now() - start) / 1000), cpu: (system + user) / rows }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , who = "batch", how = "unary", rows = "20000", origin = ""] = process.argv
  process.stdout.write(`${JSON.stringify(await measure(who, how, Number(rows), `${origin}/t${TOKENS}-b1-l0`))}\n`)
  process.exit(0)
}
