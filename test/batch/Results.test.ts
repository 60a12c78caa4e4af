import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Page, Plan, Report, Results } from "../../src/batch/index.ts"
import type { Runner } from "../../src/batch/index.ts"
import type { InferenceError } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, row) => ({ id: `row-${from + row}`, prompt: `question ${from + row}`, n: row }))

const about: Runner.About = {
  model: "org/model",
  revision: "abc",
  provider: "here",
  engine: "tgi",
  engineVersion: "3",
  template: "",
  contextLength: 100,
  price: { inputPerMillion: 1000, outputPerMillion: 2000 },
  isPinned: true
}

const work = (more: Partial<Runner.About> = {}): Runner.Work<InferenceError.InferenceError> => ({
  generate: Bench.echo,
  ready: Effect.void,
  about: Effect.succeed({ ...about, ...more }),
  fingerprint: "test"
})

const read = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line))

describe("merging", () => {
  it.effect("gives every row once, numbered anew, and refuses ids that come twice", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      const outputs = [join(place.path, "1.jsonl"), join(place.path, "2.jsonl")]
      for (const [at, output] of outputs.entries()) {
        Bench.write(place.input, rows(at * 5, at * 5 + 5))
        yield* Bench.run({ input: place.input, output })
      }
      const target = join(place.path, "all.jsonl")
      assert.strictEqual(yield* Results.merge(outputs, target), 10)
      assert.deepStrictEqual(Bench.lines(target).map(({ index }) => index), Bench.upTo(10))
      assert.deepStrictEqual(new Set(Bench.lines(target).map(({ id }) => id)), new Set(rows(0, 10).map(({ id }) => id)))
      const twice = join(place.path, "twice.jsonl")
      const refused = yield* Effect.flip(Results.merge([...outputs, ...outputs], twice))
      assert.include(refused.message, "more than one row")
      assert.isFalse(existsSync(twice) || existsSync(`${twice}.tmp`))
      assert.include(
        (yield* Effect.flip(Results.merge(outputs, join(place.path, ".", "1.jsonl")))).message,
        "is one of the files"
      )
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a status", () => {
  it.effect("says how far a batch is, and changes no byte", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 6))
      yield* Bench.run({ ...place, limit: 4 }, (input, options) =>
        Bench.textOf(input).endsWith("1") ? Effect.fail(Bench.rejected()) : Bench.echo(input, options))
      writeFileSync(place.output, `${readFileSync(place.output, "utf8")}{"torn`)
      const before = readFileSync(place.output, "utf8")
      const status = yield* Results.status(place)
      assert.deepStrictEqual(status.rows, { total: 6, done: 3, failed: 1, pending: 2 })
      assert.deepStrictEqual(status.failures, { "InferenceError.Rejected": 1 })
      assert.strictEqual(readFileSync(place.output, "utf8"), before)
    }).pipe(Effect.provide(Bench.Node)))
})

describe("another form", () => {
  const done = Effect.fnUntraced(function*(generations: number) {
    const place = yield* Bench.files
    Bench.write(place.input, rows(0, 2))
    yield* Bench.run(
      { ...place, keep: true, concurrency: 1 },
      (input) =>
        Effect.succeed(Array.from({ length: generations }, (_, at) => Bench.generation(`${Bench.textOf(input)} ${at}`)))
    )
    return { place, target: join(place.path, "target.jsonl") }
  })
  it.effect("is distilabel's: input columns, generation, model_name and metadata", () =>
    Effect.gen(function*() {
      const { place, target } = yield* done(1)
      yield* Results.convert(place, target, { form: "distilabel" })
      assert.deepStrictEqual(read(target)[1], {
        id: "row-1",
        prompt: "question 1",
        n: 1,
        generation: "question 1 0",
        model_name: "",
        distilabel_metadata: {
          raw_input_text_generation_0: [{ role: "user", content: "question 1" }],
          raw_output_text_generation_0: "question 1 0",
          statistics_text_generation_0: { input_tokens: 3, output_tokens: 5 }
        }
      })
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of distilabel has one type for each column, whatever a row gave", () =>
    Effect.gen(function*() {
      const { errors: _, input, output, path } = yield* Bench.files
      const target = join(path, "rows.jsonl")
      Bench.write(input, Bench.prompts(3))
      const uncounted = { duration: 1, attempts: 1 }
      yield* Bench.run({ input, output, keep: true }, (text) =>
        Effect.succeed(
          Bench.textOf(text).endsWith("2")
            ? [Bench.generation("a"), Bench.generation("b")]
            : [Bench.generation("c", { statistics: uncounted })]
        ))
      yield* Results.convert({ output }, target, { form: "distilabel" })
      const [first, , last] = read(target).toSorted((a, b) => a.id < b.id ? -1 : 1)
      assert.deepStrictEqual([first.generation, last.generation], [["c"], ["a", "b"]])
      assert.deepStrictEqual(first.distilabel_metadata.statistics_text_generation_0, [
        { input_tokens: -1, output_tokens: -1 }
      ])
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("of distilabel has a row a generation on request", () =>
    Effect.gen(function*() {
      const { place, target } = yield* done(3)
      assert.strictEqual(yield* Results.convert(place, target, { form: "distilabel", perGeneration: true }), 6)
      assert.deepStrictEqual(
        read(target).slice(0, 3).map((row) => row.generation),
        [0, 1, 2].map((n) => `question 0 ${n}`)
      )
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is that of OpenAI's Batch API", () =>
    Effect.gen(function*() {
      const { place, target } = yield* done(1)
      yield* Results.convert(place, target, { form: "openai" })
      const [first] = read(target)
      assert.strictEqual(first.custom_id, "row-0")
      assert.deepStrictEqual(first.response.body.choices, [
        { index: 0, message: { role: "assistant", content: "question 0 0" }, finish_reason: "stop" }
      ])
      assert.deepStrictEqual(first.response.body.usage, { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 })
    }).pipe(Effect.provide(Bench.Node)))
})

/** How a plan shows hours. */
const timeOf = (expected: number) => {
  const hours = { low: expected / 2, expected, high: expected * 2 }
  const text = Plan.text({ rows: 3, sample: 3, failures: {}, hours, concurrency: 4, problems: [] })
  return text.split("\n").at(-1)
}

describe("a plan", () => {
  it.effect("reckons rows, tokens and dollars from a sample", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 1000))
      const plan = yield* Plan.make({ ...place, sample: 10, options: { maxNewTokens: 5 } }, work())
      assert.deepStrictEqual([plan.rows, plan.sample, plan.problems], [1000, 10, []])
      assert.deepStrictEqual(plan.tokens?.input, { low: 3000, expected: 3000, high: 3000 })
      assert.approximately(plan.dollars?.expected ?? 0, 3 + 10, 1e-9)
      assert.isFalse(existsSync(place.output))
    }).pipe(Effect.provide(Bench.Node)))

  it("says its time in the largest unit of which it is at least one", () => {
    assert.strictEqual(timeOf(3), "hours: 3 (1.5 to 6) at 4 rows in flight")
    assert.strictEqual(timeOf(0.5), "minutes: 30 (15 to 60) at 4 rows in flight")
    assert.strictEqual(timeOf(0.005), "seconds: 18 (9 to 36) at 4 rows in flight")
    assert.strictEqual(timeOf(0), "seconds: 0 (0 to 0) at 4 rows in flight")
  })

  it.effect("refuses what a budget or the context of the model cannot carry, and what cannot be counted", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 1000))
      const problems = (options: object, more: Partial<Runner.About> = {}) =>
        Effect.map(Plan.make({ ...place, ...options }, work(more)), (plan) => plan.problems.join())
      assert.include(yield* problems({ budget: { dollars: 5 } }), "the budget has $5")
      assert.include(yield* problems({ budget: { dollars: 5 } }, { price: undefined }), "not known")
      assert.include(yield* problems({ options: { maxNewTokens: 99 } }), "the context of the model has 100")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("provenance", () => {
  it.effect("stands on every line: who answered, with what, for how much", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, [{ prompt: "a" }, { prompt: "a" }, { prompt: "b" }])
      yield* Bench.runWith({ ...place, concurrency: 1 }, work())
      const found = readFileSync(place.output, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line).provenance)
      assert.deepInclude(found[0], {
        model: "org/model",
        revision: "abc",
        provider: "here",
        engine: "tgi",
        dollars: 0.013
      })
      assert.strictEqual(found[0].prompt, found[1].prompt)
      assert.notStrictEqual(found[0].prompt, found[2].prompt)
      assert.match(found[0].package, /^effect-inference-endpoints\//)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("is one with pin: an endpoint of several providers is refused, another model stops the run", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 9))
      const refused = yield* Effect.flip(Bench.runWith({ ...place, pin: true }, work({ isPinned: false })))
      assert.include(refused.message, "pin")
      const report = yield* Bench.runWith({ ...place, pin: true, concurrency: 1 }, {
        ...work(),
        generate: (input) =>
          Effect.succeed([Bench.generation("x", { model: Bench.textOf(input).endsWith("4") ? "other" : "one" })])
      })
      assert.deepStrictEqual([report.why?.by, report.ending], ["pin", "stopped"])
      // what the output holds is remembered, and the provider counts too
      const { statistics } = Bench.generation("x")
      const later = yield* Bench.runWith({ ...place, pin: true, concurrency: 1 }, {
        ...work(),
        generate: () =>
          Effect.succeed([
            Bench.generation("x", { model: "one", statistics: { ...statistics, provider: "elsewhere" } })
          ])
      })
      assert.include(later.why?.message ?? "", "of \"elsewhere\"")
      assert.include(later.why?.message ?? "", "responses from the model \"one\"")
    }).pipe(Effect.provide(Bench.Node)))
})

describe("the last row of a batch", () => {
  it.effect("that another model answered stops a pinned run, though no row is pending", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 3))
      const report = yield* Bench.runWith({ ...place, pin: true, concurrency: 1 }, {
        ...work(),
        generate: (input) =>
          Effect.succeed([Bench.generation("x", { model: Bench.textOf(input).endsWith("2") ? "other" : "one" })])
      })
      assert.deepStrictEqual([report.why?.by, report.ending, report.rows.pending], ["pin", "stopped", 0])
      assert.strictEqual(Report.exitCode(report), 3)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("that ends after a stop was asked for completes the run", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 3))
      const asked = yield* Deferred.make<string>()
      const report = yield* Bench.run({ ...place, concurrency: 1, stop: Deferred.await(asked) }, (input, call) =>
        Bench.textOf(input).endsWith("2")
          ? Effect.andThen(Deferred.succeed(asked, "enough"), Effect.andThen(Effect.yieldNow, Bench.echo(input, call)))
          : Bench.echo(input, call))
      assert.deepStrictEqual([report.why, report.ending, report.rows.done], [undefined, "complete", 3])
    }).pipe(Effect.provide(Bench.Node)))
})

describe("structured output of a batch", () => {
  const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } as const

  it.effect("is decoded, asked for again with other seeds, and else fails the row", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 3))
      const seeds: Array<unknown> = []
      const report = yield* Bench.run({
        ...place,
        concurrency: 1,
        retries: 2,
        options: { seed: 7, structuredOutput: { format: "json", schema } }
      }, (input, { seed }) => {
        const text = Bench.textOf(input)
        if (text.endsWith("1")) seeds.push(seed)
        const good = text.endsWith("0") || (text.endsWith("1") && seed === 9)
        return Effect.succeed([Bench.generation(good ? "{\"n\": 1}" : "{\"n\": \"x\"}")])
      })
      assert.deepStrictEqual(seeds, [7, 8, 9])
      assert.deepStrictEqual(Bench.lines(place.output).map(({ generations }) => generations?.[0]?.value), [
        "{\"n\":1}",
        "{\"n\":1}"
      ])
      assert.deepStrictEqual(report.failures, { "StructuredOutputError.Mismatch": 1 })
      // what was thrown away was paid for
      assert.deepStrictEqual(report.tokens, { input: 12, output: 20 })
    }).pipe(Effect.provide(Bench.Node)))
})

describe("a page", () => {
  it.effect("holds all that it shows, and no text of a server becomes markup", () =>
    Effect.gen(function*() {
      const place = yield* Bench.files
      Bench.write(place.input, rows(0, 5))
      const report = yield* Bench.run(place, () =>
        Effect.succeed([Bench.generation("x", { finishReason: "</script><script>alert(1)</script>" })]))
      const page = yield* Page.make(report)
      assert.notMatch(page, /(?:src|href)=["']?(?:https?:)?\/\//)
      assert.notInclude(page, "<script>alert(1)")
      assert.include(page, "uPlot")
      assert.include(Report.text(report), "5 done")
    }).pipe(Effect.provide(Bench.Node)))
})
