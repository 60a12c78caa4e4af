/**
 * The shape of a response on the engine that serves it. TGI, and strict modes, only accept objects, so any other value
 * is wrapped in one under a key of this package's; the client did not ask for that key, and does not see it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type { CallOptions } from "../Settings.ts"
import * as OutputSpec from "../structured/OutputSpec.ts"
import type * as ModelRequest from "./ModelRequest.ts"

/**
 * Removes the object around a value, as the text arrives.
 *
 * @category models
 * @since 0.2.0
 */
export interface Unwrapper {
  readonly push: (text: string) => string
  /** What was held back, once no more text arrives. */
  readonly end: () => string
}

/** The beginning of an object is never longer. */
const LONGEST = 256

/**
 * @category constructors
 * @since 0.2.0
 */
export const unwrapper = (key: string): Unwrapper => {
  const opening = new RegExp(`^\\s*\\{\\s*${JSON.stringify(key)}\\s*:\\s*(?=\\S)`)
  let held = ""
  let state: "before" | "within" | "other" = "before"
  return {
    push: (text) => {
      if (state === "other") return text
      held += text
      if (state === "before") {
        const begun = opening.exec(held)
        if (begun === null) {
          if (held.length < LONGEST) return ""
          state = "other"
          return held
        }
        held = held.slice(begun[0].length)
        state = "within"
      }
      // a brace at the end may be the object's own
      const at = /\s*\}?\s*$/.exec(held)?.index ?? held.length
      const said = held.slice(0, at)
      held = held.slice(at)
      return said
    },
    end: () => state === "within" ? held.replace(/\s*\}\s*$/, "") : state === "before" ? held : ""
  }
}

/**
 * The options of the call, and the filter of its text.
 *
 * @category models
 * @since 0.2.0
 */
export interface Shaped {
  readonly options: CallOptions
  readonly unwrap: (() => Unwrapper) | undefined
}

/**
 * The options of a request for the engine that answers. If that takes OpenAI's own form, and the client wrote it, it is sent
 * as written.
 *
 * @category combinators
 * @since 0.2.0
 */
export const of = Effect.fnUntraced(function*(
  llm: InferenceEndpointsLLM["Service"],
  { nativeFormat, options, route }: Pick<ModelRequest.Generating, "nativeFormat" | "options" | "route">
) {
  const { structuredOutput } = options
  if (structuredOutput === undefined || structuredOutput === false) {
    const plain: Shaped = { options, unwrap: undefined }
    return plain
  }
  const { engine } = yield* llm.about
  if (nativeFormat !== undefined && (engine === "router" || engine === "openai")) {
    const { structuredOutput: _, ...rest } = options
    const native: Shaped = {
      options: { ...rest, extra: { ...rest.extra, response_format: nativeFormat } },
      unwrap: undefined
    }
    return native
  }
  const { output } = yield* Effect.fromResult(OutputSpec.interpret(structuredOutput))
  const { wrap } = yield* output.grammar(engine, route === "chat" ? "chat" : "raw")
  const shaped: Shaped = { options, unwrap: wrap === undefined ? undefined : () => unwrapper(wrap) }
  return shaped
})
