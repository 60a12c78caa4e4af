/**
 * The bytes of large files → the Hub by Xet, which cuts them by their content and sends what the Hub does not have.
 * Chunking, hashing and the two binary formats are those of the package `@huggingface/hub`, loaded on demand. Its requests
 * are sent by this package: with the same retries, limits and errors, and ended when the effect is interrupted.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Bytes from "../http/Bytes.ts"
import type { Upload } from "./DatasetUpload.ts"
import * as HubError from "./HubError.ts"
import type * as HubHttp from "./HubHttp.ts"

/** The parts of the package that are used, as its version 2.17 documents them. */
interface Package {
  readonly commit: (options: {
    readonly repo: { readonly type: "dataset"; readonly name: string }
    readonly branch: string
    readonly hubUrl: string
    readonly title: string
    readonly useXet: true
    readonly operations: ReadonlyArray<{
      readonly operation: "addOrUpdate"
      readonly path: string
      readonly content: Blob
    }>
    readonly fetch: typeof fetch
  }) => Promise<unknown>
}

/** The package need not be installed, so compilers must not look for it. */
const NAME: string = "@huggingface/hub"

/**
 * Loads the package; a program that bundles it may provide its own.
 *
 * @category references
 * @since 0.2.0
 */
export const Loader = Context.Reference<() => Promise<unknown>>("effect-inference-endpoints/hub/DatasetXet/Loader", {
  defaultValue: () => () => import(NAME)
})

const isPackage = (value: unknown): value is Package =>
  typeof value === "object" && value !== null && typeof Reflect.get(value, "commit") === "function"

const load = Effect.flatMap(Loader, (loader) => Effect.promise(() => loader().catch(() => undefined))).pipe(
  Effect.flatMap((found) =>
    isPackage(found) ? Effect.succeed(found) : Effect.fail(
      new HubError.InvalidRequest({
        subject: "Xet",
        detail: "the package @huggingface/hub is not installed: npm install @huggingface/hub, or leave xet out"
      })
    )
  )
)

const asPromise = async <A>(effect: Effect.Effect<A, unknown>, signal: AbortSignal): Promise<A> => {
  const exit = await Effect.runPromiseExit(effect, { signal })
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error("a read or a request failed")
}

/** A part of a file that is read on demand. */
class LazyBlob extends Blob {
  readonly #read: Upload["read"]
  readonly #start: number
  readonly #end: number
  readonly #signal: AbortSignal

  constructor(read: Upload["read"], start: number, end: number, signal: AbortSignal) {
    super([])
    this.#read = read
    this.#start = start
    this.#end = end
    this.#signal = signal
  }

  override get size(): number {
    return this.#end - this.#start
  }

  override slice(start = 0, end = this.size): LazyBlob {
    const [from, to] = [Math.min(start, this.size), Math.min(Math.max(start, end), this.size)]
    return new LazyBlob(this.#read, this.#start + from, this.#start + to, this.#signal)
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    const pieces = await asPromise(Stream.runCollect(this.#read(this.#start, this.#end)), this.#signal)
    return Bytes.join(pieces).slice().buffer
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer())
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const bytes = Stream.map(this.#read(this.#start, this.#end), (piece) => Uint8Array.from(piece))
    return Stream.toReadableStream(bytes)
  }
}

const bytesOf = async (body: unknown): Promise<Uint8Array> =>
  typeof body === "string"
    ? new TextEncoder().encode(body)
    : body instanceof Uint8Array
    ? body
    : body instanceof Blob
    ? new Uint8Array(await body.arrayBuffer())
    : new Uint8Array()

const METHODS = { GET: "GET", HEAD: "HEAD", POST: "POST", PUT: "PUT" } as const

const isMethod = (method: string): method is keyof typeof METHODS => method in METHODS

type Send = (request: HubHttp.Request) => Effect.Effect<HubHttp.Answer, HubError.Reason>

/** Enough for a xorb of 64 MiB over 256 kB/s. */
const TIMEOUT = "5 minutes"

/** `fetch` over our own requests. The reason of the first failure is kept: the package only reports its own words for it. */
const fetchOver = (send: Send, subject: string, signal: AbortSignal, failed: (reason: HubError.Reason) => void) => {
  const over: typeof fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    const { pathname } = new URL(url)
    // files are committed by this package, together with the card and removed files
    if (/\/commit\/[^/]+$/.test(pathname)) return Response.json({ commitOid: "", commitUrl: "", hookOutput: "" })
    const headers = Object.fromEntries(new Headers(init.headers))
    const { "content-type": type = "application/octet-stream", ...others } = headers
    const method = init.method ?? "GET"
    const bytes = await bytesOf(init.body)
    const answer = send({
      method: isMethod(method) ? method : "GET",
      subject,
      path: url,
      headers: others,
      ...(bytes.length > 0 && { content: { type, size: bytes.length, bytes: Stream.succeed(bytes) } }),
      timeout: TIMEOUT
    }).pipe(
      Effect.map(({ body, headers, status }) => new Response(Uint8Array.from(body), { status, headers })),
      Effect.catch((reason) => {
        // a chunk that is not known is new
        if (pathname.startsWith("/v1/chunks/")) return Effect.succeed(new Response(null, { status: 404 }))
        failed(reason)
        return Effect.fail(reason)
      })
    )
    return asPromise(answer, signal)
  }
  return over
}

/**
 * Sends files by Xet, as far as the Hub does not have them. They are not committed.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(
  function*(send: Send, baseUrl: URL, repo: string, branch: string, files: ReadonlyArray<Upload>) {
    const { commit } = yield* load
    const subject = `datasets/${repo}`
    let first: HubError.Reason | undefined
    yield* Effect.tryPromise({
      try: (signal) =>
        commit({
          repo: { type: "dataset", name: repo },
          branch,
          hubUrl: baseUrl.href.replace(/\/+$/, ""),
          title: "Upload",
          useXet: true,
          operations: files.map(({ path, read, size }) => ({
            operation: "addOrUpdate",
            path,
            content: new LazyBlob(read, 0, size, signal)
          })),
          fetch: fetchOver(send, subject, signal, (reason) => {
            first ??= reason
          })
        }),
      catch: (error) =>
        first ?? new HubError.InvalidResponse({
          subject,
          detail: `Xet: ${error instanceof Error ? error.message : String(error)}`
        })
    })
  }
)
