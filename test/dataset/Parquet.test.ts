import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, Stream } from "effect"
import { parquetMetadata } from "hyparquet"
import type { DatasetError } from "../../src/dataset/index.ts"
import { Features, FeatureSchema, FileBytes, Parquet, ParquetWriter } from "../../src/dataset/index.ts"
import * as EveryType from "./EveryType.ts"

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(chunks))

const write = Effect.fnUntraced(function*(
  features: Features.Features,
  groups: ReadonlyArray<ReadonlyArray<Parquet.Row>>,
  compression?: ParquetWriter.Options["compression"]
) {
  const writer = yield* ParquetWriter.make({ path: "rows.parquet", features, compression })
  const chunks = yield* Effect.forEach(groups, writer.group)
  return concat([...chunks, yield* writer.finish])
})

const open = (bytes: Uint8Array) => Parquet.open(FileBytes.memory("rows.parquet", bytes))

const readAll = (bytes: Uint8Array, options?: Parquet.Options) =>
  Effect.flatMap(open(bytes), (file) => Stream.runCollect(file.stream(options)))

const reasonOf = <A, R>(effect: Effect.Effect<A, DatasetError.DatasetError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

const Item = Schema.Struct({
  text: Schema.NullOr(Schema.String),
  whole: Schema.NullOr(Schema.Int),
  real: Schema.NullOr(Schema.Finite),
  yes: Schema.NullOr(Schema.Boolean),
  list: Schema.NullOr(Schema.Array(Schema.NullOr(Schema.Int))),
  deep: Schema.Array(Schema.Array(Schema.NullOr(Schema.String))),
  messages: Schema.Array(Schema.NullOr(Schema.Struct({
    role: Schema.String,
    parts: Schema.NullOr(Schema.Array(Schema.Struct({ n: Schema.NullOr(Schema.Finite) })))
  }))),
  struct: Schema.NullOr(Schema.Struct({ inner: Schema.NullOr(Schema.Struct({ leaf: Schema.NullOr(Schema.String) })) })),
  any: Schema.NullOr(Schema.Record(Schema.String, Schema.Json))
})

/** What UTF-8 holds: a lone surrogate has no bytes. */
const wellFormed = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, item) => typeof item === "string" ? item.toWellFormed() : item))

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => ({ id: from + at, text: `text ${from + at} ${"x".repeat(200)}` }))

describe("Parquet", () => {
  it.effect.prop("gives back the rows that were written, in any number of groups", [
    Schema.Array(Schema.Array(Item).check(Schema.isMaxLength(8))).check(Schema.isMaxLength(3))
  ], ([groups]) =>
    Effect.gen(function*() {
      const features = Result.getOrThrow(FeatureSchema.fromSchema(Item))
      const given = groups.filter((rows) => rows.length > 0)
      const rows = yield* readAll(yield* write(features, given))
      assert.deepStrictEqual(wellFormed(rows), wellFormed(given.flat()))
    }), { arbitrary: { runs: 60 } })

  const everything = Features.make({
    ...EveryType.types,
    f16: Features.value("float16"),
    ns: Features.value("timestamp[ns, tz=UTC]"),
    millis: Features.value("time32[ms]"),
    pair: Features.list(Features.value("float32"), { length: 2 })
  })

  const full = {
    ...EveryType.row,
    f16: 0.5,
    ns: "2026-01-31T12:00:00.000000001Z",
    millis: "00:00:00.5",
    pair: [0.5, 1.5]
  }

  it.effect("keeps every type with all of its digits, and null in each", () =>
    Effect.gen(function*() {
      const nulls = Object.fromEntries(Object.keys(full).map((name) => [name, null]))
      const bytes = yield* write(everything, [[full, nulls, {}]])
      assert.deepStrictEqual(yield* readAll(bytes), [full, nulls, nulls])
      assert.isTrue(Features.equals((yield* open(bytes)).features, everything))
    }))

  it.effect("is never written with the logical type INTEGER, which other readers refuse", () =>
    Effect.gen(function*() {
      const { schema } = parquetMetadata((yield* write(everything, [[full]])).buffer as ArrayBuffer)
      assert.deepStrictEqual(schema.filter(({ logical_type }) => logical_type?.type === "INTEGER"), [])
    }))

  it.effect("takes a Date for an instant, a name for a label, and text for a whole number", () =>
    Effect.gen(function*() {
      const bytes = yield* write(
        Features.make({ at: Features.timestamp, label: Features.classLabel(["a", "b"]), n: Features.int64 }),
        [[
          { at: new Date(1), label: "b", n: "12" }
        ]]
      )
      assert.deepStrictEqual(yield* readAll(bytes), [{ at: "1970-01-01T00:00:00.001Z", label: 1, n: 12 }])
    }))

  for (const compression of ["snappy", "zstd", "gzip", "none"] as const) {
    it.effect(`reads what it compressed with ${compression}`, () =>
      Effect.gen(function*() {
        const rows = Array.from({ length: 500 }, (_, at) => ({ text: `row ${at % 7}` }))
        assert.deepStrictEqual(
          yield* readAll(yield* write(Features.make({ text: Features.string }), [rows], compression)),
          rows
        )
      }))
  }

  it.effect("names the row, the path and the value that does not fit, and adds nothing of its group", () =>
    Effect.gen(function*() {
      const features = Features.make({ m: Features.list(Features.struct({ role: Features.string })) })
      const writer = yield* ParquetWriter.make({ path: "x.parquet", features })
      const first = yield* writer.group([{ m: [{ role: "user" }] }])
      const reason = yield* reasonOf(writer.group([{ m: [] }, { m: [{ role: "a" }, { role: 1 }] }]))
      assert.strictEqual(reason.message, "x.parquet, row 2: m[1].role: expected a string, got 1")
      const rows = yield* readAll(concat([first, yield* writer.finish]))
      assert.deepStrictEqual(rows, [{ m: [{ role: "user" }] }])
    }))

  it.effect("refuses a value that the type cannot hold", () =>
    Effect.gen(function*() {
      for (
        const [feature, value] of [
          [Features.value("int8"), 128],
          [Features.value("uint64"), -1],
          [Features.int64, 0.5],
          [Features.bool, "true"],
          [Features.value("timestamp[ms]"), "2026-01-01T00:00:00.0001Z"],
          [Features.value("decimal128(10, 2)"), "0.001"],
          [Features.classLabel(["a"]), "b"],
          [Features.json, Number.NaN],
          [Features.struct({ a: Features.bool }), { b: true }]
        ] as const
      ) {
        const reason = yield* reasonOf(write(Features.make({ a: feature }), [[{ a: value }]]))
        assert.strictEqual(reason._tag, "InvalidRow", JSON.stringify(feature))
      }
    }))

  it.effect("refuses a column that nobody declared, and types that Parquet's readers do not have", () =>
    Effect.gen(function*() {
      assert.match((yield* reasonOf(write(Features.make({ a: Features.bool }), [[{ b: 1 }]]))).message, /row 0.*"b"/)
      for (const feature of [Features.struct({}), Features.value("duration[us]")]) {
        assert.strictEqual((yield* reasonOf(write(Features.make({ a: feature }), [])))._tag, "UnsupportedType")
      }
    }))

  const two = Features.make({ id: Features.int64, text: Features.string })

  it.effect("goes on after any row", () =>
    Effect.gen(function*() {
      const bytes = yield* write(two, [numbered(0, 300), numbered(300, 500)])
      for (const skip of [0, 1, 299, 300, 301, 499, 500, 600]) {
        const rows = yield* readAll(bytes, { skip })
        assert.deepStrictEqual(rows.map(({ id }) => id), numbered(0, 500).slice(skip).map(({ id }) => id))
      }
    }))

  it.effect("reads only the bytes of the columns that are asked for, and of the groups that are not skipped", () =>
    Effect.gen(function*() {
      const bytes = yield* write(two, [numbered(0, 2000), numbered(2000, 4000)], "none")
      const ranges: Array<number> = []
      const counted = (options: Parquet.Options) =>
        Effect.gen(function*() {
          const file = FileBytes.memory("rows.parquet", bytes)
          const opened = yield* Parquet.open({
            ...file,
            read: (start, end) => {
              ranges.push(end - start)
              return file.read(start, end)
            }
          })
          ranges.length = 0
          yield* Stream.runDrain(opened.stream(options))
          return ranges.reduce((sum, size) => sum + size, 0)
        })
      const all = yield* counted({})
      assert.isBelow(yield* counted({ columns: ["id"] }), all / 5)
      assert.isBelow(yield* counted({ skip: 2000 }), all * 0.6)
    }))

  it.effect("says which columns there are where one is not", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(readAll(yield* write(two, [numbered(0, 1)]), { columns: ["text", "nope"] }))
      assert.match(reason.message, /has no column "nope": it has id, text/)
    }))

  it.effect("fails on a file that is not Parquet, is cut, or is empty", () =>
    Effect.gen(function*() {
      const bytes = yield* write(two, [numbered(0, 10)])
      for (const broken of [new Uint8Array(0), new TextEncoder().encode("hello, this is not it"), bytes.slice(0, -9)]) {
        assert.strictEqual((yield* reasonOf(readAll(broken)))._tag, "InvalidFile")
      }
    }))

  it.effect("hands on the failure of a read as it is", () =>
    Effect.gen(function*() {
      const bytes = yield* write(two, [numbered(0, 10)])
      const file = { ...FileBytes.memory("x", bytes), read: () => Effect.fail("no network" as const) }
      assert.strictEqual(yield* Effect.flip(Parquet.open(file)), "no network")
    }))
})
