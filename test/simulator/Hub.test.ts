import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { HttpClientRequest, type HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as Hub from "../../src/simulator/platform/Hub.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

const commit = "c".repeat(40)

const options: Hub.Options = {
  repos: {
    "org/open": { commit, files: { a: "A", "d/b": "B" }, large: ["d/b"] },
    "org/gated": { commit, files: { a: "A" }, gated: true },
    "org/secret": { commit, files: { a: "A" }, private: true }
  },
  renamed: { "org/old": "org/open" },
  users: { hf_ada: { name: "ada", access: ["org/gated", "org/secret"] }, hf_bob: { name: "bob" } }
}

const ask = (given: Hub.Options = options) =>
  Effect.map(Hub.make(given), ({ handlers }) => {
    const client = Double.client(handlers)
    return (url: string, token?: string) =>
      client.execute(
        token === undefined
          ? HttpClientRequest.get(url)
          : HttpClientRequest.bearerToken(HttpClientRequest.get(url), token)
      )
  })

const entries = ({ json }: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(json, Schema.decodeUnknownEffect(Schema.Array(Schema.Unknown)))

const hub = "https://huggingface.co"

describe("the simulated Hub", () => {
  it.effect.each(
    [
      ["org/gated", undefined, 401, "GatedRepo"],
      ["org/gated", "hf_bob", 403, "GatedRepo"],
      ["org/gated", "hf_ada", 200, undefined],
      ["org/secret", undefined, 401, undefined],
      ["org/secret", "hf_bob", 404, "RepoNotFound"],
      ["org/secret", "hf_ada", 200, undefined],
      ["org/none", undefined, 401, undefined],
      ["org/none", "hf_bob", 404, "RepoNotFound"],
      ["org/open", "hf_wrong", 401, undefined]
    ] as const
  )("gives files as access allows (%#)", ([repo, token, status, code]) =>
    Effect.gen(function*() {
      const response = yield* (yield* ask())(`${hub}/${repo}/resolve/main/a`, token)
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers["x-error-code"], code)
    }))

  it.effect("shows the metadata of gated repositories to everybody", () =>
    Effect.gen(function*() {
      const response = yield* (yield* ask())(`${hub}/api/models/org/gated`)
      assert.deepInclude(yield* response.json, { id: "org/gated", gated: "manual" })
    }))

  it.effect("sends large files from a CDN that takes no credential", () =>
    Effect.gen(function*() {
      const request = yield* ask()
      const response = yield* request(`${hub}/org/open/resolve/main/d/b`)
      assert.strictEqual(response.status, 302)
      assert.match(response.headers["x-linked-etag"] ?? "", /^"[0-9a-f]{64}"$/)
      const location = response.headers["location"] ?? ""
      assert.strictEqual(yield* (yield* request(location)).text, "B")
      assert.strictEqual((yield* request(location, "hf_ada")).status, 400)
    }))

  it.effect("redirects a renamed repository with a relative location and its query", () =>
    Effect.gen(function*() {
      const response = yield* (yield* ask())(`${hub}/api/models/org/old?expand[]=sha`)
      assert.strictEqual(response.status, 307)
      assert.match(response.headers["location"] ?? "", /^\/api\/models\/org\/open\?expand/)
    }))

  it.effect("chains the pages of a tree", () =>
    Effect.gen(function*() {
      const request = yield* ask({ ...options, pageSize: 2 })
      const first = yield* request(`${hub}/api/models/org/open/tree/main?recursive=true`)
      assert.lengthOf(yield* entries(first), 2)
      const next = /<([^>]+)>/.exec(first.headers["link"] ?? "")?.[1] ?? ""
      const second = yield* request(next)
      assert.lengthOf(yield* entries(second), 1)
      assert.notProperty(second.headers, "link")
    }))

  it.effect("refuses what is over the quota until the window ends", () =>
    Effect.gen(function*() {
      const request = yield* ask({ ...options, quota: 2 })
      const status = Effect.map(request(`${hub}/api/models/org/open`), (response) => response.status)
      assert.deepStrictEqual(yield* Effect.all([status, status, status]), [200, 200, 429])
      yield* TestClock.adjust("100 seconds")
      assert.strictEqual((yield* request(`${hub}/api/models/org/open`)).headers["ratelimit"], "\"api\";r=0;t=200")
      yield* TestClock.adjust("200 seconds")
      assert.strictEqual(yield* status, 200)
    }))

  it.effect("knows the owner of a token", () =>
    Effect.gen(function*() {
      const request = yield* ask()
      assert.deepInclude(yield* (yield* request(`${hub}/api/whoami-v2`, "hf_bob")).json, { name: "bob", type: "user" })
      assert.strictEqual((yield* request(`${hub}/api/whoami-v2`, "hf_wrong")).status, 401)
    }))
})

describe("what the simulated Hub says of files", () => {
  const read = Effect.fnUntraced(function*(path: string) {
    const response = yield* (yield* ask())(`${hub}${path}`)
    return [response.status, yield* response.json] as const
  })
  it.effect("lists a folder's own entries, or all below it, with their hashes and sizes", () =>
    Effect.gen(function*() {
      const [, top] = yield* read("/api/models/org/open/tree/main")
      const list = yield* Schema.decodeUnknownEffect(Schema.Array(Schema.Record(Schema.String, Schema.Unknown)))(top)
      assert.deepStrictEqual(list.map(({ path, size, type }) => [type, path, size]), [["directory", "d", 0], [
        "file",
        "a",
        1
      ]])
      assert.isTrue(list.every(({ oid }) => /^[0-9a-f]{40}$/.test(String(oid))))
      const [, below] = yield* read("/api/models/org/open/tree/main/d")
      assert.deepInclude(JSON.parse(JSON.stringify(below))[0], { type: "file", path: "d/b", size: 1 })
      const [, all] = yield* read("/api/models/org/open/tree/HEAD?recursive=true")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(all)).map(({ path }: { path: string }) => path), [
        "d",
        "a",
        "d/b"
      ])
      assert.strictEqual((yield* read("/api/models/org/open/tree/main/none"))[0], 404)
    }))

  it.effect("tells of chosen paths, asked by form or by JSON", () =>
    Effect.gen(function*() {
      const { handlers } = yield* Hub.make(options)
      const client = Double.client(handlers)
      const url = `${hub}/api/models/org/open/paths-info/main`
      for (
        const body of [
          HttpClientRequest.bodyText(
            "paths=d%2Fb&paths=d&paths=none&expand=false",
            "application/x-www-form-urlencoded"
          ),
          HttpClientRequest.bodyText(JSON.stringify({ paths: ["d/b", "d", "none"] }), "application/json")
        ]
      ) {
        const list = yield* (yield* client.execute(body(HttpClientRequest.post(url)))).json
        assert.deepStrictEqual(JSON.parse(JSON.stringify(list)).map(({ path }: { path: string }) => path), ["d/b", "d"])
        assert.strictEqual(JSON.parse(JSON.stringify(list))[0].lfs.size, 1)
      }
    }))

  it.effect("knows refs, commits, sizes of blobs, and who may read", () =>
    Effect.gen(function*() {
      const [, refs] = yield* read("/api/models/org/open/refs")
      assert.deepInclude(refs, { branches: [{ name: "main", ref: "refs/heads/main", targetCommit: commit }] })
      const [, commits] = yield* read("/api/models/org/open/commits/main")
      assert.strictEqual(JSON.parse(JSON.stringify(commits))[0].id, commit)
      const [, info] = yield* read("/api/models/org/open?blobs=true")
      assert.strictEqual(JSON.parse(JSON.stringify(info)).siblings[0].size, 1)
      assert.strictEqual((yield* read("/api/models/org/open/auth-check"))[0], 200)
      assert.strictEqual((yield* read("/api/models/org/gated/auth-check"))[0], 401)
    }))

  it.effect("sends a part of a file, from the Hub and from its storage", () =>
    Effect.gen(function*() {
      const repo = { commit, files: { a: "0123456789", b: "0123456789" }, large: ["b"] }
      const { handlers } = yield* Hub.make({ repos: { "org/r": repo } })
      const client = Double.client(handlers)
      const part = Effect.fnUntraced(function*(url: string, range: string) {
        const response = yield* client.execute(HttpClientRequest.setHeader(HttpClientRequest.get(url), "range", range))
        return [response.status, response.headers["content-range"], yield* response.text]
      })
      const location = (yield* client.execute(HttpClientRequest.get(`${hub}/org/r/resolve/HEAD/b`))).headers["location"]
      for (const url of [`${hub}/org/r/resolve/HEAD/a`, location ?? ""]) {
        assert.deepStrictEqual(yield* part(url, "bytes=2-4"), [206, "bytes 2-4/10", "234"])
        assert.deepStrictEqual(yield* part(url, "bytes=8-"), [206, "bytes 8-9/10", "89"])
        assert.deepStrictEqual(yield* part(url, "bytes=-3"), [206, "bytes 7-9/10", "789"])
        assert.deepStrictEqual(yield* part(url, "bytes=10-"), [416, "bytes */10", ""])
      }
    }))

  const said = (path: string) => Effect.map(read(path), ([, json]) => JSON.stringify(json))

  it.effect("shows the commit of an entry, HTML of commits, pull requests and digests where they are asked for", () =>
    Effect.gen(function*() {
      assert.include(yield* said("/api/models/org/open/tree/main?expand=true"), `"lastCommit":{"id":"${commit}"`)
      assert.notInclude(yield* said("/api/models/org/open/tree/main"), "lastCommit")
      assert.include(yield* said("/api/models/org/open/commits/main?expand[]=formatted"), "<p>initial commit</p>")
      assert.include(yield* said("/api/models/org/open/refs?include_prs=1"), "\"pullRequests\":[]")
      assert.include(yield* said("/api/models/org/open?blobs=True"), "\"sha256\"")
    }))

  it.effect("gives the fields of a model that were asked for, and those alone", () =>
    Effect.gen(function*() {
      const [, info] = yield* read("/api/models/org/open?expand=downloads&expand=tags")
      assert.deepStrictEqual(Object.keys(Object(info)).toSorted(), ["_id", "downloads", "id", "tags"])
    }))

  it.effect("lists models and data sets that match, without what is private", () =>
    Effect.gen(function*() {
      const asked = yield* ask({ ...options, datasets: { "org/d": {}, "org/p": { private: true } } })
      const names = (path: string) =>
        Effect.map(Effect.flatMap(asked(hub + path), entries), (list) => list.map((entry) => Object(entry).id))
      assert.deepStrictEqual(yield* names("/api/models?author=org"), ["org/open", "org/gated"])
      assert.deepStrictEqual(yield* names("/api/models?search=OPE"), ["org/open"])
      assert.deepStrictEqual(yield* names("/api/models?limit=1"), ["org/open"])
      assert.deepStrictEqual(yield* names("/api/models?author=nobody"), [])
      assert.deepStrictEqual(yield* names("/api/datasets"), ["org/d"])
    }))

  it.effect("knows the newest commit of a data set as HEAD, its blobs, and who may read it", () =>
    Effect.gen(function*() {
      const asked = yield* ask({ ...options, datasets: { "org/d": { files: { "a.parquet": "PAR1" } } } })
      const info = yield* (yield* asked(`${hub}/api/datasets/org/d/revision/HEAD?blobs=true`)).text
      assert.include(info, "\"lfs\":{\"sha256\"")
      assert.strictEqual((yield* asked(`${hub}/api/datasets/org/d/auth-check`)).status, 200)
    }))

  it.effect("takes any token where everyone is somebody", () =>
    Effect.gen(function*() {
      const asked = yield* ask({ ...options, everyone: { name: "eve" } })
      assert.deepInclude(yield* (yield* asked(`${hub}/api/whoami-v2`, "hf_anything")).json, { name: "eve" })
      assert.strictEqual((yield* asked(`${hub}/api/whoami-v2`)).status, 401)
    }))
})
