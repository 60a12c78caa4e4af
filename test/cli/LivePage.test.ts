import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import * as Http from "node:http"
import { Report } from "../../src/batch/index.ts"
import * as Tally from "../../src/batch/report/Tally.ts"
import * as LivePage from "../../src/cli/batch/LivePage.ts"
import * as Bench from "../batch/Bench.ts"

const get = (address: string, path: string, host?: string) =>
  Effect.callback<{ readonly status: number; readonly text: string }>((resume) => {
    const request = Http.get(new URL(path, address), { headers: host === undefined ? {} : { host } }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk) => (text += chunk))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text })))
    })
    return Effect.sync(() => request.destroy())
  })

const batch = Effect.gen(function*() {
  const place = yield* Bench.files
  Bench.write(place.input, Bench.prompts(20))
  yield* Bench.run(place)
  return place
})

describe("the page of a batch on a port", () => {
  it.live("is made anew for each look, and looks again while the batch runs", () =>
    Effect.gen(function*() {
      const { output } = yield* batch
      const address = yield* LivePage.serve(output, 0)
      const done = yield* get(address, "/")
      assert.strictEqual(done.status, 200)
      assert.include(done.text, "rows done")
      assert.notInclude(done.text, "http-equiv")
      const report = `${output}.report.json`
      writeFileSync(report, readFileSync(report, "utf8").replace("\"ending\":\"complete\"", "\"ending\":\"running\""))
      const running = yield* get(address, "/")
      assert.include(running.text, "http-equiv=\"refresh\"")
      assert.include(running.text, "running")
    }).pipe(Effect.scoped, Effect.provide(Bench.Node)))

  it.live("waits for the first report", () =>
    Effect.gen(function*() {
      const { output } = yield* Bench.files
      assert.isFalse(existsSync(output))
      const { status, text } = yield* get(yield* LivePage.serve(output, 0), "/")
      assert.strictEqual(status, 200)
      assert.include(text, "http-equiv=\"refresh\"")
    }).pipe(Effect.scoped, Effect.provide(Bench.Node)))

  it.live("answers nobody who names it otherwise, and nothing else than the page", () =>
    Effect.gen(function*() {
      const { output } = yield* batch
      const address = yield* LivePage.serve(output, 0)
      const { port } = new URL(address)
      for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1:1", `127.0.0.1.evil.example:${port}`]) {
        const { status, text } = yield* get(address, "/", host)
        assert.strictEqual(status, 403, host)
        assert.notInclude(text, output)
      }
      assert.strictEqual((yield* get(address, "/", `localhost:${port}`)).status, 200)
      assert.strictEqual((yield* get(address, "/etc/passwd")).status, 404)
    }).pipe(Effect.scoped, Effect.provide(Bench.Node)))
})

describe("a report", () => {
  it("of a batch that runs says so", () => {
    const ledger = {
      done: { has: () => false, add: () => true, size: () => 0 },
      failed: { has: () => false, add: () => true, size: () => 0 },
      outputEnd: 0,
      errorsEnd: 0,
      inputTokens: 0,
      outputTokens: 0,
      uncounted: 0,
      dollars: 0,
      failures: new Map()
    }
    const report = Report.make(Tally.make(5, ledger, 0), undefined, { output: "a", errors: "b", price: undefined })
    assert.match(Report.text({ ...report, ending: "running" }), /^running\n/)
  })
})
