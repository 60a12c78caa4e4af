import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, Logger, Redacted, References, Schema, Stream, type Tracer } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { inspect } from "node:util"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import { InferenceError } from "../../src/InferenceError.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Spans from "../Spans.ts"
import * as World from "../World.ts"
import * as Wire from "./Wire.ts"

const prompt = "the prompt that nobody else may read"
const answer = "the answer that nobody else may read"
const key = "querysecret123456"

/** Every text that can be reached from a value: own and inherited properties, hidden ones, getters, maps, causes. */
const texts = (root: unknown): ReadonlyArray<string> => {
  const found: Array<string> = []
  const seen = new Set<unknown>()
  const queue: Array<unknown> = [root]
  while (queue.length > 0) {
    const value = queue.pop()
    if (typeof value === "string") found.push(value)
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Map || value instanceof Set) queue.push(...value.entries())
    if (ArrayBuffer.isView(value)) found.push(new TextDecoder().decode(value))
    for (
      let owner: object | null = value;
      owner !== null && owner !== Object.prototype;
      owner = Object.getPrototypeOf(owner)
    ) {
      for (const name of Reflect.ownKeys(owner)) {
        if (typeof name === "string") found.push(name)
        try {
          queue.push(Reflect.get(value, name))
        } catch {
          // a getter that is not for this object holds nothing of it
        }
      }
    }
  }
  return found
}

const shown = (error: InferenceError): ReadonlyArray<string> => [
  ...texts(error),
  error.message,
  String(error),
  JSON.stringify(error),
  JSON.stringify(Schema.encodeSync(Schema.toCodecJson(InferenceError))(error)),
  inspect(error, { depth: Infinity, showHidden: true, getters: true, customInspect: false }),
  inspect(error, { depth: Infinity }),
  Cause.pretty(Cause.fail(error)),
  error.stack ?? ""
]

const holds = (all: ReadonlyArray<string>, secret: string) => all.filter((text) => text.includes(secret))

/** A server that says back what it was told, in every place where it can. */
const gossip =
  (status: number) => (_: number, request: { readonly headers: Readonly<Record<string, string | undefined>> }) =>
    Wire.json(
      { error: { message: `no: ${request.headers.authorization}`, type: World.token, code: World.token } },
      { status, headers: { "x-error-message": World.token, "retry-after": "1" } }
    )

const answers: ReadonlyArray<readonly [name: string, answer: Parameters<typeof Wire.make>[0]]> = [
  ...[307, 400, 401, 403, 404, 422, 429, 500, 503].map((status) => [`status ${status}`, gossip(status)] as const),
  ["a plain text", () => new Response(`bad token ${World.token}`, { status: 400 })],
  ["a body of another route", () => Wire.json({ [World.token]: World.token })],
  ["an error with status 200", () => Wire.json({ error: `bad ${World.token}` })],
  ["a tool call that is none", () =>
    Wire.json({
      error: `Tool error: Failed to parse generated text: EOF at line 1. "${World.token}"`,
      error_type: "tool_error"
    }, { status: 422 })],
  ["no JSON", () => new Response(World.token)],
  ["an error frame", () => Wire.events([`data: {"error":{"message":"${World.token}","type":"${World.token}"}}\n\n`])],
  ["a frame of another route", () => Wire.events([`data: {"token":"${World.token}"}\n\n`])],
  ["a frame that is no JSON", () => Wire.events([`data: ${World.token}\n\n`])],
  ["a cut stream", () => Wire.events([Wire.token("a")])],
  ["a fault that quotes the header", () => new TypeError(`Bearer ${World.token} is an invalid header value`)],
  ["a reset", () => Wire.nested("ECONNRESET")]
]

const options = {
  url: "http://server",
  search: `?key=${key}`,
  token: Redacted.make(World.token),
  retry: Retry.none
}

describe("no error holds the token, the query or the prompt", () => {
  for (const [name, given] of answers) {
    it.effect(`after ${name}`, () =>
      Effect.gen(function*() {
        const client = yield* TgiClient.make(options)
        const errors = [
          yield* Effect.flip(client.generate({ inputs: prompt })),
          yield* Effect.flip(Stream.runDrain(client.generateStream({ inputs: prompt })))
        ]
        for (const error of errors) {
          const all = shown(error)
          assert.deepStrictEqual([holds(all, World.token), holds(all, key), holds(all, prompt)], [[], [], []])
        }
      }).pipe(Effect.provide(Wire.make(given).layer)))
  }

  it.effect("nor the beginning of the token, where its text is cut in the middle of one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* TgiClient.make(options)).generate({ inputs: prompt }))
      assert.strictEqual(error.reason._tag, "Rejected")
      assert.deepStrictEqual(holds(shown(error), World.token.slice(0, 8)), [])
    }).pipe(
      Effect.provide(
        Wire.make(() => Wire.json({ error: `${"x".repeat(490)}${World.token}` }, { status: 400 })).layer
      )
    ))

  it.effect("after a token that no header can carry", () =>
    Effect.gen(function*() {
      const token = "hf_line\nbreak12345"
      const client = yield* TgiClient.make({ ...options, url: "http://127.0.0.1:1", token: Redacted.make(token) })
      const all = shown(yield* Effect.flip(client.generate({ inputs: prompt })))
      assert.deepStrictEqual([holds(all, token), holds(all, "break12345")], [[], []])
    }).pipe(Effect.provide(FetchHttpClient.layer)))
})

/** All lines, and all spans with everything on them, while an effect runs. */
const observed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const { layer, spans } = Spans.recorded()
    const lines: Array<unknown> = []
    return Effect.map(
      Effect.exit(self.pipe(Effect.provide([
        Logger.layer([
          Logger.map(Logger.formatStructured, (line) => void lines.push(line)),
          Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))
        ]),
        Layer.succeed(References.MinimumLogLevel, "Trace"),
        layer
      ]))),
      (exit) => ({ exit, spans, lines })
    )
  })

/** What exporters write: names, attributes, events, and why a span failed. */
const told = (spans: ReadonlyArray<Tracer.NativeSpan>) =>
  spans.flatMap(({ attributes, events, name, status }) => {
    const cause = status._tag === "Ended" && status.exit._tag === "Failure" ? status.exit.cause : undefined
    return [...texts([name, [...attributes], events, cause]), cause === undefined ? "" : Cause.pretty(cause)]
  })

const service = (wire: Wire.Wire) =>
  InferenceEndpointsLLM.layerWith({
    client: { retry: { ...Retry.standard, transientBase: 0, throttledBase: 0, maxServerWait: 0 } }
  })
    .pipe(
      Layer.provide(World.endpoint(World.target("tgi", { token: World.secret, search: `?key=${key}` }))),
      Layer.provide(wire.layer)
    )

const good = () =>
  Wire.events([Wire.chunk(answer), Wire.chunk("", "stop"), Wire.done], { headers: { "x-request-id": "r-1" } })

const asking = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  yield* llm.generate(prompt, { temperature: 0.5, seed: 7 })
  yield* Stream.runDrain(llm.stream(prompt))
})

describe("spans", () => {
  it.effect("say what was asked and what came, by the conventions of generative AI", () =>
    Effect.gen(function*() {
      const { exit, spans } = yield* observed(asking.pipe(Effect.provide(service(Wire.make(good)))))
      assert.strictEqual(exit._tag, "Success")
      const named = spans.filter(({ name }) => name === "chat simulator/tgi")
      assert.lengthOf(named, 2)
      const [span] = named
      assert.strictEqual(span?.kind, "client")
      assert.deepInclude(Object.fromEntries(span?.attributes ?? []), {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "huggingface",
        "gen_ai.request.model": "simulator/tgi",
        "gen_ai.request.max_tokens": 128,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": "7",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.id": "r-1",
        "server.address": "server",
        "server.port": 8080
      })
    }))

  it.effect("end with the failure of a call", () =>
    Effect.gen(function*() {
      const { spans } = yield* observed(asking.pipe(Effect.provide(service(Wire.make(gossip(400))))))
      const [span] = spans.filter(({ name }) => name === "chat simulator/tgi")
      assert.isTrue(span?.status._tag === "Ended" && span.status.exit._tag === "Failure")
    }))
})

describe("no span and no log line holds the token, the query, the prompt or the answer", () => {
  for (const [name, given] of [["a good answer", good] as const, ...answers]) {
    it.effect(`after ${name}`, () =>
      Effect.gen(function*() {
        const { lines, spans } = yield* observed(asking.pipe(Effect.provide(service(Wire.make(given)))))
        const all = [...told(spans), ...texts(lines), inspect(lines, { depth: Infinity, showHidden: true })]
        assert.isAbove(spans.length, 0)
        for (const secret of [World.token, key, prompt, answer]) assert.deepStrictEqual(holds(all, secret), [])
      }))
  }
})

describe("the token", () => {
  it.effect("is sent, so that the laws above are about something", () => {
    const wire = Wire.make(good)
    return Effect.gen(function*() {
      yield* asking.pipe(Effect.provide(service(wire)))
      assert.deepStrictEqual(wire.requests.map(({ headers, url }) => [headers.authorization, url]), [
        [`Bearer ${World.token}`, `http://server:8080/v1/chat/completions?key=${key}`],
        [`Bearer ${World.token}`, `http://server:8080/v1/chat/completions?key=${key}`]
      ])
    })
  })

  it("is found by the walk where it is hidden", () => {
    class Hidden {
      get deep() {
        return new Map([["x", Object.defineProperty({}, "y", { value: World.token, enumerable: false })]])
      }
    }
    assert.include(holds(texts(new Hidden()), World.token), World.token)
    assert.lengthOf(holds(texts({ client: HttpClient.HttpClient }), World.token), 0)
  })
})
