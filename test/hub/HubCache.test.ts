import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as HubCache from "../../src/hub/HubCache.ts"
import * as HubCacheDisk from "../../src/hub/HubCacheDisk.ts"
import * as World from "./World.ts"

const { commit } = World
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (lookup: HubCache.Lookup) => lookup._tag === "Hit" ? new TextDecoder().decode(lookup.bytes) : lookup._tag

const key = { repo: "org/name", revision: "main", path: "a/config.json" }
const entry = { ...key, commit, etag: "e1" }

const disk = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* fs.makeTempDirectoryScoped()
  const at = (...parts: ReadonlyArray<string>) => path.join(root, "models--org--name", ...parts)
  return { fs, root, at, cache: yield* HubCacheDisk.make(root) }
})

describe.each(
  [
    ["in memory", HubCache.makeMemory],
    ["on disk", Effect.map(disk, ({ cache }) => cache)]
  ] as const
)("a HubCache %s", (_, make) => {
  const law = (name: string, body: (cache: HubCache.HubCache["Service"]) => Effect.Effect<void>) =>
    it.effect(name, () => Effect.flatMap(make, body).pipe(Effect.provide(NodeServices.layer)))

  law("knows nothing at first", (cache) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* cache.lookup(key))._tag, "Miss")
      assert.deepStrictEqual(yield* cache.list(key), [])
    }))

  law("gives what was stored, by branch and by commit", (cache) =>
    Effect.gen(function*() {
      yield* cache.store(entry, bytes("{}"))
      assert.strictEqual(text(yield* cache.lookup(key)), "{}")
      assert.strictEqual(text(yield* cache.lookup({ ...key, revision: commit })), "{}")
    }))

  law("follows a branch that moved", (cache) =>
    Effect.gen(function*() {
      const next = "b".repeat(40)
      yield* cache.store(entry, bytes("old"))
      yield* cache.store({ ...entry, commit: next, etag: "e2" }, bytes("new"))
      assert.strictEqual(text(yield* cache.lookup(key)), "new")
      assert.strictEqual(text(yield* cache.lookup({ ...key, revision: commit })), "old")
    }))

  law("knows that a commit does not have a file", (cache) =>
    Effect.gen(function*() {
      yield* cache.storeAbsent({ ...key, commit })
      assert.strictEqual((yield* cache.lookup(key))._tag, "Absent")
    }))

  law("lists the files of a revision", (cache) =>
    Effect.gen(function*() {
      yield* cache.store(entry, bytes("1"))
      yield* cache.store({ ...entry, path: "b", etag: "e2" }, bytes("2"))
      assert.sameMembers([...yield* cache.list(key)], ["a/config.json", "b"])
    }))
})

const onDisk = (
  name: string,
  body: Effect.Effect<void, unknown, NodeServices.NodeServices | Scope.Scope>
) => it.effect(name, () => Effect.provide(body, NodeServices.layer))

describe("a HubCache on disk", () => {
  onDisk(
    "writes the layout of Python",
    Effect.gen(function*() {
      const { at, cache, fs } = yield* disk
      yield* cache.store({ ...entry, revision: "refs/pr/1" }, bytes("{}"))
      assert.strictEqual(yield* fs.readFileString(at("refs", "refs", "pr", "1")), commit)
      assert.strictEqual(yield* fs.readFileString(at("blobs", "e1")), "{}")
      assert.strictEqual(yield* fs.readLink(at("snapshots", commit, "a", "config.json")), "../../../blobs/e1")
    })
  )

  onDisk(
    "reads what Python left, with real files and with links",
    Effect.gen(function*() {
      const { at, cache, fs } = yield* disk
      yield* fs.makeDirectory(at("refs"), { recursive: true })
      yield* fs.makeDirectory(at("snapshots", commit), { recursive: true })
      yield* fs.makeDirectory(at("blobs"), { recursive: true })
      yield* fs.makeDirectory(at(".no_exist", commit), { recursive: true })
      yield* fs.writeFileString(at("refs", "main"), commit)
      yield* fs.writeFileString(at("snapshots", commit, "real"), "real")
      yield* fs.writeFileString(at("blobs", "x"), "linked")
      yield* fs.symlink("../../blobs/x", at("snapshots", commit, "link"))
      yield* fs.writeFileString(at(".no_exist", commit, "none"), "")
      assert.strictEqual(text(yield* cache.lookup({ ...key, path: "real" })), "real")
      assert.strictEqual(text(yield* cache.lookup({ ...key, path: "link" })), "linked")
      assert.strictEqual((yield* cache.lookup({ ...key, path: "none" }))._tag, "Absent")
      assert.strictEqual((yield* cache.lookup({ ...key, path: "other" }))._tag, "Miss")
    })
  )

  onDisk(
    "never writes through a link that is there",
    Effect.gen(function*() {
      const { at, cache, fs } = yield* disk
      yield* cache.store(entry, bytes("first"))
      yield* cache.store({ ...entry, etag: "e2" }, bytes("second"))
      assert.strictEqual(yield* fs.readFileString(at("blobs", "e1")), "first")
    })
  )

  onDisk(
    "leaves a whole file and nothing half-written when many write at once",
    Effect.gen(function*() {
      const { cache, fs, root } = yield* disk
      yield* Effect.forEach(Array.from({ length: 32 }), () => cache.store(entry, bytes("x".repeat(10_000))), {
        concurrency: "unbounded"
      })
      assert.strictEqual(text(yield* cache.lookup(key)), "x".repeat(10_000))
      const left = yield* fs.readDirectory(root, { recursive: true })
      assert.deepStrictEqual(left.filter((name) => /\.(tmp|incomplete)$/.test(name)), [])
    })
  )

  onDisk(
    "serves several processes that write the same files at once",
    Effect.gen(function*() {
      const { cache, fs, root } = yield* disk
      const script = `
        import { NodeServices } from "@effect/platform-node"
        import { Effect } from "effect"
        import * as HubCacheDisk from ${JSON.stringify(new URL("../../src/hub/HubCacheDisk.ts", import.meta.url).href)}
        const bytes = new Uint8Array(100_000).fill(120)
        await Effect.runPromise(Effect.flatMap(HubCacheDisk.make(${JSON.stringify(root)}), (cache) =>
          Effect.forEach(Array.from({ length: 50 }, (_, n) => n % 5), (n) =>
            cache.store({ ...${JSON.stringify(entry)}, path: "f" + n, etag: "e" + n }, bytes))
        ).pipe(Effect.provide(NodeServices.layer)))`
      const run = Effect.callback<number | null>((resume) => {
        spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "inherit", "inherit"] })
          .on("exit", (code) => resume(Effect.succeed(code)))
      })
      assert.deepStrictEqual(yield* Effect.all([run, run, run], { concurrency: 3 }), [0, 0, 0])
      for (const n of [0, 1, 2, 3, 4]) {
        assert.strictEqual(text(yield* cache.lookup({ ...key, path: `f${n}` })), "x".repeat(100_000))
      }
      const left = yield* fs.readDirectory(root, { recursive: true })
      assert.deepStrictEqual(left.filter((name) => /\.(tmp|incomplete)$/.test(name)), [])
    })
  )

  onDisk(
    "takes a ref that holds no commit for a miss",
    Effect.gen(function*() {
      const { at, cache, fs } = yield* disk
      yield* fs.makeDirectory(at("refs"), { recursive: true })
      yield* fs.writeFileString(at("refs", "main"), "../../../etc")
      assert.strictEqual((yield* cache.lookup(key))._tag, "Miss")
    })
  )

  onDisk(
    "neither reads nor writes outside its directory",
    Effect.gen(function*() {
      const { cache, fs, root } = yield* disk
      for (const wrong of [{ path: "../../x" }, { repo: "../x" }, { revision: "../../x" }, { path: "/etc/hostname" }]) {
        yield* cache.store({ ...entry, ...wrong }, bytes("x"))
        yield* cache.storeAbsent({ ...entry, ...wrong })
        assert.strictEqual((yield* cache.lookup({ ...key, revision: commit, ...wrong }))._tag, "Miss")
        assert.deepStrictEqual(yield* cache.list({ ...key, ...wrong }), [])
      }
      assert.deepStrictEqual(yield* fs.readDirectory(root), [])
    })
  )

  onDisk(
    "does not make a file name of an etag that is none",
    Effect.gen(function*() {
      const { cache, fs, root } = yield* disk
      yield* cache.store({ ...entry, etag: "../../escape" }, bytes("x"))
      assert.deepStrictEqual(yield* fs.readDirectory(root), [])
    })
  )

  onDisk(
    "goes on without a disk that can be written",
    Effect.gen(function*() {
      const { fs, root } = yield* disk
      yield* fs.writeFileString(`${root}/file`, "")
      const cache = yield* HubCacheDisk.make(`${root}/file`)
      yield* cache.store(entry, bytes("x"))
      assert.strictEqual((yield* cache.lookup(key))._tag, "Miss")
    })
  )
})
