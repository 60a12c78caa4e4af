import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Dispatch, ShardTable, Split, Watch, Worker } from "../../src/cluster/index.ts"
import { DatasetFiles, Features } from "../../src/dataset/index.ts"
import { InferenceEndpointsLLM, InferenceError } from "../../src/index.ts"
import { allRows, collected, model, type Place, place, readLines, services, split } from "./Job.ts"

const ROWS = 60

const echo = InferenceEndpointsLLM.layerTest((_, index) => `answer ${index}`)

/** A job on SQLite in a folder of its own. */
const world = Effect.map(place, (made) => ({ made, layer: services(made.sqlite, made.folder) }))

/** Runs in such a job, with a model that echoes. */
const inJob = <A, E, R>(run: (made: Place) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(world, ({ layer, made }) => Effect.provide(run(made), Layer.mergeAll(layer, echo))).pipe(Effect.scoped)

const worker = (name: string, more: Partial<Worker.Options> = {}) =>
  Worker.run({ job: "j", worker: name, ...more }).pipe(Effect.scoped)

describe("a job", () => {
  it.live("is worked on by several workers, and collected with every row once and in order", () =>
    inJob((made) =>
      Effect.gen(function*() {
        const { shards } = yield* split(made, ROWS - 1)
        assert.strictEqual(shards, 3)
        const summaries = yield* Effect.all([worker("a"), worker("b")], { concurrency: 2 })
        assert.strictEqual(summaries.reduce((sum, one) => sum + one.shards, 0), 3)
        const { lines, summary } = yield* collected(made)
        assert.deepStrictEqual(lines, allRows(ROWS - 1))
        assert.deepStrictEqual(summary, { job: "j", shards: 3, missing: 0, done: ROWS - 1, failed: 0 })
      })
    ))

  it.live("that is split again offers nothing twice; one with other rows is refused", () =>
    inJob((made) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* split(made, ROWS)).offered, 3)
        assert.strictEqual((yield* split(made, ROWS)).offered, 0)
        const error = yield* Effect.flip(split(made, ROWS + 1))
        assert.strictEqual(error.reason._tag, "JobChanged")
      })
    ))

  it.live("whose split died before the offers is offered by the first worker", () =>
    inJob((made) =>
      Effect.gen(function*() {
        yield* split(made, ROWS)
        const sql = yield* SqlClient.SqlClient
        // as if the process had ended after the table was written and one number was drawn
        yield* sql`DELETE FROM batch_queue`
        yield* sql`UPDATE batch_shard SET offered = 0 WHERE shard = 0`
        assert.strictEqual((yield* worker("a")).shards, 3)
        assert.deepStrictEqual((yield* collected(made)).lines, allRows(ROWS))
      })
    ))

  it.live("without ids has the row's number in the whole input for an id", () =>
    inJob((made) =>
      Effect.gen(function*() {
        writeFileSync(made.input, "{\"prompt\":\"a\"}\n\n{\"prompt\":\"b\"}\n{\"id\":null,\"prompt\":\"c\"}\n")
        yield* Split.run({ job: "j", input: made.input, rowsPerShard: 2 })
        yield* worker("a")
        assert.deepStrictEqual((yield* collected(made)).lines, [
          { id: "0", index: 0 },
          { id: "1", index: 1 },
          { id: "2", index: 2 }
        ])
      })
    ))

  it.live("is made of CSV, of what is compressed, and of Parquet; an id that comes twice in all of it is refused", () =>
    Effect.gen(function*() {
      const { layer, made } = yield* world
      const inputs = {
        csv: join(made.path, "rows.csv"),
        gz: join(made.path, "rows.jsonl.gz"),
        parquet: join(made.path, "data", "train-00000-of-00001.parquet")
      }
      writeFileSync(inputs.csv, "id,prompt\nrow-0,a\nrow-1,\"b, c\"\n")
      writeFileSync(inputs.gz, gzipSync("{\"id\":\"row-2\",\"prompt\":\"d\"}\n"))
      yield* Effect.gen(function*() {
        yield* DatasetFiles.write(Stream.make({ id: "row-3", prompt: "e" }, { id: "row-4", prompt: "f" }), {
          folder: made.path,
          features: Features.make({ id: Features.string, prompt: Features.string })
        })
        const input = Object.values(inputs)
        const { rows, shards } = yield* Split.run({ job: "j", input, rowsPerShard: 2 })
        assert.deepStrictEqual([rows, shards], [5, 3])
        yield* worker("a")
        assert.deepStrictEqual((yield* collected(made)).lines, allRows(5))
        const again = yield* Effect.flip(Split.run({ job: "k", input: [...input, inputs.csv], rowsPerShard: 2 }))
        assert.match(again.message, /its id "row-0" is also that of .*rows\.csv, line/)
        assert.isFalse(existsSync(join(made.folder, "shards", "000003.jsonl")))
      }).pipe(Effect.provide(Layer.mergeAll(layer, echo)))
    }).pipe(Effect.scoped))

  it.live("refuses a worker that keeps other columns, repeats otherwise, or pins", () =>
    inJob((made) =>
      Effect.gen(function*() {
        yield* split(made, 20)
        yield* worker("a")
        for (const batch of [{ keep: ["prompt"] }, { retries: 0 }, { pin: true }]) {
          assert.strictEqual((yield* Effect.flip(worker("b", { batch }))).reason._tag, "JobChanged")
        }
      })
    ))

  it.live("refuses a worker that would do something else than the first", () =>
    inJob((made) =>
      Effect.gen(function*() {
        yield* split(made, 20)
        yield* worker("a")
        const error = yield* Effect.flip(worker("b", { batch: { options: { temperature: 0.5 } } }))
        assert.strictEqual(error.reason._tag, "JobChanged")
        assert.include(error.message, "0.5")
      })
    ))

  it.live("is not collected while shards lack a result, unless that is asked for", () =>
    inJob((made) =>
      Effect.gen(function*() {
        yield* split(made, ROWS)
        const error = yield* Effect.flip(collected(made))
        assert.strictEqual(error.reason._tag, "Incomplete")
        assert.isFalse(existsSync(made.output))
        assert.strictEqual((yield* collected(made, true)).summary.missing, 3)
      })
    ))

  it.live("that is paused starts nothing until it is open again; one that is cancelled ends its workers", () =>
    inJob((made) =>
      Effect.gen(function*() {
        const table = yield* ShardTable.ShardTable
        yield* split(made, ROWS)
        yield* table.setState("j", "paused")
        const running = yield* Effect.forkChild(worker("a"))
        yield* Effect.sleep("400 millis")
        assert.strictEqual((yield* Watch.status("j")).shards.queued, 3)
        yield* table.setState("j", "open")
        assert.strictEqual((yield* Fiber.join(running)).shards, 3)
        yield* table.setState("j", "cancelled")
        assert.strictEqual((yield* worker("b")).why, "the job was cancelled")
      })
    ))
})

describe("a worker that is stopped", () => {
  it.live("gives its shard back at once and at no cost; the next asks for the other rows alone", () =>
    Effect.gen(function*() {
      const { layer, made } = yield* world
      const stop = yield* Deferred.make<string>()
      const asked: Array<string> = []
      const slow = model((prompt) => {
        asked.push(prompt)
        return Effect.andThen(
          asked.length === 5 ? Deferred.succeed(stop, "enough") : Effect.void,
          Effect.sleep(20)
        )
      })
      yield* Effect.gen(function*() {
        yield* split(made, 20)
        const first = yield* worker("a", { stop: Deferred.await(stop), batch: { concurrency: 2 } })
        assert.strictEqual(first.why, "enough")
        assert.strictEqual(first.shards, 0)
        const status = yield* Watch.status("j")
        assert.strictEqual(status.shards.queued, 1)
        assert.strictEqual((yield* worker("b", { batch: { concurrency: 2 } })).shards, 1)
        assert.strictEqual(asked.length, 20)
        assert.deepStrictEqual((yield* collected(made)).lines, allRows(20))
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`SELECT attempts FROM batch_queue`, [{ attempts: 1 }])
      }).pipe(Effect.provide(Layer.mergeAll(layer, slow)))
    }).pipe(Effect.scoped))
})

describe("a shard", () => {
  it.live("of any size is a number in the queue, so that none is too large an element for it", () =>
    inJob((made) =>
      Effect.gen(function*() {
        const long = "x".repeat(6 * 1024 * 1024)
        writeFileSync(made.input, [0, 1, 2].map((row) => `{"id":"row-${row}","prompt":"${long}"}\n`).join(""))
        yield* Split.run({ job: "j", input: made.input })
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`SELECT element FROM batch_queue`, [{ element: "{\"shard\":0}" }])
        assert.strictEqual((yield* worker("a")).shards, 1)
        assert.deepStrictEqual((yield* collected(made)).lines, allRows(3))
        writeFileSync(made.input, `{"prompt":"${"x".repeat(17 * 1024 * 1024)}"}\n`)
        const error = yield* Effect.flip(Split.run({ job: "k", input: made.input }))
        assert.match(error.message, /line 1: is not UTF-8 text, or is longer than 16 MiB/)
      })
    ))

  it.live("that fails as often as it may is a dead letter, and can be offered again", () =>
    Effect.gen(function*() {
      const made = yield* place
      const layer = services(made.sqlite, made.folder, { maxAttempts: 1 })
      yield* Effect.gen(function*() {
        const dispatch = yield* Dispatch.Dispatch
        yield* split(made, ROWS)
        const broken = join(made.folder, "shards", "000001.jsonl")
        const text = readLines(broken)
        writeFileSync(broken, "not JSON\n")
        assert.deepStrictEqual(yield* worker("a"), {
          job: "j",
          worker: "a",
          ending: "complete",
          shards: 2,
          dead: 1
        })
        const status = yield* Watch.status("j")
        assert.strictEqual(status.shards.dead, 1)
        assert.strictEqual(status.deadLetters[0]?.shard, 1)
        assert.match(Watch.text(status), /dead: shard 1 after 1 attempts: .*JSON/)
        writeFileSync(broken, text.map((row) => `${JSON.stringify(row)}\n`).join(""))
        assert.strictEqual(yield* dispatch.offerAgain("j"), 1)
        assert.strictEqual(yield* dispatch.offerAgain("j"), 0)
        assert.strictEqual((yield* worker("a")).shards, 1)
        assert.deepStrictEqual((yield* collected(made)).lines, allRows(ROWS))
      }).pipe(Effect.provide(Layer.mergeAll(layer, echo)))
    }).pipe(Effect.scoped))

  it.live("with rows that fail has them in the errors, with their place in the whole input", () =>
    Effect.gen(function*() {
      const { layer, made } = yield* world
      const picky = model((prompt) =>
        prompt.includes("question 41 ?")
          ? Effect.fail(
            new InferenceError.InferenceError({
              reason: new InferenceError.Rejected({ status: 422, description: "no", type: "validation" })
            })
          )
          : Effect.void
      )
      yield* Effect.gen(function*() {
        yield* split(made, ROWS)
        yield* worker("a")
        const { lines, summary } = yield* collected(made)
        assert.deepStrictEqual(lines, allRows(ROWS).filter(({ index }) => index !== 41))
        assert.strictEqual(summary.failed, 1)
        assert.deepStrictEqual(readLines(`${made.output}.errors.jsonl`).map(({ index }) => index), [41])
      }).pipe(Effect.provide(Layer.mergeAll(layer, picky)))
    }).pipe(Effect.scoped))
})
