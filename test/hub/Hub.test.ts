import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Hub from "../../src/hub/Hub.ts"
import * as HubCache from "../../src/hub/HubCache.ts"
import type { HubError } from "../../src/hub/HubError.ts"
import type * as Simulated from "../../src/simulator/platform/Hub.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import type * as Exchange from "../../src/simulator/wire/Exchange.ts"
import * as World from "./World.ts"

const { commit, token } = World

const repos: NonNullable<Simulated.Options["repos"]> = {
  "org/open": {
    commit,
    revisions: ["refs/pr/1"],
    files: { "config.json": "{}", "model.bin": "weights", "a/b c.txt": "nested" },
    large: ["model.bin"],
    info: {
      pipeline_tag: "text-generation",
      inferenceProviderMapping: { groq: { status: "live", providerId: "open", task: "conversational" } }
    }
  },
  "org/gated": { commit, files: { "config.json": "{}" }, gated: true },
  "org/secret": { commit, files: { "config.json": "{}" }, private: true },
  "org/gone": { commit, files: {}, disabled: true }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const setup = (options: World.Options & { readonly token?: string | false; readonly offline?: boolean } = {}) =>
  Effect.gen(function*() {
    const world = yield* World.make({ ...options, hub: { repos, renamed: { "org/old": "org/open" }, ...options.hub } })
    const hub = yield* Hub.make({ token: options.token ?? token, offline: options.offline }).pipe(
      Effect.provide(world.layer)
    )
    return { ...world, service: hub }
  })

const reasonOf = <A>(effect: Effect.Effect<A, HubError>) => Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("Hub.file", () => {
  it.effect("gives the bytes of a file", () =>
    Effect.gen(function*() {
      const { service } = yield* setup()
      assert.strictEqual(text(yield* service.file({ repo: "org/open", path: "a/b c.txt" })), "nested")
    }))

  it.effect("gives a large file from the CDN without showing it the token", () =>
    Effect.gen(function*() {
      const { cdn, service } = yield* setup()
      assert.strictEqual(text(yield* service.file({ repo: "org/open", path: "model.bin" })), "weights")
      const [request] = yield* cdn.received
      assert.notProperty(request?.headers, "authorization")
    }))

  it.effect("sends no trace headers anywhere", () =>
    Effect.gen(function*() {
      const { cdn, hub, service } = yield* setup()
      yield* service.file({ repo: "org/open", path: "model.bin" })
      for (const request of [...yield* cdn.received, ...yield* hub.received]) {
        assert.notProperty(request.headers, "traceparent")
        assert.notProperty(request.headers, "b3")
      }
    }))

  it.effect("keeps a signed URL as it is", () =>
    Effect.gen(function*() {
      const { cdn, service } = yield* setup()
      yield* service.file({ repo: "org/open", path: "model.bin" })
      assert.include((yield* cdn.received)[0]?.url.search, "Signature=a%2Fb")
    }))

  it.effect("follows a renamed repository and keeps the token there", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      assert.strictEqual(text(yield* service.file({ repo: "org/old", path: "config.json" })), "{}")
      for (const request of yield* hub.received) assert.strictEqual(Double.bearer(request), token)
    }))

  it.effect("asks once for a file of a commit", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      const file = { repo: "org/open", path: "config.json", revision: commit }
      yield* service.file(file)
      yield* service.file(file)
      assert.lengthOf(yield* hub.received, 1)
    }))

  it.effect("checks a file of a branch again, by its head alone", () =>
    Effect.gen(function*() {
      const { cdn, hub, service } = yield* setup()
      const file = { repo: "org/open", path: "model.bin" }
      yield* service.file(file)
      yield* service.file(file)
      assert.deepStrictEqual((yield* hub.received).map(({ method }) => method), ["GET", "HEAD"])
      assert.lengthOf(yield* cdn.received, 1)
    }))

  it.effect("remembers that a commit does not have a file", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      const file = { repo: "org/open", path: "none", revision: commit }
      assert.strictEqual((yield* reasonOf(service.file(file)))._tag, "EntryNotFound")
      assert.strictEqual((yield* reasonOf(service.file(file)))._tag, "EntryNotFound")
      assert.lengthOf(yield* hub.received, 1)
    }))

  it.effect("answers from the cache while the Hub is down", () =>
    Effect.gen(function*() {
      let down = false
      const real = yield* World.make({ hub: { repos } })
      const { service } = yield* setup({
        hosts: {
          "huggingface.co": (request) => down ? Effect.succeed(Double.plain(503)) : real.hub.handler(request)
        }
      })
      yield* service.file({ repo: "org/open", path: "config.json" })
      down = true
      const fiber = yield* Effect.forkChild(service.file({ repo: "org/open", path: "config.json" }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(text(yield* Fiber.join(fiber)), "{}")
    }))

  it.effect("answers offline from the cache and never asks", () =>
    Effect.gen(function*() {
      const cache = yield* HubCache.makeMemory
      yield* cache.store(
        { repo: "org/open", revision: "main", path: "config.json", commit, etag: "e" },
        new TextEncoder().encode("kept")
      )
      const { hub, service } = yield* setup({ offline: true }).pipe(Effect.provideService(HubCache.HubCache, cache))
      assert.strictEqual(text(yield* service.file({ repo: "org/open", path: "config.json" })), "kept")
      assert.deepStrictEqual(yield* service.listFiles({ repo: "org/open" }), ["config.json"])
      assert.lengthOf(yield* hub.received, 0)
    }))

  it.effect("says in the words of the Python client that it is offline", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup({ offline: true })
      const reason = yield* reasonOf(service.file({ repo: "org/open", path: "config.json" }))
      assert.strictEqual(reason._tag, "Offline")
      assert.include(reason.message, "offline mode is enabled. To disable it, please unset the `HF_HUB_OFFLINE`")
      assert.lengthOf(yield* hub.received, 0)
    }))

  it.effect.each(
    [
      ["gated, known user", "org/gated", undefined, "GatedRepo"],
      ["gated, anonymous", "org/gated", false, "GatedRepo"],
      ["private, anonymous", "org/secret", false, "RepoNotFound"],
      ["private, stranger", "org/secret", "hf_stranger", "RepoNotFound"],
      ["missing", "org/missing", undefined, "RepoNotFound"],
      ["disabled", "org/gone", undefined, "Disabled"],
      ["wrong token", "org/open", "hf_wrong", "Unauthorized"]
    ] as const
  )("tells apart: %s", ([, repo, credential, tag]) =>
    Effect.gen(function*() {
      const { service } = yield* setup(credential === undefined ? {} : { token: credential })
      assert.strictEqual((yield* reasonOf(service.file({ repo, path: "config.json" })))._tag, tag)
    }))

  it.effect("tells an unknown revision from an unknown file", () =>
    Effect.gen(function*() {
      const { service } = yield* setup()
      const file = { repo: "org/open", path: "none" }
      assert.strictEqual((yield* reasonOf(service.file(file)))._tag, "EntryNotFound")
      assert.strictEqual((yield* reasonOf(service.file({ ...file, revision: "v9" })))._tag, "RevisionNotFound")
    }))

  it.effect("refuses names that could escape before asking", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      for (
        const file of [
          { repo: "../x", path: "a" },
          { repo: "org/open", path: "../a" },
          { repo: "org/open", path: "a", revision: "../../x" }
        ]
      ) {
        assert.strictEqual((yield* reasonOf(service.file(file)))._tag, "InvalidRequest")
      }
      assert.lengthOf(yield* hub.received, 0)
    }))

  it.effect("takes an answer that names no commit for a login page", () =>
    Effect.gen(function*() {
      const { service } = yield* setup({
        hosts: { "huggingface.co": () => Effect.succeed(Double.plain(200, "<html>Log in</html>")) }
      })
      assert.strictEqual((yield* reasonOf(service.file({ repo: "org/open", path: "a" })))._tag, "InvalidResponse")
    }))

  it.effect.each(["http://evil.example/x", "file:///etc/passwd", "https://u:p@evil.example/", "http://["])(
    "does not follow a redirect to %s",
    (location) =>
      Effect.gen(function*() {
        const { service } = yield* setup({
          hosts: { "huggingface.co": () => Effect.succeed(Double.redirect(302, location)) }
        })
        assert.strictEqual((yield* reasonOf(service.file({ repo: "org/open", path: "a" })))._tag, "InvalidResponse")
      })
  )

  it.effect("ends a loop of redirects", () =>
    Effect.gen(function*() {
      const { service } = yield* setup({
        hosts: { "huggingface.co": () => Effect.succeed(Double.redirect(307, "/again")) }
      })
      assert.include((yield* reasonOf(service.file({ repo: "org/open", path: "a" }))).message, "more than 5 redirects")
    }))

  it.effect("refuses a file that is larger than 64 MiB", () =>
    Effect.gen(function*() {
      const chunk = new Uint8Array(8 * 1024 * 1024)
      const { service } = yield* setup({
        hosts: {
          "huggingface.co": () =>
            Effect.succeed({
              status: 200,
              headers: { "x-repo-commit": commit, etag: "e" },
              body: Stream.forever(Stream.succeed(chunk))
            })
        }
      })
      assert.strictEqual((yield* reasonOf(service.file({ repo: "org/open", path: "a" })))._tag, "TooLarge")
    }))
})

const stumble = (...answers: ReadonlyArray<Exchange.Response>) =>
  Effect.gen(function*() {
    const real = yield* World.make({ hub: { repos } })
    const handler = yield* Double.stumbling(answers, real.hub.handler)
    return yield* setup({ hosts: { "huggingface.co": handler } })
  })

const waits = (headers: Record<string, string>, before: Duration.Input, after: Duration.Input) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(Date.parse("2026-01-01T00:00:00Z"))
    const { service } = yield* stumble(Double.plain(429, "", headers))
    const fiber = yield* Effect.forkChild(service.modelInfo("org/open"))
    yield* TestClock.adjust(before)
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust(after)
    assert.isDefined(fiber.pollUnsafe())
  })

describe("Hub's retries", () => {
  it.effect("outlast five failures that pass", () =>
    Effect.gen(function*() {
      const { service } = yield* stumble(
        ...[408, 500, 502, 503, 504].map((status) => Double.plain(status))
      )
      const fiber = yield* Effect.forkChild(service.modelInfo("org/open"))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(fiber)).id, "org/open")
    }))

  it.effect("end with the sixth", () =>
    Effect.gen(function*() {
      const { service } = yield* stumble(
        ...Array.from({ length: 6 }, () => Double.plain(503, "busy"))
      )
      const fiber = yield* Effect.forkChild(reasonOf(service.modelInfo("org/open")))
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "Unavailable")
    }))

  it.effect("wait for the window of a used-up quota", () =>
    waits({ RateLimit: "\"api\";r=0;t=55" }, "55 seconds", "7 seconds"))

  it.effect("wait as many seconds as the server says", () => waits({ "retry-after": "30" }, "30 seconds", "4 seconds"))

  it.effect("wait until the date that the server says", () =>
    waits({ "retry-after": "Thu, 01 Jan 2026 00:00:40 GMT" }, "39 seconds", "6 seconds"))

  it.effect("measure a date against the server's own clock", () =>
    waits(
      { "retry-after": "Thu, 01 Jan 2026 05:00:20 GMT", date: "Thu, 01 Jan 2026 05:00:00 GMT" },
      "19 seconds",
      "4 seconds"
    ))

  it.effect("do not wait longer than allowed but give the figure", () =>
    Effect.gen(function*() {
      const { service } = yield* stumble(Double.plain(429, "", { "retry-after": "3600" }))
      const error = yield* Effect.flip(service.modelInfo("org/open"))
      assert.strictEqual(error.retryAfter === undefined ? 0 : Duration.toSeconds(error.retryAfter), 3600)
    }))

  it.effect("leave a refusal alone", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      yield* reasonOf(service.modelInfo("org/missing"))
      assert.lengthOf(yield* hub.received, 1)
    }))
})

describe("Hub", () => {
  it.effect("lists the files of all pages", () =>
    Effect.gen(function*() {
      const { service } = yield* setup({ hub: { repos, pageSize: 2 } })
      assert.deepStrictEqual(yield* service.listFiles({ repo: "org/open" }), ["config.json", "model.bin", "a/b c.txt"])
    }))

  it.effect("does not follow a next page to another server", () =>
    Effect.gen(function*() {
      const { service } = yield* setup({
        hosts: {
          "huggingface.co": () => Effect.succeed(Double.json(200, [], { link: `<https://evil.example/>; rel="next"` }))
        }
      })
      assert.strictEqual((yield* reasonOf(service.listFiles({ repo: "org/open" })))._tag, "InvalidResponse")
    }))

  it.effect("gives the current id of a renamed model", () =>
    Effect.gen(function*() {
      const { service } = yield* setup()
      assert.strictEqual((yield* service.modelInfo("org/old", { expand: ["config"] })).id, "org/open")
    }))

  it.effect.each([
    { groq: { status: "live", providerId: "x", task: "conversational" } },
    [{ provider: "groq", status: "live", providerId: "x", task: "conversational" }]
  ])("reads both shapes of a provider mapping (%#)", (inferenceProviderMapping) =>
    Effect.gen(function*() {
      const { service } = yield* setup({
        hub: { repos: { "org/m": { commit, files: {}, info: { inferenceProviderMapping } } } }
      })
      assert.deepStrictEqual((yield* service.providers("org/m")).providers, [
        { provider: "groq", status: "live", providerId: "x", task: "conversational" }
      ])
    }))

  it.effect("asks for the providers again after five minutes", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      yield* service.providers("org/open")
      yield* service.providers("org/open")
      assert.lengthOf(yield* hub.received, 1)
      yield* TestClock.adjust("5 minutes")
      yield* service.providers("org/open")
      assert.lengthOf(yield* hub.received, 2)
    }))

  it.effect("asks who the owner is once, however many want to know", () =>
    Effect.gen(function*() {
      const { hub, service } = yield* setup()
      const names = yield* Effect.forEach([1, 2, 3], () => service.whoami, { concurrency: 3 })
      assert.deepStrictEqual(names.map(({ name }) => name), ["ada", "ada", "ada"])
      assert.lengthOf(yield* hub.received, 1)
    }))

  it.effect("takes its address from the environment", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ hub: { repos } })
      const layer = Hub.layerEnv.pipe(
        Layer.provide(Layer.merge(
          (yield* World.make({ hosts: { "mirror.example": world.hub.handler } })).layer,
          World.env({ HF_ENDPOINT: "https://mirror.example/", HF_TOKEN: token })
        ))
      )
      const info = yield* Hub.Hub.use((hub) => hub.modelInfo("org/open")).pipe(Effect.provide(layer))
      assert.strictEqual(info.id, "org/open")
    }))

  it.effect.each(["http://hub.example", "https://u:p@hub.example", "nonsense"])(
    "refuses the address %s",
    (baseUrl) =>
      Effect.gen(function*() {
        const { layer } = yield* World.make()
        const error = yield* Effect.flip(Hub.make({ baseUrl, token: false }).pipe(Effect.provide(layer)))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
      })
  )
})
