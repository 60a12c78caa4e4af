import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type * as Progress from "../../src/batch/report/Progress.ts"
import type * as Report from "../../src/batch/report/Report.ts"
import type * as Row from "../../src/batch/rows/Row.ts"
import type * as Runner from "../../src/batch/Runner.ts"
import * as OnFetch from "../../src/promise/fetch.ts"
import * as OnNode from "../../src/promise/node.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as SimulatorServer from "../../src/simulator/SimulatorServer.ts"

/** Each type is assignable to the other. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

const isSame = <T extends true>(same: T): void => assert.isTrue(same)

describe("the types of a batch without Effect are those of the batch", () => {
  it("what it is made of, but for a cache", () => {
    isSame<Same<keyof OnNode.FileBatchOptions, keyof Omit<Runner.Options, "cache" | "stop">>>(true)
    isSame<Same<OnNode.Columns, Row.Columns>>(true)
    isSame<Same<OnNode.Budget, Runner.Options["budget"] & {}>>(true)
    isSame<Same<OnNode.Price, Runner.Options["price"] & {}>>(true)
  })

  it("what happens, and what was done, but for charts", () => {
    isSame<Same<OnNode.FileBatchReport, Omit<Report.Report, "charts">>>(true)
    isSame<Same<OnNode.FileBatchProgress, Progress.Snapshot>>(true)
    isSame<Same<OnNode.FileBatchEvent["_tag"], Progress.Event["_tag"]>>(true)
    isSame<Same<OnNode.RowFault, Extract<Progress.Event, { readonly _tag: "RowFailed" }>["fault"]>>(true)
  })
})

const rows = (count: number): string =>
  Array.from({ length: count }, (_, index) => `${JSON.stringify({ id: `r${index}`, prompt: `Word ${index}` })}\n`).join(
    ""
  )

interface Place {
  readonly input: string
  readonly output: string
  readonly lines: () => ReadonlyArray<string>
}

const use = (test: (client: OnNode.Client, place: Place, simulator: Simulator.Simulator["Service"]) => Promise<void>) =>
  Effect.gen(function*() {
    const { url } = yield* SimulatorServer.SimulatorServer
    const simulator = yield* Simulator.Simulator
    const folder = mkdtempSync(join(tmpdir(), "batch-file-"))
    const [input, output] = [join(folder, "in.jsonl"), join(folder, "out.jsonl")]
    const client = OnNode.connect({ baseUrl: url, apiKey: false, engine: "tgi" })
    const lines = () => readFileSync(output, "utf8").split("\n").filter((line) => line !== "")
    yield* Effect.promise(() => client.ready().then(() => test(client, { input, output, lines }, simulator))).pipe(
      Effect.ensuring(Effect.promise(client.close)),
      Effect.ensuring(Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    )
  })

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no failure", (error) => error)

layer(SimulatorServer.layer(), { excludeTestServices: true })("a batch from file to file, by a promise", (it) => {
  it.effect("writes every row once, tells what happens, and sends nothing when it is run again", () =>
    use(async (llm, { input, lines, output }, simulator) => {
      writeFileSync(input, rows(12))
      const events: Array<string> = []
      const report = await llm.batchFile({
        input,
        output,
        options: { maxNewTokens: 4 },
        onEvent: ({ _tag }) => events.push(_tag)
      })
      assert.deepInclude(report, { ending: "complete", output })
      assert.deepInclude(report.rows, { total: 12, done: 12, failed: 0, doneNow: 12 })
      const ids = lines().map((line): unknown => JSON.parse(line).id)
      assert.deepStrictEqual(ids.toSorted(), Array.from({ length: 12 }, (_, index) => `r${index}`).toSorted())
      assert.deepStrictEqual([events[0], events.at(-1)], ["Started", "Finished"])
      const before = (await Effect.runPromise(simulator.journal.entries)).length
      const again = await llm.batchFile({ input, output, options: { maxNewTokens: 4 } })
      assert.deepInclude(again.rows, { done: 12, doneNow: 0 })
      assert.strictEqual((await Effect.runPromise(simulator.journal.entries)).length, before)
    }))

  it.effect("goes on after an abort, which leaves the files whole", () =>
    use(async (llm, { input, lines, output }) => {
      writeFileSync(input, rows(40))
      const controller = new AbortController()
      const reason = new Error("enough")
      const failure = await failureOf(llm.batchFile({
        input,
        output,
        concurrency: 1,
        signal: controller.signal,
        limit: 20,
        onEvent: ({ _tag }) => _tag === "Started" ? controller.abort(reason) : undefined
      }))
      assert.strictEqual(failure, reason)
      const report = await llm.batchFile({ input, output })
      assert.deepInclude(report.rows, { total: 40, done: 40, failed: 0 })
      assert.lengthOf(new Set(lines().map((line): unknown => JSON.parse(line).id)), 40)
    }))

  it.effect("stops in good order, with a report", () =>
    use(async (llm, { input, output }) => {
      writeFileSync(input, rows(10))
      const stop = AbortSignal.abort()
      const report = await llm.batchFile({ input, output, stop })
      assert.strictEqual(report.ending, "interrupted")
      assert.strictEqual(report.why?.by, "signal")
    }))

  it.effect("is ended by what its listener throws", () =>
    use(async (llm, { input, output }) => {
      writeFileSync(input, rows(3))
      const failure = await failureOf(llm.batchFile({
        input,
        output,
        onEvent: () => {
          throw new Error("the listener broke")
        }
      }))
      assert.strictEqual(failure instanceof Error ? failure.message : failure, "the listener broke")
    }))

  it.effect("writes failed rows elsewhere and says of which kind they are", () =>
    use(async (llm, { input, output }) => {
      writeFileSync(input, `${JSON.stringify({ id: "bad", prompt: "One", options: { topP: 7 } })}\n${rows(2)}`)
      const failed: Array<OnNode.RowFault> = []
      const report = await llm.batchFile({
        input,
        output,
        columns: { options: "options" },
        onEvent: (event) => event._tag === "RowFailed" ? failed.push(event.fault) : undefined
      })
      assert.deepInclude(report.rows, { done: 2, failed: 1 })
      assert.deepStrictEqual(failed.map(({ kind, reason }) => [kind, reason]), [["row", "WrongColumn"]])
      assert.include(readFileSync(report.errors, "utf8"), "\"bad\"")
    }))

  it.effect("rejects with a reason what it cannot begin", () =>
    use(async (llm, { input, output }) => {
      writeFileSync(input, `{"id":1,"prompt":"a"}\n{"id":1,"prompt":"b"}\n`)
      const failure = await failureOf(llm.batchFile({ input, output }))
      assert.instanceOf(failure, OnNode.BatchFailure)
      assert.instanceOf(failure, OnNode.InferenceEndpointsError)
      assert.strictEqual(failure instanceof OnNode.BatchFailure && failure.reason._tag, "InvalidInput")
    }))
})

it("where there are no files a batch of files is refused, and says what runs there", async () => {
  const llm = OnFetch.connect({ baseUrl: "http://127.0.0.1:9", apiKey: false, engine: "tgi" })
  const failure = await failureOf(llm.batchFile({ input: "in.jsonl", output: "out.jsonl" }))
  assert.instanceOf(failure, OnFetch.BatchFailure)
  assert.include(failure instanceof Error ? failure.message : "", "`batch` runs everywhere")
  await llm.close()
})
