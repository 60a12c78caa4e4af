import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type Request, write, type Written } from "../../src/node/RequestWriter.ts"

const request = (options: Partial<Request>): Request => ({
  origin: "http://host:8080",
  path: "/generate",
  method: "POST",
  headers: [],
  body: null,
  headersTimeout: 0,
  bodyTimeout: 0,
  ...options
})

const headOf = (options: Partial<Request>) => {
  const written = write(request(options), "host:8080")
  return written instanceof Error ? written.message : written.head
}

const framing = (options: Partial<Request>) =>
  headOf(options).split("\r\n").filter((line) => /^(?:content-length|transfer-encoding):/.test(line))

const isWritten = (written: Written | Error): written is Written => !(written instanceof Error)

async function* pieces() {
  yield "a"
}

describe("a request", () => {
  it("is a line, the host, the fields and what frames the body", () =>
    assert.strictEqual(
      headOf({ path: "/v1?a=%20", headers: ["accept", "text/event-stream"], body: "größer" }),
      "POST /v1?a=%20 HTTP/1.1\r\nhost: host:8080\r\nconnection: keep-alive\r\naccept: text/event-stream\r\n" +
        "content-length: 8\r\n\r\n"
    ))

  it("has the length of its body, counted and not believed", () => {
    const told = ["content-length", "99"]
    assert.deepStrictEqual(
      [
        framing({ method: "GET" }),
        framing({ method: "POST" }),
        framing({ body: "abc", headers: told }),
        framing({ body: new Uint8Array(5), headers: told }),
        framing({ body: pieces() }),
        framing({ body: pieces(), headers: told })
      ],
      [[], ["content-length: 0"], ["content-length: 3"], ["content-length: 5"], ["transfer-encoding: chunked"], [
        "content-length: 99"
      ]]
    )
  })

  it.prop(
    "that is written says no more than it was told: as many lines as fields, whatever is in them",
    { name: Schema.String, value: Schema.String, path: Schema.String, method: Schema.String },
    ({ method, name, path, value }) => {
      for (
        const options of [{ headers: [name, value] }, { headers: ["x", value] }, { path: `/${path}` }, { method }]
      ) {
        const written = write(request({ method: "GET", ...options }), "host")
        if (!isWritten(written)) continue
        const fields = "headers" in options && !/^(?:host|connection|content-length)$/i.test(options.headers[0] ?? "")
        assert.lengthOf(written.head.split(/[\r\n]+/), fields ? 5 : 4)
        assert.isTrue(written.head.endsWith("\r\n\r\n"))
      }
    },
    { arbitrary: { runs: 1000 } }
  )

  it.each<readonly [string, Partial<Request>]>([
    ["invalid x header", { headers: ["x", "a\r\nb: c"] }],
    ["invalid x header", { headers: ["x", "a\0"] }],
    ["invalid x header", { headers: ["x", "漢"] }],
    ["invalid header name", { headers: ["x y", "a"] }],
    ["invalid header name", { headers: ["", "a"] }],
    ["invalid transfer-encoding header", { headers: ["transfer-encoding", "chunked"] }],
    ["invalid upgrade header", { headers: ["upgrade", "h2c"] }],
    ["invalid connection header", { headers: ["connection", "upgrade"] }],
    ["invalid content-length header", { headers: ["content-length", "1, 2"] }],
    ["invalid request method", { method: "GET /\r\n" }],
    ["invalid request path", { path: "/a b" }],
    ["invalid request path", { path: "" }]
  ])("is refused for an %s: %o", (message, options) => {
    assert.strictEqual(headOf(options), message)
  })
})
