import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Script from "../../src/simulator/model/Script.ts"

const request = { method: "POST", path: "/", headers: {}, body: "", json: undefined }

describe("a script", () => {
  it("answers by what stands in the prompt as often as it does, and else line after line, once", () => {
    const script = Result.getOrThrow(Script.read(
      `{"when":"sea","text":"blue"}\n\n{"text":"first"}\n{"toolCalls":[{"name":"f","arguments":{"a":1}}]}\n`
    ))
    const said = ["the sea", "x", "the sea", "y", "z"].map((prompt) => script(request, prompt))
    assert.deepStrictEqual(said.map((answer) => answer?.text ?? answer?.toolCalls?.[0]?.name), [
      "blue",
      "first",
      "blue",
      "f",
      undefined
    ])
  })

  it("that is none says which line", () => {
    const problem = Script.read(`{"text":"a"}\n{"txt":"b"}`)
    assert.isTrue(Result.isFailure(problem))
    assert.match(Result.isFailure(problem) ? problem.failure : "", /^line 2 of the script: .*txt/s)
  })
})
