/**
 * Responses from a file: JSON lines, each with a response and the condition for it.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Answer from "./Answer.ts"

/**
 * A line of a script. With `when`, a text that the prompt has to contain, it is used for every such prompt; without it,
 * once, in the order of the lines.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Line = Schema.Struct({
  when: Schema.optionalKey(Schema.String),
  text: Schema.optionalKey(Schema.String),
  reasoning: Schema.optionalKey(Schema.String),
  toolCalls: Schema.optionalKey(Schema.Array(Schema.Struct({
    name: Schema.String,
    arguments: Schema.Json,
    id: Schema.optionalKey(Schema.String)
  }))),
  finish: Schema.optionalKey(Schema.Literals(["length", "eos_token", "stop_sequence"]))
})

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Line), { onExcessProperty: "error" })

/**
 * Reads a script; fails with the first invalid line. Requests without a line are answered by the simulator itself.
 *
 * @category decoding
 * @since 0.2.0
 */
export const read = (text: string): Result.Result<Answer.Script, string> =>
  Result.gen(function*() {
    const always: Array<typeof Line.Type> = []
    const once: Array<typeof Line.Type> = []
    for (const [index, line] of text.split("\n").entries()) {
      if (line.trim() === "") continue
      const decoded = yield* Result.mapError(
        decode(line),
        ({ message }) => `line ${index + 1} of the script: ${message}`
      )
      if (decoded.when === undefined) once.push(decoded)
      else always.push(decoded)
    }
    const script: Answer.Script = (_request, prompt) =>
      always.find(({ when = "" }) => prompt.includes(when)) ?? once.shift()
    return script
  })
