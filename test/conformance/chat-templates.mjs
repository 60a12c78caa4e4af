// The built package behind the interface of a conformance check for chat-template renderers: errors are thrown, the moment
// is an ISO text in UTC.
import { Result } from "effect"
import * as ChatTemplate from "../../dist/template/ChatTemplate.js"
import * as PythonJinja from "../../dist/template/engine/PythonJinja.js"
import * as Magpie from "../../dist/template/Magpie.js"

const orThrow = (result) => {
  if (Result.isSuccess(result)) return result.success
  throw result.failure
}

/** An ISO text without a zone is UTC, as is the clock that reads it. */
const moment = (now) => ({
  now: {
    epochMillis: now === undefined ? Date.now() : Date.parse(/([zZ]|[+-]\d\d:\d\d)$/.test(now) ? now : now + "Z"),
    offsetMinutes: 0
  }
})

/** White space control off is not an option of the package: transformers always has it on. */
const untrimmed = (template) => orThrow(PythonJinja.parse(template, { trimBlocks: false, lstripBlocks: false }))

export const render = (template, context, { now, trimBlocks = true } = {}) =>
  orThrow(
    ChatTemplate.render(
      trimBlocks ? orThrow(ChatTemplate.compile(template)) : untrimmed(template),
      context,
      moment(now)
    )
  )

export const applyChatTemplate = (
  { add_generation_prompt, continue_final_message, documents, messages, now, template, tools, vars }
) =>
  orThrow(ChatTemplate.apply(
    orThrow(ChatTemplate.compile(template)),
    {
      messages,
      tools,
      documents,
      addGenerationPrompt: add_generation_prompt,
      continueFinalMessage: continue_final_message,
      kwargs: vars
    },
    moment(now)
  ))

export const applyMagpie = ({ magpie_pre_query_template, messages, prompt, use_magpie_template }) =>
  Magpie.apply({
    prompt,
    messages,
    preQuery: use_magpie_template ? Magpie.preQueryTemplate(magpie_pre_query_template) : undefined
  })

/** `ask` names the template argument and the tools as `apply_chat_template` does. */
export const resolveChatTemplate = (files, ask = {}) =>
  orThrow(ChatTemplate.resolve(files, {
    template: ask?.chat_template ?? ask?.template ?? ask?.name ?? undefined,
    tools: ask?.tools !== undefined && ask?.tools !== null && ask?.tools !== false,
    processor: ask?.processor === true || ask?.loader === "processor" || ask?.kind === "processor"
  }))

export const resolveSpecialTokens = (files) => orThrow(ChatTemplate.specialTokens(files))
