import { assert, describe, it } from "@effect/vitest"
import { Effect, type FileSystem, Layer, type Scope, Stream } from "effect"
import { FileBytes, Parquet, Push } from "../../src/dataset/index.ts"
import type * as HubDatasets from "../../src/hub/HubDatasets.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import * as World from "./World.ts"

const repo = "org/chats"
const card = { license: "apache-2.0" }

type World = Effect.Success<ReturnType<typeof World.make>>

const within = <A, E>(
  world: World,
  effect: Effect.Effect<A, E, HubDatasets.HubDatasets | FileSystem.FileSystem>
) => Effect.provide(effect, Layer.merge(world.layer, World.node))

const run = <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof World.node> | Scope.Scope>) =>
  Effect.scoped(Effect.provide(effect, World.node))

const commits = ({ datasets }: World) => datasets.get(repo)?.commits ?? []

const treeOf = (world: World) =>
  [...commits(world).at(-1)?.files ?? []].map(([path, { oid }]) => `${path} ${oid}`).toSorted()

const reasonOf = <A, E extends { readonly reason: { readonly _tag: string; readonly message: string } }, R>(
  effect: Effect.Effect<A, E, R>
) => Effect.map(Effect.flip(effect), ({ reason }) => reason)

describe("push", () => {
  it.effect("makes the repository, sends the files by LFS, and commits files and card together", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      const split = yield* World.written(10)
      const pushed = yield* within(world, Push.push({ repo, splits: [split], card }))
      assert.isTrue(pushed.creates)
      assert.lengthOf(pushed.commits, 1)
      assert.lengthOf(commits(world), 2)
      const files = commits(world).at(-1)?.files
      const file = files?.get("data/train-00000-of-00001.parquet")
      assert.strictEqual(file?.lfs, split.files[0]?.sha256)
      const readme = new TextDecoder().decode(files?.get("README.md")?.bytes)
      assert.match(readme, /^---\nlicense: apache-2\.0\n/)
      assert.match(readme, /num_examples: 10\n/)
      assert.match(readme, /path: data\/train-\*\n/)
      const opened = yield* Parquet.open(FileBytes.memory("pushed", file?.bytes ?? new Uint8Array()))
      assert.deepStrictEqual(yield* Stream.runCollect(opened.stream()), World.rows(10))
    })))

  it.effect("asks in the order of Python's client, and never gives the token to the storage", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      yield* within(world, Push.push({ repo, splits: [yield* World.written(3)], card }))
      const routes = yield* world.routes
      assert.deepStrictEqual(routes.filter((route) => route.startsWith("POST")), [
        "POST /api/repos/create",
        `POST /api/datasets/${repo}/preupload/main`,
        `POST /datasets/${repo}.git/info/lfs/objects/batch`,
        `POST /datasets/${repo}.git/info/lfs/objects/verify`,
        "POST /api/validate-yaml",
        `POST /api/datasets/${repo}/commit/main`
      ])
      for (const { headers } of yield* world.cdn.received) assert.isUndefined(headers["authorization"])
    })))

  it.effect("that is repeated sends nothing and makes no commit", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      const split = yield* World.written(10)
      yield* within(world, Push.push({ repo, splits: [split], card }))
      const [before, puts] = [treeOf(world), (yield* world.stored).length]
      const again = yield* within(world, Push.push({ repo, splits: [split], card }))
      assert.deepStrictEqual([again.commits, again.uploaded], [[], 0])
      assert.lengthOf(commits(world), 2)
      assert.deepStrictEqual(treeOf(world), before)
      assert.lengthOf(yield* world.stored, puts)
    })))

  it.effect("that died between upload and commit goes on without sending the bytes again, to the same tree", () =>
    run(Effect.gen(function*() {
      const split = yield* World.written(10)
      const whole = yield* World.make()
      yield* within(whole, Push.push({ repo, splits: [split], card }))
      let alive = false
      const world = yield* World.make({
        stumbles: ({ url }) => !alive && url.pathname.includes("/commit/") ? Double.plain(403, "down") : undefined
      })
      yield* Effect.flip(within(world, Push.push({ repo, splits: [split], card })))
      assert.lengthOf(commits(world), 1)
      assert.lengthOf((yield* world.stored).filter((route) => route.startsWith("PUT")), 1)
      alive = true
      const pushed = yield* within(world, Push.push({ repo, splits: [split], card }))
      assert.strictEqual(pushed.uploaded, 0)
      assert.lengthOf((yield* world.stored).filter((route) => route.startsWith("PUT")), 1)
      assert.lengthOf(commits(world), 2)
      assert.deepStrictEqual(treeOf(world), treeOf(whole))
    })))

  it.live("whose commit was made but whose response was lost makes no second one", () =>
    run(Effect.gen(function*() {
      const split = yield* World.written(10)
      const world = yield* World.make()
      // the response is lost after the commit
      let lost = false
      const client = Double.client(Object.fromEntries(
        Object.entries(world.handlers).map(([host, handler]): [string, Double.Handler] => [
          host,
          (request) =>
            Effect.flatMap(handler(request), (response) => {
              if (lost || !request.url.pathname.includes("/commit/")) return Effect.succeed(response)
              lost = true
              return Effect.succeed(Double.plain(504, "gateway"))
            })
        ])
      ))
      const hub = yield* World.datasetsOf(client)
      const pushed = yield* Effect.provide(Push.push({ repo, splits: [split], card }), Layer.merge(hub, World.node))
      assert.isTrue(lost)
      assert.lengthOf(commits(world), 2)
      assert.deepStrictEqual(pushed.commits, [])
    })))

  it.effect("builds on the head again where another commit came in between (412), and keeps what that one wrote", () =>
    run(Effect.gen(function*() {
      const split = yield* World.written(5)
      const world = yield* World.make({ datasets: { [repo]: { files: {} } } })
      const meddling = Effect.suspend(() =>
        world.hub.info({ repo }).pipe(
          Effect.flatMap(({ sha }) =>
            world.hub.commit({
              repo,
              parent: sha,
              summary: "someone else",
              changes: [{ _tag: "Add", path: "notes.txt", bytes: new Uint8Array([104, 105]) }]
            })
          )
        )
      )
      let once = false
      const hub: typeof world.hub = {
        ...world.hub,
        validateCard: (content) => {
          const check = world.hub.validateCard(content)
          if (once) return check
          once = true
          return Effect.andThen(Effect.orDie(meddling), check)
        }
      }
      const pushed = yield* Effect.provide(
        Push.push({ repo, splits: [split], card }),
        Layer.merge(World.layerOf(hub), World.node)
      )
      assert.lengthOf(pushed.commits, 1)
      const files = commits(world).at(-1)?.files
      assert.isTrue(files?.has("notes.txt") === true && files.has("data/train-00000-of-00001.parquet"))
      assert.lengthOf(commits(world), 3)
    })))

  it.effect("takes the files of an older push of the split away, and leaves other files", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make({
        datasets: {
          [repo]: {
            files: {
              "data/train-00000-of-00002.parquet": new Uint8Array([1]),
              "data/train-00001-of-00002.parquet": new Uint8Array([2]),
              "data/test-00000-of-00001.parquet": new Uint8Array([3]),
              "data/train-notes.txt": "mine"
            }
          }
        }
      })
      const pushed = yield* within(world, Push.push({ repo, splits: [yield* World.written(5)], card }))
      assert.sameMembers([...pushed.deletes], [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet"
      ])
      assert.sameMembers([...commits(world).at(-1)?.files.keys() ?? []], [
        "data/test-00000-of-00001.parquet",
        "data/train-notes.txt",
        "data/train-00000-of-00001.parquet",
        "README.md"
      ])
    })))

  it.effect("keeps a card's text, its other keys and its other configurations", () =>
    run(Effect.gen(function*() {
      const old = `---
license: mit
language:
- de
configs:
- config_name: other
  data_files: other.csv
pretty_name: "Yes: mine"
---
# Mine

Do not touch.
`
      const world = yield* World.make({ datasets: { [repo]: { files: { "README.md": old } } } })
      const pushed = yield* within(world, Push.push({ repo, splits: [yield* World.written(2)], card: {} }))
      for (
        const kept of [
          "license: mit\n",
          "- de\n",
          "config_name: other\n",
          "pretty_name: 'Yes: mine'\n",
          "Do not touch."
        ]
      ) {
        assert.include(pushed.card, kept)
      }
    })))

  it.effect("asks for the licence and sends nothing without one", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      const reason = yield* reasonOf(within(world, Push.push({ repo, splits: [yield* World.written(2)], card: {} })))
      assert.match(reason.message, /names no licence/)
      assert.isFalse((yield* world.routes).some((route) => route.startsWith("POST")))
    })))

  it.effect("shows in a dry run what it would do, and sends nothing", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      const split = yield* World.written(2)
      const plan = yield* within(world, Push.plan({ repo, splits: [split], card }))
      assert.isTrue(plan.creates && plan.cardChanges)
      assert.deepStrictEqual(plan.files.map(({ status }) => status), ["new"])
      assert.isFalse((yield* world.routes).some((route) => route.startsWith("POST")))
      const { card: written } = yield* within(world, Push.push({ repo, splits: [split], card }))
      assert.strictEqual(written, plan.card)
    })))

  it.effect("commits many files in lots, the card with the last", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make()
      const split = yield* World.written(30, { groupRows: 10, fileBytes: 1 })
      assert.lengthOf(split.files, 3)
      const pushed = yield* within(world, Push.push({ repo, splits: [split], card, filesPerCommit: 2 }))
      assert.lengthOf(pushed.commits, 2)
      const [, first, last] = commits(world)
      assert.deepStrictEqual([first?.files.has("README.md"), last?.files.has("README.md")], [false, true])
      assert.strictEqual(last?.files.size, 4)
    })))

  it.effect("sends large files in parts", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make({ partSize: 512 })
      const split = yield* World.written(50)
      yield* within(world, Push.push({ repo, splits: [split], card }))
      const puts = (yield* world.stored).filter((route) => route.startsWith("PUT"))
      assert.lengthOf(puts, Math.ceil((split.files[0]?.size ?? 0) / 512))
      assert.isAbove(puts.length, 2)
      assert.lengthOf(commits(world), 2)
    })))

  it.effect("leaves out what the repository ignores", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make({ datasets: { [repo]: { files: { ".gitignore": "*.parquet\n" } } } })
      const pushed = yield* within(world, Push.push({ repo, splits: [yield* World.written(2)], card }))
      assert.deepStrictEqual(pushed.files.map(({ status }) => status), ["ignored"])
      assert.lengthOf(yield* world.stored, 0)
    })))

  for (
    const [name, path] of [
      ["preupload", "/preupload/"],
      ["batch", "/objects/batch"],
      ["storage", "/lfs/"],
      ["verify", "/objects/verify"],
      ["commit", "/commit/"],
      ["another commit under way", "/commit/"]
    ] as const
  ) {
    it.live(`survives one fault that passes: ${name}`, () =>
      run(Effect.gen(function*() {
        let failed = false
        const world = yield* World.make({
          stumbles: ({ url }) => {
            if (failed || !url.pathname.includes(path)) return undefined
            failed = true
            return Double.plain(name.startsWith("another") ? 409 : 503, "busy")
          }
        })
        yield* within(world, Push.push({ repo, splits: [yield* World.written(2)], card }))
        assert.isTrue(failed)
        assert.lengthOf(commits(world), 2)
      })))
  }

  it.effect("is refused to a token that may not write", () =>
    run(Effect.gen(function*() {
      const world = yield* World.make({ token: "hf_reader" })
      const reason = yield* reasonOf(within(world, Push.push({ repo, splits: [yield* World.written(2)], card })))
      assert.strictEqual(reason._tag, "Forbidden")
    })))
})
