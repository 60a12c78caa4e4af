import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Platform from "../../src/simulator/Platform.ts"
import * as Sample from "../../src/simulator/platform/Sample.ts"
import * as PlatformServer from "../../src/simulator/PlatformServer.ts"
import { run } from "./Command.ts"

/** The verb against the simulated platform on a port. */
const endpoints = (...args: ReadonlyArray<string>) =>
  Effect.flatMap(PlatformServer.PlatformServer, ({ managementUrl, url }) =>
    run(["endpoints", ...args], {
      env: { HF_TOKEN: "hf_abcdefghijklmnop", HF_ENDPOINT: url, INFERENCE_MANAGEMENT_URL: managementUrl }
    }))

const served = Effect.provide(
  PlatformServer.layer({ hub: Sample.hub, router: Sample.router, endpoints: Sample.endpoints("tgi", 1000) })
)

const own = ["--namespace", Sample.namespace]

describe("endpoints", () => {
  it.live("are listed in columns, and as JSON with a version", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* endpoints("list", ...own)
      assert.strictEqual(code, 0)
      assert.match(stdout, /^NAME +STATE .*\nawake +running .*\nasleep +scaledToZero .*\npaused +paused /)
      const lines = (yield* endpoints("list", ...own, "--json")).stdout.trim().split("\n").map((line) =>
        JSON.parse(line)
      )
      assert.deepStrictEqual(lines.map(({ name, version }) => [name, version]), [["awake", 1], ["asleep", 1], [
        "paused",
        1
      ]])
    }).pipe(served))

  it.live("have hardware with prices, the cheapest first, and a catalogue", () =>
    Effect.gen(function*() {
      const { hardware, version } = JSON.parse((yield* endpoints("hardware", ...own, "--json")).stdout)
      const prices = hardware.map(({ pricePerHour }: { readonly pricePerHour: number }) => pricePerHour)
      assert.strictEqual(version, 1)
      assert.isAbove(prices.length, 2)
      assert.deepStrictEqual(prices, prices.toSorted((a: number, b: number) => a - b))
      const text = (yield* endpoints("hardware", ...own, "--accelerator", "gpu")).stdout
      assert.match(text, /^INSTANCE .*\naws\/us-east-1\/nvidia-l4\/x1 +0\.80 +gpu/)
      assert.match((yield* endpoints("catalogue", "--search", "embed")).stdout, /^MODEL .*\norg\/embedder .*tei/)
    }).pipe(served))

  it.live("show their logs", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* endpoints("logs", "awake", ...own, "--tail", "1")
      assert.deepStrictEqual([code, /^\S+ INFO ready\n$/.test(stdout)], [0, true])
    }).pipe(served))

  it.live("are created of the catalogue or of flags, once that is agreed to", () =>
    Effect.gen(function*() {
      const platform = yield* Platform.Platform
      const asked = yield* endpoints("create", "mine", "--model", "org/model", ...own)
      assert.deepStrictEqual([asked.code, /costs money.*--yes/.test(asked.stderr)], [2, true])
      assert.isUndefined(yield* platform.endpoints.state(`${Sample.namespace}/mine`))
      assert.strictEqual((yield* endpoints("create", "mine", "--model", "org/model", ...own, "--yes")).code, 0)
      const flags = ["--model", "org/other", "--instance", "aws/us-east-1/nvidia-l4/x1", "--sleep-after", "30", "--yes"]
      const made = yield* endpoints("create", "other", ...flags, ...own, "--json")
      assert.deepInclude(JSON.parse(made.stdout), { version: 1, name: "other" })
      assert.isDefined(yield* platform.endpoints.state(`${Sample.namespace}/other`))
      const wrong = yield* endpoints("create", "x", "--model", "a/b", "--instance", "nvidia-l4", ...own, "--yes")
      assert.deepStrictEqual([wrong.code, /vendor\/region\/type\/size/.test(wrong.stderr)], [2, true])
    }).pipe(served))
})
