/** One policy reaches everything: finding the endpoint, probing it, its health, the Hub, and the call itself. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Random, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Waiting from "../../src/endpoint/dedicated/Waiting.ts"
import * as EndpointError from "../../src/endpoint/EndpointError.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as Structures from "../../src/pipeline/object/Structures.ts"
import * as Wire from "../transport/Wire.ts"

const { none, standard } = Retry

type Target = Pick<InferenceEndpointsLLM.LayerOptions, "baseUrl" | "endpointName" | "endpointNamespace" | "modelId">

const targets: ReadonlyArray<readonly [name: string, target: Target]> = [
  ["a base URL", { baseUrl: "https://server.example" }],
  ["the URL of a dedicated endpoint", { baseUrl: "https://x.us-east-1.aws.endpoints.huggingface.cloud" }],
  ["a dedicated endpoint", { endpointName: "llm", endpointNamespace: "org" }],
  ["a model", { modelId: "org/model" }]
]

/** One generation of the service: how it ended, after how many milliseconds of the clock and how many requests. */
const generating = (
  wire: Wire.Wire,
  options: InferenceEndpointsLLM.LayerOptions,
  around: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (self) => self,
  call: (
    llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]
  ) => Effect.Effect<unknown, InferenceEndpointsLLM.GenerateError> = (llm) => llm.generate("Hi")
) =>
  Effect.gen(function*() {
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* InferenceEndpointsLLM.InferenceEndpointsLLM.use(call).pipe(
      around,
      Effect.flip,
      Effect.flatMap((error) => Effect.map(Clock.currentTimeMillis, (now) => ({ error, after: now - start }))),
      Effect.provide(
        InferenceEndpointsLLM.layer({ apiKey: "hf_secret", ...options }).pipe(Layer.provide(wire.layer))
      ),
      Effect.forkChild({ startImmediately: true })
    )
    yield* TestClock.adjust("1 hour")
    return { ...(yield* Fiber.join(fiber)), requests: wire.requests.length }
  })

const refused = () => Wire.make(() => Wire.nested("ECONNREFUSED"))

describe.each(targets)("finding %s", (_, target) => {
  it.effect("with one attempt allowed, fails at once where the connection is refused", () =>
    Effect.gen(function*() {
      const { after, error, requests } = yield* generating(refused(), { ...target, client: { retry: none } })
      assert.deepStrictEqual([after, error._tag], [0, "EndpointError"])
      // a model is looked for in two places
      assert.strictEqual(requests, "modelId" in target ? 2 : 1)
    }))

  it.effect("does so for one call too", () =>
    Effect.gen(function*() {
      const { after } = yield* generating(refused(), target, Effect.provideService(Retry.CurrentPolicy, none))
      assert.strictEqual(after, 0)
    }))

  it.effect("ends with the time of the whole call, where nothing answers", () =>
    Effect.gen(function*() {
      const silent = Wire.make(() => "silence", { health: () => "silence" })
      const { after, error } = yield* generating(silent, { ...target, client: { timeouts: { total: "2 seconds" } } })
      assert.deepStrictEqual([after, error._tag], [2000, "EndpointError"])
    }))

  it.effect("ends with it where it is refused again and again", () =>
    Effect.gen(function*() {
      const { after } = yield* generating(refused(), {
        ...target,
        client: { timeouts: { total: "2 seconds" }, retry: { attempts: 1000 } }
      })
      assert.isAtMost(after, 2000)
    }))

  it.effect("tells what it waits for, before it waits", () =>
    Effect.gen(function*() {
      const told: Array<Retry.Wait> = []
      yield* generating(
        refused(),
        { ...target, waitTimeout: "10 seconds", client: { retry: { attempts: 2 } } },
        Effect.provideService(Retry.OnWait, (wait) => Effect.sync(() => void told.push(wait)))
      )
      assert.isNotEmpty(told)
      for (const { reason, subject } of told) {
        assert.isNotEmpty(subject)
        assert.match(reason, /nothing listens there|unavailable|unreachable/)
      }
    }))
})

const ways: ReadonlyArray<
  readonly [name: string, call: NonNullable<Parameters<typeof generating>[3]>]
> = [
  ["a call's", (llm) => llm.generate("Hi")],
  ["a streamed call's", (llm) => llm.generate("Hi", { delivery: "stream" })],
  ["a stream's", (llm) => Stream.runDrain(llm.stream("Hi"))],
  [
    "the stream's of an object",
    (llm) => Stream.runDrain(llm.streamObject("Hi", { schema: Schema.Struct({ name: Schema.String }) }))
  ]
]

const patience = { baseUrl: "https://server.example", client: { timeouts: { total: "5 seconds" } } } as const

/** A second for each question about the engine, and then what the test says. */
const slow = (answer: () => Wire.Answer) =>
  Wire.make((_, { url }) =>
    url.endsWith("/generate_stream") || url.endsWith("completions")
      ? answer()
      : Effect.delay(Effect.succeed(Wire.json({ data: [{ id: "m", owned_by: "vllm" }] })), 1000), {
    health: () => "silence"
  })

const begun = () => Wire.events([": still there\n\n"], { end: "open" })

describe("one `total` bounds finding the endpoint and the call together", () => {
  for (const [name, call] of ways) {
    it.effect(`${name} own time is what finding its endpoint left of it`, () =>
      Effect.gen(function*() {
        // it is loaded in real time, for which the clock does not wait
        yield* Structures.load
        const { after, error } = yield* generating(slow(() => "silence"), patience, undefined, call)
        assert.deepStrictEqual([after, error._tag], [5000, "InferenceError"])
      }))

    it.effect(`${name} own time is no more where something came of it`, () =>
      Effect.gen(function*() {
        const { after } = yield* generating(slow(begun), patience, undefined, call)
        assert.isAtMost(after, 5000)
      }))
  }
})

/** Waits through what the looks say, and gives the pauses between them in milliseconds. */
const pauses = (looks: ReadonlyArray<"up" | "down" | "stumble">) =>
  Effect.gen(function*() {
    const told: Array<number> = []
    let at = 0
    const fiber = yield* Waiting.until<void, never>({
      subject: "org/llm",
      timeout: Duration.hours(1),
      policy: standard,
      onProgress: () => Effect.void,
      step: () =>
        Effect.sync(() => {
          const look = looks[at++] ?? "up"
          return look === "up"
            ? { _tag: "Ready", value: undefined }
            : { _tag: "Pending", state: "x", message: "", action: look === "down" ? "Checked" : "Stumbled" }
        })
    }).pipe(
      Effect.provideService(Retry.OnWait, ({ delay }) => Effect.sync(() => void told.push(Duration.toMillis(delay)))),
      Effect.forkChild({ startImmediately: true })
    )
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return told
  })

describe("a wait", () => {
  it.effect("is not made long by one look that failed in passing", () =>
    Effect.gen(function*() {
      const [pause = Infinity] = yield* pauses(["stumble"])
      assert.isAtMost(pause, 250)
    }))

  it.effect("grows with every further one, up to 15 seconds, and shrinks after a look that succeeds", () =>
    Effect.gen(function*() {
      const told = yield* pauses([...Array.from({ length: 12 }, () => "stumble" as const), "down", "stumble"])
      for (const [index, pause] of told.slice(0, 12).entries()) {
        assert.isAtMost(pause, Math.min(15_000, 250 * 2 ** index))
      }
      assert.isAtLeast(told[12] ?? 0, 4000)
      assert.isAtMost(told[13] ?? Infinity, 250)
    }))

  it.effect("doubles with every further one, where chance makes it as long as it may be", () =>
    Effect.gen(function*() {
      const told = yield* pauses(["stumble", "stumble", "stumble", "down", "stumble", "stumble"])
      assert.deepStrictEqual(told, [250, 500, 1000, 6000, 250, 500])
    }).pipe(Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 1, nextIntUnsafe: () => 0 })))

  it.effect("ends with the time that is left for the whole call", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Waiting.until<void, never>({
        subject: "org/llm",
        timeout: Duration.zero,
        policy: standard,
        onProgress: () => Effect.void,
        step: () => Effect.succeed({ _tag: "Pending", state: "paused", message: "", action: "Checked" })
      }))
      assert.instanceOf(error, EndpointError.NotDeployed)
    }))
})
