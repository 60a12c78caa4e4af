/**
 * Memory over a long batch: `node --expose-gc Memory.ts <rows> <origin>` sends rows that are generated on demand through
 * `Batch.stream`, and measures after a collection, thirty times on the way. Prints a `Growth` as JSON.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { pathToFileURL } from "node:url"
import * as Batch from "../src/batch/Batch.ts"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import * as NodeTransport from "../src/node/NodeTransport.ts"

export interface Growth {
  readonly rows: number
  readonly perSecond: number
  /** Megabytes, the smallest and the largest of the second half. */
  readonly resident: readonly [from: number, to: number]
  /** Megabytes that the resident size and the heap grow in a million rows, by the line that fits the second half best. */
  readonly residentSlope: number
  readonly heapSlope: number
  /** How far the measurements lie from that line, in megabytes (standard deviation). */
  readonly noise: number
}

interface Point {
  readonly rows: number
  readonly resident: number
  readonly heap: number
}

const megabyte = 2 ** 20

const look = (rows: number): Point => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { rows, resident: rss / megabyte, heap: heapUsed / megabyte }
}

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

const line = (points: ReadonlyArray<Point>, pick: (point: Point) => number) => {
  const x = mean(points.map(({ rows }) => rows))
  const y = mean(points.map(pick))
  const spread = points.reduce((sum, { rows }) => sum + (rows - x) ** 2, 0)
  const slope = points.reduce((sum, point) => sum + (point.rows - x) * (pick(point) - y), 0) / spread
  const noise = Math.sqrt(mean(points.map((point) => (pick(point) - y - slope * (point.rows - x)) ** 2)))
  return { slope, noise }
}

const measure = async (rows: number, baseUrl: string): Promise<Growth> => {
  const points: Array<Point> = []
  const every = Math.ceil(rows / 30)
  const from = performance.now()
  let done = 0
  await Batch.stream(
    Stream.range(1, rows).pipe(Stream.map((row) => ({ id: `row-${row}`, input: `Question ${row}?` }))),
    { concurrency: 64 }
  ).pipe(
    Stream.runForEach(({ id, result }) =>
      Effect.sync(() => {
        if (result._tag === "Failure") throw new Error(`${id} failed: ${result.failure.message}`)
        if (++done % every === 0) points.push(look(done))
      })
    ),
    Effect.provide(
      InferenceEndpointsLLM.layer({ baseUrl, engine: "tgi", apiKey: false, delivery: "unary" }).pipe(
        Layer.provide(NodeTransport.layer)
      )
    ),
    Effect.runPromise
  )
  if (done !== rows) throw new Error(`${done} of ${rows} rows came back`)
  const later = points.slice(points.length >> 1)
  const resident = line(later, (point) => point.resident)
  return {
    rows,
    perSecond: rows / ((performance.now() - from) / 1000),
    resident: [Math.min(...later.map((point) => point.resident)), Math.max(...later.map((point) => point.resident))],
    residentSlope: resident.slope * 1_000_000,
    heapSlope: line(later, (point) => point.heap).slope * 1_000_000,
    noise: resident.noise
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , rows = "", origin = ""] = process.argv
  process.stdout.write(`${JSON.stringify(await measure(Number(rows), `${origin}/t20-b1-l0`))}\n`)
  process.exit(0)
}
