import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Page } from "../../src/batch/index.ts"
import * as Bench from "./Bench.ts"

const browser = ["chromium", "chromium-browser", "google-chrome"].find((name) =>
  spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0
)

const PROBE = `<script>addEventListener("load",()=>setTimeout(()=>{document.title=JSON.stringify({
plots:document.querySelectorAll(".u-wrap canvas").length,
wide:document.documentElement.scrollWidth-innerWidth,
narrow:[...document.querySelectorAll(".u-wrap")].some(e=>e.clientWidth<150),
columns:getComputedStyle(document.querySelector(".charts")).gridTemplateColumns.split(" ").length})},100))</script>`

interface Seen {
  readonly plots: number
  readonly wide: number
  readonly narrow: boolean
  readonly columns: number
}

const look = (name: string, page: string, width: number, folder: string): Seen => {
  const dom = execFileSync(name, [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    `--user-data-dir=${join(folder, `profile-${width}`)}`,
    `--window-size=${width},1400`,
    "--virtual-time-budget=3000",
    "--dump-dom",
    `file://${page}`
  ], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  return JSON.parse((/<title>([^<]*)<\/title>/.exec(dom)?.[1] ?? "{}").replaceAll("&quot;", "\""))
}

describe("the page of a report", () => {
  it.effect(
    browser === undefined
      ? "has its plots in its markup (no browser is installed to draw them)"
      : "is drawn at two widths, with every plot and without scrolling aside",
    () =>
      Effect.gen(function*() {
        const place = yield* Bench.files
        Bench.write(place.input, Bench.prompts(200))
        const report = yield* Bench.virtually(
          Bench.run(place, (input, options) => Effect.delay(Bench.echo(input, options), 400)),
          100
        )
        const html = yield* Page.make(report)
        for (const id of ["rows", "tokens", "flight", "latency", "length"]) assert.include(html, `<div id="${id}">`)
        assert.isAbove(report.charts.timeline.length, 2)
        if (browser === undefined) return
        const page = join(place.path, "page.html")
        writeFileSync(page, html.replace("</body>", `${PROBE}</body>`))
        const [small, large] = [500, 1400].map((width) => look(browser, page, width, place.path))
        for (const seen of [small, large]) {
          assert.deepInclude(seen, { plots: 5, narrow: false })
          assert.isAtMost(seen?.wide ?? 1, 0)
        }
        assert.deepStrictEqual([small?.columns, large?.columns], [1, 2])
      }).pipe(Effect.provide(Bench.Node)),
    120_000
  )
})
