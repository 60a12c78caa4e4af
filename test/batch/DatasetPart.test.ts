import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { Batch } from "../../src/batch/index.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as Simulator from "../../src/simulator/Simulator.ts"
import * as World from "../dataset/World.ts"

const Model = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  generationOptions: { maxNewTokens: 4 }
}).pipe(Layer.provide(Simulator.layer({})))

const linesOf = (path: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return (yield* fs.readFileString(path)).trimEnd().split("\n").map((line): Readonly<Record<string, unknown>> =>
      JSON.parse(line)
    )
  })

const ids = (lines: ReadonlyArray<Readonly<Record<string, unknown>>>) => lines.map(({ id }) => String(id)).toSorted()

const run = (input: string, output: string) => Batch.run({ input, output, columns: { id: "id" } })

describe("a batch", () => {
  it.live("takes Parquet files, one or a folder of them, and goes on where it stopped", () =>
    Effect.gen(function*() {
      const folder = yield* World.folder
      const split = yield* World.written(25, { folder, groupRows: 10, fileBytes: 1 })
      const whole = `${folder}/whole.jsonl`
      const report = yield* run(`${folder}/data`, whole)
      assert.strictEqual((yield* linesOf(whole)).length, 25)
      const again = yield* run(`${folder}/data`, whole)
      assert.strictEqual((yield* linesOf(whole)).length, 25)
      assert.isDefined(report)
      assert.isDefined(again)
      const one = `${folder}/one.jsonl`
      yield* run(split.files[1]?.location ?? "", one)
      assert.deepStrictEqual(ids(yield* linesOf(one)), World.rows(10, 10).map(({ id }) => String(id)).toSorted())
    }).pipe(Effect.scoped, Effect.provide([Model, NodeServices.layer])))

  it.live("takes a data set on the Hub by its name, and refuses to go on after its files changed", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const split = yield* World.written(5)
      const bytes = yield* fs.readFile(split.files[0]?.location ?? "")
      const world = yield* World.make({
        datasets: { "org/chats": { files: { "data/train-00000-of-00001.parquet": bytes } } }
      })
      const output = `${yield* World.folder}/out.jsonl`
      const again = Batch.run({ input: "hf://datasets/org/chats", output, columns: { id: "id" } }).pipe(
        Effect.provide(world.layer)
      )
      yield* again
      assert.lengthOf(yield* linesOf(output), 5)
      const change = (path: string, bytes: Uint8Array) =>
        Effect.flatMap(world.hub.info({ repo: "org/chats" }), ({ sha }) =>
          world.hub.commit({
            repo: "org/chats",
            parent: sha,
            summary: "more",
            changes: [{ _tag: "Add", path, bytes }]
          }))
      yield* change("README.md", new Uint8Array([10]))
      yield* again
      assert.lengthOf(yield* linesOf(output), 5)
      const other = yield* World.written(4, { from: 50 })
      yield* change(
        "data/train-00000-of-00001.parquet",
        yield* fs.readFile(other.files[0]?.location ?? "")
      )
      const error = yield* Effect.flip(again)
      assert.strictEqual(error._tag === "BatchError" ? error.reason._tag : error._tag, "Changed")
    }).pipe(Effect.scoped, Effect.provide([Model, NodeServices.layer])))

  it.live("says that it has no way to the Hub where none was provided", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Batch.run({ input: "hf://datasets/org/chats", output: `${yield* World.folder}/out.jsonl` })
      )
      assert.match(error.message, /provide HubDatasets\.layer/)
    }).pipe(Effect.scoped, Effect.provide([Model, NodeServices.layer])))
})
