/**
 * The page of a batch on a port of this machine, rendered for each request from the report that the run keeps next to its
 * output.
 *
 * Only a browser on this machine can open it: the port is bound to loopback, and a request must name the host accordingly,
 * which a page of another site cannot make a browser do.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Page from "../../batch/report/Page.ts"
import * as ReportFile from "../../batch/report/ReportFile.ts"

const REFRESH_SECONDS = 3

/** The port is not available. */
export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  port: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `the page cannot be shown on port ${this.port}: ${this.problem}`
  }
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/

const isOurs = (host: string | undefined, port: number): boolean => {
  const url = host === undefined || !URL.canParse(`http://${host}`) ? undefined : new URL(`http://${host}`)
  return url !== undefined && LOOPBACK.test(url.hostname) && Number(url.port || 80) === port
}

const headers = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
}

const waiting = `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="${REFRESH_SECONDS}">` +
  `<title>Batch</title><p>The run has written no report yet.</p>`

/** The current page; while a run is in progress, it refreshes every few seconds. */
const page = Effect.fnUntraced(function*(output: string) {
  const report = yield* Effect.result(ReportFile.read(output))
  if (report._tag === "Failure") return waiting
  const html = yield* Page.make(report.success)
  return report.success.ending === "running"
    ? html.replace("<head>", `<head><meta http-equiv="refresh" content="${REFRESH_SECONDS}">`)
    : html
})

/**
 * Serves the page until the scope closes. Port 0 is any free one. Returns the address.
 *
 * @category running
 * @since 0.2.0
 */
export const serve = Effect.fnUntraced(function*(output: string, port: number) {
  const run = Effect.runForkWith(yield* Effect.context<Effect.Services<ReturnType<typeof page>>>())
  let own = port
  const answer = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    if (!isOurs(request.headers.host, own)) {
      return void response.writeHead(403).end("this page is only for this machine")
    }
    if (request.method !== "GET" || request.url !== "/") return void response.writeHead(404).end()
    run(page(output)).addObserver((exit) => {
      if (Exit.isSuccess(exit)) response.writeHead(200, headers).end(exit.value)
      else response.writeHead(500).end("the page cannot be rendered")
    })
  }
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => Http.createServer(answer)),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  own = yield* Effect.callback<number, PortTaken>((resume) => {
    server.once("error", ({ message }) => resume(Effect.fail(new PortTaken({ port, problem: message }))))
    // a TCP server that listens has an address with a port
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })
  return `http://127.0.0.1:${own}/`
})
