import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path, type Scope, Stream } from "effect"
import { HttpClient } from "effect/http"
import { DatasetSource } from "../../src/dataset/index.ts"
import * as DatasetCache from "../../src/hub/DatasetCache.ts"
import * as HubDatasets from "../../src/hub/HubDatasets.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "./World.ts"

const repo = "org/open"
const source = `hf://datasets/${repo}`
const first = "data/train-00000-of-00002.parquet"

const run = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof World.node> | Scope.Scope>) =>
  Effect.scoped(Effect.provide(effect, World.node))

/** A Hub with a data set of two files and a card, and a cache in a folder. */
const worldOf = Effect.fnUntraced(function*(options: World.Options = {}) {
  const fs = yield* FileSystem.FileSystem
  const split = yield* World.written(15, { groupRows: 10, fileBytes: 1 })
  const files = Object.fromEntries(
    yield* Effect.forEach(
      split.files,
      (file) => Effect.map(fs.readFile(file.location), (bytes) => [file.path, bytes] as const)
    )
  )
  const world = yield* World.make({
    datasets: { [repo]: { files: { ...files, "README.md": "---\nlicense: mit\n---\n" } } },
    ...options
  })
  const folder = yield* World.folder
  const cache = yield* DatasetCache.make(folder)
  const layer = Layer.mergeAll(world.layer, Layer.succeed(DatasetCache.DatasetCache, cache), World.node)
  const all = (options?: DatasetSource.Options) =>
    Stream.runCollect(DatasetSource.rows(source, options)).pipe(Effect.provide(layer))
  return { ...world, all, folder, cache, layer, split }
})

const names = (folder: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readDirectory(folder, { recursive: true }))

describe("files of a data set that were fetched", () => {
  it.effect("are fetched once, whole and verified, and kept as Python's client keeps them", () =>
    run(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const world = yield* worldOf()
      assert.deepStrictEqual(yield* world.all(), World.rows(15))
      const fetched = (yield* world.stored).length
      assert.deepStrictEqual(yield* world.all(), World.rows(15))
      assert.lengthOf(yield* world.stored, fetched)
      const commit = world.datasets.get(repo)?.commits[0]?.oid ?? "?"
      const place = join(world.folder, "datasets--org--open")
      assert.strictEqual(yield* fs.readFileString(join(place, "refs", "main")), commit)
      const sha256 = world.split.files[0]?.sha256 ?? "?"
      assert.strictEqual(yield* fs.readLink(join(place, "snapshots", commit, first)), `../../../blobs/${sha256}`)
      assert.notMatch((yield* names(world.folder)).join("\n"), /incomplete|tmp/)
    })))

  it.effect("serve the columns of the next reading without a request for their bytes", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf()
      yield* world.all()
      const fetched = (yield* world.stored).length
      assert.deepStrictEqual(yield* world.all({ columns: ["id"] }), World.rows(15).map(({ id }) => ({ id })))
      assert.lengthOf(yield* world.stored, fetched)
    })))

  it.live("are read when the Hub cannot be reached, under the identity that they had", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf()
      const before = yield* Effect.provide(DatasetSource.find(source), world.layer)
      yield* world.all()
      const nowhere = yield* World.datasetsOf(Double.client({}))
      const away = Layer.mergeAll(nowhere, Layer.succeed(DatasetCache.DatasetCache, world.cache), World.node)
      const found = yield* Effect.provide(DatasetSource.find(source), away)
      assert.strictEqual(found.commit, before.commit)
      assert.deepStrictEqual(found.identityOf?.(first), before.identityOf?.(first))
      assert.deepStrictEqual(
        yield* Stream.runCollect(DatasetSource.rows(source)).pipe(Effect.provide(away)),
        World.rows(15)
      )
      const other = yield* Effect.flip(Effect.provide(DatasetSource.find("hf://datasets/org/other"), away))
      assert.strictEqual(other.reason._tag, "Transport")
    })))

  it.effect("are not kept where their checksum is wrong, nor where the fetching ended early", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf()
      const bytes = world.datasets.get(repo)?.commits[0]?.files.get(first)?.bytes ?? new Uint8Array()
      bytes[20] = (bytes[20] ?? 0) ^ 1
      assert.strictEqual((yield* Effect.flip(world.all())).reason._tag, "ChecksumMismatch")
      const blobs = (yield* names(world.folder)).filter((name) => name.includes("blobs/"))
      assert.notMatch(blobs.join("\n"), /incomplete/)
      assert.notInclude(blobs.join("\n"), world.split.files[0]?.sha256 ?? "?")
    })))

  it.effect("are read all the same where the cache cannot be written", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf()
      const fs = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      yield* fs.writeFileString(join(world.folder, "datasets--org--open"), "in the way")
      assert.deepStrictEqual(yield* world.all(), World.rows(15))
    })))
})

describe("a program with a network and no service for data sets", () => {
  it.effect("asks the Hub as the environment says", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf()
      const rows = yield* Stream.runCollect(DatasetSource.rows(source)).pipe(
        Effect.provideService(HttpClient.HttpClient, world.client)
      )
      assert.lengthOf(rows, 15)
    })))
})

describe("a tree of several pages", () => {
  it.live("is whole and has each entry once, also where a page fails in passing", () =>
    run(Effect.gen(function*() {
      const files = Object.fromEntries(Array.from({ length: 2345 }, (_, at) => [`data/part-${at}.jsonl`, "{}"]))
      let pages = 0
      const world = yield* World.make({
        datasets: { [repo]: { files } },
        stumbles: ({ url }) => url.pathname.includes("/tree/") && pages++ === 1 ? Double.plain(503, "busy") : undefined
      })
      const tree = yield* Effect.provide(
        HubDatasets.HubDatasets.use((hub) => hub.tree({ repo })),
        world.layer
      )
      const found = tree.filter(({ type }) => type === "file").map(({ path }) => path)
      assert.lengthOf(found, 2345)
      assert.strictEqual(new Set(found).size, 2345)
      assert.strictEqual(pages, 4)
    })))
})
