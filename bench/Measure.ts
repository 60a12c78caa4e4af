/**
 * Measures one client in one scenario, in a process of its own: `node Measure.ts <client> <scenario> <origin> [quick]`.
 * Prints a `Sample` as JSON.
 */
import { pathToFileURL } from "node:url"
import { clients } from "./Clients.ts"
import type { Client } from "./clients/Client.ts"
import { base, quick, repeat, type Scenario, scenarios } from "./Scenario.ts"

export interface Sample {
  /** Units a second of wall-clock time. */
  readonly perSecond: number
  /** Microseconds of CPU of this process a unit. */
  readonly cpu: number
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
  const cpuFrom = process.cpuUsage()
  const from = performance.now()
  const call = made ?? await opened(url)
  const units = await repeat(scenario.calls, scenario.concurrency, call)
  const seconds = (performance.now() - from) / 1000
  const { system, user } = process.cpuUsage(cpuFrom)
  const expected = scenario.calls * (scenario.stream ? scenario.tokens : 1)
  if (units !== expected) throw new Error(`${units} units came where ${expected} were sent`)
  return {
    perSecond: units / seconds,
    milliseconds: seconds * 1000,
    cpu: (system + user) / units,
    connections: scenario.opening === true ? null : await connectionsOf(origin) - before - 1
  }
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
