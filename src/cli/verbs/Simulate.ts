/**
 * `inference-endpoints simulate`: a simulated server on a port, until it is stopped.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as SimulatorServer from "../../simulator/SimulatorServer.ts"
import * as Fault from "../../simulator/wire/Fault.ts"
import { CommandExit } from "../CommandExit.ts"
import { optional } from "../Flags.ts"
import * as Program from "../Program.ts"
import * as Signals from "../Signals.ts"

/** Faults by the names that a shell gives them. */
const faults: Readonly<Record<string, Fault.Fault>> = {
  "cut": Fault.cut(3),
  "reset": Fault.reset(3),
  "stall": Fault.stall(3),
  "crash": Fault.crash(3),
  "overloaded": Fault.overloaded,
  "rate-limited": Fault.rateLimited({ retryAfter: 1 }),
  "loading": Fault.loading(),
  "unavailable": Fault.unavailable,
  "bad-gateway": Fault.badGateway,
  "gateway-timeout": Fault.gatewayTimeout
}

const flags = {
  engine: Flag.Literals("engine", ["tgi", "vllm", "sglang", "llamacpp", "tei"]).pipe(
    Flag.withDescription("Whose protocol it speaks (default tgi)"),
    Flag.withDefault("tgi")
  ),
  port: Flag.Int("port").pipe(Flag.withDescription("0 takes a free one (default 8080)"), Flag.withDefault(8080)),
  host: Flag.String("host").pipe(
    Flag.withDescription("The address to bind (default 127.0.0.1; in a container 0.0.0.0)"),
    Flag.withDefault("127.0.0.1")
  ),
  model: optional(Flag.String("model"), "What it says that it serves"),
  apiKey: optional(Flag.String("api-key"), "Demand this bearer token"),
  seed: optional(Flag.Int("seed"), "Everything random comes from here (default 0)"),
  firstToken: optional(Flag.Finite("first-token"), "Milliseconds to the first token"),
  perToken: optional(Flag.Finite("per-token"), "Milliseconds for each further token"),
  fault: optional(Flag.Literals("fault", Object.keys(faults)), "What goes wrong"),
  faultEvery: Flag.Int("fault-every").pipe(
    Flag.withDescription("With --fault: at each so many generations (default 1)"),
    Flag.withDefault(1)
  )
}

/** Routes on which something is generated: faults are for these, not for what a client asks of a server first. */
const generates = (path: string): boolean =>
  /^\/(?:generate|generate_stream|v1\/(?:chat\/)?completions|completion)?$/.test(path)

const command = Command.make("simulate", flags, (given) =>
  Effect.gen(function*() {
    let generation = 0
    const fault = given.fault === undefined ? undefined : faults[given.fault]
    const server = yield* Effect.provide(
      Effect.gen(function*() {
        const { port, url } = yield* SimulatorServer.SimulatorServer
        const { first } = yield* Signals.Signals
        yield* Console.log(url)
        yield* Console.error(
          `A simulated ${given.engine} on port ${port}. It is not a model: its answers are words from a list. Ctrl-C stops it.`
        )
        return yield* first
      }),
      SimulatorServer.layer({
        engine: given.engine,
        port: given.port,
        host: given.host,
        modelId: given.model,
        apiKey: given.apiKey,
        seed: given.seed,
        ...((given.firstToken !== undefined || given.perToken !== undefined) && {
          latency: { firstToken: given.firstToken ?? 0, perToken: given.perToken ?? 0 }
        }),
        faults: ({ method, path }) =>
          fault !== undefined && method === "POST" && generates(path) && ++generation % given.faultEvery === 0
            ? [fault]
            : []
      })
    )
    return yield* new CommandExit({ code: Signals.codes[server] })
  })).pipe(Command.withDescription("A simulated server on a port; it prints its address and runs until it is stopped"))

/** `simulate`. */
export const main = Program.make(command)
