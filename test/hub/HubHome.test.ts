import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted } from "effect"
import { homedir } from "node:os"
import * as HubCache from "../../src/hub/HubCache.ts"
import * as HubToken from "../../src/hub/HubToken.ts"
import * as HubDiskCache from "../../src/node/HubDiskCache.ts"
import * as HubHome from "../../src/node/HubHome.ts"
import * as HubTokenFile from "../../src/node/HubTokenFile.ts"
import * as World from "./World.ts"

const home = (variables: Readonly<Record<string, string>>) =>
  Effect.all({ token: HubHome.tokenFile, cache: HubHome.hubCache }).pipe(
    Effect.provide([NodeServices.layer, World.env(variables)])
  )

describe("HubHome", () => {
  it.effect.each(
    [
      [{}, `${homedir()}/.cache/huggingface/token`, `${homedir()}/.cache/huggingface/hub`],
      [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/token", "/x/huggingface/hub"],
      [{ HF_HOME: "~/hf" }, `${homedir()}/hf/token`, `${homedir()}/hf/hub`],
      [{ HF_HOME: "$BASE/hf", BASE: "/b" }, "/b/hf/token", "/b/hf/hub"],
      [{ HF_TOKEN_PATH: "/t", HF_HUB_CACHE: "${BASE}/c", BASE: "/b" }, "/t", "/b/c"],
      [{ HUGGINGFACE_HUB_CACHE: "/old" }, `${homedir()}/.cache/huggingface/token`, "/old"],
      [
        { HUGGINGFACE_CO_STAGING: "1", XDG_CACHE_HOME: "/x" },
        "/x/huggingface_staging/token",
        "/x/huggingface_staging/hub"
      ]
    ] as const
  )("follows the variables of the Python client (%#)", ([variables, token, cache]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* home(variables), { token, cache })
    }))
})

describe("the layers of Node", () => {
  it.effect("find the token that a login left", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const HF_HOME = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(`${HF_HOME}/token`, "hf_login\n")
      const token = yield* HubToken.resolve().pipe(
        Effect.provide(Layer.provideMerge(HubTokenFile.layer, World.env({ HF_HOME })))
      )
      assert.strictEqual(token === undefined ? undefined : Redacted.value(token), "hf_login")
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("find no token where nobody logged in", () =>
    Effect.gen(function*() {
      assert.isUndefined(
        yield* HubToken.resolve().pipe(
          Effect.provide(Layer.provideMerge(HubTokenFile.layer, World.env({ HF_HOME: "/does/not/exist" })))
        )
      )
    }))

  it.effect("keep files below HF_HUB_CACHE", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const HF_HUB_CACHE = yield* fs.makeTempDirectoryScoped()
      const key = { repo: "org/name", revision: "main", path: "f", commit: World.commit, etag: "e" }
      yield* HubCache.HubCache.use((cache) => cache.store(key, new TextEncoder().encode("x"))).pipe(
        Effect.provide(Layer.provide(HubDiskCache.layer, World.env({ HF_HUB_CACHE })))
      )
      assert.include(yield* fs.readDirectory(HF_HUB_CACHE), "models--org--name")
    }).pipe(Effect.provide(NodeServices.layer)))
})
