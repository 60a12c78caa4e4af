import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as Dedicated from "../../src/endpoint/dedicated/Dedicated.ts"
import * as EndpointsApi from "../../src/endpoint/dedicated/EndpointsApi.ts"
import type { WaitProgress } from "../../src/endpoint/dedicated/Waiting.ts"
import type { EndpointError } from "../../src/endpoint/EndpointError.ts"
import * as Hub from "../../src/hub/Hub.ts"
import type * as Lifecycle from "../../src/simulator/platform/Lifecycle.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../hub/World.ts"

const name = { name: "llm", namespace: "org" }

interface Setup {
  readonly endpoint?: Lifecycle.Options
  readonly api?: World.Options["endpoints"]
  readonly hosts?: World.Options["hosts"]
  readonly token?: string
}

const setup = (options: Setup) =>
  Effect.gen(function*() {
    const world = yield* World.make({
      endpoints: { endpoints: { "org/llm": options.endpoint ?? {} }, ...options.api },
      ...(options.hosts !== undefined && { hosts: options.hosts })
    })
    const token = options.token ?? World.token
    const api = yield* EndpointsApi.make({ token }).pipe(
      Effect.provide(Layer.provideMerge(Hub.layer({ token }), world.layer))
    )
    return { ...world, api }
  })

/** Waits while time goes by; gives how it ended, when, and what was seen. */
const waited = (options: Setup & { readonly wait?: Dedicated.Options; readonly within?: Duration.Input }) =>
  Effect.gen(function*() {
    const world = yield* setup(options)
    const seen: Array<WaitProgress> = []
    const fiber = yield* Effect.forkChild(
      Effect.timed(Effect.exit(world.api.wait(name, {
        ...options.wait,
        onProgress: (progress) => Effect.sync(() => seen.push(progress))
      })))
    )
    yield* TestClock.adjust(options.within ?? "10 minutes")
    const [time, exit] = yield* Fiber.join(fiber)
    return { ...world, seen, time: Duration.toSeconds(time), exit }
  })

const failure = (exit: Exit.Exit<unknown, EndpointError>) => {
  assert.isTrue(Exit.isFailure(exit))
  return Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error.reason : undefined
}

const posts = (received: ReadonlyArray<Double.Received>) =>
  received.filter(({ method }) => method === "POST").map(({ url }) => url.pathname.split("/").at(-1))

describe("Dedicated.wait", () => {
  it.effect("uses a running endpoint at once", () =>
    Effect.gen(function*() {
      const { exit, time } = yield* waited({})
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(time, 0)
    }))

  it.effect.each(["pending", "initializing"])("waits for one that is %s", (state) =>
    Effect.gen(function*() {
      const { endpoints, exit, seen } = yield* waited({ endpoint: { state } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(posts(yield* endpoints.api.received), [])
      assert.strictEqual(seen[0]?.state, state)
    }))

  it.effect("waits for one that is rolled over to a new version", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({})
      yield* api.update(name, { tags: ["new"] })
      const fiber = yield* Effect.forkChild(api.wait(name))
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).endpoint.tags, ["new"])
    }))

  it.effect("resumes a paused one once, and waits for it", () =>
    Effect.gen(function*() {
      const { endpoints, exit, seen } = yield* waited({ endpoint: { state: "paused" } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(posts(yield* endpoints.api.received), ["resume"])
      assert.deepStrictEqual([...new Set(seen.map(({ state }) => state))], [
        "paused",
        "pending",
        "initializing",
        "running"
      ])
    }))

  it.effect("waits out that a resumed one is still shown as paused", () =>
    Effect.gen(function*() {
      const { endpoints, exit } = yield* waited({ endpoint: { state: "paused", lag: 12_000 } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(posts(yield* endpoints.api.received), ["resume"])
    }))

  it.effect("does not resume where that is not allowed", () =>
    Effect.gen(function*() {
      const { endpoints, exit, time } = yield* waited({ endpoint: { state: "paused" }, wait: { resume: false } })
      assert.strictEqual(failure(exit)?._tag, "Paused")
      assert.strictEqual(time, 0)
      assert.deepStrictEqual(posts(yield* endpoints.api.received), [])
    }))

  it.effect("does not fight with somebody who pauses it again", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({ endpoint: { state: "paused" } })
      const fiber = yield* Effect.forkChild(Effect.flip(api.wait(name)))
      yield* TestClock.adjust("30 seconds")
      yield* endpoints.set("org/llm", "paused")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Paused")
    }))

  it.effect("ends at once when the token may not resume", () =>
    Effect.gen(function*() {
      const { exit, time } = yield* waited({
        endpoint: { state: "paused" },
        api: { endpoints: { "org/llm": { state: "paused" } }, readers: ["hf_reader"] },
        token: "hf_reader"
      })
      assert.strictEqual(failure(exit)?._tag, "Forbidden")
      assert.strictEqual(time, 0)
    }))

  it.effect("wakes one that is scaled to zero by a request that the gateway holds", () =>
    Effect.gen(function*() {
      const { endpoints, exit } = yield* waited({ endpoint: { state: "scaledToZero" } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(posts(yield* endpoints.api.received), [])
      assert.match((yield* endpoints.gateway.received)[0]?.headers["x-scale-up-timeout"] ?? "", /^\d+$/)
    }))

  it.effect("resumes a sleeper that has no address to ask", () =>
    Effect.gen(function*() {
      const { endpoints, exit } = yield* waited({
        endpoint: { state: "scaledToZero", url: "" },
        wait: { timeout: "20 seconds" }
      })
      assert.strictEqual(failure(exit)?._tag, "WaitTimeout")
      assert.deepStrictEqual(posts(yield* endpoints.api.received), ["resume"])
    }))

  it.effect("resumes a sleeper that requests do not wake", () =>
    Effect.gen(function*() {
      const { endpoints } = yield* waited({
        endpoint: { state: "scaledToZero" },
        hosts: { ".aws.endpoints.huggingface.cloud": () => Effect.succeed(Double.plain(503)) },
        wait: { timeout: "2 minutes" }
      })
      assert.include(posts(yield* endpoints.api.received), "resume")
    }))

  it.effect.each(["failed", "updateFailed"])(
    "ends with the platform's own words when it is %s",
    (state) =>
      Effect.gen(function*() {
        const { exit, time } = yield* waited({ endpoint: { state, message: "CUDA out of memory" } })
        const reason = failure(exit)
        assert.strictEqual(reason?._tag, "Failed")
        assert.include(reason?.message, "CUDA out of memory")
        assert.strictEqual(time, 0)
      })
  )

  it.effect("ends when a start fails", () =>
    Effect.gen(function*() {
      const { exit } = yield* waited({ endpoint: { state: "paused", outcome: "failed", message: "no such image" } })
      assert.strictEqual(failure(exit)?._tag, "Failed")
    }))

  it.effect("waits for a state that is new", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({ endpoint: { state: "hibernating" } })
      const fiber = yield* Effect.forkChild(api.wait(name))
      yield* TestClock.adjust("1 minute")
      yield* endpoints.set("org/llm", "running")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).endpoint.status.state, "running")
    }))

  it.effect("says after waitTimeout what it saw last", () =>
    Effect.gen(function*() {
      const { exit, time } = yield* waited({ endpoint: { state: "initializing", initializing: 10 ** 9 } })
      const reason = failure(exit)
      assert.strictEqual(reason?._tag, "WaitTimeout")
      assert.include(reason?.message, "initializing")
      assert.strictEqual(time, 300)
    }))

  it.effect("keeps waitTimeout when the gateway holds its answer", () =>
    Effect.gen(function*() {
      const { exit, time } = yield* waited({
        endpoint: {},
        hosts: { ".aws.endpoints.huggingface.cloud": () => Effect.never },
        wait: { timeout: "47 seconds" }
      })
      assert.strictEqual(failure(exit)?._tag, "WaitTimeout")
      assert.strictEqual(time, 47)
    }))

  it.effect.each(["pending", "initializing", "scaledToZero"])(
    "looks once at one that is %s when no wait is allowed",
    (state) =>
      Effect.gen(function*() {
        const { endpoints, exit, time } = yield* waited({ endpoint: { state }, wait: { timeout: 0 } })
        assert.strictEqual(failure(exit)?._tag, "NotDeployed")
        assert.strictEqual(time, 0)
        assert.lengthOf(yield* endpoints.gateway.received, 0)
      })
  )

  it.effect("does not start one that is paused when no wait is allowed", () =>
    Effect.gen(function*() {
      const { endpoints, exit, time } = yield* waited({ endpoint: { state: "paused" }, wait: { timeout: 0 } })
      assert.strictEqual(failure(exit)?._tag, "Paused")
      assert.deepStrictEqual([time, posts(yield* endpoints.api.received)], [0, []])
    }))

  it.effect("neither polls in a tight loop nor all at the same moment", () =>
    Effect.gen(function*() {
      const { endpoints } = yield* waited({ endpoint: { state: "initializing", initializing: 280_000 } })
      const times = (yield* endpoints.api.received).map(({ at }) => at)
      const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0))
      assert.isTrue(gaps.every((gap) => gap >= 4000 && gap <= 6000))
      assert.isAbove(new Set(gaps).size, 5)
    }))

  it.effect("leaves the API alone as long as it asks", () =>
    Effect.gen(function*() {
      const real = yield* setup({})
      const handler = yield* Double.stumbling(
        [Double.plain(429, "", { "retry-after": "40" })],
        real.endpoints.api.handler
      )
      const { exit, time } = yield* waited({ hosts: { "api.endpoints.huggingface.cloud": handler } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.isAtLeast(time, 40)
    }))

  it.effect.each([408, 425, 500, 502, 503, 504])(
    "takes a %s of the API for a stumble",
    (status) =>
      Effect.gen(function*() {
        const real = yield* setup({})
        const handler = yield* Double.stumbling([Double.plain(status)], real.endpoints.api.handler)
        const { exit, seen } = yield* waited({ hosts: { "api.endpoints.huggingface.cloud": handler } })
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(seen.map(({ action }) => action), ["Stumbled", "Ready"])
      })
  )

  it.effect("is not ready before the health route says so", () =>
    Effect.gen(function*() {
      const handler = yield* Double.stumbling(
        [Double.plain(503), Double.plain(502), Double.plain(302)],
        () => Effect.succeed(Double.plain(200, "{}"))
      )
      const { exit, seen } = yield* waited({ hosts: { ".aws.endpoints.huggingface.cloud": handler } })
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(seen.map(({ action }) => action), ["Probed", "Probed", "Probed", "Ready"])
    }))

  it.effect.each([["/ready", ["Probed", "Ready"]], [null, ["Ready"]]] as const)(
    "with the health route %s that is not found is %j",
    ([healthRoute, actions]) =>
      Effect.gen(function*() {
        const handler = yield* Double.stumbling([Double.plain(404)], () => Effect.succeed(Double.plain(200, "{}")))
        const { seen } = yield* waited({
          endpoint: { healthRoute },
          hosts: { ".aws.endpoints.huggingface.cloud": handler }
        })
        assert.deepStrictEqual(seen.map(({ action }) => action), [...actions])
      })
  )

  it.effect("asks the health route that the API names, and /health where it names none", () =>
    Effect.gen(function*() {
      for (const [healthRoute, path] of [["/ready", "/ready"], ["ready", "/ready"], [null, "/health"]] as const) {
        const { endpoints } = yield* waited({ endpoint: { healthRoute } })
        assert.strictEqual((yield* endpoints.gateway.received)[0]?.url.pathname, path)
      }
    }))

  it.effect.each([[401, "Unauthorized"], [403, "Forbidden"]] as const)(
    "ends at once when the health route answers %s",
    ([status, tag]) =>
      Effect.gen(function*() {
        const { exit, time } = yield* waited({
          hosts: { ".aws.endpoints.huggingface.cloud": () => Effect.succeed(Double.json(status, { error: "no" })) }
        })
        assert.strictEqual(failure(exit)?._tag, tag)
        assert.strictEqual(time, 0)
      })
  )

  it.effect.each([401, 403, 404])("ends at once when the API answers %s", (status) =>
    Effect.gen(function*() {
      const { exit, time } = yield* waited({
        hosts: { "api.endpoints.huggingface.cloud": () => Effect.succeed(Double.json(status, { error: "no" })) }
      })
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(time, 0)
    }))

  it.effect("sends the token to no address that is not the platform's", () =>
    Effect.gen(function*() {
      const received: Array<Double.Received> = []
      const evil: Double.Handler = (request) => Effect.sync(() => (received.push(request), Double.plain(200, "{}")))
      const url = "https://evil.example"
      const { exit } = yield* waited({ endpoint: { url }, hosts: { "evil.example": evil } })
      assert.strictEqual(failure(exit)?._tag, "UnsafeUrl")
      assert.lengthOf(received, 0)
      const allowed = yield* waited({
        endpoint: { url },
        hosts: { "evil.example": evil },
        wait: { endpointHosts: ["evil.example"] }
      })
      assert.isTrue(Exit.isSuccess(allowed.exit))
    }))

  it.effect("can be watched as a stream that ends when it is ready", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoint: { state: "paused", pending: 30_000 } })
      const fiber = yield* Effect.forkChild(Stream.runCollect(api.watch(name)))
      yield* TestClock.adjust("5 minutes")
      const progress = yield* Fiber.join(fiber)
      assert.strictEqual(progress[0]?.action, "Resumed")
      assert.strictEqual(progress.at(-1)?.action, "Ready")
    }))

  it.effect("can be watched as a stream that fails when it does", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoint: { state: "failed" } })
      const error = yield* Effect.flip(Stream.runDrain(api.watch(name)))
      assert.strictEqual(error.reason._tag, "Failed")
    }))

  it.effect("is over when nobody watches any more", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({ endpoint: { state: "initializing", initializing: 10 ** 9 } })
      const fiber = yield* Effect.forkChild(Stream.runDrain(Stream.take(api.watch(name), 2)))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.isAtMost((yield* endpoints.api.received).length, 3)
    }))

  it.effect("lets two wait for the same paused endpoint", () =>
    Effect.gen(function*() {
      const { api } = yield* setup({ endpoint: { state: "paused" } })
      const fiber = yield* Effect.forkChild(Effect.all([api.wait(name), api.wait(name)], { concurrency: 2 }))
      yield* TestClock.adjust("5 minutes")
      assert.lengthOf(yield* Fiber.join(fiber), 2)
    }))

  it.effect("stops asking when it is interrupted", () =>
    Effect.gen(function*() {
      const { api, endpoints } = yield* setup({ endpoint: { state: "initializing", initializing: 10 ** 9 } })
      const fiber = yield* Effect.forkChild(api.wait(name))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.interrupt(fiber)
      const before = (yield* endpoints.api.received).length
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* endpoints.api.received, before)
    }))
})
