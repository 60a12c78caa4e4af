/**
 * 32 generations of one conversation that is rendered here, as calls of their own or as one call with `numGenerations`:
 * `node Several.ts <calls|generations> <origin> [quick]`. Prints generations per second and microseconds of CPU for each, as
 * JSON.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { readFileSync } from "node:fs"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import * as NodeTransport from "../src/node/NodeTransport.ts"

const [, , way = "generations", origin = "", speed] = process.argv
const COUNT = 32

const template = readFileSync(
  new URL("../test/fixtures/templates/headers.jinja", import.meta.url),
  "utf8"
)

const messages = Array.from({ length: 40 }, (_, at) => ({
  role: at % 2 === 0 ? "user" as const : "assistant" as const,
  content: `message ${at}: ${"some words ".repeat(20)}`
}))

const runtime = ManagedRuntime.make(
  InferenceEndpointsLLM.layer({
    baseUrl: `${origin}/t20-b1-l0`,
    engine: "tgi",
    apiKey: false,
    chatTemplate: template,
    concurrency: COUNT
  }).pipe(Layer.provide(NodeTransport.layer))
)
const llm = await runtime.runPromise(InferenceEndpointsLLM.InferenceEndpointsLLM.use(Effect.succeed))

const round: Effect.Effect<unknown, InferenceEndpointsLLM.GenerateError> = way === "generations"
  ? llm.generate(messages, { numGenerations: COUNT, seed: 1 })
  : Effect.forEach(
    Array.from({ length: COUNT }),
    (_, seed) => llm.generate(messages, { seed: seed + 1 }),
    { concurrency: "unbounded" }
  )

const run = async (times: number) => {
  for (let at = 0; at < times; at++) await runtime.runPromise(round)
}

const times = speed === "quick" ? 40 : 300
await run(Math.ceil(times / 3))
const before = process.cpuUsage()
const start = performance.now()
await run(times)
const { system, user } = process.cpuUsage(before)
process.stdout.write(`${
  JSON.stringify({
    perSecond: (times * COUNT) / ((performance.now() - start) / 1000),
    cpu: (system + user) / (times * COUNT)
  })
}\n`)
process.exit(0)
