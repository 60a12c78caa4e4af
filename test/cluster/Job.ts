/** A job in a folder of its own, with work that needs no server. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cluster, Collect, Split } from "../../src/cluster/index.ts"
import { InferenceEndpointsLLM } from "../../src/index.ts"

/** A directory that is removed with the scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "cluster-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const rowsText = (rows: number): string =>
  Array.from({ length: rows }, (_, row) => `${JSON.stringify({ id: `row-${row}`, prompt: `question ${row} ?` })}\n`)
    .join("")

export interface Line {
  readonly id: string
  readonly index: number
}

export const readLines = (path: string): ReadonlyArray<Line> =>
  readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line))

/** What must be in a whole output: every row once, in the order of the input. */
export const allRows = (rows: number): ReadonlyArray<Line> =>
  Array.from({ length: rows }, (_, row) => ({ id: `row-${row}`, index: row }))

export interface Place {
  readonly path: string
  readonly input: string
  readonly output: string
  readonly folder: string
  readonly sqlite: string
}

export const place = Effect.map(directory, (path): Place => ({
  path,
  input: join(path, "in.jsonl"),
  output: join(path, "out.jsonl"),
  folder: join(path, "job"),
  sqlite: join(path, "job.sqlite")
}))

/** The services of a job over a database; a lease of 3 seconds is the shortest. */
export const services = (database: string, folder: string, options: Partial<Cluster.Options> = {}) =>
  Cluster.layer({
    lease: "3 seconds",
    poll: "100 millis",
    ...options,
    database: Redacted.make(database),
    folder
  }).pipe(Layer.provideMerge(NodeServices.layer))

/** Splits rows that are made for it. */
export const split = ({ input }: Place, rows: number, rowsPerShard = 20) =>
  Effect.andThen(
    Effect.sync(() => writeFileSync(input, rowsText(rows))),
    Split.run({ job: "j", input, rowsPerShard })
  )

export const collected = ({ output }: Place, partial = false) =>
  Effect.map(Collect.run({ job: "j", output, partial }), (summary) => ({
    summary,
    lines: readLines(output).map(({ id, index }) => ({ id, index }))
  }))

/** A model that does something for each prompt before it answers. */
export const model = (each: (prompt: string) => Effect.Effect<void, InferenceEndpointsLLM.GenerateError>) =>
  Layer.effect(
    InferenceEndpointsLLM.InferenceEndpointsLLM,
    Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => ({
      ...llm,
      generate: (...call: Parameters<typeof llm.generate>) =>
        Effect.andThen(each(JSON.stringify(call[0])), llm.generate(...call))
    }))
  ).pipe(Layer.provide(InferenceEndpointsLLM.layerTest((_, index) => `answer ${index}`)))
