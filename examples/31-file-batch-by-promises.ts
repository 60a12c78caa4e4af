// A file of rows into a file by promises: watched, stopped in good order, and continued. The server is a simulation, and
// Effect is here for it alone; a program of yours has an address, or the name of a model.
import { ManagedRuntime } from "effect"
import { SimulatorServer } from "effect-inference-endpoints/node"
import { connect, type FileBatchOptions } from "effect-inference-endpoints/promise"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const server = ManagedRuntime.make(SimulatorServer.layer({ latency: { perToken: "1 millis" } }))
const { url } = await server.runPromise(SimulatorServer.SimulatorServer)

const folder = await mkdtemp(join(tmpdir(), "file-batch-"))
const rows = Array.from({ length: 60 }, (_, index) => JSON.stringify({ id: `r${index}`, topic: `topic ${index}` }))
await writeFile(join(folder, "topics.jsonl"), `${rows.join("\n")}\n`)

const llm = connect({ baseUrl: url, apiKey: false })
const batch: FileBatchOptions = {
  input: join(folder, "topics.jsonl"),
  output: join(folder, "texts.jsonl"),
  columns: { template: "A sentence about {{ topic }}." },
  options: { maxNewTokens: 16 },
  concurrency: 2
}

const stop = new AbortController()
const first = await llm.batchFile({
  ...batch,
  stop: stop.signal,
  onEvent: (event) => {
    if (event._tag === "Progress" && event.snapshot.done > 0) stop.abort()
  }
})
console.log(`${first.ending}: ${first.rows.done > 0 && first.rows.pending > 0 ? "some" : "no"} rows are left`)

const { ending, rows: { done, doneNow, failed } } = await llm.batchFile(batch)
console.log(`${ending}: ${done} rows done, ${failed} failed, the first ones were not sent again: ${doneNow < done}`)
console.log(`${(await readFile(batch.output, "utf8")).trimEnd().split("\n").length} lines`)

await llm.close()
await server.dispose()
await rm(folder, { recursive: true })
