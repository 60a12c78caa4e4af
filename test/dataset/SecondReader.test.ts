import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, type Layer, Path, Result, Schema, type Scope, Stream } from "effect"
import { DatasetFiles, DatasetSource, Features, FeatureSchema, type Parquet } from "../../src/dataset/index.ts"
import * as DuckDb from "./DuckDb.ts"
import * as EveryType from "./EveryType.ts"
import * as World from "./World.ts"

const run = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof World.node> | Scope.Scope>) =>
  Effect.scoped(Effect.provide(effect, World.node))

const Item = Schema.Struct({
  text: Schema.NullOr(Schema.String),
  whole: Schema.NullOr(Schema.Int),
  real: Schema.NullOr(Schema.Finite),
  yes: Schema.NullOr(Schema.Boolean),
  deep: Schema.Array(Schema.Array(Schema.NullOr(Schema.String))),
  messages: Schema.Array(Schema.NullOr(Schema.Struct({
    role: Schema.String,
    parts: Schema.NullOr(Schema.Array(Schema.Struct({ n: Schema.NullOr(Schema.Finite) })))
  }))),
  struct: Schema.NullOr(Schema.Struct({ inner: Schema.NullOr(Schema.Struct({ leaf: Schema.NullOr(Schema.String) })) }))
})

const columns = Result.getOrThrow(FeatureSchema.fromSchema(Item))

/** What UTF-8 and JSON hold: no lone surrogate, one zero. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, item) => typeof item === "string" ? item.toWellFormed() : item))

const written = Effect.fnUntraced(function*(features: Features.Features, rows: ReadonlyArray<Parquet.Row>) {
  const { files } = yield* DatasetFiles.write(Stream.fromIterable(rows), {
    folder: yield* World.folder,
    features,
    groupRows: 3
  })
  return files[0]?.location ?? "?"
})

const every = Features.make({
  ...EveryType.types,
  f64: Features.float64,
  yes: Features.bool,
  text: Features.string,
  ns: Features.value("timestamp[ns]"),
  json: Features.json,
  list: Features.list(Features.int64),
  chat: Features.list(Features.struct({ role: Features.string, score: Features.float64 }))
})

const row = {
  ...EveryType.row,
  f64: 1e-300,
  yes: true,
  text: "é😀",
  ns: "2026-01-31T12:00:00.000000001",
  json: { a: [1, "two", null] },
  list: [1, null, 3],
  chat: [{ role: "user", score: 0.5 }, { role: "assistant", score: null }]
}

/** The same row as DuckDB says it. */
const said = {
  i8: -128,
  u8: 255,
  i16: -32768,
  u32: 4294967295,
  i64: "-9223372036854775808",
  u64: "18446744073709551615",
  f32: 0.25,
  f64: 1e-300,
  yes: true,
  text: "é😀",
  bytes: "\\x00\\xFF",
  us: "1969-12-31 23:59:59.999999+00",
  ms: "2026-01-31 12:00:00.001",
  ns: "2026-01-31 12:00:00.000000001",
  day: "1969-12-31",
  time: "23:59:59.000001",
  dec: "-12345678901234567890123456789012345.678",
  label: "1",
  json: "{\"a\":[1,\"two\",null]}",
  list: ["1", null, "3"],
  chat: [{ role: "user", score: 0.5 }, { role: "assistant", score: null }]
}

const types = {
  i8: "TINYINT",
  u8: "UTINYINT",
  i16: "SMALLINT",
  u32: "UINTEGER",
  i64: "BIGINT",
  u64: "UBIGINT",
  f32: "FLOAT",
  f64: "DOUBLE",
  yes: "BOOLEAN",
  text: "VARCHAR",
  bytes: "BLOB",
  us: "TIMESTAMP WITH TIME ZONE",
  ms: "TIMESTAMP",
  ns: "TIMESTAMP_NS",
  day: "DATE",
  time: "TIME",
  dec: "DECIMAL(38,3)",
  label: "BIGINT",
  json: "JSON",
  list: "BIGINT[]",
  chat: "STRUCT(\"role\" VARCHAR, score DOUBLE)[]"
}

describe("DuckDB", () => {
  it.effect.prop("reads the rows that were written, nested and null as they are", [
    Schema.Array(Item).check(Schema.isMinLength(1), Schema.isMaxLength(8))
  ], ([rows]) =>
    run(Effect.gen(function*() {
      const duck = yield* DuckDb.make
      const path = yield* written(columns, rows)
      const found = yield* duck.rows(`SELECT to_json(t) AS row FROM read_parquet('${path}') t`)
      assert.deepStrictEqual(found.map(({ row }) => plain(JSON.parse(String(row)))), plain(rows))
    })), { arbitrary: { runs: 30 } })

  it.effect("reads every type under its own name and with all of its digits", () =>
    run(Effect.gen(function*() {
      const duck = yield* DuckDb.make
      const empty = Object.fromEntries(every.map(({ name }) => [name, null]))
      const path = yield* written(every, [row, empty])
      assert.deepStrictEqual(yield* duck.types(path), types)
      assert.deepStrictEqual(yield* duck.rows(`SELECT * FROM read_parquet('${path}')`), [said, empty])
    })))

  for (const codec of ["snappy", "zstd", "gzip", "uncompressed"]) {
    it.effect(`writes every type so that it is read as it was: ${codec}`, () =>
      run(Effect.gen(function*() {
        const duck = yield* DuckDb.make
        const { join } = yield* Path.Path
        const path = join(yield* World.folder, "duck.parquet")
        const literals = Object.entries(types).map(([name, type]) => {
          const given = Reflect.get(said, name)
          const text = name === "list"
            ? "[1, NULL, 3]"
            : name === "chat"
            ? "[{'role': 'user', 'score': 0.5}, {'role': 'assistant', 'score': NULL}]"
            : `'${String(given)}'`
          return `CAST(${text} AS ${type}) AS "${name}"`
        })
        yield* duck.rows(
          `COPY (SELECT ${
            literals.join(", ")
          } FROM range(700)) TO '${path}' (FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 512)`
        )
        const [first, ...others] = yield* Stream.runCollect(DatasetSource.rows(path))
        assert.lengthOf(others, 699)
        assert.deepStrictEqual(first, row)
        assert.deepStrictEqual(others.at(-1), row)
      })))
  }

  it.effect("and this reader see the same rows of a file of JSON lines", () =>
    run(Effect.gen(function*() {
      const duck = yield* DuckDb.make
      const fs = yield* FileSystem.FileSystem
      const rows = World.rows(20)
      const { files } = yield* DatasetFiles.write(Stream.fromIterable(rows), {
        folder: yield* World.folder,
        features: World.columns,
        format: "jsonl"
      })
      const path = files[0]?.location ?? "?"
      assert.strictEqual((yield* fs.readFileString(path)).split("\n").length, 21)
      const found = yield* duck.rows(`SELECT to_json(t) AS row FROM read_json('${path}') t`)
      assert.deepStrictEqual(found.map(({ row }) => JSON.parse(String(row))), rows)
      assert.deepStrictEqual(yield* Stream.runCollect(DatasetSource.rows(path)), rows)
    })))
})
