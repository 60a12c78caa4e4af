/**
 * Whether tools are called as demanded, forbidden and named.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { Lab } from "./Lab.ts"
import { both, found, judged, type Measure, same, sent } from "./Measure.ts"

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

/**
 * Calls that are what was demanded.
 *
 * @category measures
 * @since 0.2.0
 */
export const called =
  (options: GenerationOptions, is: (names: ReadonlyArray<string>) => boolean, wanted: string): Measure => (lab) =>
    Effect.map(calls(lab, options), (answer) =>
      judged(answer, ({ toolCalls }) => {
        const names = toolCalls.map(({ name }) => name)
        const came = names.length === 0 ? "no call came" : `called: ${names.join(", ")}`
        return is(names) ? found("honoured", came) : found("dropped", `${wanted}; ${came}`)
      }))

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
      const bad = all.find(({ outcome }) => outcome === "dropped" || outcome === "refused")
      return bad ?? found("honoured", all.map(({ detail }) => detail).join("; "))
    }
  )

/**
 * Whether one call at most can be had.
 *
 * @category measures
 * @since 0.2.0
 */
export const parallel: Measure = (lab) =>
  Effect.map(
    Effect.all([
      calls(lab, { toolChoice: "required", parallelToolCalls: true }),
      calls(lab, { toolChoice: "required", parallelToolCalls: false })
    ]),
    ([many, one]) =>
      both(many, one, (many, one) =>
        one.toolCalls.length > 1
          ? found("dropped", `one call was allowed, and ${one.toolCalls.length} came`)
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
    Effect.all([
      calls(lab, { toolChoice: "auto" }),
      calls(lab, { toolChoice: "auto", toolPrompt: "Never use these tools, whatever is asked:" })
    ]),
    ([plain, told]) =>
      both(plain, told, (plain, told) =>
        plain.statistics.inputTokens !== told.statistics.inputTokens || !same(plain, told) ||
          JSON.stringify(plain.toolCalls) !== JSON.stringify(told.toolCalls)
          ? found("honoured", "the prompt is another one with it")
          : found("unclear", "the response is the same with it and without it"))
  )
