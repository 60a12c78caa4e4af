/**
 * How many requests per second the simulator serves on one core: in this process, and on a port with a separate client.
 * `node Simulator.ts [engine] [seconds]`; every request is a chat of eight tokens, whole and streamed.
 */
import { Effect, Stream } from "effect"
import { spawn } from "node:child_process"
import { Agent, request } from "node:http"
import { fileURLToPath } from "node:url"
import type { Engine, Options } from "../src/simulator/model/Options.ts"
import * as Simulator from "../src/simulator/Simulator.ts"
import { serve } from "../src/simulator/SimulatorServer.ts"

const [first = "tgi", second = "3", url] = process.argv.slice(2)
const seconds = Number(second)
const CONCURRENCY = 32

const isEngine = (name: string): name is Engine => ["tgi", "vllm", "sglang", "llamacpp", "hf-serve"].includes(name)

const options = (): Options => {
  if (!isEngine(first)) throw new Error(`no engine is called ${first}`)
  return { engine: first, slots: 64, journalLimit: 10 }
}

const bodyOf = (stream: boolean): string =>
  JSON.stringify({
    model: `simulator/${first}`,
    messages: [{ role: "user", content: "Say something" }],
    max_tokens: 8,
    stream
  })

const headers = { "content-type": "application/json" }

interface Rate {
  readonly done: number
  readonly perSecond: number
}

/** Runs calls concurrently for a time, and returns how many completed, and how many per second. */
const rate = async (call: () => Promise<number>): Promise<Rate> => {
  let done = 0
  const start = performance.now()
  const end = start + seconds * 1000
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (performance.now() < end) {
      const status = await call()
      if (status !== 200) throw new Error(`the simulator said ${status}`)
      done++
    }
  }))
  return { done, perSecond: Math.round(done / ((performance.now() - start) / 1000)) }
}

const inProcess = (stream: boolean): Promise<Rate> =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const simulator = yield* Simulator.make(options())
    const body = bodyOf(stream)
    const call = Effect.gen(function*() {
      const response = yield* simulator.handle({ method: "POST", path: "/v1/chat/completions", headers, body })
      if (Stream.isStream(response.body)) yield* Stream.runDrain(response.body)
      return response.status
    })
    return yield* Effect.promise(() => rate(() => Effect.runPromise(call)))
  })))

const post = (agent: Agent, target: string, body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(`${target}/v1/chat/completions`, {
      agent,
      method: "POST",
      headers: { ...headers, "content-length": Buffer.byteLength(body) }
    }, (response) => {
      response.resume()
      response.on("end", () => resolve(response.statusCode ?? 0))
      response.on("error", reject)
    })
    sent.on("error", reject)
    sent.end(body)
  })

/** The client runs in a process of its own, so that the processor time of this one is the server's. */
const onPort = (stream: boolean): Promise<string> =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const simulator = yield* Simulator.make(options())
    const server = yield* serve(simulator.handle, { port: 0 })
    return yield* Effect.promise(() =>
      new Promise<string>((resolve) => {
        const before = process.cpuUsage()
        const client = spawn(process.execPath, [
          fileURLToPath(import.meta.url),
          first,
          second,
          `${server.url} ${stream}`
        ])
        let out = ""
        client.stdout.on("data", (chunk: Buffer) => out += chunk.toString())
        client.stderr.pipe(process.stderr)
        client.on("close", () => {
          const { system, user } = process.cpuUsage(before)
          const [perSecond = "", done = ""] = out.trim().split(" ")
          const perCore = Math.round(Number(done) / ((system + user) / 1e6))
          resolve(`${perSecond} requests/s on a port, ${perCore} per second of the server's processor time`)
        })
      })
    )
  })))

if (url === undefined) {
  for (const stream of [false, true]) {
    const way = stream ? "streamed" : "whole"
    console.log(`${first}, ${way}: ${(await inProcess(stream)).perSecond} requests/s in the process`)
    console.log(`${first}, ${way}: ${await onPort(stream)}`)
  }
} else {
  const [target = "", stream] = url.split(" ")
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
  const body = bodyOf(stream === "true")
  const { done, perSecond } = await rate(() => post(agent, target, body))
  console.log(`${perSecond} ${done}`)
  agent.destroy()
}
