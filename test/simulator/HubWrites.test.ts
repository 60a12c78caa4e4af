import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import * as Hub from "../../src/simulator/platform/Hub.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

const commit = "c".repeat(40)
const hub = "https://huggingface.co"

const send = (method: "POST" | "PUT" | "DELETE", url: string, body: object) =>
  HttpClientRequest.bearerToken(HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.make(method)(url), body), "hf_ada")

const lines = (...all: ReadonlyArray<object>) => all.map((line) => JSON.stringify(line)).join("\n")

/** Makes a commit of one file. */
const committed = (url: string, path: string, content: string) =>
  HttpClientRequest.post(url).pipe(
    HttpClientRequest.bearerToken("hf_ada"),
    HttpClientRequest.bodyText(
      lines(
        { key: "header", value: { summary: "write", description: "" } },
        { key: "file", value: { path, content: btoa(content), encoding: "base64" } }
      ),
      "application/x-ndjson"
    )
  )

const writer = (given: Hub.Options = {}) =>
  Effect.map(Hub.make({ users: { hf_ada: { name: "ada" } }, ...given }), ({ handlers }) => {
    const client = Double.client(handlers)
    return {
      status: (request: HttpClientRequest.HttpClientRequest) =>
        Effect.map(client.execute(request), ({ status }) => status),
      text: (path: string) =>
        Effect.flatMap(
          client.execute(HttpClientRequest.bearerToken(HttpClientRequest.get(hub + path), "hf_ada")),
          ({ text }) => text
        )
    }
  })

describe("repositories that are written to", () => {
  it.effect.each(["datasets", "models"] as const)(
    "have branches that grow apart and tags that stay (%s)",
    (kind) =>
      Effect.gen(function*() {
        const { status, text } = yield* writer()
        const type = kind.slice(0, -1)
        const api = `${hub}/api/${kind}/ada/new`
        const at = (revision: string) => text(`/${kind === "models" ? "" : "datasets/"}ada/new/resolve/${revision}/f`)
        assert.strictEqual(yield* status(send("POST", `${hub}/api/repos/create`, { name: "new", type })), 200)
        assert.strictEqual(yield* status(committed(`${api}/commit/main`, "f", "one")), 200)
        assert.strictEqual(yield* status(send("POST", `${api}/branch/dev%2Fx`, {})), 201)
        assert.strictEqual(yield* status(send("POST", `${api}/branch/dev%2Fx`, {})), 409)
        assert.strictEqual(yield* status(send("POST", `${api}/tag/main`, { tag: "v1" })), 201)
        assert.strictEqual(yield* status(send("POST", `${api}/tag/main`, { tag: "v1" })), 409)
        assert.strictEqual(yield* status(committed(`${api}/commit/dev%2Fx`, "f", "two")), 200)
        assert.deepStrictEqual([yield* at("main"), yield* at("v1"), yield* at("dev%2Fx")], ["one", "one", "two"])
        assert.match(yield* text(`/api/${kind}/ada/new/refs`), /"refs\/heads\/dev\/x".*"refs\/tags\/v1"/)
        assert.strictEqual(yield* status(committed(`${api}/commit/v1`, "f", "three")), 400)
        assert.strictEqual(yield* status(send("DELETE", `${api}/branch/dev%2Fx`, {})), 200)
        assert.strictEqual(yield* status(send("DELETE", `${api}/branch/main`, {})), 403)
        assert.strictEqual(yield* status(send("DELETE", `${api}/tag/v1`, {})), 200)
        assert.strictEqual(yield* status(send("DELETE", `${api}/tag/v1`, {})), 404)
      })
  )

  it.effect("are found under their old name after they were moved, and become private", () =>
    Effect.gen(function*() {
      const { status, text } = yield* writer()
      yield* status(send("POST", `${hub}/api/repos/create`, { name: "old" }))
      yield* status(committed(`${hub}/api/models/ada/old/commit/main`, "f", "one"))
      const move = { fromRepo: "ada/old", toRepo: "ada/new", type: "model" }
      assert.strictEqual(yield* status(send("POST", `${hub}/api/repos/move`, move)), 200)
      assert.strictEqual(yield* status(send("POST", `${hub}/api/repos/move`, move)), 404)
      assert.strictEqual(yield* status(HttpClientRequest.get(`${hub}/ada/old/resolve/main/f`)), 307)
      assert.strictEqual(yield* text("/ada/new/resolve/main/f"), "one")
      const settings = `${hub}/api/models/ada/new/settings`
      assert.strictEqual(yield* status(send("PUT", settings, { visibility: "private" })), 200)
      assert.strictEqual(yield* status(HttpClientRequest.get(`${hub}/api/models/ada/new`)), 401)
      const gone = { name: "new", organization: "ada", type: "model" }
      assert.strictEqual(yield* status(send("DELETE", `${hub}/api/repos/delete`, gone)), 200)
      assert.strictEqual(yield* status(send("DELETE", `${hub}/api/repos/delete`, gone)), 404)
    }))

  it.effect("are models that were there before, once somebody who may writes to them", () =>
    Effect.gen(function*() {
      const other = { commit, files: { a: "A" } }
      const repos = {
        "org/open": other,
        "ada/m": { commit, files: { a: "A" }, info: { pipeline_tag: "text-generation" } }
      }
      const { status, text } = yield* writer({ repos })
      assert.strictEqual(yield* status(send("POST", `${hub}/api/repos/create`, { name: "m", type: "model" })), 409)
      assert.strictEqual(yield* status(committed(`${hub}/api/models/ada/m/commit/main`, "b", "B")), 200)
      assert.deepStrictEqual([yield* text("/ada/m/resolve/main/a"), yield* text("/ada/m/resolve/main/b")], ["A", "B"])
      assert.strictEqual(
        (yield* text("/api/models?author=ada")).split("\"pipeline_tag\":\"text-generation\"").length,
        2
      )
      const foreign = committed(`${hub}/api/models/org/open/commit/main`, "b", "B")
      assert.strictEqual(yield* status(foreign), 403)
    }))
})
