/**
 * From a chat request to TGI to its generation: tools, prompt, parameters.
 *
 * @since 0.1.0
 */
import type { Answer } from "../model/Answer.ts"
import * as Options from "../model/Options.ts"
import * as Prompt from "../model/Prompt.ts"
import type { Turn } from "../model/Turn.ts"
import * as Random from "../wire/Random.ts"
import type * as Reply from "../wire/Reply.ts"
import type { ChatRequest, Tool } from "./ChatRequest.ts"
import type { Parameters } from "./NativeRequest.ts"
import * as NativeRequest from "./NativeRequest.ts"
import type * as Sampler from "./Sampler.ts"
import * as TgiMessages from "./TgiMessages.ts"
import * as TgiTools from "./TgiTools.ts"

/**
 * A chat request turned into a prompt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prepared {
  readonly request: ChatRequest
  readonly tools: ReadonlyArray<Tool> | undefined
  readonly prompt: string
  /** The prompt without the text about tools, for the second pass. */
  readonly plainPrompt: string
}

/**
 * Selects tools and renders the template: what can fail with a real status even for a stream.
 *
 * @category requests
 * @since 0.1.0
 */
export const prepare = (turn: Turn, request: ChatRequest): Prepared | Reply.Failure => {
  const tools = TgiTools.select(request)
  if (tools !== undefined && "_tag" in tools) return tools
  const render = (extra: string) =>
    Prompt.render(
      turn.settings.template,
      TgiMessages.templateMessages(request.messages, extra),
      Options.since(turn.settings, 3, 0)
    )
  const plainPrompt = render("")
  if (typeof plainPrompt !== "string") return plainPrompt
  const prompt = tools === undefined ? plainPrompt : render(TgiTools.promptText(request, tools))
  return typeof prompt === "string" ? { request, tools, prompt, plainPrompt } : prompt
}

/**
 * The parameters of generation that a chat request amounts to. A presence penalty becomes a repetition penalty of 2 more.
 *
 * @category requests
 * @since 0.1.0
 */
export const parameters = (request: ChatRequest): Parameters => ({
  ...NativeRequest.parametersOf(request),
  repetitionPenalty: request.presencePenalty === undefined ? undefined : request.presencePenalty + 2,
  topNTokens: request.topLogprobs,
  grammar: request.responseFormat,
  adapterId: request.model === undefined || request.model === "tgi" ? undefined : request.model
})

/** The randomness of choices other than the text. @category requests @since 0.1.0 */
export const chance = (turn: Turn, request: ChatRequest): Random.Random =>
  Random.make(request.seed === undefined ? turn.chance : Random.hash(request.seed.toString(16), turn.settings.seed))

/**
 * The generation of a chat request without its tools.
 *
 * @category requests
 * @since 0.1.0
 */
export const plainJob = (prepared: Prepared, answer: Answer | undefined): Sampler.Job => ({
  prompt: prepared.plainPrompt,
  parameters: parameters(prepared.request),
  special: false,
  answer: () => answer
})

/**
 * The first generation of a chat request as it is: with tools its text is the JSON of a call.
 *
 * @category requests
 * @since 0.1.0
 */
export const rawJob = (turn: Turn, prepared: Prepared, answer: Answer | undefined): Sampler.Job => {
  const { prompt, request, tools } = prepared
  if (tools === undefined) return plainJob(prepared, answer)
  return {
    prompt,
    parameters: { ...parameters(request), grammar: TgiTools.grammar(tools) },
    special: false,
    answer: () => TgiTools.firstPass(request, tools, answer, chance(turn, request))
  }
}
