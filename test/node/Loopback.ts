/** Servers on a loopback port that answer as the test says, and count their connections. */
import { Deferred, Effect } from "effect"
import type { Scope } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"

export interface Loopback {
  readonly url: string
  /** Connections accepted so far. */
  readonly accepted: () => number
  /** Completes when the connection of that number, from 0, is closed. */
  readonly closed: (connection: number) => Effect.Effect<void>
}

const listen = (server: Net.Server): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly loopback: Loopback; readonly sockets: ReadonlyArray<Net.Socket> }>((resume) => {
      const sockets: Array<Net.Socket> = []
      const gates: Array<Deferred.Deferred<void>> = []
      const gate = (connection: number) => gates[connection] ??= Deferred.makeUnsafe<void>()
      server.on("connection", (socket) => {
        const closed = gate(sockets.push(socket) - 1)
        socket.on("error", () => undefined)
        socket.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({
          sockets,
          loopback: {
            url: `http://127.0.0.1:${port}`,
            accepted: () => sockets.length,
            closed: (connection) => Effect.suspend(() => Deferred.await(gate(connection)))
          }
        }))
      })
    }),
    ({ sockets }) =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  ).pipe(Effect.map(({ loopback }) => loopback))

/** A server that speaks HTTP. */
export const http = (
  handler: (request: Http.IncomingMessage, response: Http.ServerResponse, nth: number) => void,
  options: Http.ServerOptions = {}
) => {
  let nth = 0
  return listen(
    Http.createServer(
      { keepAliveTimeout: 60_000, ...options },
      (request, response) => handler(request, response, nth++)
    )
  )
}

/** A server that is told the bytes of each request and writes what it likes; a request here ends with its head. */
export const raw = (onRequest: (socket: Net.Socket, nthOfConnection: number, connection: number) => void) => {
  let connections = 0
  return listen(Net.createServer((socket) => {
    const connection = connections++
    let nth = 0
    socket.on("data", (bytes) => {
      for (const _ of bytes.toString("latin1").matchAll(/\r\n\r\n/g)) onRequest(socket, nth++, connection)
    })
  }))
}

/** A server that writes a chunk so often, each when the kernel has taken the one before; "ok" at `/small`. */
export const pouring = (chunk: Uint8Array, times: number, headers: Http.OutgoingHttpHeaders = {}) => {
  let written = 0
  const server = http((request, response) => {
    if (request.url === "/small") {
      response.end("ok")
      return
    }
    response.writeHead(200, headers)
    const more = () => {
      if (written === times) response.end()
      else {
        response.write(chunk, () => {
          written++
          more()
        })
      }
    }
    more()
  })
  return Effect.map(server, (loopback) => ({ ...loopback, written: () => written }))
}
