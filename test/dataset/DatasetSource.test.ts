import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Result, Schema, type Scope, Stream } from "effect"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { DatasetLocation, DatasetSource, DatasetSplits, Features } from "../../src/dataset/index.ts"
import type * as HubDatasets from "../../src/hub/HubDatasets.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "./World.ts"

const run = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof World.node> | Scope.Scope>) =>
  Effect.scoped(Effect.provide(effect, World.node))

type World = Effect.Success<ReturnType<typeof World.make>>

const within = <A, E>(
  world: World,
  effect: Effect.Effect<A, E, HubDatasets.HubDatasets | Layer.Success<typeof World.node>>
) => Effect.provide(effect, Layer.merge(world.layer, World.node))

const nowhere = Effect.flatMap(World.make(), Effect.succeed)

const all = (source: string, options?: DatasetSource.Options) => Stream.runCollect(DatasetSource.rows(source, options))

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string; readonly message: string } }, R>(
  effect: Effect.Effect<A, E, R>
) => Effect.map(Effect.flip(effect), ({ reason }) => reason)

const bytesOf = (split: { readonly files: ReadonlyArray<{ readonly location: string; readonly path: string }> }) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return Object.fromEntries(
      yield* Effect.forEach(
        split.files,
        (file) => Effect.map(fs.readFile(file.location), (bytes) => [file.path, bytes] as const)
      )
    )
  })

const names = (paths: ReadonlyArray<string>, head?: Readonly<Record<string, unknown>>) =>
  DatasetSplits.find(paths, head).map(({ config, files, split }) => [config, split, ...files])

describe("splits", () => {
  it("are those of sharded names, in any name, under data/ alone", () => {
    assert.deepStrictEqual(
      names([
        "README.md",
        "data/own-00000-of-00001.parquet",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet"
      ]),
      [["default", "train", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], [
        "default",
        "own",
        "data/own-00000-of-00001.parquet"
      ]]
    )
  })

  it("are found by words in folders, then in names, set apart; else all is train", () => {
    assert.deepStrictEqual(names(["train/a.jsonl", "x/test/b.jsonl", "dev-1/c.jsonl"]), [
      ["default", "train", "train/a.jsonl"],
      ["default", "validation", "dev-1/c.jsonl"],
      ["default", "test", "x/test/b.jsonl"]
    ])
    assert.deepStrictEqual(names(["train.csv", "my_eval.csv", "mytrain.csv"]), [["default", "train", "train.csv"], [
      "default",
      "test",
      "my_eval.csv"
    ]])
    assert.deepStrictEqual(names(["mytrain.parquet", "b.parquet"]), [[
      "default",
      "train",
      "b.parquet",
      "mytrain.parquet"
    ]])
  })

  it("leave out what is not data: hidden files, the card, other formats", () =>
    assert.deepStrictEqual(
      names([
        ".hidden/a.parquet",
        "__x/b.parquet",
        "config.json",
        "README.md",
        "a.parquet",
        "b.csv",
        "c.parquet",
        "z.bin"
      ]),
      [["default", "train", "a.parquet", "c.parquet"]]
    ))

  it("are those of the card where it names configurations", () => {
    const paths = ["en/train.parquet", "en/test.parquet", "de/a.parquet", "de/b.parquet", "x/train-1.parquet"]
    const configs = [
      {
        config_name: "en",
        data_files: [{ split: "train", path: "en/train.parquet" }, { split: "test", path: ["en/test*"] }]
      },
      { config_name: "de", data_files: "de/*", default: true },
      { config_name: "x", data_dir: "x" }
    ]
    assert.deepStrictEqual(names(paths, { configs }), [
      ["en", "train", "en/train.parquet"],
      ["en", "test", "en/test.parquet"],
      ["de", "train", "de/a.parquet", "de/b.parquet"],
      ["x", "train", "x/train-1.parquet"]
    ])
    assert.strictEqual(DatasetSplits.defaultConfig(DatasetSplits.find(paths, { configs }), { configs }), "de")
  })
})

describe("a name", () => {
  it("of a data set on the Hub says repository, revision and path", () => {
    assert.deepStrictEqual(
      DatasetLocation.parse("hf://datasets/org/name@refs%2Fpr%2F1/data/x.parquet"),
      Result.succeed({ repo: "org/name", revision: "refs/pr/1", path: "data/x.parquet" })
    )
    assert.deepStrictEqual(
      DatasetLocation.parse("hf://datasets/org/name"),
      Result.succeed({ repo: "org/name", revision: undefined, path: "" })
    )
    assert.deepStrictEqual(DatasetLocation.parse("rows.parquet"), Result.succeed(undefined))
    assert.isTrue(Result.isFailure(DatasetLocation.parse("hf://org/name")))
  })
})

const worldOf = (count: number, options: World.Options = {}) =>
  Effect.gen(function*() {
    const split = yield* World.written(count, { groupRows: 10, fileBytes: 1 })
    const test = yield* World.written(3, { split: "test", from: 100 })
    const files = { ...yield* bytesOf(split), ...yield* bytesOf(test) }
    return yield* World.make({
      datasets: {
        "org/open": { files },
        "org/secret": { files, private: true },
        "org/gated": { files, gated: true }
      },
      pageSize: 2,
      ...options
    })
  })

describe("a data set on the Hub", () => {
  it.effect("gives the rows of its train split, file after file, over a tree of several pages", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(25)
      assert.deepStrictEqual(yield* within(world, all("hf://datasets/org/open")), World.rows(25))
      assert.deepStrictEqual(yield* within(world, all("hf://datasets/org/open", { split: "test" })), World.rows(3, 100))
      assert.deepStrictEqual(
        yield* within(world, all("hf://datasets/org/open/data/train-00001-of-00003.parquet")),
        World.rows(10, 10)
      )
      assert.lengthOf(yield* within(world, all("hf://datasets/org/open/data/train-0000[12]*")), 15)
    })))

  it.effect("goes on after any row, across files", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(25)
      for (const skip of [1, 10, 13, 25, 30]) {
        assert.deepStrictEqual(
          yield* within(world, all("hf://datasets/org/open", { skip })),
          World.rows(25).slice(skip)
        )
      }
    })))

  it.effect("fetches only ranges where columns are asked for", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(25)
      const rows = yield* within(world, all("hf://datasets/org/open", { columns: ["id"] }))
      assert.deepStrictEqual(rows, World.rows(25).map(({ id }) => ({ id })))
      const storage = yield* world.cdn.received
      assert.isAbove(storage.length, 3)
      for (const { headers } of storage) assert.match(headers["range"] ?? "", /^bytes=\d+-\d+$/)
    })))

  it.effect("is pinned to one commit while it is read", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(5)
      yield* within(world, all("hf://datasets/org/open"))
      const sha = world.datasets.get("org/open")?.commits[0]?.oid ?? "?"
      for (const route of (yield* world.routes).filter((route) => route.includes("/resolve/"))) {
        assert.include(route, sha)
      }
    })))

  it.effect("fails before its first row where a file's checksum is not the Hub's", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(5)
      const entry = world.datasets.get("org/open")?.commits[0]?.files.get("data/train-00000-of-00001.parquet")
      const bytes = entry?.bytes
      if (bytes !== undefined) bytes[20] = (bytes[20] ?? 0) ^ 1
      const reason = yield* reasonOf(within(world, all("hf://datasets/org/open")))
      assert.strictEqual(reason._tag, "ChecksumMismatch")
    })))

  it.effect("that is private or gated is read with the token of somebody who may, and refused otherwise", () =>
    run(Effect.gen(function*() {
      for (
        const [name, as, expected] of [
          ["secret", World.token, undefined],
          ["secret", false, "RepoNotFound"],
          ["gated", "hf_reader", undefined],
          ["gated", false, "GatedRepo"]
        ] as const
      ) {
        const world = yield* worldOf(5, {
          token: as,
          users: { [World.token]: { name: "ada", access: ["org/secret"] } }
        })
        const found = yield* Effect.result(within(world, all(`hf://datasets/org/${name}`)))
        assert.strictEqual(Result.isFailure(found) ? found.failure.reason._tag : undefined, expected, name)
      }
    })))

  it.effect("says which splits and configurations there are", () =>
    run(Effect.gen(function*() {
      const world = yield* worldOf(5)
      assert.match(
        (yield* reasonOf(within(world, all("hf://datasets/org/open", { split: "dev" })))).message,
        /name a split: train, test/
      )
      assert.match(
        (yield* reasonOf(within(world, all("hf://datasets/org/open", { config: "de" })))).message,
        /name a configuration: default/
      )
      assert.match((yield* reasonOf(within(world, all("hf://datasets/org/open/nope")))).message, /has no file nope/)
    })))

  it.live("survives a range that fails in passing", () =>
    run(Effect.gen(function*() {
      let failed = 0
      const world = yield* worldOf(5, {
        stumbles: ({ url }) =>
          url.pathname.startsWith("/lfs/") && failed++ === 0 ? Double.plain(503, "busy") : undefined
      })
      assert.lengthOf(
        yield* Effect.provide(
          all("hf://datasets/org/open"),
          Layer.merge(yield* World.datasetsOf(world.client), World.node)
        ),
        5
      )
    })))
})

const file = (name: string, content: string | Uint8Array) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = `${yield* World.folder}/${name}`
    yield* fs.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content)
    return path
  })

describe("a data set on the disk", () => {
  const lines = [{ id: 1, big: 2n ** 60n, text: "a" }, { id: 2, big: 5, text: "é" }]
  const jsonl = `{"id":1,"big":${2n ** 60n},"text":"a"}\n\n{"id":2,"big":5,"text":"é"}`
  const half = Buffer.from(jsonl.slice(0, 30))
  const rest = Buffer.from(jsonl.slice(30))

  const contents: Readonly<Record<string, Uint8Array | string>> = {
    "a.jsonl": jsonl,
    "b.ndjson": jsonl,
    "c.json": `[${jsonl.replace("\n\n", ",")}]`,
    "d.jsonl.gz": Buffer.concat([gzipSync(half), gzipSync(rest)]),
    "e.jsonl.zst": Buffer.concat([zstdCompressSync(half), zstdCompressSync(rest)])
  }
  for (const [name, content] of Object.entries(contents)) {
    it.effect(`${name} gives every row with all digits`, () =>
      run(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = `${yield* World.folder}/${name}`
        yield* fs.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content)
        const world = yield* nowhere
        assert.deepStrictEqual(yield* within(world, all(path)), lines)
        assert.deepStrictEqual(yield* within(world, all(path, { columns: ["text"], skip: 1 })), [{ text: "é" }])
      })))
  }

  it.effect("CSV and TSV stay text, and broken ones end the reading", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      assert.deepStrictEqual(yield* within(world, all(yield* file("a.csv", "id,__proto__\n007,\"a\nb\"\n"))), [
        JSON.parse(`{"id":"007","__proto__":"a\\nb"}`)
      ])
      assert.deepStrictEqual(yield* within(world, all(yield* file("a.tsv", "id\tt\n1\tx,y\n"))), [{
        id: "1",
        t: "x,y"
      }])
      for (const broken of ["a,b\n1\n", "a,a\n1,2\n", "a\n\"x\n"]) {
        assert.strictEqual((yield* reasonOf(within(world, all(yield* file("a.csv", broken)))))._tag, "InvalidFile")
      }
    })))

  it.effect("a line that is not an object is named by its row, a cut file is an error", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      assert.match(
        (yield* reasonOf(within(world, all(yield* file("a.jsonl", "{}\n[1]\n"))))).message,
        /row 1: is not an object/
      )
      assert.match(
        (yield* reasonOf(within(world, all(yield* file("a.jsonl", "{}\n{\"a\":\n"))))).message,
        /row 1: is not valid JSON/
      )
      const cut = gzipSync("{}\n").subarray(0, -4)
      assert.match(
        (yield* reasonOf(within(world, all(yield* file("a.jsonl.gz", cut))))).message,
        /cannot be decompressed/
      )
    })))

  it.effect("a folder that was written is read as it was, as Parquet and as JSONL", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      for (const format of ["parquet", "jsonl"] as const) {
        const folder = yield* World.folder
        const split = yield* World.written(25, { folder, format, groupRows: 10, fileBytes: 1 })
        assert.strictEqual(split.files.length, 3)
        assert.deepStrictEqual(yield* within(world, all(folder)), World.rows(25))
        assert.lengthOf(yield* within(world, all(`${folder}/data/train-0000[01]*`)), 20)
      }
    })))

  it.effect("rows are values of a Schema, of whose columns alone they are read", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      const path = yield* file("a.jsonl", `{"n":12,"at":"2026-01-01T00:00:00Z","x":1}\n{"n":"no","at":""}\n`)
      const Item = Schema.Struct({ n: Schema.Finite, at: Schema.Date })
      const [first] = yield* within(world, Stream.runCollect(Stream.take(DatasetSource.decoded(Item, path), 1)))
      assert.deepStrictEqual(first, { n: 12, at: new Date("2026-01-01T00:00:00Z") })
      assert.match(
        (yield* reasonOf(within(world, Stream.runDrain(DatasetSource.decoded(Item, path))))).message,
        /row 1:/
      )
    })))

  it.effect("names what is not there", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      assert.match((yield* reasonOf(within(world, all("nowhere.parquet")))).message, /there is no such file/)
      assert.match((yield* reasonOf(within(world, all(yield* World.folder)))).message, /no Parquet, JSON, CSV or TSV/)
    })))

  it.effect("columns come from the card, else from the first file", () =>
    run(Effect.gen(function*() {
      const world = yield* nowhere
      const folder = yield* World.folder
      yield* World.written(2, { folder })
      const found = yield* within(world, DatasetSource.features(folder))
      assert.isTrue(found !== undefined && Features.equals(found, World.columns))
    })))
})
