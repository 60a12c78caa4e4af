/**
 * `inference-endpoints proxy`: an OpenAI-compatible port in front of endpoints, until it is stopped.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import * as EndpointUrl from "../../endpoint/address/EndpointUrl.ts"
import type * as EndpointConfig from "../../endpoint/EndpointConfig.ts"
import * as HubEnv from "../../hub/HubEnv.ts"
import * as HubToken from "../../hub/HubToken.ts"
import * as Backend from "../../proxy/Backend.ts"
import * as Exchange from "../../proxy/Exchange.ts"
import * as Proxy from "../../proxy/Proxy.ts"
import * as Recording from "../../proxy/Recording.ts"
import { amount, defaulted, integer, text, yes } from "../input/Flags.ts"
import * as Port from "../input/Port.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Signals from "../terminal/Signals.ts"
import { visible } from "../terminal/Visible.ts"

const repeated = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.atLeast(0))

const flags = {
  target: Target.flags,
  serve: repeated(
    "serve",
    "NAME=TARGET",
    "Several models: NAME=model-id, NAME=endpoint:[namespace/]name or NAME=https://…; may be repeated"
  ),
  as: repeated("as", "NAME", "The model's name for clients, if there is only one; may be repeated"),
  port: defaulted(Flag.Int("port"), "0 takes a free one (default 8000)", 8000),
  host: defaulted(Flag.String("host"), "The address to bind (default 127.0.0.1; in a container 0.0.0.0)", "127.0.0.1"),
  keyFile: text("key-file", "A file with the key that clients send (or set INFERENCE_PROXY_KEY)"),
  noKey: yes("no-key", "Require no key; only if nobody else can reach the port"),
  allowHost: repeated(
    "allow-host",
    "NAME",
    "A host name under which the port is reached, besides localhost and IP addresses"
  ),
  allowOrigin: repeated("allow-origin", "ORIGIN", "Pages that may send requests, such as https://app.example"),
  concurrency: integer("concurrency", "Requests in flight at once, per model (default 64)"),
  requestsPerMinute: integer("requests-per-minute", "Requests that begin per minute, per model"),
  queue: integer("queue", "Requests that may wait in the queue (default 1000)"),
  hold: amount("hold", "Seconds that the headers of a stream are held for a status (default 5)"),
  heartbeat: amount("heartbeat", "Seconds of silence before a comment is sent (default 10)"),
  json: yes("json", "Print the address, and then each request, as a JSON line"),
  record: text("record", "Append requests and responses to this tape, for simulate --replay; it never holds a key")
}

/** The key that clients send: from a file, the environment, or newly made. */
const keyOf = Effect.fnUntraced(function*({ host, keyFile, noKey }: {
  readonly host: string
  readonly keyFile: string | undefined
  readonly noKey: boolean
}) {
  if (noKey) {
    return Port.isOpen(host)
      ? yield* Notice.usage(
        `--no-key would open ${host} to everyone who can reach it: bind 127.0.0.1, or require a key`
      )
      : { key: undefined, made: false }
  }
  const given = keyFile === undefined
    ? yield* HubEnv.variable("INFERENCE_PROXY_KEY")
    : Redacted.value(yield* Target.secretOf("--key-file", keyFile))
  if (given !== undefined) return { key: Redacted.make(given), made: false }
  const made = Hex.encode(crypto.getRandomValues(new Uint8Array(24)))
  return { key: Redacted.make(`ie-${made}`), made: true }
})

interface Named {
  readonly model: string
  readonly aliases: ReadonlyArray<string>
  readonly target: Target.Target
}

/** `NAME=TARGET` → a target with the other flags. */
const namedOf = Effect.fnUntraced(function*(text: string, target: Target.Target) {
  const at = text.indexOf("=")
  const name = text.slice(0, at)
  const where = text.slice(at + 1)
  if (at <= 0 || where === "") return yield* Notice.usage(`--serve ${text}: write NAME=TARGET`)
  const bare = { ...target, model: undefined, endpoint: undefined, namespace: undefined, baseUrl: undefined }
  const named = (rest: Partial<Target.Target>): Named => ({ model: name, aliases: [], target: { ...bare, ...rest } })
  if (/^https?:\/\//.test(where)) return named({ baseUrl: where })
  if (!where.startsWith("endpoint:")) return named({ model: where })
  const [first = "", second] = where.slice("endpoint:".length).split("/")
  return named(second === undefined ? { endpoint: first } : { namespace: first, endpoint: second })
})

/** The name of an endpoint before it is resolved. */
const nameOf = ({ baseUrl, endpointName, modelDisplayName, modelId }: EndpointConfig.Options): string => {
  const url = baseUrl === undefined ? null : URL.parse(baseUrl)
  return modelDisplayName ?? modelId ?? endpointName ?? (url === null ? "model" : EndpointUrl.show(url))
}

const backendOf = Effect.fnUntraced(function*({ aliases, model, target }: Named) {
  const context = yield* Layer.build(Target.layer(target))
  return yield* Effect.provide(Backend.make({ model, aliases }), context)
})

/** The log line of a request: never its prompt or its response. */
const line = (exchange: Exchange.Exchange): string => {
  const { cost, duration, ending, failure, inputTokens, method, model, outputTokens, path } = exchange
  const tokens = inputTokens === undefined && outputTokens === undefined
    ? ""
    : ` ${inputTokens ?? "?"}+${outputTokens ?? "?"} tokens`
  const price = cost === undefined || cost === 0 ? "" : ` $${cost.toFixed(6)}`
  const end = ending === "complete" ? "" : ` ${ending}`
  const why = failure === undefined ? "" : ` ${failure.code}: ${failure.message}`
  return visible(
    `${method} ${path} ${model ?? "-"} ${Exchange.trueStatus(exchange)}${end} ${duration} ms${tokens}${price}${why}`
  )
}

const jsonLine = (exchange: Exchange.Exchange): string => {
  const { cost, duration, ending, failure, id, inputTokens, method, model, outputTokens, path } = exchange
  return JSON.stringify({
    version: 1,
    id,
    method,
    path,
    model,
    status: Exchange.trueStatus(exchange),
    ending,
    duration,
    inputTokens,
    outputTokens,
    cost,
    code: failure?.code
  })
}

/** Appends exchanges to a tape, one after the other. Only its owner can read the file. */
const recorder = Effect.fnUntraced(function*(path: string, secrets: ReadonlyArray<Redacted.Redacted<string>>) {
  const files = yield* FileSystem.FileSystem
  const unwritable = (error: { readonly message: string }) => Notice.usage(`--record ${path}: ${error.message}`)
  const file = yield* files.open(path, { flag: "a", mode: 0o600 }).pipe(Effect.catch(unwritable))
  const { size } = yield* Effect.catch(file.stat, unwritable)
  const turn = yield* Semaphore.make(1)
  const utf8 = new TextEncoder()
  const record = Recording.make({ secrets, write: (text) => file.writeAll(utf8.encode(text)) }, size === 0n)
  return (exchange: Exchange.Exchange) =>
    turn.withPermit(record(exchange)).pipe(
      Effect.catch((error) => Console.error(`the tape could not be written: ${error.message}`))
    )
})

/** Every key that requests of these targets may carry. */
const tokensOf = Effect.fnUntraced(function*(named: ReadonlyArray<Named>) {
  const tokens = yield* Effect.forEach(
    named,
    ({ target }) =>
      Effect.flatMap(Target.tokenOf(target), (token) => Effect.orElseSucceed(HubToken.resolve(token), () => undefined))
  )
  return tokens.filter((token) => token !== undefined)
})

const command = Command.make("proxy", flags, (given) =>
  Effect.scoped(Effect.gen(function*() {
    const { key, made } = yield* keyOf(given)
    const named = given.serve.length > 0
      ? yield* Effect.forEach(given.serve, (text) => namedOf(text, given.target))
      : yield* Effect.map(Target.optionsOf(given.target), (options): ReadonlyArray<Named> => {
        const [model = nameOf(options), ...aliases] = given.as
        return [{ model, aliases, target: given.target }]
      })
    const backends = yield* Effect.forEach(named, backendOf)
    const record = given.record === undefined
      ? undefined
      : yield* recorder(given.record, [...key === undefined ? [] : [key], ...(yield* tokensOf(named))])
    const tell = (exchange: Exchange.Exchange): Effect.Effect<void> =>
      given.json ? Console.log(jsonLine(exchange)) : Notice.say(line(exchange))
    const proxy = yield* Proxy.make(backends, {
      key,
      hosts: [...given.allowHost, given.host],
      origins: given.allowOrigin,
      pace: {
        concurrency: given.concurrency,
        requestsPerMinute: given.requestsPerMinute,
        queue: given.queue
      },
      ...(given.hold !== undefined && { hold: Duration.seconds(given.hold) }),
      ...(given.heartbeat !== undefined && { heartbeat: Duration.seconds(given.heartbeat) }),
      keepEvents: record !== undefined,
      onExchange: (exchange) => Effect.andThen(record?.(exchange) ?? Effect.void, tell(exchange))
    })
    const { port, url } = yield* Port.serve(proxy.app, given)
    const secret = key !== undefined && made ? Redacted.value(key) : undefined
    yield* Console.log(given.json ? Json.line({ url, port, models: proxy.models, key: secret }) : url)
    yield* Notice.say(`${proxy.models.join(", ")} on port ${port}: ${Proxy.routes.join(", ")}. Ctrl-C stops it.`)
    if (!given.json) {
      yield* Notice.say(
        key === undefined
          ? `Try it: OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=none`
          : `Try it: OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${secret ?? "(your key)"}`
      )
    }
    const { first } = yield* Signals.Signals
    return yield* new CommandExit({ code: Signals.codes[yield* first] })
  }))).pipe(
    Command.withDescription(
      "An OpenAI-compatible port in front of endpoints: it wakes them, holds and retries requests, and counts their cost"
    ),
    Command.withExamples([
      { command: "inference-endpoints proxy --endpoint my-llm --namespace my-org" },
      {
        command: "inference-endpoints proxy --serve small=org/model --serve big=endpoint:my-org/big",
        description: "Several models"
      },
      {
        command: "inference-endpoints proxy -u http://localhost:8080 --as gpt-4o-mini --record tape.jsonl",
        description: "Recorded for simulate --replay"
      }
    ])
  )

/** `proxy`. */
export const main = Program.make(command)
