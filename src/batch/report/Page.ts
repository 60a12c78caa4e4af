/**
 * A report as one HTML page that needs no network: its data, its style and its plots are within it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Report from "./Report.ts"

const escaped = (text: string): string => text.replace(/[&<>"']/g, (unit) => `&#${unit.charCodeAt(0)};`)

/** JSON within a script: no text of a server can end the element. */
const data = (value: unknown): string => JSON.stringify(value).replace(/</g, "\\u003c")

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })

const card = (name: string, value: string, more = ""): string =>
  `<div class="card"><dt>${escaped(name)}</dt><dd>${escaped(value)}${
    more === "" ? "" : `<small>${escaped(more)}</small>`
  }</dd></div>`

const bars = (title: string, counts: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a)
  const most = Math.max(1, ...entries.map(([, count]) => count))
  const rows = entries.map(([name, count]) =>
    `<tr><th>${escaped(name)}</th><td><div class="bar" style="width:${
      (count / most * 100).toFixed(1)
    }%"></div></td><td>${number(count)}</td></tr>`
  )
  return `<section><h2>${escaped(title)}</h2>${
    rows.length === 0 ? "<p>none</p>" : `<table class="bars">${rows.join("")}</table>`
  }</section>`
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--line:#d9dee7;--fill:#f5f7fa;--one:#2563eb;--two:#d97706}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf3;--soft:#9aa5b8;--line:#313a4a;--fill:#1a2030;--one:#7aa5ff;--two:#f5b14c}body{background:#11161f}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1.5rem;color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:0 0 .5rem}
.why{color:var(--soft);margin:0 0 1rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:.75rem;margin:0 0 1.25rem}
.card{background:var(--fill);border:1px solid var(--line);border-radius:8px;padding:.6rem .8rem}
dt{color:var(--soft);font-size:.8rem}dd{margin:0;font-size:1.15rem;font-weight:600}dd small{display:block;font-size:.75rem;font-weight:400;color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:1.25rem}
section{border:1px solid var(--line);border-radius:8px;padding:.8rem;min-width:0}
.bars{width:100%;border-collapse:collapse}.bars th{text-align:left;font-weight:400;padding:.15rem .6rem .15rem 0;overflow-wrap:anywhere;max-width:14rem}.bars td:nth-child(2){width:60%}.bars td:last-child{text-align:right;padding-left:.6rem;font-variant-numeric:tabular-nums}
.bar{background:var(--one);height:.75rem;border-radius:3px;min-width:2px}
.u-legend{font-size:.8rem}`

const SCRIPT = `
const charts=JSON.parse(document.getElementById("data").textContent).charts
const css=getComputedStyle(document.documentElement),color=n=>css.getPropertyValue(n).trim()
const axis={stroke:color("--soft"),grid:{stroke:color("--line"),width:1},ticks:{stroke:color("--line"),width:1}}
const plots=[]
const draw=(id,options,data)=>{
  const host=document.getElementById(id)
  if(data[0].length===0){host.textContent="nothing to show";return}
  const plot=new uPlot({width:host.clientWidth,height:220,...options},data,host)
  plots.push(()=>plot.setSize({width:host.clientWidth,height:220}))
}
const seconds=(u,v)=>v.map(x=>x>=3600?(x/3600).toFixed(1)+"h":x>=60?(x/60).toFixed(1)+"m":x+"s")
const line=(id,names,pick)=>draw(id,{
  scales:{x:{time:false}},
  axes:[{...axis,values:seconds},{...axis,size:60}],
  series:[{label:"time"},...names.map((label,i)=>({label,stroke:color(i?"--two":"--one"),width:2,points:{show:false}}))]
},[charts.timeline.map(p=>Math.round(p.at/100)/10),...pick(charts.timeline)])
line("rows",["rows/s"],t=>[t.map(p=>p.rate)])
line("tokens",["tokens/s"],t=>[t.map(p=>p.tokenRate)])
line("flight",["in flight","level"],t=>[t.map(p=>p.inFlight),t.map(p=>p.limit)])
const ticks=(u,i,a,b)=>[...Array(16).keys()].flatMap(n=>[1,2,5].map(d=>d*10**(n-3))).filter(x=>x>=a&&x<=b)
const histogram=(id,bars,unit)=>draw(id,{
  scales:{x:{time:false,distr:3,range:(u,a,b)=>[a/1.1,b*1.1]}},
  axes:[{...axis,splits:ticks,filter:(u,v)=>v,values:(u,v)=>v.map(x=>x.toLocaleString("en-US")+unit)},{...axis,size:60}],
  series:[{label:"up to"},{label:"generations",stroke:color("--one"),fill:color("--one")+"55",paths:uPlot.paths.bars({size:[0.8,40]}),points:{show:false}}]
},[bars.map(b=>Math.round(b.to*10)/10),bars.map(b=>b.count)])
histogram("latency",charts.latency,"ms")
histogram("length",charts.length,"")
addEventListener("resize",()=>plots.forEach(f=>f()))`

const chart = (id: string, title: string): string =>
  `<section><h2>${escaped(title)}</h2><div id="${id}"></div></section>`

const milliseconds = (summary: Report.Report["latency"]): string =>
  summary === undefined ? "" : `p90 ${Report.time(summary.p90)}, p99 ${Report.time(summary.p99)}`

/**
 * @category conversions
 * @since 0.2.0
 */
export const html = (report: Report.Report, plots: { readonly script: string; readonly style: string }): string => {
  const { rows } = report
  const cost = report.dollars === undefined
    ? "not known"
    : `${report.uncounted > 0 ? "at least " : ""}$${report.dollars.toFixed(2)}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Batch ${escaped(report.output)}</title><style>${plots.style}${STYLE}</style></head><body>
<h1>${escaped(report.output)}</h1>
<p class="why">${escaped(report.why === undefined ? report.ending : `${report.ending}: ${report.why.message}`)}</p>
<dl>${
    [
      card("rows done", number(rows.done), `of ${number(rows.total)}; ${number(rows.doneNow)} in this run`),
      card("failed", number(rows.failed), `${number(rows.pending)} pending`),
      card("tokens read", number(report.tokens.input)),
      card("tokens written", number(report.tokens.output)),
      card("cost", cost, report.uncounted > 0 ? `${number(report.uncounted)} generations without token counts` : ""),
      card("time", Report.time(report.elapsed), `${number(report.rowsPerSecond)} rows/s`),
      card("tokens/s", number(report.outputTokensPerSecond)),
      card(
        "latency",
        report.latency === undefined ? "–" : Report.time(report.latency.p50),
        milliseconds(report.latency)
      ),
      card(
        "first token",
        report.timeToFirstToken === undefined ? "–" : Report.time(report.timeToFirstToken.p50),
        milliseconds(report.timeToFirstToken)
      ),
      card("retries", number(report.retries), `${number(report.cached)} rows from the cache`)
    ].join("")
  }</dl>
<div class="charts">${
    [
      chart("rows", "Rows per second"),
      chart("tokens", "Tokens written per second"),
      chart("flight", "Concurrency"),
      chart("latency", "Latency of a generation"),
      chart("length", "Length of a generation, tokens"),
      bars("Finish reasons", report.finishReasons),
      bars("Failures", report.failures)
    ].join("")
  }</div>
<script type="application/json" id="data">${data({ charts: report.charts })}</script>
<script>${plots.script}</script><script>${SCRIPT}</script>
</body></html>
`
}

/** A page is drawn where a report is written to a file or served, so what draws it is loaded there alone. */
const plots = Effect.promise(() => import("./Plot.ts"))

/**
 * The page of a report.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (report: Report.Report): Effect.Effect<string> => Effect.map(plots, (plots) => html(report, plots))
