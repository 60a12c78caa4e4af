import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, FileSystem, Layer, Logger, References, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import * as Endpoint from "../../src/endpoint/Endpoint.ts"
import type * as EndpointConfig from "../../src/endpoint/EndpointConfig.ts"
import { EndpointError } from "../../src/endpoint/EndpointError.ts"
import * as Hub from "../../src/hub/Hub.ts"
import * as HubCacheDisk from "../../src/hub/HubCacheDisk.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../hub/World.ts"
import * as Spans from "../Spans.ts"

/** Everything that an error shows to loggers, crash reporters and the wire, and all that hangs on it. */
const walk = (value: unknown, seen = new Set<unknown>()): string => {
  if (typeof value === "string") return value
  if (typeof value !== "object" || value === null || seen.has(value)) return String(value)
  seen.add(value)
  return Reflect.ownKeys(value).map((key) => `${String(key)}: ${walk(Reflect.get(value, key), seen)}`).join("\n")
}

const shown = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "" : [
    Cause.pretty(exit.cause),
    inspect(exit.cause, { depth: 20, customInspect: false, showHidden: true }),
    inspect(exit.cause, { depth: 20 }),
    JSON.stringify(exit.cause),
    ...exit.cause.reasons.map((reason) => reason._tag === "Fail" ? walk(reason.error) : ""),
    ...exit.cause.reasons.map((reason) =>
      reason._tag === "Fail" && reason.error instanceof EndpointError
        ? JSON.stringify(Schema.encodeSync(EndpointError)(reason.error))
        : ""
    )
  ].join("\n")

/** Runs a program where everything is recorded: logs at every level, spans with their attributes and events, and how it ended. */
const recorded = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const { layer, spans } = Spans.recorded()
    const fiber = yield* Effect.forkChild(
      Effect.exit(Effect.tapCause(program, Effect.logError)).pipe(
        Effect.provide(Layer.mergeAll(
          Logger.layer([
            Logger.map(Logger.formatJson, (line) => lines.push(line)),
            Logger.map(Logger.formatLogFmt, (line) => lines.push(line))
          ]),
          Layer.succeed(References.MinimumLogLevel, "All"),
          layer
        ))
      )
    )
    yield* TestClock.adjust("20 minutes")
    const exit = yield* fiber.pipe((self) => Effect.flatten(Effect.sync(() => Effect.succeed(self.pollUnsafe()))))
    assert.isDefined(exit)
    const outcome = exit !== undefined && Exit.isSuccess(exit) ? exit.value : Exit.die("not finished")
    const traced = spans.map((span) =>
      [span.name, ...span.attributes.values()].map(String).join(" ") +
      (span.status._tag === "Ended" ? shown(span.status.exit) : "")
    )
    return { text: [...lines, ...traced, shown(outcome)].join("\n"), spans, lines, outcome }
  })

/** Fails with the place where the token is, and not with all of the text. */
const assertFree = (text: string) => {
  const at = text.indexOf(World.token)
  assert.strictEqual(at < 0 ? "" : text.slice(Math.max(0, at - 300), at + 50), "")
}

/** A server that repeats the token that it is given, as some do in their errors. */
const echo = (status: number): Double.Handler => (request) =>
  Effect.succeed(Double.json(status, { error: `token ${Double.bearer(request)} is not good` }, {
    "x-error-message": `token ${Double.bearer(request)} is not good`,
    "x-error-code": Double.bearer(request) ?? ""
  }))

/** The same in the body alone, by all names that a body may have for it. */
const echoInBody = (status: number): Double.Handler => (request) => {
  const token = Double.bearer(request)
  return Effect.succeed(
    Double.json(status, { error: { message: token, type: token, code: token }, [String(token)]: 1 })
  )
}

/** An answer with the token where something else is expected. */
const nonsense: Double.Handler = (request) => {
  const token = request.headers["authorization"]
  return Effect.succeed(
    Double.json(200, { id: token, name: [token], status: token, model: token, data: token, items: token })
  )
}

const everywhere = (handler: Double.Handler) => ({
  "huggingface.co": handler,
  "router.huggingface.co": handler,
  "api.endpoints.huggingface.cloud": handler,
  ".aws.endpoints.huggingface.cloud": handler
})

const targets: ReadonlyArray<EndpointConfig.Options> = [
  { modelId: "org/m" },
  { endpointName: "llm" },
  { endpointName: "llm", endpointNamespace: "ada" },
  { baseUrl: "https://ada-llm.us-east-1.aws.endpoints.huggingface.cloud" }
]

const resolve = (options: EndpointConfig.Options, world: World.Options) =>
  Effect.gen(function*() {
    const { layer } = yield* World.make(world)
    const context = yield* Layer.build(Endpoint.layer({ apiKey: World.token, ...options }).pipe(Layer.provide(layer)))
    const endpoint = Context.get(context, Endpoint.Endpoint)
    yield* Effect.forkChild(Stream.runForEach(endpoint.progress, Effect.logInfo))
    const hub = Context.get(context, Hub.Hub)
    yield* Effect.ignore(hub.file({ repo: "org/m", path: "model.bin" }), { log: true })
    yield* Effect.ignore(hub.whoami, { log: true })
    return yield* Effect.tap(endpoint.target, Effect.logInfo)
  }).pipe(Effect.scoped)

const hub = {
  repos: {
    "org/m": {
      commit: World.commit,
      files: { "model.bin": "weights" },
      large: ["model.bin"],
      info: { inferenceProviderMapping: { groq: { status: "live", task: "conversational" } } }
    }
  }
}

describe("the token is nowhere to be found", () => {
  for (const options of targets) {
    const target = JSON.stringify(options)

    it.effect(`when all goes well with ${target}`, () =>
      Effect.gen(function*() {
        const { lines, outcome, spans, text } = yield* recorded(
          resolve(options, {
            hub,
            endpoints: { endpoints: { "ada/llm": { state: "scaledToZero" } } },
            router: { models: { "org/m": [] } }
          })
        )
        assert.isTrue(Exit.isSuccess(outcome))
        assert.isAbove(spans.length, 0)
        assert.isAbove(lines.length, 0)
        assertFree(text)
      }))

    for (const status of [400, 401, 402, 403, 404, 409, 422, 429, 500, 503]) {
      it.effect(`when servers repeat it with a ${status} to ${target}`, () =>
        Effect.gen(function*() {
          const { text } = yield* recorded(resolve(options, { hosts: everywhere(echo(status)) }))
          assertFree(text)
          assertFree((yield* recorded(resolve(options, { hosts: everywhere(echoInBody(status)) }))).text)
          if (status === 401) assert.include(text, "<redacted> is not good")
        }))
    }

    it.effect(`when nobody answers ${target}`, () =>
      Effect.gen(function*() {
        const { text } = yield* recorded(resolve(options, { hosts: everywhere(() => Effect.never) }))
        assertFree(text)
      }))

    it.effect(`when answers are nonsense to ${target}`, () =>
      Effect.gen(function*() {
        const { text } = yield* recorded(resolve(options, { hosts: everywhere(nonsense) }))
        assertFree(text)
      }))
  }

  it.effect("in the target and the service, however they are shown", () =>
    Effect.gen(function*() {
      const { layer } = yield* World.make({ hub, router: { models: { "org/m": [] } } })
      const context = yield* Layer.build(
        Endpoint.layer({ modelId: "org/m", apiKey: World.token }).pipe(Layer.provide(layer))
      )
      const endpoint = Context.get(context, Endpoint.Endpoint)
      const target = yield* endpoint.target
      for (const value of [target, endpoint, endpoint.config]) {
        assertFree(inspect(value, { depth: 20, showHidden: true }))
        assertFree(JSON.stringify(value))
        assertFree(walk(value))
      }
    }))

  it.effect("in the files of the cache", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const root = yield* fs.makeTempDirectoryScoped()
      const { layer } = yield* World.make({ hub })
      const service = yield* Hub.make({ token: World.token }).pipe(
        Effect.provide([layer, HubCacheDisk.layer(root)])
      )
      yield* service.file({ repo: "org/m", path: "model.bin" })
      yield* Effect.flip(service.file({ repo: "org/m", path: "none" }))
      const names = yield* fs.readDirectory(root, { recursive: true })
      assert.isAbove(names.length, 5)
      for (const name of names) {
        assertFree(name)
        const content = yield* fs.readFileString(`${root}/${name}`).pipe(Effect.orElseSucceed(() => ""))
        assertFree(content)
      }
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("at any origin but those it is meant for", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ hub, endpoints: { endpoints: { "ada/llm": {} } } })
      const strangers: Array<Double.Received> = []
      const stranger: Double.Handler = (request) =>
        Effect.sync(() => (strangers.push(request), Double.plain(200, "{}")))
      const given = yield* World.make({
        hub,
        hosts: {
          "huggingface.co": world.hub.handler,
          "api.endpoints.huggingface.cloud": world.endpoints.api.handler,
          "": stranger,
          "host.example": stranger
        }
      })
      const environment = World.env({ HF_TOKEN: World.token })
      const endpoint = yield* Endpoint.Endpoint.use(({ target }) => target).pipe(
        Effect.provide(
          Endpoint.layer({ baseUrl: "https://host.example" }).pipe(Layer.provide(Layer.merge(given.layer, environment)))
        )
      )
      assert.isUndefined(endpoint.token)
      assert.isAbove(strangers.length, 0)
      for (const request of [...strangers, ...yield* given.cdn.received]) {
        assertFree(JSON.stringify(request.headers))
      }
    }))
})
