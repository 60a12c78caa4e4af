/**
 * A simulated load balancer in front of engines: `sglang-router` or `vllm-router`, with its own routes, its own errors, the
 * fields that it drops, and workers that can die, even in the middle of a stream.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Face from "./balancer/Face.ts"
import * as SglangRouter from "./balancer/SglangRouter.ts"
import * as VllmRouter from "./balancer/VllmRouter.ts"
import type * as Options from "./model/Options.ts"
import * as Simulator from "./Simulator.ts"
import * as Exchange from "./wire/Exchange.ts"
import * as Payload from "./wire/shape/Payload.ts"
import * as SimulatedClient from "./wire/SimulatedClient.ts"

/**
 * Which balancer is simulated: sglang-router 0.3.2 or vllm-router 0.1.17.
 *
 * @category models
 * @since 0.2.0
 */
export type Kind = "sglang-router" | "vllm-router"

/**
 * A simulated balancer with its controls.
 *
 * @category services
 * @since 0.2.0
 */
export class Balancer extends Context.Service<Balancer, {
  /** Responds to one request. */
  readonly handle: Exchange.Handler
  /** The workers, in the order in which they get requests in turn. */
  readonly workers: ReadonlyArray<Simulator.Simulator["Service"]>
  /** Lets a worker die: its streams break off, and it cannot be reached. */
  readonly kill: (worker: number) => Effect.Effect<void>
  /** Starts a worker again. */
  readonly revive: (worker: number) => Effect.Effect<void>
}>()("effect-inference-endpoints/simulator/Balancer") {}

const faces: { readonly [K in Kind]: Face.Face } = {
  "sglang-router": SglangRouter.face,
  "vllm-router": VllmRouter.face
}

/** How long a balancer retries before it reports that no worker can be reached. */
const RETRIES = "400 millis"

interface Worker {
  readonly url: string
  readonly server: Simulator.Simulator["Service"]
  /** Fails when it dies. */
  life: Deferred.Deferred<never, Exchange.Broken>
  isAlive: boolean
}

const modelInfo: Exchange.Request = { method: "GET", path: "/get_model_info", headers: {}, body: "" }

/** The name that a worker reports on SGLang's route. */
const named = (response: Exchange.Response): string | undefined => {
  if (response.status !== 200 || typeof response.body !== "string") return undefined
  const name = Payload.parse(response.body)?.served_model_name
  return typeof name === "string" ? name : undefined
}

/** A response of a worker, which breaks off when the worker dies. */
const mortal = (worker: Worker, response: Exchange.Response): Exchange.Response =>
  typeof response.body === "string" || response.body instanceof Uint8Array
    ? response
    : { ...response, body: Stream.interruptWhen(response.body, Deferred.await(worker.life)) }

/**
 * Makes a balancer.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  kind: Kind,
  options: Options.Options & {
    /** The number of workers. Default 2. */
    readonly workers?: number | undefined
  } = {}
) {
  const face = faces[kind]
  const engine = options.engine ?? (kind === "vllm-router" ? "vllm" : "sglang")
  const workers = yield* Effect.forEach(
    Array.from({ length: options.workers ?? 2 }),
    (_, at) =>
      Effect.gen(function*() {
        const worker: Worker = {
          url: `http://worker-${at}:8000`,
          server: yield* Simulator.make({ ...options, engine }),
          life: yield* Deferred.make<never, Exchange.Broken>(),
          isAlive: true
        }
        return worker
      })
  )
  let turn = 0

  const seen = Effect.fnUntraced(function*() {
    const [first] = workers
    const told = first === undefined ? undefined : yield* first.server.handle(modelInfo)
    return { urls: workers.map(({ url }) => url), model: told === undefined ? undefined : named(told) }
  })

  const pass = Effect.fnUntraced(function*(request: Exchange.Request) {
    const [first] = workers
    if (first === undefined) return face.noWorkers
    const start = turn++
    const path = Face.pathOf(request)
    for (const [at] of workers.entries()) {
      const worker = workers[(start + at) % workers.length] ?? first
      if (!worker.isAlive) continue
      const response = yield* Effect.raceFirst(
        worker.server.handle(face.passed(request)),
        Deferred.await(worker.life)
      ).pipe(Effect.catch(() => Effect.undefined))
      if (response !== undefined) return mortal(worker, response)
    }
    yield* Effect.sleep(RETRIES)
    return face.unreachable(path, workers[start % workers.length]?.url ?? first.url)
  })

  const at = (worker: number, act: (worker: Worker) => Effect.Effect<void>): Effect.Effect<void> => {
    const found = workers[worker]
    return found === undefined ? Effect.void : act(found)
  }

  return Balancer.of({
    handle: (request) =>
      Effect.flatMap(seen(), (known) => {
        const own = face.own(request, known)
        return own === undefined ? pass(request) : Effect.succeed(own)
      }),
    workers: workers.map(({ server }) => server),
    kill: (worker) =>
      at(worker, (found) => {
        found.isAlive = false
        return Effect.asVoid(Deferred.fail(found.life, new Exchange.Broken({ how: "fin" })))
      }),
    revive: (worker) =>
      at(worker, (found) =>
        Effect.map(Deferred.make<never, Exchange.Broken>(), (life) => {
          found.life = life
          found.isAlive = true
        }))
  })
})

/**
 * A simulated balancer in the process: its controls, and an `HttpClient` that reaches it.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  kind: Kind,
  options: Parameters<typeof make>[1] = {}
): Layer.Layer<Balancer | HttpClient.HttpClient> =>
  Layer.effectContext(Effect.map(make(kind, options), (balancer) =>
    Context.make(Balancer, balancer).pipe(
      Context.add(HttpClient.HttpClient, SimulatedClient.make(balancer.handle))
    )))
