import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stdio, Stream } from "effect"
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"
import * as Bench from "./Bench.ts"

const jsonl = (from: number, to: number): string =>
  Array.from(
    { length: to - from },
    (_, row) => `${JSON.stringify({ id: `row-${from + row}`, prompt: `q ${from + row}` })}\n`
  )
    .join("")

const asked = Effect.fnUntraced(function*(options: Omit<Parameters<typeof Bench.run>[0], "output">, output: string) {
  const prompts: Array<string> = []
  const report = yield* Bench.run({ ...options, output, concurrency: 1 }, (input, call) => {
    prompts.push(Bench.textOf(input))
    return Bench.echo(input, call)
  })
  return { report, prompts }
})

const given = (text: string) =>
  Layer.succeed(
    Stdio.Stdio,
    Stdio.make({
      args: Effect.succeed([]),
      stdin: Stream.make(new TextEncoder().encode(text)),
      stdinIsTerminal: Effect.succeed(false),
      stdoutIsTerminal: Effect.succeed(false),
      stderrIsTerminal: Effect.succeed(false),
      stdout: () => Effect.die("unused") as never,
      stderr: () => Effect.die("unused") as never
    })
  )

const questions = (count: number) => Array.from({ length: count }, (_, row) => `q ${row}`)

describe("an input in several", () => {
  it.effect.prop(
    "members of gzip or frames of zstd is read to its end, wherever they are cut",
    [
      Schema.Literals(["gz", "zst"]),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))).check(Schema.isMaxLength(6))
    ],
    ([coding, cuts]) =>
      Effect.gen(function*() {
        const place = yield* Bench.files
        const text = Buffer.from(jsonl(0, 20))
        const borders = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length]
        const pieces = borders.slice(1).map((border, at) => text.subarray(borders[at], border))
        const path = `${place.input}.${coding}`
        writeFileSync(
          path,
          Buffer.concat(pieces.map((piece) => coding === "gz" ? gzipSync(piece) : zstdCompressSync(piece)))
        )
        assert.deepStrictEqual((yield* asked({ input: path }, place.output)).prompts, questions(20))
      }).pipe(Effect.provide(Bench.Node)),
    { arbitrary: { runs: 30 } }
  )

  it.effect.each(["gz", "zst"] as const)("blocks of %s is read to its end", (coding) =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const rows = Array.from({ length: 400 }, (_, row) => ({
        id: `row-${row}`,
        prompt: Array.from({ length: 1500 }, (_, at) => ((row * 7919 + at * 104_729) % 999_983).toString(36)).join(" ")
      }))
      Bench.write(place.input, rows)
      const bytes = readFileSync(place.input)
      const half = bytes.length >> 1
      const pack = coding === "gz" ? gzipSync : zstdCompressSync
      const path = `${place.input}.${coding}`
      writeFileSync(path, Buffer.concat([pack(bytes.subarray(0, half)), pack(bytes.subarray(half))]))
      const { prompts } = yield* asked({ input: path }, place.output)
      assert.deepStrictEqual(prompts, rows.map(({ prompt }) => prompt))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect.each(["gz", "zst"] as const)("that is cut short in its %s is refused", (coding) =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const path = `${place.input}.${coding}`
      const packed = (coding === "gz" ? gzipSync : zstdCompressSync)(jsonl(0, 20))
      writeFileSync(path, packed.subarray(0, packed.length - 9))
      const refused = yield* Effect.flip(Bench.run({ ...place, input: path }, () => Effect.die("sent")))
      assert.include(refused.message, "cannot be decompressed")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("a folder or a pattern that holds the batch's own files too goes on without them", () =>
    Effect.gen(function*() {
      const { path } = yield* Bench.files
      for (const pattern of ["a", "b/*.jsonl"]) {
        const folder = join(path, pattern.slice(0, 1))
        mkdirSync(folder)
        writeFileSync(join(folder, "rows.jsonl"), jsonl(0, 6))
        const input = join(path, pattern)
        const output = join(folder, "out.jsonl")
        yield* asked({ input, limit: 2 }, output)
        const { prompts, report } = yield* asked({ input }, output)
        assert.deepStrictEqual([report.rows.total, report.rows.done, prompts.length], [6, 6, 4])
      }
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("files, a folder, or a pattern is one input in the order of its names", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const folder = join(place.path, "rows")
      mkdirSync(folder)
      writeFileSync(join(folder, "a.jsonl"), jsonl(0, 3))
      writeFileSync(join(folder, "b.jsonl.gz"), gzipSync(jsonl(3, 6)))
      writeFileSync(join(folder, "c.csv"), "id,prompt\nrow-6,q 6\nrow-7,\"q 7\"\n")
      writeFileSync(join(folder, "notes.txt"), "no rows")
      const inputs = [
        folder,
        join(folder, "*.{jsonl,jsonl.gz,csv}"),
        ["a.jsonl", "b.jsonl.gz", "c.csv"].map((name) => join(folder, name))
      ]
      for (const [at, input] of inputs.entries()) {
        const { prompts } = yield* asked({ input }, join(place.path, `out-${at}.jsonl`))
        assert.deepStrictEqual(prompts, questions(8))
      }
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("lines of standard input can be gone on with, with and without giving it again", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const run = (text: string) =>
        Bench.run({ input: "-", output: place.output, concurrency: 1, limit: 3 }).pipe(
          Effect.provide(given(text))
        )
      assert.strictEqual((yield* run(jsonl(0, 6))).rows.done, 3)
      const { report } = yield* Effect.provide(asked({ input: "-" }, place.output), given(""))
      assert.deepStrictEqual([report.rows.done, report.rows.doneNow], [6, 3])
      const again = yield* Effect.provide(asked({ input: "-" }, place.output), given(jsonl(0, 6)))
      assert.lengthOf(again.prompts, 0)
    }).pipe(Effect.provide(Bench.Node)))
})

describe("CSV", () => {
  it.effect("keeps every value as its text", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const path = join(place.path, "in.csv")
      writeFileSync(path, "\uFEFFid,zip,__proto__\r\n1,007,\"a\r\nb\"\r\n2,1.0,\r\n")
      const { prompts } = yield* asked(
        { input: path, columns: { template: "{{ zip }}|{{ row_proto | default('') }}" } },
        place.output
      )
      assert.deepStrictEqual(prompts, ["007|", "1.0|"])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect.each(
    [
      ["two columns of one name", "id,a,a\n1,2,3\n", "names the column \"a\" twice"],
      ["a row that is too short", "id,a\n1,2\n3\n", "is not valid CSV"],
      ["an open quote", "id,a\n1,\"2\n", "is not valid CSV"]
    ] as const
  )("with %s is refused", ([, text, message]) =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const path = join(place.path, "in.csv")
      writeFileSync(path, text)
      const refused = yield* Effect.flip(Bench.run({ ...place, input: path }, () => Effect.die("sent")))
      assert.include(refused.message, message)
    }).pipe(Effect.provide(Bench.Node)))
})

describe("an input that changes while it is read", () => {
  it.effect("by growing is done as it was; the rows that came later are those of the next run", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      writeFileSync(place.input, jsonl(0, 6000))
      let grown = false
      const first = yield* Bench.run(place, (input, call) => {
        if (!grown) appendFileSync(place.input, jsonl(6000, 8000))
        grown = true
        return Bench.echo(input, call)
      })
      assert.deepStrictEqual(first.rows, { ...first.rows, total: 6000, done: 6000, pending: 0 })
      const second = yield* Bench.run(place)
      assert.deepStrictEqual(second.rows, { ...second.rows, total: 8000, done: 8000, doneNow: 2000, pending: 0 })
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(8000))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect.each(["shorter", "other"] as const)(
    "to be %s fails before a row of the changed part is sent",
    (how) =>
      Effect.gen(function*() {
        const place = yield* Bench.files
        const rows = Array.from(
          { length: 3000 },
          (_, row) => ({ id: `row-${row}`, prompt: `q ${row} ${"x".repeat(1000)}` })
        )
        Bench.write(place.input, rows)
        const sent: Array<string> = []
        const refused = yield* Effect.flip(Bench.run({ ...place, concurrency: 1 }, (input, call) => {
          if (sent.length === 0 && how === "shorter") truncateSync(place.input, 2_000_000)
          if (sent.length === 0 && how === "other") {
            Bench.write(place.input, rows.map((row) => ({ ...row, prompt: row.prompt.replace("q", "Q") })))
          }
          sent.push(Bench.textOf(input))
          return Bench.echo(input, call)
        }))
        assert.strictEqual(refused.reason._tag, "InputChanged")
        assert.strictEqual(refused.exitCode, 3)
        assert.isTrue(sent.every((text) => text.startsWith("q ")))
        Bench.write(place.input, rows)
        const again = yield* Bench.run(place)
        assert.strictEqual(again.rows.done, 3000)
      }).pipe(Effect.provide(Bench.Node))
  )
})

describe("files", () => {
  it.effect("that are one under several names are refused", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      writeFileSync(place.input, jsonl(0, 2))
      const link = join(place.path, "link.jsonl")
      symlinkSync(place.input, link)
      const hard = join(place.path, "hard.jsonl")
      linkSync(place.input, hard)
      const folder = join(place.path, "also")
      symlinkSync(place.path, folder)
      const before = readFileSync(place.input, "utf8")
      const pairs: ReadonlyArray<Parameters<typeof Bench.run>[0]> = [
        { input: place.input, output: place.output, errors: join(place.path, ".", "sub", "..", "out.jsonl") },
        { input: place.input, output: link, force: true },
        { input: place.input, output: hard, force: true },
        { input: place.input, output: join(folder, "in.jsonl"), force: true },
        { input: place.input, output: place.output, errors: `${place.output}.manifest.json` },
        { input: place.path, output: place.input, force: true }
      ]
      for (const options of pairs) {
        const refused = yield* Effect.flip(Bench.run(options, () => Effect.die("sent")))
        assert.include(refused.message, "are one file")
        assert.strictEqual(readFileSync(place.input, "utf8"), before)
      }
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a template over columns", () => {
  const rows = Effect.fnUntraced(function*(template: string, ...lines: ReadonlyArray<string>) {
    const place = yield* Bench.files
    writeFileSync(place.input, lines.map((line) => `${line}\n`).join(""))
    const { prompts } = yield* asked({ input: place.input, columns: { template } }, place.output)
    return { prompts, errors: Bench.lines(place.errors) }
  })

  it.effect("that names what no row has is refused, with the columns that there are", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(rows("{{ topik }}", "{\"topic\":\"a\"}", "{\"topic\":\"b\"}"))
      assert.include(
        refused.message,
        "the template names topik, which none of the first rows has; their columns are topic"
      )
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("fails the rows that lack what it names, attributes too, and no others", () =>
    Effect.gen(function*() {
      const { errors, prompts } = yield* rows(
        "{{ user.name }}",
        "{\"user\":{\"name\":\"ann\"}}",
        "{\"user\":{\"nmae\":\"bob\"}}",
        "{}"
      )
      assert.deepStrictEqual(prompts, ["ann"])
      assert.deepStrictEqual(errors.map(({ error }) => error?.reason), ["TemplateFailed", "TemplateFailed"])
      assert.include(errors[0]?.error?.message, "no column user.name")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("may test for a column, give it a default, and name what it makes itself", () =>
    Effect.gen(function*() {
      const { prompts } = yield* rows(
        "{% set n = 2 %}{% if tag is defined %}{{ tag }}{% endif %}{{ more | default('-') }}{% for x in list %}{{ x.a }}{{ loop.index }}{% endfor %}{{ n }}{{ name.upper() }}",
        "{\"list\":[{\"a\":1}],\"name\":\"z\"}"
      )
      assert.deepStrictEqual(prompts, ["-112Z"])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("prints numbers with the digits of the row", () =>
    Effect.gen(function*() {
      const { prompts } = yield* rows("{{ id }} {{ x }} {{ y }}", "{\"id\":\"a\",\"x\":1234567890123456789,\"y\":1.0}")
      assert.deepStrictEqual(prompts, ["a 1234567890123456789 1.0"])
    }).pipe(Effect.provide(Bench.Node)))
})

describe("an output", () => {
  it.effect.each([["device", "not a plain file"], ["folder", "a folder"]] as const)(
    "that is a %s is refused, and left where it is",
    ([name, kind]) =>
      Effect.gen(function*() {
        const { input, path } = yield* Bench.files
        Bench.write(input, Bench.prompts(1))
        const output = join(path, name)
        if (name === "folder") mkdirSync(output)
        else symlinkSync("/dev/null", output)
        for (const files of [{ output }, { output: join(path, "o.jsonl"), errors: output }]) {
          const error = yield* Effect.flip(Bench.run({ input, ...files, force: true }))
          assert.include(error.message, kind)
          assert.isFalse(statSync(output).isFile())
        }
      }).pipe(Effect.provide(Bench.Node))
  )
})

describe("an id", () => {
  it.effect("of 19 digits is the digits of the file, so that two rows next to each other are two", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      writeFileSync(input, [3, 4].map((n) => `{"id":900719925474099312${n},"prompt":"a","more":{"id":1}}\n`).join(""))
      yield* Bench.run({ input, output })
      assert.deepStrictEqual(Bench.lines(output).map(({ id }) => id).toSorted(), [
        "9007199254740993123",
        "9007199254740993124"
      ])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that is 1e30 or 1.5 is none", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      writeFileSync(input, "{\"id\":1.5,\"prompt\":\"a\"}\n{\"id\":1e30,\"prompt\":\"a\"}\n")
      const error = yield* Effect.flip(Bench.run({ input, output }))
      assert.match(error.message, /line 1: its id[^]*line 2: its id/)
    }).pipe(Effect.provide(Bench.Node)))
})
