import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import { HttpClient } from "effect/http"
import { ObjectStore } from "../../src/cluster/index.ts"
import * as Signature from "../../src/cluster/Signature.ts"
import * as Store from "../../src/simulator/platform/ObjectStore.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

const HOST = "store.example"

const credentials = {
  accessKeyId: "key",
  secretAccessKey: Redacted.make("secret"),
  region: "us-east-1"
}

/** A store, and its client; what stumbles comes in place of the store's own responses, in order. */
const world = Effect.fnUntraced(function*(
  options: Partial<ObjectStore.Options> & Store.Options = {},
  stumbles: ReadonlyArray<ReturnType<typeof Double.plain> | undefined> = []
) {
  const double = yield* Store.make(options)
  const handler = yield* Double.stumbling(stumbles, double.handler)
  const store = yield* ObjectStore.make({
    ...credentials,
    bucket: "bucket",
    prefix: "jobs/june",
    endpoint: `https://${HOST}`,
    ...options
  }).pipe(Effect.provideService(HttpClient.HttpClient, Double.client({ [HOST]: handler })))
  return { ...double, store }
})

const bytes = (text: string) => new TextEncoder().encode(text)

describe("an object store", () => {
  it.effect("signs as AWS's own example of a listing does", () =>
    Effect.gen(function*() {
      const headers = yield* Signature.headers(
        {
          accessKeyId: "AKIAIOSFODNN7EXAMPLE",
          secretAccessKey: Redacted.make("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
          region: "us-east-1"
        },
        "GET",
        new URL("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"),
        new Uint8Array(),
        Date.UTC(2013, 4, 24)
      )
      assert.match(
        headers["authorization"] ?? "",
        /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7$/
      )
    }))

  it.effect.prop("gives back what was put, under any key", [
    Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(20)),
    Schema.String
  ], ([name, text]) =>
    Effect.gen(function*() {
      const { objects, store } = yield* world()
      const key = name.toWellFormed().replaceAll(/[./\\]/g, "-")
      yield* store.put(`a/${key}`, bytes(text))
      assert.deepStrictEqual(yield* store.get(`a/${key}`), bytes(text))
      assert.deepStrictEqual(yield* store.list("a/"), [`a/${key}`])
      assert.deepStrictEqual([...objects.keys()], [`jobs/june/a/${key}`])
    }))

  it.effect("lists page after page, sorted, and knows what is not there", () =>
    Effect.gen(function*() {
      const { store } = yield* world({ pageSize: 3 })
      const keys = Array.from({ length: 10 }, (_, at) => `results/${9 - at}`)
      for (const key of keys) yield* store.put(key, bytes(key))
      yield* store.put("shards/1", bytes(""))
      assert.deepStrictEqual(yield* store.list("results/"), keys.toSorted())
      assert.isUndefined(yield* store.get("results/10"))
    }))

  it.live("survives faults that pass", () =>
    Effect.gen(function*() {
      const { store } = yield* world({}, [Double.plain(503, "<Error><Code>SlowDown</Code></Error>"), undefined])
      yield* store.put("a", bytes("b"))
      assert.deepStrictEqual(yield* store.get("a"), bytes("b"))
    }))

  it.effect("says why it refuses, and never the secret", () =>
    Effect.gen(function*() {
      for (
        const [options, words] of [
          [{ secretAccessKey: Redacted.make("another secret") }, "SignatureDoesNotMatch"],
          [{ accessKeyId: "nobody" }, "InvalidAccessKeyId"],
          [{ bucket: "other" }, "NoSuchBucket"]
        ] as const
      ) {
        const double = yield* Store.make()
        const store = yield* ObjectStore.make({
          ...credentials,
          bucket: "bucket",
          endpoint: `https://${HOST}`,
          ...options
        })
          .pipe(Effect.provideService(HttpClient.HttpClient, Double.client({ [HOST]: double.handler })))
        const error = yield* Effect.flip(store.get("a"))
        assert.strictEqual(error.reason._tag, "StoreRefused")
        assert.include(error.message, words)
        assert.notInclude(error.message, "another secret")
      }
    }))
})
