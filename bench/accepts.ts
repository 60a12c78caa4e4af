/**
 * Clients that were not written here accept the simulator: each gets a chat response and a chat stream, with usage; the
 * Hub's own client commits to the simulated Hub, by LFS and by Xet, and reads back. Prints one line per client and fails if
 * one of them does not work.
 */
import * as Hub from "@huggingface/hub"
import { Effect, Redacted, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import * as DatasetXet from "../src/hub/DatasetXet.ts"
import * as HubDatasets from "../src/hub/HubDatasets.ts"
import type * as DatasetRepo from "../src/simulator/platform/DatasetRepo.ts"
import * as SimulatorServer from "../src/simulator/SimulatorServer.ts"
import * as HubServer from "../test/dataset/HubServer.ts"
import * as Accepting from "./Accepting.ts"

const repo = { type: "dataset", name: "ada/data" } as const

/** A file of some chunks, half of which repeat. */
const bytes = new Uint8Array(600_000).map((_, at) => at < 300_000 ? (at * 2654435761 >>> 13) & 255 : at >> 12)

/** What `@huggingface/hub` does with a data set: makes it, commits by LFS and by Xet, lists pages, reads back. */
const acceptHub = async (hubUrl: string, storage: ReadonlyMap<string, DatasetRepo.DatasetRepo>) => {
  const common = { repo, hubUrl, accessToken: "hf_ada" }
  await Hub.createRepo(common)
  for (const [useXet, path] of [[false, "data/lfs.parquet"], [true, "data/xet.parquet"]] as const) {
    await Hub.commit({
      ...common,
      title: path,
      useXet,
      operations: [
        { operation: "addOrUpdate", path, content: new Blob([bytes.subarray(useXet ? 1 : 0)]) },
        { operation: "addOrUpdate", path: `${path}.txt`, content: new Blob(["small"]) }
      ]
    })
  }
  const listed: Array<string> = []
  for await (const { path, type } of Hub.listFiles({ ...common, recursive: true })) {
    if (type === "file") listed.push(path)
  }
  assert.deepEqual(listed.toSorted(), [
    "data/lfs.parquet",
    "data/lfs.parquet.txt",
    "data/xet.parquet",
    "data/xet.parquet.txt"
  ])
  const files = storage.get(repo.name)?.commits.at(-1)?.files
  assert.deepEqual(files?.get("data/xet.parquet")?.bytes, bytes.subarray(1), "@huggingface/hub: Xet gave other bytes")
  const blob = await Hub.downloadFile({ ...common, path: "data/lfs.parquet", xet: false })
  assert.deepEqual(new Uint8Array(await blob?.arrayBuffer() ?? new ArrayBuffer()), bytes)
  await Hub.deleteFile({ ...common, path: "data/lfs.parquet.txt" })
  const info = await Hub.datasetInfo({ name: repo.name, hubUrl, accessToken: "hf_ada" })
  assert.equal(info.name, repo.name)
  console.log(`@huggingface/hub: ${listed.length} files by LFS and Xet, ${bytes.length} bytes read back`)
}

/** This package's own push by Xet, through that package. */
const acceptXet = Effect.fnUntraced(function*(hubUrl: string, storage: ReadonlyMap<string, DatasetRepo.DatasetRepo>) {
  const hub = yield* HubDatasets.make({ baseUrl: hubUrl, token: Redacted.make("hf_ada") })
  // not what is already there
  const own = bytes.subarray(2)
  const read = (start: number, end: number) => Stream.succeed(own.subarray(start, end))
  const sha256 = createHash("sha256").update(own).digest("hex")
  yield* hub.create({ repo: "ada/pushed" })
  const file = { path: "data/a.parquet", size: own.length, sha256, read }
  yield* hub.uploadXet({ repo: "ada/pushed", files: [file] })
  const { sha } = yield* hub.info({ repo: "ada/pushed" })
  const { path, size } = file
  yield* hub.commit({
    repo: "ada/pushed",
    parent: sha,
    summary: "by Xet",
    changes: [{ _tag: "AddLarge", path, sha256, size }]
  })
  assert.deepEqual(storage.get("ada/pushed")?.commits.at(-1)?.files.get(path)?.bytes, own)
  console.log(`uploadXet: ${size} bytes by Xet, reassembled`)
})

await Effect.gen(function*() {
  const { url } = yield* SimulatorServer.SimulatorServer
  yield* Effect.promise(() => Accepting.accept("simulator", url))
  const hub = yield* HubServer.make({ users: { hf_ada: { name: "ada" } }, pageSize: 3, foreign: true })
  yield* Effect.promise(() => acceptHub(hub.url, hub.datasets))
  yield* acceptXet(hub.url, hub.datasets).pipe(
    Effect.provideService(DatasetXet.Loader, () => import("@huggingface/hub")),
    Effect.provide(FetchHttpClient.layer)
  )
}).pipe(Effect.scoped, Effect.provide(SimulatorServer.layer()), Effect.runPromise)
