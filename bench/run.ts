/**
 * Runs the measurements side by side and puts them into RESULTS.md, each section replacing the one of that name:
 * `node bench/run.ts [--quick] [--rounds=5] [--seconds=240] [--clients=limit;sdk] [S1 S2 …]`. With `--quick` or `--clients`
 * nothing is written.
 *
 * Each sample is a process of its own, pinned to one core, with the stand-in server on another. The clients take turns,
 * round after round, so that load on the machine disturbs all of them. Throughput is a median. CPU is the least of the
 * rounds, since other load can only add to it, and the steadier figure of the two.
 */
import { execFileSync, spawn } from "node:child_process"
import Os from "node:os"
import { createInterface } from "node:readline"
import * as Bundle from "./Bundle.ts"
import { contenders } from "./Contenders.ts"
import type { Sample } from "./Measure.ts"
import type { Growth } from "./Memory.ts"
import { figure, least, median, range, table, write } from "./Report.ts"
import { scenarios } from "./Scenario.ts"
import * as Startup from "./Startup.ts"

const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const rounds = Number(flags.find((flag) => flag.startsWith("--rounds="))?.slice(9) ?? 5)
const only = flags.find((flag) => flag.startsWith("--clients="))?.slice(10).split(";")
const seconds = Number(flags.find((flag) => flag.startsWith("--seconds="))?.slice(10) ?? Infinity)
const named = flags.filter((flag) => !flag.startsWith("--"))
const here = import.meta.dirname

const runs = (program: string, args: ReadonlyArray<string>): boolean => {
  try {
    execFileSync(program, args, { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

const pinning = Os.availableParallelism() > 1 && runs("taskset", ["-c", "0", "true"])

/** At real-time priority, where the system permits it, no other program takes the core away in the middle of a sample. */
const realTime = pinning && runs("chrt", ["-r", "10", "true"])

const pinned = (core: number, command: ReadonlyArray<string>): [string, Array<string>] => {
  const [program = "", ...rest] = [
    ...(realTime ? ["chrt", "-r", "10"] : []),
    ...(pinning ? ["taskset", "-c", String(core)] : []),
    ...command
  ]
  return [program, rest]
}

const onClientCore = (command: ReadonlyArray<string>, env = process.env): string => {
  const [program, rest] = pinned(0, command)
  return execFileSync(program, rest, { cwd: here, encoding: "utf8", env, stdio: ["ignore", "pipe", "pipe"] })
}

const startServer = async () => {
  const [program, rest] = pinned(1, [process.execPath, "Server.ts"])
  const server = spawn(program, rest, { cwd: here, stdio: ["ignore", "pipe", "inherit"] })
  for await (const port of createInterface({ input: server.stdout })) {
    return { origin: `http://127.0.0.1:${port}`, stop: () => server.kill() }
  }
  throw new Error("the stand-in server did not start")
}

/** Takes turns, round after round, and says how each did. */
const turns = <A>(name: string, who: ReadonlyArray<string>, take: (who: string) => A, told: (taken: A) => string) => {
  const samples = new Map<string, Array<A>>(who.map((one) => [one, []]))
  const start = performance.now()
  for (let round = 0; round < rounds; round++) {
    // another round like those before would take too long
    if (round > 0 && (performance.now() - start) * (1 + 1 / round) > seconds * 1000) break
    for (const [one, taken] of samples) {
      const sample = take(one)
      taken.push(sample)
      process.stderr.write(`${name} ${round + 1}/${rounds} ${one}: ${told(sample)}\n`)
    }
  }
  return (one: string, pick: (sample: A) => number): ReadonlyArray<number> => (samples.get(one) ?? []).map(pick)
}

const cost = ({ cpu }: Sample) => cpu
const speed = ({ perSecond }: Sample) => perSecond

const measured = (name: string, origin: string): string => {
  const scenario = scenarios[name]
  const groups = contenders[name]?.map((group) => group.filter((client) => only?.includes(client) ?? true))
  if (scenario === undefined || groups === undefined) throw new Error(`there is no scenario ${name}`)
  const command = (
    client: string
  ) => [process.execPath, "Measure.ts", client, name, origin, ...(quick ? ["quick"] : [])]
  const of = turns(
    name,
    groups.flat(),
    // cold scenarios measure the published package
    (client): Sample =>
      JSON.parse(onClientCore(command(client), scenario.warmup === 0 ? { ...process.env, BUILT: "1" } : process.env)),
    ({ cpu, perSecond }) => `${figure(perSecond)}/s, ${figure(cpu)} µs of CPU each`
  )
  const faster = (client: string, reference: string) => median(of(client, speed)) / median(of(reference, speed))
  const cheaper = (client: string, reference: string) => least(of(reference, cost)) / least(of(client, cost))
  const ratio = (client: string, reference: string, by: typeof faster) =>
    client === reference ? "1" : by(client, reference).toFixed(2)
  const rows = groups.flatMap((group) =>
    group.map((client) => [
      client,
      ratio(client, group[0] ?? "", faster),
      ratio(client, group[0] ?? "", cheaper),
      figure(median(of(client, speed))),
      range(of(client, speed)),
      figure(least(of(client, cost))),
      figure(median(of(client, ({ usualCpu }) => usualCpu))),
      figure(median(of(client, ({ milliseconds }) => milliseconds))),
      String(median(of(client, ({ connections }) => connections ?? 0)))
    ])
  )
  const unit = scenario.unit.slice(0, -1)
  const head = [
    "client",
    "ratio",
    "ratio of CPU",
    `${scenario.unit}/s`,
    "range",
    `CPU µs/${unit}`,
    "usual CPU",
    "ms in all",
    "connections"
  ]
  return `${scenario.title}\n\n${table(head, rows)}\n`
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
  return `${figure(rows)} rows through Batch.stream, second half\n\n${table(head, [cells])}\n`
}

const startup = async (origin: string): Promise<string> => {
  const times = await Startup.measure(
    rounds,
    (program) => onClientCore([process.execPath, program, `${origin}/t20-b1-l0`])
  )
  const net = (name: string) => median(times[name] ?? []) - median(times.empty ?? [])
  const rows = Object.entries(times).map(([name, taken]) => [
    name,
    (median(taken) / median(times.undici ?? [])).toFixed(2),
    (net(name) / net("undici")).toFixed(2),
    figure(median(taken)),
    range(taken)
  ])
  const sizes = (await Bundle.measure()).map((
    size
  ) => [size.program, figure(size.loaded), figure(size.own), figure(size.all)])
  return `import and first request, in a new process\n\n${
    table(["program", "ratio", "ratio without Node's own start", "ms", "range"], rows)
  }\n\n${
    table(["bundle for a browser", "kB, minified and gzipped", "of it without Effect", "all it may ever load"], sizes)
  }\n`
}

interface Cost {
  readonly perSecond: number
  readonly cpu: number
}

const told = ({ cpu, perSecond }: Cost) => `${figure(perSecond)}/s, ${figure(cpu)} µs of CPU each`

/** Rows of a batch from file to file, next to a plain script, and to one that calls the service. */
const batch = (origin: string): string => {
  const counts = quick ? ["4000"] : ["20000", "100000"]
  const whos = ["plain", "calls", "batch"]
  const ways = counts.flatMap((count) =>
    ["unary", "stream"].flatMap((how) => whos.map((who) => `${who} ${how} ${count}`))
  )
  const of = turns(
    "B1",
    ways,
    (way): Cost => JSON.parse(onClientCore([process.execPath, "Rows.ts", ...way.split(" "), origin])),
    told
  )
  const rows = ways.map((way) => {
    const [, ...rest] = way.split(" ")
    const cpu = least(of(way, ({ cpu }) => cpu))
    const plain = least(of(["plain", ...rest].join(" "), ({ cpu }) => cpu))
    return [way, (cpu / plain).toFixed(2), figure(cpu), figure(median(of(way, ({ perSecond }) => perSecond)))]
  })
  return `rows of a batch, 64 at once, next to a plain script and to calls of the service\n\n${
    table(["program, way, rows", "times the CPU of the plain script", "CPU µs/row", "rows/s"], rows)
  }\n`
}

/** Many generations of one prompt, next to as many calls. */
const several = (origin: string): string => {
  const ways = ["calls", "generations"]
  const of = turns(
    "N1",
    ways,
    (way): Cost => JSON.parse(onClientCore([process.execPath, "Several.ts", way, origin, ...(quick ? ["quick"] : [])])),
    told
  )
  const rows = ways.map((way) => [
    way === "calls" ? "32 calls of `generate`" : "`numGenerations: 32`",
    figure(least(of(way, ({ cpu }) => cpu))),
    figure(median(of(way, ({ perSecond }) => perSecond)))
  ])
  return `32 generations of one conversation of 40 messages, rendered here\n\n${
    table(["program", "CPU µs/generation", "generations/s"], rows)
  }\n`
}

/** What the layers cost without a network. */
const layers = (): string => {
  const costs: Readonly<Record<string, number>> = JSON.parse(onClientCore([process.execPath, "Layers.ts"]))
  const rows = Object.entries(costs).map(([name, cost]) => [name, figure(cost)])
  return `layers without a network: a whole response, and streams of 200 events\n\n${table(["call", "CPU µs"], rows)}\n`
}

/** What another program prints. */
const printed = (title: string, ...command: ReadonlyArray<string>) => () =>
  `${title}\n\n\`\`\`text\n${onClientCore([process.execPath, ...command]).trim()}\n\`\`\`\n`

const facts = () =>
  `Measured ${new Date().toISOString().slice(0, 10)}, at most ${rounds} rounds${quick ? ", fewer calls" : ""}, load ${
    Os.loadavg().slice(0, 2).map((load) => load.toFixed(2)).join(" ")
  } at the start.`

const parts: Readonly<Record<string, (origin: string) => string | Promise<string>>> = {
  ...Object.fromEntries(Object.keys(contenders).map((name) => [name, (origin: string) => measured(name, origin)])),
  S5: memory,
  S6: startup,
  B1: batch,
  M1: layers,
  N1: several,
  P1: printed("requests of the simulator", "Simulator.ts", "tgi", quick ? "1" : "3"),
  T1: printed("chat templates", "template.mjs"),
  G1: printed("schemas to grammars", "lowering.mjs")
}
const all = Object.keys(parts).filter((name) => !name.startsWith("L") || name === "L1")
const chosen = named.length > 0 ? named : all
const server = await startServer()
try {
  for (const name of chosen) {
    const part = parts[name]
    if (part === undefined) throw new Error(`there is no scenario ${name}; there are ${Object.keys(parts).join(", ")}`)
    const begun = facts()
    const section = `## ${name}: ${await part(server.origin)}\n${begun}\n`
    process.stdout.write(`${section}\n`)
    if (!quick && only === undefined) write(`${here}/RESULTS.md`, name, section, { pinning, realTime })
  }
} finally {
  server.stop()
}
