import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { AnswerCache, Batch, type Runner, Task } from "../../src/batch/index.ts"
import { InferenceEndpointsLLM, type InferenceError } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as Bench from "./Bench.ts"

const on = (options: Parameters<typeof Simulator.layer>[0], engine: "openai" | "vllm") =>
  Layer.merge(
    InferenceEndpointsLLM.layer({ baseUrl: "http://server.test", engine, apiKey: false }).pipe(
      Layer.provide(Simulator.layer(options))
    ),
    NodeServices.layer
  )

const values = (path: string) =>
  Bench.lines(path).toSorted((a, b) => a.index - b.index).map(({ generations }) =>
    JSON.parse(generations?.[0]?.text ?? "null")
  )

const classified = {
  object: "list",
  data: [{ index: 0, label: "spam", probs: [0.2, 0.7, 0.1], num_classes: 3 }],
  usage: { prompt_tokens: 7, total_tokens: 7 }
}

describe("a batch", () => {
  it.effect("embeds: each row has the vector of its text, and its tokens are counted", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, [...Bench.prompts(5), { id: "again", prompt: "question 0" }])
      const report = yield* Batch.run({ input, output, task: { kind: "embed" }, progress: "none" })
      const vectors = values(output)
      assert.deepStrictEqual([report.rows.done, report.uncounted], [6, 0])
      assert.isAbove(report.tokens.input, 0)
      assert.isTrue(vectors.every((vector) => Array.isArray(vector) && vector.length === 8))
      assert.deepStrictEqual(vectors[5], vectors[0])
      assert.notDeepEqual(vectors[1], vectors[0])
    }).pipe(Effect.provide(on({ engine: "tei" }, "openai"))))

  it.effect("scores: each row has a number for each of its texts, in their order", () =>
    Effect.gen(function*() {
      const { errors, input, output } = yield* Bench.files
      Bench.write(input, [
        { id: "a", query: "cats", texts: ["dogs", "cats"] },
        { id: "b", query: "cats", texts: "cats" },
        { id: "c", query: "cats" },
        { id: "d", texts: ["cats"] }
      ])
      const report = yield* Batch.run({ input, output, task: { kind: "score" }, progress: "none" })
      const [first, second] = values(output)
      assert.lengthOf(first, 2)
      assert.isAbove(first[1], first[0])
      assert.deepStrictEqual(second, [first[1]])
      assert.strictEqual(report.rows.failed, 2)
      const [c, d] = Bench.lines(errors).toSorted((a, b) => a.index - b.index)
      assert.include(c?.error?.message ?? "", "texts")
      assert.include(d?.error?.message ?? "", "query")
    }).pipe(Effect.provide(on({ engine: "tei" }, "openai"))))

  it.effect("scores: a row of one text has the scores of its classes, the highest first", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, [...Bench.prompts(3), { id: "json", prompt: "{ is no JSON" }])
      const report = yield* Batch.run({ input, output, task: { kind: "score" }, progress: "none" })
      assert.strictEqual(report.rows.done, 4)
      for (const classes of values(output)) {
        assert.sameMembers(classes.map(({ label }: { readonly label: string }) => label), ["LABEL_0", "LABEL_1"])
        assert.isAtLeast(classes[0].score, classes[1].score)
      }
    }).pipe(Effect.provide(on({ engine: "tei" }, "openai"))))

  it.effect.each(["/classify", "/v1/classify"])("scores: the classes of %s, of which the server names one", (path) => {
    const asked: Array<string> = []
    const server = HttpClient.make((request, url) => {
      if (request.method === "POST") asked.push(url.pathname)
      const response = url.pathname === "/v1/models"
        ? Response.json({ object: "list", data: [{ id: "judge", object: "model" }] })
        : url.pathname === path
        ? Response.json(classified)
        : Response.json({ error: { message: "Not Found", code: 404 } }, { status: 404 })
      return Effect.succeed(HttpClientResponse.fromWeb(request, response))
    })
    return Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, Bench.prompts(3))
      const report = yield* Batch.run({ input, output, task: { kind: "score" }, concurrency: 1, progress: "none" })
      assert.deepStrictEqual([report.rows.done, report.tokens.input], [3, 21])
      assert.deepStrictEqual(values(output)[0], [
        { label: "spam", score: 0.7 },
        { label: "0", score: 0.2 },
        { label: "2", score: 0.1 }
      ])
      // what is not there is asked for once
      assert.isAtMost(asked.filter((asked) => asked !== path).length, 1)
    }).pipe(Effect.provide(Layer.merge(
      InferenceEndpointsLLM.layer({ baseUrl: "http://server.test", engine: "openai", apiKey: false }).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient, server))
      ),
      NodeServices.layer
    )))
  })

  it.effect("decides: each row has a label with probabilities for each question", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, Bench.prompts(3))
      yield* Batch.run({
        input,
        output,
        task: {
          kind: "decide",
          questions: { tone: { instructions: "What is the tone?", labels: ["kind", "rude"] } },
          options: { minimumMass: 0 }
        },
        progress: "none"
      })
      for (const { tone } of values(output)) {
        assert.include(["kind", "rude"], tone.label)
        assert.approximately(tone.probabilities.kind + tone.probabilities.rude, 1, 1e-9)
      }
    }).pipe(Effect.provide(on({ engine: "vllm", version: "0.33.0" }, "vllm"))))

  it.effect("does not take what was cached for another task", () =>
    Effect.gen(function*() {
      const { input, output, path } = yield* Bench.files
      Bench.write(input, Bench.prompts(1))
      const cache = yield* AnswerCache.files(`${path}/cache`)
      let asked = 0
      const work = (task?: string): Runner.Work<InferenceError.InferenceError> => ({
        generate: (text) => Effect.sync(() => (asked++, [Bench.generation(Bench.textOf(text))])),
        ready: Effect.void,
        fingerprint: task ?? "text",
        ...(task !== undefined && { task })
      })
      yield* Bench.runWith({ input, output, cache }, work())
      yield* Bench.runWith({ input, output: `${output}.2`, cache }, work("embed"))
      yield* Bench.runWith({ input, output: `${output}.3`, cache }, work("embed"))
      assert.strictEqual(asked, 2)
    }).pipe(Effect.provide(NodeServices.layer)))

  it("to score reads the query where nothing else is said", () => {
    assert.deepStrictEqual(Task.rowsOf({}, { kind: "score" }), { columns: { query: "query" } })
    assert.deepStrictEqual(Task.rowsOf({}, undefined), {})
  })
})

describe("rows that begin alike", () => {
  it.effect("are sent next to each other on request, and each once", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      const prompts = Array.from(
        { length: 40 },
        (_, row) => ({ id: `${row}`, prompt: `${row % 2 === 0 ? "even" : "odd"} ${row}` })
      )
      Bench.write(input, prompts)
      const sent: Array<string> = []
      yield* Bench.run({ input, output, together: 20, concurrency: 1 }, (text, options) => {
        sent.push(Bench.textOf(text).split(" ")[0] ?? "")
        return Bench.echo(text, options)
      })
      assert.deepStrictEqual(Bench.indices(output), Bench.upTo(40))
      assert.strictEqual(sent.filter((word, at) => at > 0 && word !== sent[at - 1]).length, 1)
    }).pipe(Effect.provide(NodeServices.layer)))
})

describe("a canary", () => {
  it.effect.each([[["mix"], 0], [[], 3]] as const)(
    "before the first row refuses a server that mixes up its callers, and no other: %j",
    ([lies, done]) =>
      Effect.gen(function*() {
        const { input, output } = yield* Bench.files
        Bench.write(input, Bench.prompts(3))
        const run = Batch.run({ input, output, canary: true, options: { maxNewTokens: 4 }, progress: "none" })
        const result = yield* Bench.virtually(Effect.result(run), "1 second")
        assert.strictEqual(Result.isSuccess(result) ? result.success.rows.done : 0, done)
        if (Result.isFailure(result)) assert.include(result.failure.message, "mixes up its callers")
      }).pipe(
        Effect.provide(
          on({
            engine: "vllm",
            lies,
            // a model that does as it is told
            script: (_, prompt) => ({ text: `${/the word (\w+) ten/.exec(prompt)?.[1] ?? ""} `.repeat(10).trim() }),
            latency: { firstToken: "1 second", perToken: "1 second" }
          }, "vllm")
        )
      )
  )
})
