import { assert, describe, it } from "@effect/vitest"
import { Headers } from "effect/http"
import * as ResponseHeaders from "../../src/dialect/ResponseHeaders.ts"

describe("TGI's headers", () => {
  it("tell counts and times, as numbers", () => {
    const headers = Headers.fromInput({
      "x-prompt-tokens": "7",
      "x-generated-tokens": "3",
      "x-total-time": "12",
      "x-queue-time": "1",
      "x-time-per-token": "4"
    })
    const { server, ...usage } = ResponseHeaders.statistics(headers)
    assert.deepStrictEqual(usage, { inputTokens: 7, outputTokens: 3 })
    assert.deepStrictEqual(ResponseHeaders.usage(headers), usage)
    assert.deepInclude(server, { total: 12, queue: 1, perToken: 4 })
  })

  it("that are missing or no numbers tell nothing", () => {
    assert.deepStrictEqual(ResponseHeaders.usage(Headers.fromInput({ "x-prompt-tokens": "many" })), {})
    assert.deepStrictEqual(ResponseHeaders.statistics(Headers.fromInput({ "x-generated-tokens": "" })), {})
    assert.deepStrictEqual(ResponseHeaders.statistics(Headers.fromInput({})), {})
  })
})
