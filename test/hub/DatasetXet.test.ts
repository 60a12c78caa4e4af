import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { createHash } from "node:crypto"
import { Push } from "../../src/dataset/index.ts"
import * as DatasetXet from "../../src/hub/DatasetXet.ts"
import * as HubDatasets from "../../src/hub/HubDatasets.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "../dataset/World.ts"

const repo = "org/chats"

/** What `commit` of `@huggingface/hub` is given. */
interface Given {
  readonly hubUrl: string
  readonly fetch: typeof fetch
  readonly operations: ReadonlyArray<{ readonly path: string; readonly content: Blob }>
}

/** In the order of that package, with the bytes by LFS: its own formats are tested in `bench/accepts.ts`. */
const commit = async ({ fetch, hubUrl, operations }: Given): Promise<void> => {
  for (const { content } of operations) {
    const bytes = new Uint8Array(await content.arrayBuffer())
    const oid = createHash("sha256").update(bytes).digest("hex")
    const batch = await fetch(`${hubUrl}/datasets/${repo}.git/info/lfs/objects/batch`, {
      method: "POST",
      headers: { "content-type": "application/vnd.git-lfs+json" },
      body: JSON.stringify({ operation: "upload", transfers: ["basic"], objects: [{ oid, size: content.size }] })
    })
    const { objects }: {
      readonly objects: ReadonlyArray<{ readonly actions?: { readonly upload: { readonly href: string } } }>
    } = await batch.json()
    const unknown = await fetch("https://cdn-lfs.hf.example/v1/chunks/default/0", {})
    if (unknown.status !== 404) throw new Error("a chunk was known")
    const href = objects[0]?.actions?.upload.href
    if (href !== undefined) await fetch(href, { method: "PUT", body: content.slice(0, content.size) })
  }
  const made = await fetch(`${hubUrl}/api/datasets/${repo}/commit/main`, { method: "POST", body: "not one of ours" })
  if (!made.ok) throw new Error("no commit")
}

const loaded = Effect.provideService(DatasetXet.Loader, () => Promise.resolve({ commit }))

describe("files by Xet", () => {
  it.live("go through this package's own requests: a fault that passes is survived, and the commit is ours alone", () =>
    Effect.gen(function*() {
      let failed = 0
      const world = yield* World.make({
        stumbles: ({ url }) =>
          url.pathname.startsWith("/lfs/") && failed++ === 0 ? Double.plain(503, "busy") : undefined
      })
      const split = yield* World.written(10)
      const pushed = yield* Push.push({ repo, splits: [split], card: { license: "mit" }, xet: true }).pipe(
        Effect.provide(Layer.merge(world.layer, World.node)),
        loaded
      )
      assert.strictEqual(failed, 2)
      assert.lengthOf(pushed.commits, 1)
      const commits = world.datasets.get(repo)?.commits ?? []
      assert.lengthOf(commits, 2)
      assert.strictEqual(
        commits.at(-1)?.files.get("data/train-00000-of-00001.parquet")?.lfs,
        split.files[0]?.sha256
      )
      for (const { headers } of yield* world.cdn.received) assert.isUndefined(headers["authorization"])
    }).pipe(Effect.scoped, Effect.provide(World.node)))

  it.live("that fail for good fail with the Hub's own reason", () =>
    Effect.gen(function*() {
      const world = yield* World.make({
        datasets: { [repo]: {} },
        stumbles: ({ url }) =>
          url.pathname.includes("/lfs/objects/batch") ? Double.json(403, { error: "no rights" }) : undefined
      })
      const upload = { path: "a.parquet", size: 3, sha256: "", read: () => Stream.succeed(new Uint8Array(3)) }
      const error = yield* Effect.flip(world.hub.uploadXet({ repo, files: [upload] })).pipe(loaded)
      assert.strictEqual(error.reason._tag, "Forbidden")
    }))

  it.live("end with the effect that sends them", () =>
    Effect.gen(function*() {
      const began = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<void>()
      const client = Double.client({
        "huggingface.co": () =>
          Deferred.succeed(began, undefined).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
          )
      })
      const layer = yield* World.datasetsOf(client)
      const upload = { path: "a.parquet", size: 3, sha256: "", read: () => Stream.succeed(new Uint8Array(3)) }
      const running = yield* Effect.forkChild(
        HubDatasets.HubDatasets.use((hub) => hub.uploadXet({ repo, files: [upload] })).pipe(
          Effect.provide(layer),
          loaded
        )
      )
      yield* Deferred.await(began)
      yield* Fiber.interrupt(running)
      yield* Deferred.await(ended)
    }))

  it.effect("need the package, and say so where it is not there", () =>
    Effect.gen(function*() {
      const world = yield* World.make({ datasets: { [repo]: {} } })
      const error = yield* Effect.flip(world.hub.uploadXet({ repo, files: [] })).pipe(
        Effect.provideService(DatasetXet.Loader, () => Promise.reject(new Error("not found")))
      )
      assert.match(error.message, /npm install @huggingface\/hub/)
    }))
})
