import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Failure from "../../src/protocol/Failure.ts"

describe("Failure.read", () => {
  it.prop(
    "reads any text, and never fails",
    [Schema.String],
    ([body]) => assert.strictEqual(typeof Failure.read(body).message, "string")
  )

  it.prop(
    "reads any JSON, and never fails",
    [Schema.Json],
    ([body]) => assert.strictEqual(typeof Failure.read(JSON.stringify(body)).message, "string")
  )

  it.prop("gives TGI's text and type back", [Schema.NonEmptyString, Schema.NonEmptyString], ([error, error_type]) => {
    const { message, type } = Failure.read(JSON.stringify({ error, error_type }))
    assert.deepStrictEqual([message, type], [error, error_type])
  })

  it("takes the title of a page, else its heading, else nothing", () =>
    assert.deepStrictEqual(
      ["<html><title> 502 Bad </title>", "<h1>Oops</h1>", "<html></html>"].map((body) => Failure.read(body).message),
      ["502 Bad", "Oops", ""]
    ))

  it("takes a text that only begins like JSON as it is", () =>
    assert.strictEqual(Failure.read("{half").message, "{half"))

  it("keeps numbers as text for a code, and as a status", () =>
    assert.deepInclude(Failure.read(`{"error":{"message":"m","code":503}}`), { code: "503", status: 503 }))

  it("keeps the numbers of a full context", () =>
    assert.deepStrictEqual(
      Failure.read(`{"error":{"message":"m","n_prompt_tokens":9,"n_ctx":8}}`).context,
      { given: 9, limit: 8 }
    ))

  it("keeps warnings that are texts", () =>
    assert.deepStrictEqual(Failure.read(`{"error":"m","warnings":["w",1]}`).warnings, ["w"]))
})

describe("Failure.isFrame", () => {
  const frames: ReadonlyArray<readonly [payload: unknown, is: boolean]> = [
    [{ error: "m", error_type: "generation" }, true],
    [{ error: { message: "m" } }, true],
    [{ object: "error", message: "m" }, true],
    [{ error: null, choices: [] }, false],
    [{ choices: [] }, false],
    [[], false],
    ["error", false]
  ]
  for (const [payload, is] of frames) {
    it(`${JSON.stringify(payload)} is ${is ? "one" : "none"}`, () => assert.strictEqual(Failure.isFrame(payload), is))
  }
})

describe("a refusal that repeats the request", () => {
  it("is kept without it, and every other body as it is", () => {
    const told = { type: "missing", loc: ["body", "x"], msg: "Field required" }
    const full = JSON.stringify({ detail: [{ ...told, input: "a prompt" }, "text"], body: { messages: "a prompt" } })
    assert.strictEqual(Failure.withoutRequest(full), JSON.stringify({ detail: [told, "text"] }))
    assert.strictEqual(Failure.withoutRequest(full.slice(0, -9)), "")
    for (const other of [`{"detail":"Not Found"}`, `{"error":"x","body":"y"}`, "text", ""]) {
      assert.strictEqual(Failure.withoutRequest(other), other)
    }
  })
})
