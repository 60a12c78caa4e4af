/**
 * `inference-endpoints simulate`: a simulated server, or the whole platform, on a port, until it is stopped.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Balancer from "../../simulator/Balancer.ts"
import type * as SimulatorOptions from "../../simulator/model/Options.ts"
import * as Script from "../../simulator/model/Script.ts"
import * as Sample from "../../simulator/platform/Sample.ts"
import * as PlatformServer from "../../simulator/PlatformServer.ts"
import * as Simulator from "../../simulator/Simulator.ts"
import * as SimulatorServer from "../../simulator/SimulatorServer.ts"
import * as Replay from "../../simulator/tape/Replay.ts"
import * as Tape from "../../simulator/tape/Tape.ts"
import * as Fault from "../../simulator/wire/Fault.ts"
import { amount, defaulted, integer, optional, text, yes } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Signals from "../terminal/Signals.ts"
import * as TapeCheck from "./TapeCheck.ts"

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
  engine: defaulted(
    Flag.Literals("engine", ["tgi", "vllm", "sglang", "llamacpp", "hf-serve", "transformers", "tei"]),
    "The engine whose protocol it speaks (default tgi)",
    "tgi"
  ),
  port: defaulted(Flag.Int("port"), "0 takes a free one (default 8080)", 8080),
  host: defaulted(Flag.String("host"), "The address to bind (default 127.0.0.1; in a container 0.0.0.0)", "127.0.0.1"),
  platform: yes("platform", "Hub, router, management API and endpoints that sleep, all on that port"),
  startTime: defaulted(
    Flag.Finite("start-time"),
    "With --platform: seconds that an endpoint takes to start (default 10)",
    10
  ),
  balancer: optional(
    Flag.Literals("balancer", ["sglang-router", "vllm-router"]),
    "Put this load balancer in front of two workers (SGLang or vLLM, unless --engine names another)"
  ),
  publicUrl: text("public-url", "With --platform: its public address, if it differs from the one it listens on"),
  model: text("model", "The model that it claims to serve"),
  apiKey: text("api-key", "Require this bearer token"),
  seed: integer("seed", "Seed of everything random (default 0)"),
  firstToken: amount("first-token", "Milliseconds to the first token"),
  perToken: amount("per-token", "Milliseconds for each further token"),
  fault: optional(Flag.Literals("fault", Object.keys(faults)), "The fault to inject"),
  faultEvery: defaulted(Flag.Int("fault-every"), "With --fault: at every Nth generation (default 1)", 1),
  script: optional(
    Flag.FileText("script"),
    "Responses from a file of JSON lines: {\"when\":…,\"text\":…,\"toolCalls\":…}"
  ),
  replay: optional(Flag.FileText("replay"), "Respond from this tape of proxy --record, and from nothing else"),
  speed: defaulted(
    Flag.Finite("speed"),
    "With --replay: 1 is the original speed, 2 twice as fast (default 0: everything at once)",
    0
  ),
  normalise: Flag.Literals("normalise", ["date", "uuid", "port"]).pipe(
    Flag.withDescription("With --replay: a field in which requests may differ and still match; may be repeated"),
    Flag.atLeast(0)
  ),
  against: text(
    "against",
    "With --replay: do not serve, but send the same requests to this live server and compare the shapes. Exit codes: 0 same, 1 stale"
  ),
  tokenFile: Target.flags.tokenFile
}

/** Routes that generate: faults are for these, not for the requests that a client sends first. */
const generates = (path: string): boolean =>
  /^\/(?:generate|generate_stream|v1\/(?:chat\/)?completions|completion)?$/.test(path)

type Given = Command.Command.Config.Infer<typeof flags>

/** The options of a server by its flags. */
const optionsOf = (given: Given): SimulatorOptions.Options => {
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

const STOP = "It is not a model: its text is words from a list. Ctrl-C stops it."

const untilStopped = Effect.gen(function*() {
  const { first } = yield* Signals.Signals
  const signal = yield* first
  return yield* new CommandExit({ code: Signals.codes[signal] })
})

/** Prints its address and what it is, and waits for the signal that ends it. */
const listening = Effect.fnUntraced(function*({ port, url }: SimulatorServer.SimulatorServer["Service"], what: string) {
  yield* Console.log(url)
  yield* Console.error(`${what} on port ${port}. ${STOP}`)
  return yield* untilStopped
})

const one = Effect.fnUntraced(function*(given: Given) {
  const script = given.script === undefined
    ? undefined
    : yield* Effect.catch(
      Effect.fromResult(Script.read(given.script)),
      (problem) => Notice.usage(`--script: ${problem}`)
    )
  const simulator = yield* Simulator.make({ ...optionsOf(given), script })
  return yield* listening(yield* SimulatorServer.serve(simulator.handle, given), `A simulated ${given.engine}`)
})

const replayed = Effect.fnUntraced(function*(text: string, given: Given) {
  const tape = yield* Effect.catch(
    Effect.fromResult(Tape.read(text)),
    (problem) => Notice.usage(`--replay: ${problem}`)
  )
  const { against, tokenFile } = given
  if (against !== undefined) {
    const stale = yield* TapeCheck.run(tape, against, yield* Target.tokenOf({ token: undefined, tokenFile }))
    return stale ? yield* new CommandExit({ code: 1 }) : undefined
  }
  const server = yield* SimulatorServer.serve(Replay.make(tape, given), given)
  return yield* listening(server, `A tape of ${tape.exchanges.length} exchanges of ${tape.head.date.slice(0, 10)}`)
})

/** A balancer in front of two engines; by default the engine that it was written for. */
const balanced = (given: Given, kind: Balancer.Kind) =>
  Effect.gen(function*() {
    const { engine, ...options } = optionsOf(given)
    const { handle } = yield* Balancer.make(kind, { ...options, ...(engine !== "tgi" && { engine }) })
    const { port, url } = yield* SimulatorServer.serve(handle, { port: given.port, host: given.host })
    yield* Console.log(url)
    yield* Console.error(`A simulated ${kind} with two workers on port ${port}. ${STOP}`)
    return yield* untilStopped
  })

const platform = (given: Given) =>
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

const command = Command.make("simulate", flags, (given) =>
  Effect.scoped(
    given.replay !== undefined
      ? replayed(given.replay, given)
      : given.platform
      ? platform(given)
      : given.balancer !== undefined
      ? balanced(given, given.balancer)
      : one(given)
  ).pipe(Effect.catchTag("ListenError", ({ message }) => Notice.usage(message)))).pipe(
    Command.withDescription(
      "A simulated server, the whole platform, or a tape, on a port; it prints its address and runs until it is stopped"
    ),
    Command.withExamples([
      { command: "inference-endpoints simulate --engine vllm --first-token 80 --per-token 8" },
      {
        command: "inference-endpoints simulate --fault cut --fault-every 10",
        description: "Every tenth stream is cut"
      },
      {
        command: "inference-endpoints simulate --platform",
        description: "Hub, router, management API, endpoints that sleep"
      },
      { command: "inference-endpoints simulate --replay tape.jsonl", description: "What proxy --record recorded" }
    ])
  )

/** `simulate`. */
export const main = Program.make(command)
