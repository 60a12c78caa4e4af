/**
 * `inference-endpoints simulate`: a simulated server, or the whole platform, on a port, until it is stopped.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as SimulatorOptions from "../../simulator/model/Options.ts"
import * as Sample from "../../simulator/platform/Sample.ts"
import * as PlatformServer from "../../simulator/PlatformServer.ts"
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
  engine: Flag.Literals("engine", ["tgi", "vllm", "sglang", "llamacpp", "hf-serve", "transformers", "tei"]).pipe(
    Flag.withDescription("Whose protocol it speaks (default tgi)"),
    Flag.withDefault("tgi")
  ),
  port: Flag.Int("port").pipe(Flag.withDescription("0 takes a free one (default 8080)"), Flag.withDefault(8080)),
  host: Flag.String("host").pipe(
    Flag.withDescription("The address to bind (default 127.0.0.1; in a container 0.0.0.0)"),
    Flag.withDefault("127.0.0.1")
  ),
  platform: Flag.Boolean("platform").pipe(
    Flag.withDescription("Hub, router, management API and endpoints that sleep, all on that port"),
    Flag.withDefault(false)
  ),
  startTime: Flag.Finite("start-time").pipe(
    Flag.withDescription("With --platform: seconds that an endpoint takes to start (default 10)"),
    Flag.withDefault(10)
  ),
  publicUrl: optional(
    Flag.String("public-url"),
    "With --platform: what it calls itself, where that is not where it listens"
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

/** What the flags say of a server. */
const optionsOf = (given: Command.Command.Config.Infer<typeof flags>): SimulatorOptions.Options => {
  let generation = 0
  const fault = given.fault === undefined ? undefined : faults[given.fault]
  return {
    engine: given.engine,
    modelId: given.model ?? (given.platform ? Sample.model : undefined),
    apiKey: given.apiKey,
    seed: given.seed,
    ...((given.firstToken !== undefined || given.perToken !== undefined) && {
      latency: { firstToken: given.firstToken ?? 0, perToken: given.perToken ?? 0 }
    }),
    faults: ({ method, path }) =>
      fault !== undefined && method === "POST" && generates(path) && ++generation % given.faultEvery === 0
        ? [fault]
        : []
  }
}

const STOP = "It is not a model: its answers are words from a list. Ctrl-C stops it."

const untilStopped = Effect.gen(function*() {
  const { first } = yield* Signals.Signals
  const signal = yield* first
  return yield* new CommandExit({ code: Signals.codes[signal] })
})

const one = (given: Command.Command.Config.Infer<typeof flags>) =>
  Effect.gen(function*() {
    const { port, url } = yield* SimulatorServer.SimulatorServer
    yield* Console.log(url)
    yield* Console.error(`A simulated ${given.engine} on port ${port}. ${STOP}`)
    return yield* untilStopped
  }).pipe(
    Effect.provide(SimulatorServer.layer({ ...optionsOf(given), port: given.port, host: given.host }))
  )

const platform = (given: Command.Command.Config.Infer<typeof flags>) =>
  Effect.gen(function*() {
    const { managementUrl, url } = yield* PlatformServer.PlatformServer
    const { namespace } = Sample
    yield* Console.log(url)
    yield* Console.error(
      [
        `A simulated Hugging Face. ${STOP}`,
        "",
        `  export HF_ENDPOINT=${url}`,
        `  export INFERENCE_ROUTER_URL=${url}`,
        `  export INFERENCE_MANAGEMENT_URL=${managementUrl}`,
        "  export HF_TOKEN=hf_any",
        "",
        `  endpoints on ${given.engine}: ${namespace}/awake, ${namespace}/asleep, ${namespace}/paused`,
        `  the model of endpoints and router: ${Sample.model}; a data set: ${namespace}/prompts`
      ].join("\n")
    )
    return yield* untilStopped
  }).pipe(
    Effect.provide(PlatformServer.layer({
      hub: Sample.hub,
      router: Sample.router,
      endpoints: Sample.endpoints(given.engine, given.startTime * 1000),
      server: optionsOf(given),
      port: given.port,
      host: given.host,
      publicUrl: given.publicUrl
    }))
  )

const command = Command.make("simulate", flags, (given) => given.platform ? platform(given) : one(given)).pipe(
  Command.withDescription(
    "A simulated server, or the whole platform, on a port; it prints its address and runs until it is stopped"
  )
)

/** `simulate`. */
export const main = Program.make(command)
