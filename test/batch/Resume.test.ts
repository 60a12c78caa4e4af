import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { appendFileSync, copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Results } from "../../src/batch/index.ts"
import * as Meaning from "../../src/batch/log/Meaning.ts"
import * as Recall from "../../src/batch/Recall.ts"
import { GenerationOptions } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

const setup = Effect.fnUntraced(function*(rows: number) {
  const place = yield* Bench.files
  Bench.write(place.input, Bench.prompts(rows))
  return place
})

const service = (endpoint: Schema.Json, options: Schema.Json = {}) => ({
  backend: { endpoint, template: { tokenizerId: null } },
  options,
  settings: {}
})

describe("a configuration", () => {
  it.effect.each(
    [
      ["a slash and /v1 at the address", { baseUrl: "http://h:1/" }, { baseUrl: "http://h:1/v1" }],
      ["the name of this machine", { baseUrl: "http://127.0.0.1:8/v1" }, { baseUrl: "http://localhost:8" }],
      ["who pays", { modelId: "a/b" }, { modelId: "a/b", billTo: "org" }],
      ["how long to wait", { modelId: "a/b", waitTimeout: 5 }, { modelId: "a/b", waitTimeout: 9 }],
      ["a display name", { modelId: "a/b" }, { modelId: "a/b", modelDisplayName: "x" }]
    ] as const
  )("is the same whatever is said of %s", ([, before, after]) =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      yield* Bench.run(place, Bench.echo, { fingerprint: service(before) })
      const report = yield* Bench.run(place, () => Effect.die("asked again"), { fingerprint: service(after) })
      assert.strictEqual(report.rows.done, 2)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is the same where a default is set explicitly, and where only the manner of sending changes", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      yield* Bench.run(place)
      const options = {
        maxNewTokens: GenerationOptions.MAX_NEW_TOKENS,
        numGenerations: 1,
        splitReasoning: false,
        delivery: "unary",
        concurrency: 3
      } as const
      const report = yield* Bench.run({ ...place, options, columns: { raw: false } }, () => Effect.die("asked again"))
      assert.strictEqual(report.rows.done, 2)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect.each(
    [
      ["another model", { modelId: "a/b" }, { modelId: "a/c" }],
      ["another provider", { modelId: "a/b", provider: "x" }, { modelId: "a/b", provider: "y" }],
      ["another server", { baseUrl: "http://h:1" }, { baseUrl: "http://h:2" }],
      ["another path", { baseUrl: "http://h/a" }, { baseUrl: "http://h/b" }]
    ] as const
  )("with %s is another", ([, before, after]) =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      yield* Bench.run(place, Bench.echo, { fingerprint: service(before) })
      const refused = yield* Effect.flip(Bench.run(place, Bench.echo, { fingerprint: service(after) }))
      assert.strictEqual(refused.reason._tag, "Changed")
    }).pipe(Effect.provide(Bench.Node)))

  it.prop("has one meaning, however often it is taken", [Schema.Json], ([value]) => {
    const once = Meaning.of({ columns: {}, options: value, service: service(value) })
    return JSON.stringify(Meaning.of(once)) === JSON.stringify(once)
  })
})

describe("a difference", () => {
  it.effect("that is accepted by its name keeps what is done, and is on record", () =>
    Effect.gen(function*() {
      const place = yield* setup(4)
      yield* Bench.run({ ...place, options: { temperature: 0.5 }, limit: 2, concurrency: 1 })
      const other = { ...place, options: { temperature: 0.7, topP: 0.9 } }
      const refused = yield* Effect.flip(Bench.run({ ...other, accept: ["options.topP"] }))
      assert.include(refused.message, "--continue options.temperature")
      assert.notInclude(refused.message, "topP")
      // the beginning of a name is not the name
      yield* Effect.flip(Bench.run({ ...other, accept: ["options.topP", "options.temp"] }))
      const report = yield* Bench.run({ ...other, accept: ["options"] })
      assert.deepStrictEqual([report.rows.done, report.rows.doneNow], [4, 2])
      const manifest = JSON.parse(readFileSync(`${place.output}.manifest.json`, "utf8"))
      assert.deepStrictEqual(manifest.accepted[0].changes, [
        "options.temperature was 0.5 and is 0.7",
        "options.topP was not set and is 0.9"
      ])
      // accepted once: the next run with it is no other
      assert.strictEqual((yield* Bench.run(other)).rows.doneNow, 0)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of the input: a corrected prompt of a failed row is done again, with the others left alone", () =>
    Effect.gen(function*() {
      const place = yield* setup(4)
      yield* Bench.run(
        place,
        (input, call) => Bench.textOf(input).endsWith("2") ? Effect.fail(Bench.rejected()) : Bench.echo(input, call)
      )
      Bench.write(place.input, Bench.prompts(4).map((row, at) => at === 2 ? { ...row, prompt: "corrected" } : row))
      const refused = yield* Effect.flip(Bench.run({ ...place, retryFailed: true }))
      assert.include(refused.message, "--continue input")
      const asked: Array<string> = []
      yield* Bench.run({ ...place, retryFailed: true, accept: ["input"] }, (input, call) => {
        asked.push(Bench.textOf(input))
        return Bench.echo(input, call)
      })
      assert.deepStrictEqual(asked, ["corrected"])
      assert.deepStrictEqual(Bench.indices(place.output), Bench.upTo(4))
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of the input is refused where its rows are others than those that are done", () =>
    Effect.gen(function*() {
      const place = yield* setup(4)
      yield* Bench.run(place)
      Bench.write(place.input, Bench.prompts(4).toReversed())
      const refused = yield* Effect.flip(Bench.run({ ...place, accept: ["input"] }))
      assert.include(refused.message, "which is not the id of that row in the input")
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of the input: a last line without its end that has grown is another row", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      writeFileSync(place.input, "{\"id\":\"a\",\"prompt\":\"x\"}")
      yield* Bench.run(place)
      appendFileSync(place.input, " \n{\"id\":\"b\",\"prompt\":\"y\"}\n")
      assert.strictEqual((yield* Effect.flip(Bench.run(place))).reason._tag, "Changed")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a manifest that is damaged", () => {
  it.effect("is refused with the flags that help; repair writes it anew and keeps the rows", () =>
    Effect.gen(function*() {
      const place = yield* setup(4)
      yield* Bench.run({ ...place, limit: 2, concurrency: 1 })
      writeFileSync(`${place.output}.manifest.json`, "{\"format\":")
      const refused = yield* Effect.flip(Bench.run(place))
      assert.include(refused.message, "--repair")
      assert.include(refused.message, "--force")
      const report = yield* Bench.run({ ...place, repair: true })
      assert.deepStrictEqual([report.rows.done, report.rows.doneNow], [4, 2])
      assert.strictEqual((yield* Bench.run(place)).rows.doneNow, 0)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("gives way to force, with all files moved aside", () =>
    Effect.gen(function*() {
      const place = yield* setup(2)
      yield* Bench.run(place)
      writeFileSync(`${place.output}.manifest.json`, "")
      const report = yield* Bench.run({ ...place, force: true })
      assert.strictEqual(report.rows.doneNow, 2)
      assert.lengthOf(Bench.lines(`${place.output}.old`), 2)
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a row in both files", () => {
  it.effect("is refused by the ledger, and repair keeps its answer", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      yield* Bench.run(place, (input, call) =>
        Bench.textOf(input).endsWith("1") ? Effect.fail(Bench.rejected()) : Bench.echo(input, call))
      const [line = ""] = readFileSync(place.errors, "utf8").split("\n")
      appendFileSync(place.errors, `${line.replace("\"row-1\",\"index\":1", "\"row-0\",\"index\":0")}\n`)
      const refused = yield* Effect.flip(Bench.run(place))
      assert.include(refused.message, "line 2 reports a failure of row 0, which is in the output")
      assert.deepStrictEqual((yield* Results.status(place)).rows, { total: 3, done: 2, failed: 1, pending: 0 })
      const report = yield* Bench.run({ ...place, repair: true })
      assert.deepStrictEqual([report.rows.done, report.rows.failed], [2, 1])
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a row that failed twice by the errors file", () => {
  it.effect("is refused by the ledger, and counts once", () =>
    Effect.gen(function*() {
      const place = yield* setup(3)
      yield* Bench.run(place, (input, call) =>
        Bench.textOf(input).endsWith("1") ? Effect.fail(Bench.rejected()) : Bench.echo(input, call))
      appendFileSync(place.errors, readFileSync(place.errors))
      const refused = yield* Effect.flip(Bench.run(place))
      assert.include(refused.message, "line 2 repeats row 1")
      assert.deepInclude(yield* Results.status(place), {
        rows: { total: 3, done: 2, failed: 1, pending: 0 },
        failures: { "InferenceError.Rejected": 1 }
      })
      const report = yield* Bench.run({ ...place, repair: true })
      assert.deepStrictEqual(report.failures, { "InferenceError.Rejected": 1 })
    }).pipe(Effect.provide(Bench.Node)))
})

const fixtures = new URL("../fixtures/batch-0.1.0/", import.meta.url).pathname

describe("a run that version 0.1.0 began", () => {
  const begun = Effect.map(Bench.files, (place) => {
    for (const name of readdirSync(fixtures)) copyFileSync(join(fixtures, name), join(place.path, name))
    return place
  })
  const then = {
    fingerprint: {
      backend: { endpoint: { baseUrl: "http://127.0.0.1:8080" }, template: { tokenizerId: null } },
      options: { maxNewTokens: 512 },
      settings: {}
    }
  }

  it.effect("is gone on with: its rows are kept, in today's form", () =>
    Effect.gen(function*() {
      const place = yield* begun
      const asked: Array<string> = []
      const report = yield* Bench.run({ ...place, options: { temperature: 0.5, maxNewTokens: 16 } }, (input, call) => {
        asked.push(Bench.textOf(input))
        return Bench.echo(input, call)
      }, then)
      assert.deepStrictEqual(asked, ["question 6", "question 7"])
      assert.deepStrictEqual(report.rows, { ...report.rows, done: 6, failed: 2, pending: 0 })
      const lines = Bench.lines(place.output)
      for (const line of [...lines, ...Bench.lines(place.errors)]) {
        const first = "error" in line ? Bench.lines(place.errors)[0] : lines[0]
        assert.deepStrictEqual(Bench.shape(line), Bench.shape(first))
      }
      assert.deepInclude(lines[1]?.generations?.[0], { seed: "18446744073709551615", reasoning: "hm" })
      assert.strictEqual(
        lines[2]?.generations?.[0]?.toolCalls,
        "[{\"id\":\"0\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}]"
      )
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is refused with another configuration, and told the way on", () =>
    Effect.gen(function*() {
      const place = yield* begun
      const refused = yield* Effect.flip(
        Bench.run({ ...place, options: { temperature: 0.9, maxNewTokens: 16 } }, Bench.echo, then)
      )
      assert.include(refused.message, "--continue options.temperature")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("what a run was given", () => {
  it.effect("is in its manifest, so that its failed rows can be done again by the name of the output", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, [{ id: "a", city: "Rome" }, { id: "b", city: "Oslo" }])
      const columns = { template: "Describe {{ city }}" }
      const options = { maxNewTokens: 7, seed: 2n ** 60n }
      yield* Bench.run(
        { ...place, columns, options, keep: ["city"] },
        (input, call) => Bench.textOf(input).endsWith("Oslo") ? Effect.fail(Bench.rejected()) : Bench.echo(input, call)
      )
      const recalled = yield* Recall.recall(place.output)
      assert.deepStrictEqual(recalled.options, { input: place.input, columns, options, keep: ["city"] })
      const report = yield* Bench.run({ ...recalled.options, output: place.output, retryFailed: true })
      assert.deepStrictEqual([report.rows.done, report.rows.doneNow, report.rows.failed], [2, 1, 0])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is asked for where the manifest does not hold it", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const none = yield* Effect.flip(Recall.recall(place.output))
      assert.include(none.message, "no batch with the output")
    }).pipe(Effect.provide(Bench.Node)))
})
