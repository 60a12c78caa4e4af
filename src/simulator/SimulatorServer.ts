/**
 * A simulated server on a real socket of the loopback interface, for clients that are not Effect programs and for faults
 * that only a socket has. The one file of the simulator that needs Node.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isUtf8 } from "node:buffer"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import type * as Options from "./model/Options.ts"
import * as Simulator from "./Simulator.ts"
import type * as Exchange from "./wire/Exchange.ts"

/**
 * The server cannot listen: mostly because the port is taken.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly host: string
  readonly port: number
  readonly cause: unknown
}> {
  override get message() {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `the simulator cannot listen on ${this.host}:${this.port}: ${reason}. Choose another port, or 0 for any free one`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ListenOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
}

/**
 * Where a simulated server listens.
 *
 * @category services
 * @since 0.1.0
 */
export class SimulatorServer extends Context.Service<SimulatorServer, {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
}>()("effect-inference-endpoints/simulator/SimulatorServer") {}

const readBody = async (message: Http.IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of message) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The text of a body. Bytes that are not UTF-8 are marked by half a surrogate, which no valid text contains. */
const textOf = (body: Buffer): string =>
  isUtf8(body) ? body.toString("utf8") : body.toString("utf8").replaceAll("\ufffd", "\udcff")

const headersOf = (message: Http.IncomingMessage): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value])
  )

/** Ends a connection the way a fault asks for. A server that listens cannot refuse, so it resets instead. */
const breakOff = (response: Http.ServerResponse, how: Exchange.Broken["how"]): void => {
  const { socket } = response
  if (socket === null) return
  if (how === "refused" || how === "reset") socket.resetAndDestroy()
  else socket.end()
}

const write = (response: Http.ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (response.write(bytes)) return resume(Effect.void)
    const drained = () => resume(Effect.void)
    response.once("drain", drained)
    return Effect.sync(() => response.off("drain", drained))
  })

const send = (response: Http.ServerResponse, answer: Exchange.Response): Effect.Effect<void, Exchange.Broken> => {
  const { body, headers, status } = answer
  if (typeof body === "string" || body instanceof Uint8Array) {
    return Effect.sync(() => {
      response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers })
      response.end(body)
    })
  }
  return Effect.suspend(() => {
    response.writeHead(status, headers)
    response.flushHeaders()
    return Effect.andThen(
      Stream.runForEach(body, (bytes) => write(response, bytes)),
      Effect.sync(() => void response.end())
    )
  })
}

const respond = (
  handler: Exchange.Handler,
  message: Http.IncomingMessage,
  response: Http.ServerResponse
): Effect.Effect<void> =>
  Effect.promise(() => readBody(message)).pipe(
    Effect.flatMap((bytes) =>
      handler({
        method: message.method ?? "GET",
        path: message.url ?? "/",
        headers: headersOf(message),
        body: textOf(bytes),
        bytes
      })
    ),
    Effect.flatMap((answer) => send(response, answer)),
    Effect.catch((broken) => Effect.sync(() => breakOff(response, broken.how)))
  )

const listen = (server: Http.Server, host: string, port: number): Effect.Effect<number, ListenError> =>
  Effect.callback<number, ListenError>((resume) => {
    server.once("error", (cause) => resume(Effect.fail(new ListenError({ host, port, cause }))))
    server.listen(port, host, () => {
      // A TCP server that listens has an address with a port.
      resume(Effect.succeed((server.address() as AddressInfo).port))
    })
  })

/**
 * Serves a handler until the scope closes. A client that hangs up interrupts the request it made.
 *
 * @category serving
 * @since 0.1.0
 */
export const serve = (
  handler: Exchange.Handler,
  options: ListenOptions = {}
): Effect.Effect<SimulatorServer["Service"], ListenError, Scope.Scope> =>
  Effect.gen(function*() {
    const host = options.host ?? "127.0.0.1"
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Http.createServer((message, response) => {
          const fiber = run(respond(handler, message, response))
          response.once("close", () => fiber.interruptUnsafe())
          fiber.addObserver((exit) => {
            if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) response.destroy()
          })
        })
      ),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    const port = yield* listen(server, host, options.port ?? 0)
    return SimulatorServer.of({ url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, port })
  })

/**
 * A simulated server that listens, with its controls.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options.Options & ListenOptions = {}
): Layer.Layer<Simulator.Simulator | SimulatorServer, ListenError> =>
  Layer.effectContext(Effect.gen(function*() {
    const simulator = yield* Simulator.make(options)
    const server = yield* serve(simulator.handle, options)
    return Context.make(Simulator.Simulator, simulator).pipe(Context.add(SimulatorServer, server))
  }))
