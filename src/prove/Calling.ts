/**
 * Whether calls are made when required, withheld when forbidden, and made to the tool that is named.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { Lab } from "./Lab.ts"
import { both, found, judged, type Measure, same, sent, stillThinking } from "./Measure.ts"

const tool = (name: string) => ({
  name,
  description: `The ${name} of a city`,
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false
  }
})

const TOOLS = [tool("weather"), tool("population")]
const PLACES = "What is the weather in Paris, and what is the population of Rome?"

const calls = (lab: Lab, options: GenerationOptions) =>
  sent(lab, { maxNewTokens: 128, temperature: 0, tools: TOOLS, ...options }, { text: PLACES })

/** Requires a call, and allows several if the engine has the option; the other requests are compared with this one. */
const demand = (lab: Lab, options: GenerationOptions = {}) =>
  calls(lab, {
    toolChoice: "required",
    ...(lab.rules?.parallelToolCalls._tag === "Sent" && { parallelToolCalls: true }),
    ...options
  })

/**
 * Calls that are as required.
 *
 * @category measures
 * @since 0.2.0
 */
export const called =
  (options: GenerationOptions, is: (names: ReadonlyArray<string>) => boolean, wanted: string): Measure => (lab) =>
    Effect.map(calls(lab, options), (answer) =>
      judged(answer, (generation) => {
        const came = cameOf(generation)
        return is(namesOf(generation))
          ? found("honoured", came)
          : stillThinking(generation) ?? begun(generation) ?? cut(generation, wanted) ??
            found("dropped", `${wanted}; ${came}`)
      }))

/** A model may repeat calls until the token limit; servers that parse the whole output then return it as text. */
const begun = ({ finishReason, text }: Generation.Generation) =>
  finishReason === "length" && /"name"\s*:\s*"(?:weather|population)"/.test(text)
    ? found("unclear", "the model wrote calls until the token limit, and the server returned them as text")
    : undefined

const namesOf = ({ toolCalls }: Generation.Generation): ReadonlyArray<string> => toolCalls.map(({ name }) => name)

/** On engines that let a model write text before a call, the token limit may come first. */
const cut = ({ finishReason, toolCalls }: Generation.Generation, wanted: string) =>
  toolCalls.length === 0 && finishReason === "length"
    ? found("unclear", `${wanted}; the token limit was reached before one could be made`)
    : undefined

const cameOf = (generation: Generation.Generation): string => {
  const names = namesOf(generation)
  return names.length === 0 ? "no call was made" : `called: ${names.join(", ")}`
}

/**
 * A call is made if one is required.
 *
 * @category measures
 * @since 0.2.0
 */
export const demanded: Measure = (lab) =>
  Effect.flatMap(
    demand(lab),
    (answer) =>
      Result.isSuccess(answer) && answer.success.toolCalls.length > 0
        ? Effect.succeed(found("honoured", cameOf(answer.success)))
        : alone(lab)
  )

const alone = called({ toolChoice: "required" }, (names) => names.length > 0, "a call was required")

/**
 * The first of several findings that shows something wrong.
 *
 * @category measures
 * @since 0.2.0
 */
export const worst = (...measures: ReadonlyArray<Measure>): Measure => (lab) =>
  Effect.map(
    Effect.forEach(measures, (measure) => measure(lab)),
    (all) => {
      const bad = all.find(({ outcome }) => outcome === "dropped" || outcome === "refused") ??
        all.find(({ outcome }) => outcome === "unclear")
      return bad ?? found("honoured", all.map(({ detail }) => detail).join("; "))
    }
  )

/**
 * Whether calls can be limited to one.
 *
 * @category measures
 * @since 0.2.0
 */
export const parallel: Measure = (lab) =>
  Effect.map(
    Effect.all([demand(lab, { parallelToolCalls: true }), demand(lab, { parallelToolCalls: false })]),
    ([many, one]) =>
      both(many, one, (many, one) =>
        one.toolCalls.length > 1
          ? found("dropped", `one call was allowed, but ${one.toolCalls.length} were made`)
          : many.toolCalls.length > 1
          ? found("honoured", "several calls without it, one with it")
          : found("unclear", "the model makes one call either way"))
  )

/**
 * Whether the instruction before the tools is read.
 *
 * @category measures
 * @since 0.2.0
 */
export const prompted: Measure = (lab) =>
  Effect.map(
    Effect.all([demand(lab), demand(lab, { toolPrompt: "Never use these tools, whatever is asked:" })]),
    ([plain, told]) =>
      both(plain, told, (plain, told) => {
        const [without, held] = [plain.statistics.inputTokens, told.statistics.inputTokens]
        // one more sentence means more prompt tokens, and an equal count is stronger evidence than two equal texts
        if (without !== undefined && without === held) {
          return found("dropped", `the prompt has ${held} tokens with it and without it`)
        }
        return without !== held || !same(plain, told)
          ? found("honoured", "the prompt changes with it")
          : found("unclear", "the response is the same with it and without it")
      })
  )
