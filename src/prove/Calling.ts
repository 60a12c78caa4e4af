/**
 * Whether tools are called as demanded, forbidden and named.
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

/** A call is demanded, and several are allowed if the engine has the option: the rest is seen from that. */
const demand = (lab: Lab, options: GenerationOptions = {}) =>
  calls(lab, {
    toolChoice: "required",
    ...(lab.rules?.parallelToolCalls._tag === "Sent" && { parallelToolCalls: true }),
    ...options
  })

/**
 * Calls that are as demanded.
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

/** A model that calls again and again until it is cut: servers that parse a whole answer then give its text. */
const begun = ({ finishReason, text }: Generation.Generation) =>
  finishReason === "length" && /"name"\s*:\s*"(?:weather|population)"/.test(text)
    ? found("unclear", "calls were written until the limit, and the server gives them as text")
    : undefined

const namesOf = ({ toolCalls }: Generation.Generation): ReadonlyArray<string> => toolCalls.map(({ name }) => name)

/** Engines that let a model speak before it calls may be cut there. */
const cut = ({ finishReason, toolCalls }: Generation.Generation, wanted: string) =>
  toolCalls.length === 0 && finishReason === "length"
    ? found("unclear", `${wanted}; the text was cut before one could come`)
    : undefined

const cameOf = (generation: Generation.Generation): string => {
  const names = namesOf(generation)
  return names.length === 0 ? "no call was made" : `called: ${names.join(", ")}`
}

/**
 * A call is made if one is demanded.
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

const alone = called({ toolChoice: "required" }, (names) => names.length > 0, "a call was demanded")

/**
 * The first of several measures that found something wrong.
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
        // a prompt that holds one sentence more has more tokens, and the same number says more than two texts do
        if (without !== undefined && without === held) {
          return found("dropped", `the prompt has ${held} tokens with it and without it`)
        }
        return without !== held || !same(plain, told)
          ? found("honoured", "the prompt is another one with it")
          : found("unclear", "the response is the same with it and without it")
      })
  )
