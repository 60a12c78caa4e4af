/**
 * Runs the measurements side by side and writes RESULTS.md: `node bench/run.ts [--quick] [--rounds=5] [S1 S2 …]`.
 *
 * Each sample is a process of its own, pinned to one core, with the stand-in server on another. The clients take turns,
 * round after round, so that what disturbs the machine disturbs all of them. Ratios are those of medians.
 */
import { execFileSync, spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import Os from "node:os"
import { createInterface } from "node:readline"
import * as Bundle from "./Bundle.ts"
import type { Sample } from "./Measure.ts"
import type { Growth } from "./Memory.ts"
import { scenarios } from "./Scenario.ts"
import * as Startup from "./Startup.ts"

const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const rounds = Number(flags.find((flag) => flag.startsWith("--rounds="))?.slice(9) ?? 5)
const named = flags.filter((flag) => !flag.startsWith("--"))
const here = import.meta.dirname

const pinning = (() => {
  try {
    execFileSync("taskset", ["-c", "0", "true"])
    return Os.availableParallelism() > 1
  } catch {
    return false
  }
})()

const pinned = (core: number, command: ReadonlyArray<string>): [string, Array<string>] => {
  const [program = "", ...rest] = pinning ? ["taskset", "-c", String(core), ...command] : command
  return [program, rest]
}

const onClientCore = (command: ReadonlyArray<string>): string => {
  const [program, rest] = pinned(0, command)
  return execFileSync(program, rest, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
}

const startServer = async () => {
  const [program, rest] = pinned(1, [process.execPath, "Server.ts"])
  const server = spawn(program, rest, { cwd: here, stdio: ["ignore", "pipe", "inherit"] })
  for await (const port of createInterface({ input: server.stdout })) {
    return { origin: `http://127.0.0.1:${port}`, stop: () => server.kill() }
  }
  throw new Error("the stand-in server did not start")
}

const peers = ["@huggingface/inference", "openai", "ai", "@langchain/openai"]
const native = ["limit", "transport", "sdk"]
const chat = ["limit, chat", "sdk, chat", "llm"]

/** Those that run on `fetch`; the peer of the field is the reference. */
const onFetch = ["@huggingface/inference", "sdk on fetch", "sdk on FetchHttpClient"]

/** Whom each scenario measures; the first of each list is what the ratios of that list are to. */
const contenders: Readonly<Record<string, ReadonlyArray<ReadonlyArray<string>>>> = {
  S1: [native, [...chat, ...peers]],
  S2: [native, [...chat, ...peers]],
  S2c: [native, ["limit, chat", "sdk, chat"]],
  S3: [native, [...chat, ...peers]],
  S4: [native, [...chat, ...peers]],
  S4b: [native],
  F1: [onFetch],
  F2: [onFetch],
  L1: [native],
  L2: [native],
  L3: [native]
}

const sorted = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)

const median = (values: ReadonlyArray<number>): number => sorted(values)[Math.floor(values.length / 2)] ?? Number.NaN

const figure = (value: number): string =>
  Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString("en-US")
    : Math.abs(value) >= 10
    ? value.toFixed(1)
    : value.toFixed(2)

const range = (values: ReadonlyArray<number>): string => `${figure(Math.min(...values))}–${figure(Math.max(...values))}`

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n")

const sample = (client: string, scenario: string, origin: string): Sample =>
  JSON.parse(onClientCore([process.execPath, "Measure.ts", client, scenario, origin, ...(quick ? ["quick"] : [])]))

const measured = (name: string, origin: string): string => {
  const scenario = scenarios[name]
  const groups = contenders[name]
  if (scenario === undefined || groups === undefined) throw new Error(`there is no scenario ${name}`)
  const samples = new Map<string, Array<Sample>>(groups.flat().map((client) => [client, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [client, taken] of samples) {
      taken.push(sample(client, name, origin))
      process.stderr.write(`${name} ${round + 1}/${rounds} ${client}: ${figure(taken.at(-1)?.perSecond ?? 0)}/s\n`)
    }
  }
  const of = (client: string, pick: (sample: Sample) => number) => (samples.get(client) ?? []).map(pick)
  const rows = groups.flatMap(([reference = "", ...others]) =>
    [reference, ...others].map((client) => {
      const speeds = of(client, ({ perSecond }) => perSecond)
      const ratio = median(speeds) / median(of(reference, ({ perSecond }) => perSecond))
      return [
        client,
        client === reference ? "1" : ratio.toFixed(2),
        figure(median(speeds)),
        range(speeds),
        figure(median(of(client, ({ cpu }) => cpu))),
        String(median(of(client, ({ connections }) => connections)))
      ]
    })
  )
  const head = ["client", "ratio", `${scenario.unit}/s`, "range", `CPU µs/${scenario.unit.slice(0, -1)}`, "connections"]
  return `## ${name}: ${scenario.title}\n\n${table(head, rows)}\n`
}

const memory = (origin: string): string => {
  const rows = quick ? 100_000 : 2_000_000
  const growth: Growth = JSON.parse(
    onClientCore([process.execPath, "--expose-gc", "Memory.ts", String(rows), origin])
  )
  const [from, to] = growth.resident
  const cells = [rows, growth.perSecond, from, to, growth.residentSlope, growth.heapSlope, growth.noise].map(figure)
  const head = [
    "rows",
    "rows/s",
    "resident MB, least",
    "most",
    "growth, MB per million rows",
    "of the heap alone",
    "noise, MB"
  ]
  return `## S5: ${figure(rows)} rows through Batch.stream, second half\n\n${table(head, [cells])}\n`
}

const startup = async (origin: string): Promise<string> => {
  const times = Startup.measure(rounds, (program) => onClientCore([process.execPath, program, `${origin}/t20-b1-l0`]))
  const net = (name: string) => median(times[name] ?? []) - median(times.empty ?? [])
  const rows = Object.entries(times).map(([name, taken]) => [
    name,
    (median(taken) / median(times.undici ?? [])).toFixed(2),
    (net(name) / net("undici")).toFixed(2),
    figure(median(taken)),
    range(taken)
  ])
  const sizes = (await Bundle.measure()).map(([program, all, own]) => [program, figure(all), figure(own)])
  return `## S6: import and first request, in a new process\n\n${
    table(["program", "ratio", "ratio without Node's own start", "ms", "range"], rows)
  }\n\n${table(["bundle for a browser", "kB, minified and gzipped", "without effect and @huggingface/jinja"], sizes)}\n`
}

const versionOf = (name: string): string =>
  JSON.parse(readFileSync(`${here}/node_modules/${name}/package.json`, "utf8")).version

const facts = () =>
  [
    `Command: \`node bench/run.ts ${flags.join(" ")}\`, ${rounds} rounds${quick ? ", fewer calls" : ""}.`,
    `${
      Os.cpus()[0]?.model.trim()
    }, ${Os.availableParallelism()} cores, ${Os.type()} ${Os.release()}, Node ${process.version}, ` +
    `load ${Os.loadavg().map((load) => load.toFixed(2)).join(" ")} at the start; ${
      pinning ? "client and server each on a core of their own" : "not pinned"
    }.`,
    ["undici", ...peers, "@ai-sdk/openai-compatible"].map((name) => `${name} ${versionOf(name)}`).join(", ") + ".",
    "Ratios are to the first line of each route; `limit` is undici and one JSON.parse for each answer or event."
  ].join("\n\n")

const parts: Readonly<Record<string, (origin: string) => string | Promise<string>>> = {
  ...Object.fromEntries(Object.keys(contenders).map((name) => [name, (origin: string) => measured(name, origin)])),
  S5: memory,
  S6: startup
}
const all = ["S1", "S2", "S3", "S4", "S4b", "S5", "S6", "L1", "L2", "L3"]
const chosen = named.length > 0 ? named : all
const begun = facts()
const server = await startServer()
try {
  const sections: Array<string> = []
  for (const name of chosen) {
    const part = parts[name]
    if (part === undefined) throw new Error(`there is no scenario ${name}; there are ${all.join(", ")}`)
    sections.push(await part(server.origin))
  }
  const results = `# Results\n\n${begun}\n\n${sections.join("\n")}`
  writeFileSync(`${here}/RESULTS.md`, results)
  process.stdout.write(results)
} finally {
  server.stop()
}
