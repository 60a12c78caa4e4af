/**
 * Measures one client in one scenario, in a process of its own: `node Measure.ts <client> <scenario> <origin> [quick]`.
 * Prints a `Sample` as JSON.
 */
import { setTimeout } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { clients } from "./Clients.ts"
import type { Client } from "./clients/Client.ts"
import { base, quick, repeat, type Scenario, scenarios } from "./Scenario.ts"

export interface Sample {
  /** Units per second of wall-clock time. */
  readonly perSecond: number
  /** Microseconds of CPU of this process per unit: in the cheapest part of the measurement, and in the median one. */
  readonly cpu: number
  readonly usualCpu: number
  /** Milliseconds of wall-clock time, in all. */
  readonly milliseconds: number
  /** Connections that the whole measurement opened; nothing of a cold one, which must not find a warm `fetch`. */
  readonly connections: number | null
}

const connectionsOf = async (origin: string): Promise<number> =>
  (await (await fetch(`${origin}/connections`, { headers: { connection: "close" } })).json()).connections

const measure = async (client: Client, scenario: Scenario, origin: string): Promise<Sample> => {
  const opened = scenario.stream ? client.stream : client.unary
  if (opened === undefined) throw new Error("this client does not offer that")
  const before = scenario.opening === true ? 0 : await connectionsOf(origin)
  const url = base(origin, scenario)
  const made = scenario.opening === true ? undefined : await opened(url)
  if (made !== undefined) await repeat(scenario.warmup, scenario.concurrency, made)
  // V8 is still busy on other threads with what the import loaded, which is not part of a first call
  if (scenario.warmup === 0) await setTimeout(SETTLED)
  const start = performance.now()
  const cpuBefore = process.cpuUsage()
  const call = made ?? await opened(url)
  const { system, user } = process.cpuUsage(cpuBefore)
  const opening = made === undefined ? { cpu: system + user, seconds: (performance.now() - start) / 1000 } : nothing
  // in parts, so that one of them may be undisturbed by other load
  const count = Math.max(1, Math.min(PARTS, Math.floor(scenario.calls / scenario.concurrency)))
  const parts: Array<Part> = []
  for (let part = 0; part < count; part++) {
    const calls = Math.floor(scenario.calls / count)
    parts.push(await timed(() => repeat(calls, scenario.concurrency, call)))
    const expected = calls * (scenario.stream ? scenario.tokens : 1)
    const units = parts.at(-1)?.units
    if (units !== expected) throw new Error(`${units} units arrived where ${expected} were sent`)
  }
  const costs = parts.map(({ cpu, units }) => (cpu + opening.cpu) / units).toSorted((a, b) => a - b)
  const speeds = parts.map(({ seconds, units }) => units / (seconds + opening.seconds)).toSorted((a, b) => a - b)
  return {
    perSecond: speeds[speeds.length >> 1] ?? Number.NaN,
    milliseconds: performance.now() - start,
    cpu: costs[0] ?? Number.NaN,
    usualCpu: costs[costs.length >> 1] ?? Number.NaN,
    connections: scenario.opening === true ? null : await connectionsOf(origin) - before - 1
  }
}

const PARTS = 10

/** Milliseconds after which a process has finished what an import leaves for later. */
const SETTLED = 1000

interface Part {
  readonly units: number
  readonly cpu: number
  readonly seconds: number
}

const nothing = { cpu: 0, seconds: 0 }

const timed = async (run: () => Promise<number>): Promise<Part> => {
  const from = performance.now()
  const before = process.cpuUsage()
  const units = await run()
  const { system, user } = process.cpuUsage(before)
  return { units, cpu: system + user, seconds: (performance.now() - from) / 1000 }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , name = "", scenarioName = "", origin = "", speed] = process.argv
  const scenario = scenarios[scenarioName]
  const load = clients[name]
  if (scenario === undefined || load === undefined) {
    throw new Error(`unknown client ${name} or scenario ${scenarioName}`)
  }
  const sample = await measure(await load(), speed === "quick" ? quick(scenario) : scenario, origin)
  process.stdout.write(`${JSON.stringify(sample)}\n`)
  // open pools of the peers would keep the process alive
  process.exit(0)
}
