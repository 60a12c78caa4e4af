/**
 * A simulated inference server: above all text-generation-inference, and the dialects of vLLM, SGLang, llama.cpp and
 * text-embeddings-inference. It is not a model. Its text is reproducible by seed, scripted by a test, or drawn from a
 * grammar; everything around the text is as on the real server. It opens no socket and lives on Effect's clock.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Engines from "./Engines.ts"
import type { Answer } from "./model/Answer.ts"
import * as Defaults from "./model/Defaults.ts"
import * as Lies from "./model/Lies.ts"
import type * as Options from "./model/Options.ts"
import type { Counters, Turn } from "./model/Turn.ts"
import * as Delivery from "./wire/Delivery.ts"
import * as Exchange from "./wire/Exchange.ts"
import type { Fault } from "./wire/Fault.ts"
import * as Journal from "./wire/Journal.ts"
import * as Process from "./wire/Process.ts"
import * as Random from "./wire/Random.ts"
import * as Reply from "./wire/Reply.ts"
import * as SimulatedClient from "./wire/SimulatedClient.ts"
import * as Slots from "./wire/Slots.ts"
import * as Transmission from "./wire/Transmission.ts"

/**
 * Which requests a queued fault is for.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultOptions {
  /** How many requests it affects. Default 1. */
  readonly times?: number | undefined
  /** Default: every POST, so that probing a server does not use up a fault. */
  readonly when?: ((request: Reply.Received) => boolean) | undefined
}

/**
 * A simulated server with its controls.
 *
 * @category services
 * @since 0.1.0
 */
export class Simulator extends Context.Service<Simulator, {
  /** Responds to one request. Fails if a fault breaks the connection before the status line. */
  readonly handle: Exchange.Handler
  readonly settings: Options.Settings
  readonly journal: Journal.Journal
  /** Queues answers for the next generations, which take precedence over the script. */
  readonly answer: (...answers: ReadonlyArray<Answer>) => Effect.Effect<void>
  /** Queues a fault, or several at once, for the next requests. */
  readonly fail: (fault: Fault | ReadonlyArray<Fault>, options?: FaultOptions) => Effect.Effect<void>
  /** Generations that are running now, out of the permits of the settings. */
  readonly permits: Effect.Effect<number>
  /** How often a request brought the server down (`Fault.kill`). */
  readonly deaths: Effect.Effect<number>
}>()("effect-inference-endpoints/simulator/Simulator") {}

class Request implements Reply.Received {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  private parsed: { readonly value: unknown } | undefined

  constructor(request: Pick<Reply.Received, "method" | "path" | "headers" | "body">) {
    this.method = request.method
    this.path = request.path
    this.headers = request.headers
    this.body = request.body
  }

  get json(): unknown {
    if (this.parsed === undefined) {
      try {
        this.parsed = { value: JSON.parse(this.body) }
      } catch {
        this.parsed = { value: undefined }
      }
    }
    return this.parsed.value
  }
}

interface Queued {
  readonly faults: ReadonlyArray<Fault>
  readonly when: (request: Reply.Received) => boolean
  left: number
}

/** Faults queued by a test and those that the options name for a request. */
const makeFaults = (settings: Options.Settings) => {
  const queue: Array<Queued> = []
  let mayKill = settings.faults !== undefined
  const take = (request: Reply.Received): ReadonlyArray<Fault> => {
    const own = settings.faults?.(request) ?? []
    const at = queue.findIndex((queued) => queued.when(request))
    const queued = queue[at]
    if (queued === undefined) return own
    if (--queued.left <= 0) queue.splice(at, 1)
    return [...own, ...queued.faults]
  }
  const add = (fault: Fault | ReadonlyArray<Fault>, options: FaultOptions = {}) =>
    Effect.sync(() => {
      const faults = "_tag" in fault ? [fault] : fault
      mayKill ||= faults.some(({ _tag }) => _tag === "Kill")
      queue.push({
        faults,
        when: options.when ?? ((request) => request.method === "POST"),
        left: options.times ?? 1
      })
    })
  return { take, add, mayKill: () => mayKill }
}

const rememberedBodies = 65_536

/** Mixes seed, body and how often the body came before, so that a repeated request may get a different response. */
const makeChance = (seed: number) => {
  const seen = new Map<number, number>()
  return (body: string): number => {
    const key = Random.hash(body, seed ^ 0x811c9dc5)
    const times = seen.get(key) ?? 0
    if (seen.size >= rememberedBodies) seen.clear()
    seen.set(key, times + 1)
    return times === 0 ? key : Random.hash(String(times), key)
  }
}

const statusReply = (faults: ReadonlyArray<Fault>): Reply.Unary | undefined => {
  const fault = faults.find((fault) => fault._tag === "Status")
  return fault === undefined ? undefined : Reply.unary(fault.status, fault.headers, fault.body)
}

const failures: Readonly<Record<number, string>> = { 424: "generation", 429: "overloaded", 500: "incomplete" }

const count = (counters: Counters, reply: Reply.Reply): void => {
  counters.requests++
  const tokens = reply._tag === "Unary" ? reply.tokens : reply.frames.reduce((total, frame) => total + frame.tokens, 0)
  counters.tokens += tokens
  if (tokens > 0 || (reply._tag === "Unary" && reply.status < 400)) {
    counters.succeeded++
  } else {
    const kind = reply._tag === "Unary" ? failures[reply.status] ?? "validation" : "validation"
    counters.failures.set(kind, (counters.failures.get(kind) ?? 0) + 1)
  }
}

/** With late status lines if a fault asks for them. */
const delayed = (timing: Transmission.Timing, faults: ReadonlyArray<Fault>): Transmission.Timing => ({
  ...timing,
  headers: faults.reduce(
    (total, fault) => fault._tag === "SlowHeaders" ? total + Duration.toMillis(fault.delay) : total,
    timing.headers
  )
})

/** Milliseconds until a process that a request crashed is back. */
const RESTART = 10_000

/**
 * Makes a simulated server.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options.Options = {}): Effect.Effect<Simulator["Service"]> =>
  Effect.sync(() => {
    const settings = Defaults.resolve(options)
    const engine = Engines.make(settings)
    const { journal, open } = Journal.make(settings.journalLimit)
    const faults = makeFaults(settings)
    const chance = makeChance(settings.seed)
    const answers: Array<Answer> = []
    const counters: Counters = { requests: 0, succeeded: 0, tokens: 0, failures: new Map() }
    const slots = Slots.make(settings.slots)
    const server = Process.make()
    let permits = 0

    const flying = new Set<Request>()
    /**
     * What a server that mixes up its callers treats as the received request: that of another caller who is still waiting.
     */
    const mixed = (received: Request): Request =>
      settings.lies.includes("mix")
        ? [...flying].find((other) => other.path === received.path && other.body !== received.body) ?? received
        : received

    const reply = (received: Request, now: number, takePermit: () => boolean): Reply.Reply => {
      const request = settings.lies.length === 0
        ? received
        : new Request({ ...received, body: Lies.heard(mixed(received).body, settings.lies) })
      const turn: Turn = {
        settings,
        request,
        now,
        chance: chance(request.body),
        takePermit,
        busy: slots.busy,
        running: () => permits,
        admits: () => slots.busy() < settings.slots || slots.waiting() < settings.queueLimit,
        answer: (prompt) => answers.shift() ?? settings.script?.(request, prompt),
        counters
      }
      const answered = engine(turn)
      if (request.method === "POST") count(counters, answered)
      return answered
    }

    const start = (request: Request, now: number) => {
      let taken = 0
      let held = 0
      const ticket = open(request, now, (outcome) => {
        flying.delete(request)
        if (outcome === "cancelled" && settings.lies.includes("cancel")) return
        permits -= taken
        if (held > 0) slots.release(held)
      })
      const takePermit = (): boolean => {
        if (permits >= settings.maxConcurrentRequests) return false
        permits++
        taken++
        return true
      }
      const wrong = faults.take(request)
      const answered = statusReply(wrong) ?? reply(request, now, takePermit)
      if (settings.lies.includes("mix")) flying.add(request)
      const wanted = answered.slots ?? 0
      const gate = wanted === 0 || settings.slots === Infinity
        ? undefined
        : slots.acquire(wanted, (places) => {
          held = places
        })
      const early = answered._tag === "Unary" || answered.headWaits === true
      const transmission = Transmission.prepare(answered, wrong, delayed(settings.latency, wrong))
      const lost = answered._tag === "Unary" ? answered.lost : undefined
      return { ticket, wrong, lost, transmission, early: early ? gate : undefined, late: early ? undefined : gate }
    }

    const handle: Exchange.Handler = (raw) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        if (server.isDown(now)) return Effect.fail(new Exchange.Broken({ how: "refused" }))
        const request = new Request(raw)
        const { early, late, lost, ticket, transmission, wrong } = start(request, now)
        if (lost === "silence") {
          return Effect.onInterrupt(Effect.never, () => Effect.sync(() => ticket.ended("cancelled")))
        }
        if (lost === "process") {
          ticket.ended("failed")
          server.die(now + RESTART)
          return Effect.fail(new Exchange.Broken({ how: "reset" }))
        }
        const fatal = wrong.find((fault) => fault._tag === "Kill")
        if (fatal !== undefined || wrong.some((fault) => fault._tag === "Refuse")) {
          ticket.ended("failed")
          if (fatal !== undefined) server.die(now + Duration.toMillis(fatal.restart))
          return Effect.fail(new Exchange.Broken({ how: fatal === undefined ? "refused" : "reset" }))
        }
        const mortal = faults.mayKill() ? server : undefined
        const sent = send(settings, transmission, ticket, request.method === "HEAD", late, mortal)
        if (transmission.wait <= 0 && early === undefined) return sent
        const slept = transmission.wait > 0 ? Effect.andThen(Effect.sleep(transmission.wait), sent) : sent
        const gated = Effect.onInterrupt(
          early === undefined ? slept : Effect.andThen(early, slept),
          () => Effect.sync(() => ticket.ended("cancelled"))
        )
        return mortal === undefined ? gated : mortal.during(gated)
      })

    return Simulator.of({
      handle,
      settings,
      journal,
      answer: (...given) => Effect.sync(() => void answers.push(...given)),
      fail: faults.add,
      permits: Effect.sync(() => permits),
      deaths: Effect.sync(server.deaths)
    })
  })

const send = (
  settings: Options.Settings,
  transmission: Transmission.Transmission,
  ticket: Journal.Ticket,
  head: boolean,
  gate: Effect.Effect<void> | undefined,
  mortal: Process.Process | undefined
): Effect.Effect<Exchange.Response> =>
  Effect.suspend((): Effect.Effect<Exchange.Response> => {
    const { status } = transmission
    const headers = { ...transmission.headers, ...settings.headers }
    ticket.started(status)
    const { encoding } = transmission
    if (encoding !== undefined) {
      const claimed = encoding.header === undefined ? {} : { "content-encoding": encoding.header }
      return Effect.map(Delivery.compressed(transmission, encoding.layers), (body) => {
        ticket.ended(transmission.outcome)
        return { status, headers: { ...headers, ...claimed }, body }
      })
    }
    const [piece] = transmission.pieces
    const whole = !transmission.streaming && transmission.ending === "complete" && "events" in settings.chunking
    if (piece !== undefined && (head || whole)) {
      ticket.sent(piece.tokens)
      ticket.ended(transmission.outcome)
      return Effect.succeed({ status, headers, body: head ? "" : piece.text })
    }
    const stream = Delivery.stream(transmission, settings.chunking, ticket, gate)
    const body = mortal === undefined ? stream : mortal.sending(stream)
    return Effect.succeed({ status, headers, body, abandon: () => ticket.ended("cancelled") })
  })

/**
 * An `HttpClient` that reaches a simulated server, whatever the host of a request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const httpClient = (handler: Exchange.Handler): HttpClient.HttpClient => SimulatedClient.make(handler)

/**
 * A simulated server in this process: its controls, and an `HttpClient` that reaches it.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { InferenceEndpointsLLM } from "effect-inference-endpoints"
 * import { Simulator } from "effect-inference-endpoints/simulator"
 *
 * const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
 *   Layer.provideMerge(Simulator.layer({ engine: "vllm" }))
 * )
 *
 * const test = Effect.gen(function*() {
 *   const simulator = yield* Simulator.Simulator
 *   yield* simulator.answer({ text: "Scripted." })
 *   const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
 *   return yield* llm.generate("Anything")
 * }).pipe(Effect.provide(Model))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options.Options = {}): Layer.Layer<Simulator | HttpClient.HttpClient> =>
  Layer.effectContext(Effect.map(make(options), (simulator) =>
    Context.make(Simulator, simulator).pipe(
      Context.add(HttpClient.HttpClient, httpClient(simulator.handle))
    )))
