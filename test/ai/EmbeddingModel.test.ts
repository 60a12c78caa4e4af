import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { EmbeddingModel, Model } from "effect/ai"
import { HttpClient, HttpClientResponse } from "effect/http"
import { HuggingFaceEmbeddingModel } from "../../src/ai/index.ts"
import { Retry } from "../../src/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { address } from "./Weather.ts"

type Engine = "tei" | "vllm" | "sglang" | "llamacpp"

const live = (engine: Engine, config: HuggingFaceEmbeddingModel.Options = {}) =>
  HuggingFaceEmbeddingModel.layer({ ...address, config, client: { retry: Retry.none } }).pipe(
    Layer.provideMerge(Simulator.layer({ engine, dimensions: 4, embeddings: true }))
  )

const embedMany = (inputs: ReadonlyArray<string>) =>
  EmbeddingModel.EmbeddingModel.use((model) => model.embedMany(inputs))
const vectorsOf = ({ embeddings }: EmbeddingModel.EmbedManyResponse) => embeddings.map(({ vector }) => vector)

const Sent = Schema.Struct({
  inputs: Schema.optionalKey(Schema.Array(Schema.String)),
  input: Schema.optionalKey(Schema.Array(Schema.String)),
  truncate: Schema.optionalKey(Schema.Boolean),
  normalize: Schema.optionalKey(Schema.Boolean),
  prompt_name: Schema.optionalKey(Schema.String),
  dimensions: Schema.optionalKey(Schema.Int)
})

/** Paths and bodies of the requests that embed. */
const sent = Effect.gen(function*() {
  const { journal } = yield* Simulator.Simulator
  const posts = (yield* journal.entries).filter(({ request }) => request.method === "POST")
  yield* journal.clear
  return yield* Effect.forEach(
    posts,
    ({ request }) =>
      Effect.map(Schema.decodeUnknownEffect(Sent)(request.json), (body) => ({ path: request.path, body }))
  )
})

const texts = (count: number) => Array.from({ length: count }, (_, index) => `text number ${index}`)

describe.each(["tei", "vllm", "sglang", "llamacpp"] as const)("on %s", (engine) => {
  layer(live(engine, { batchSize: 3, concurrency: 2 }))("embeddings", (it) => {
    it.effect("come one for each text, in the order of the texts, over requests that are not too large", () =>
      Effect.gen(function*() {
        const inputs = texts(8)
        const response = yield* embedMany(inputs)
        assert.deepStrictEqual((yield* sent).map(({ body }) => body.input?.length).toSorted(), [2, 3, 3])
        const alone = yield* Effect.forEach(inputs, (text) => embedMany([text]))
        assert.deepStrictEqual(vectorsOf(response), alone.flatMap(vectorsOf))
        assert.isTrue(vectorsOf(response).every(({ length }) => length === 4))
      }))

    it.effect("sum up the tokens of their requests", () =>
      Effect.gen(function*() {
        const one = (yield* embedMany(["a b c"])).usage.inputTokens ?? 0
        assert.isAbove(one, 0)
        assert.strictEqual((yield* embedMany(Array.from({ length: 4 }, () => "a b c"))).usage.inputTokens, 4 * one)
      }))

    it.effect("of single texts at the same time share a request", () =>
      Effect.gen(function*() {
        yield* sent
        const { embed } = yield* EmbeddingModel.EmbeddingModel
        yield* Effect.forEach(texts(3), embed, { concurrency: "unbounded" })
        assert.deepStrictEqual((yield* sent).map(({ body }) => body.input), [texts(3)])
      }))

    it.effect("of nothing ask nobody", () =>
      Effect.gen(function*() {
        yield* sent
        assert.lengthOf(vectorsOf(yield* embedMany([])), 0)
        assert.lengthOf(yield* sent, 0)
      }))

    it.effect("have the dimensions that were asked for, or are an error that says so", () =>
      Effect.gen(function*() {
        const asked = embedMany(["a", "b"]).pipe(HuggingFaceEmbeddingModel.withConfigOverride({ dimensions: 2 }))
        if (engine === "llamacpp") {
          const error = yield* Effect.flip(asked)
          assert.strictEqual(error.reason._tag, "InvalidResponseError")
          assert.include(error.message, "ignores `dimensions`")
        } else {
          assert.deepStrictEqual(vectorsOf(yield* asked).map(({ length }) => length), [2, 2])
        }
        yield* sent
      }))

    it.effect("fail as the server failed", () =>
      Effect.gen(function*() {
        yield* (yield* Simulator.Simulator).fail(Fault.rateLimited({ retryAfter: 3 }))
        const error = yield* Effect.flip(embedMany(["a"]))
        assert.strictEqual(error.reason._tag, "RateLimitError")
        assert.isDefined(error.retryAfter)
      }))
  })
})

layer(live("tei", { route: "tei" }))("TEI's own route", (it) => {
  it.effect("takes its own options, and does not count tokens", () =>
    Effect.gen(function*() {
      const { usage } = yield* embedMany(["a", "b"]).pipe(
        HuggingFaceEmbeddingModel.withConfigOverride({ truncate: true, normalize: false, promptName: "query" })
      )
      assert.isUndefined(usage.inputTokens)
      assert.deepStrictEqual(yield* sent, [{
        path: "/embed",
        body: { inputs: ["a", "b"], truncate: true, normalize: false, prompt_name: "query" }
      }])
    }))

  it.effect("gives the same vectors as the shared route", () =>
    Effect.gen(function*() {
      const own = yield* embedMany(texts(3))
      const shared = yield* embedMany(texts(3)).pipe(
        HuggingFaceEmbeddingModel.withConfigOverride({ route: "openai" })
      )
      assert.deepStrictEqual(vectorsOf(own), vectorsOf(shared))
    }))

  it.effect("alone takes its options: elsewhere they are refused before anything is sent", () =>
    Effect.gen(function*() {
      yield* sent
      const error = yield* embedMany(["a"]).pipe(
        HuggingFaceEmbeddingModel.withConfigOverride({ route: "openai", truncate: true }),
        Effect.flip
      )
      assert.include(error.message, "truncate")
      assert.lengthOf(yield* sent, 0)
    }))

  it.effect("keeps texts with different options in different requests", () =>
    Effect.gen(function*() {
      yield* sent
      const { embed } = yield* EmbeddingModel.EmbeddingModel
      yield* Effect.all([
        embed("a"),
        HuggingFaceEmbeddingModel.withConfigOverride(embed("b"), { truncate: true })
      ], { concurrency: "unbounded" })
      const bodies = (yield* sent).map(({ body }) => [body.inputs, body.truncate])
      assert.sameDeepMembers(bodies, [[["a"], undefined], [["b"], true]])
    }))
})

const answering = (data: ReadonlyArray<{ readonly index: number; readonly embedding: ReadonlyArray<number> }>) =>
  HuggingFaceEmbeddingModel.layer(address).pipe(
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, Response.json({ object: "list", data })))
      )
    ))
  )

describe("an answer of another server", () => {
  it.effect("is read by its indices, whatever their order", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual<unknown>(vectorsOf(yield* embedMany(["a", "b"])), [[1], [2]])
    }).pipe(Effect.provide(answering([{ index: 1, embedding: [2] }, { index: 0, embedding: [1] }]))))

  it.effect("is an error where a vector is missing or there twice", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(embedMany(["a", "b"]))
      assert.strictEqual(error.reason._tag, "InvalidResponseError")
    }).pipe(Effect.provide(answering([{ index: 0, embedding: [2] }, { index: 0, embedding: [1] }]))))
})

it.effect("an embedding model by name says how long its vectors are", () =>
  Effect.gen(function*() {
    const dimensions = yield* EmbeddingModel.Dimensions
    assert.strictEqual(yield* Model.ModelName, "small")
    assert.deepStrictEqual(vectorsOf(yield* embedMany(["a"])).map(({ length }) => length), [dimensions])
  }).pipe(Effect.provide(
    HuggingFaceEmbeddingModel.model("small", { ...address, dimensions: 8 }).pipe(
      Layer.provide(Simulator.layer({ engine: "tei" }))
    )
  )))
