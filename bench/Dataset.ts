/**
 * Memory over a long data set: `node --expose-gc bench/Dataset.ts [rows]` writes rows of chats that are generated on demand
 * to Parquet, reads them back and writes them again, and measures the resident size on the way. Prints a line of JSON per
 * step.
 */
import { NodeServices } from "@effect/platform-node"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { DatasetFiles, DatasetSource, Features } from "../src/dataset/index.ts"
import * as HubDatasets from "../src/hub/HubDatasets.ts"

const total = Number(process.argv[2] ?? 1_000_000)

const features = Features.make({
  id: Features.int64,
  score: Features.float64,
  tags: Features.list(Features.string),
  messages: Features.list(Features.struct({ role: Features.string, content: Features.string }))
})

const words = "the quick brown fox jumps over a lazy dog while data sets grow one row after another".split(" ")

const text = (seed: number, length: number): string => {
  let state = seed * 2654435761 >>> 0
  return Array.from({ length }, () => {
    state = (state * 1664525 + 1013904223) >>> 0
    return words[state % words.length]
  }).join(" ")
}

const row = (id: number) => ({
  id,
  score: id / 7,
  tags: [words[id % words.length], "chat"],
  messages: [{ role: "user", content: text(id, 20) }, { role: "assistant", content: text(id + 1, 80) }]
})

/** Measures a stream of rows that passes by. */
const watched = (step: string) => {
  const from = performance.now()
  const cpu = process.cpuUsage()
  const resident: Array<number> = []
  let rows = 0
  const look = () => {
    globalThis.gc?.()
    resident.push(Math.round(process.memoryUsage.rss() / 2 ** 20))
  }
  return {
    pass: <A, E, R>(stream: Stream.Stream<A, E, R>) =>
      Stream.tap(stream, () => Effect.sync(() => void (++rows % Math.ceil(total / 20) === 0 && look()))),
    done: Effect.sync(() => {
      const { system, user } = process.cpuUsage(cpu)
      const half = resident.slice(resident.length / 2)
      console.log(JSON.stringify({
        step,
        rows,
        seconds: Math.round((performance.now() - from) / 1000),
        cpuSeconds: Math.round((user + system) / 1e6),
        residentMegabytes: { max: Math.max(...resident), secondHalf: [Math.min(...half), Math.max(...half)] }
      }))
    })
  }
}

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "bench-dataset-" })
  const made = watched("rows to Parquet")
  const first = yield* DatasetFiles.write(made.pass(Stream.map(Stream.range(0, total - 1), row)), {
    folder: `${folder}/a`,
    features,
    compression: "zstd"
  })
  yield* made.done
  const copied = watched("Parquet to Parquet")
  const second = yield* DatasetFiles.write(copied.pass(DatasetSource.rows(`${folder}/a`)), {
    folder: `${folder}/b`,
    features,
    compression: "zstd"
  })
  yield* copied.done
  const read = watched("one column")
  yield* Stream.runDrain(read.pass(DatasetSource.rows(`${folder}/b`, { columns: ["id"] })))
  yield* read.done
  const sizes = [first, second].map(({ files }) => files.reduce((sum, { size }) => sum + size, 0) / 1e6)
  console.log(JSON.stringify({ megabytes: sizes.map(Math.round), files: second.files.length, rows: second.rows }))
})

await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(Layer.provideMerge(
      HubDatasets.layer({ token: false }).pipe(Layer.provide(FetchHttpClient.layer)),
      NodeServices.layer
    ))
  )
)
