import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { SimulatorServer } from "../../src/node/index.ts"
import { directory, run } from "./Command.ts"

const told = (prompt: string): Record<string, number> =>
  prompt.includes("crash") ? { technical: 0.7, billing: 0.1, I: 0.2 } : { billing: 0.9, technical: 0.1 }

const served = Effect.provide(SimulatorServer.layer({
  engine: "llamacpp",
  script: (_, prompt) => {
    const top = Object.entries(told(prompt)).map(([text, probability]) => ({ text, logprob: Math.log(probability) }))
    return { tokens: [{ text: top[0]?.text ?? "", ...top[0], top }] }
  }
}))

const question = ["-q", "Which team?", "-l", "billing=payments", "-l", "technical"]

describe("decide", () => {
  it.live("prints the labels with their probabilities, and JSON on request", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const text = yield* run(["decide", "it crashed", ...question, "-u", url])
      assert.strictEqual(text.code, 0, text.stderr)
      assert.match(text.stdout, /\* technical +87\.5 %/)
      assert.match(text.stderr, /the labels have 80\.0 % of the probability; other beginnings: "I" 20\.0 %/)
      const json = yield* run(["decide", "it crashed", ...question, "-u", url, "--json"])
      const { label, mass, version } = JSON.parse(json.stdout)
      assert.deepStrictEqual({ label, version, mass: Number(mass.toFixed(3)) }, {
        label: "technical",
        version: 1,
        mass: 0.8
      })
    }).pipe(served))

  it.live("measures its calibration by rows whose labels are known", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const file = join(yield* directory, "rows.jsonl")
      writeFileSync(
        file,
        ["crashed", "a crash", "my bill"].map((input) =>
          JSON.stringify({
            input,
            label: input === "a crash" ? "billing" : input === "my bill" ? "billing" : "technical"
          })
        ).join("\n")
      )
      const { code, stderr, stdout } = yield* run(["decide", ...question, "-u", url, "--rows", file, "--json"])
      assert.strictEqual(code, 0, stderr)
      const { calibration, rows } = JSON.parse(stdout)
      assert.strictEqual(rows, 3)
      assert.approximately(calibration.accuracy, 2 / 3, 1e-9)
      assert.approximately(calibration.expectedError, 2 / 3 * Math.abs(0.875 - 0.5) + 1 / 3 * 0.1, 1e-6)
    }).pipe(served))

  it.live("refuses a row whose label is none of those asked for, with its line", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const file = join(yield* directory, "rows.jsonl")
      writeFileSync(file, "{\"input\":\"x\",\"label\":\"sales\"}\n")
      const { code, stderr } = yield* run(["decide", ...question, "-u", url, "--rows", file])
      assert.strictEqual(code, 2)
      assert.match(stderr, /line 1: "sales" is not one of the labels/)
    }).pipe(served))
})
