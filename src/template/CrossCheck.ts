/**
 * What `@huggingface/jinja`, the engine of Hugging Face's own JavaScript libraries, makes of the same template.
 *
 * Its rendering differs from Python's on a good part of real templates (text before `break`, `strip(chars)`, printing of
 * lists and booleans, loose equality, integer keys, …), which is why it does not render here. Where a program moves from
 * those libraries to this one, the first difference shows which prompts were not those that the model was trained on.
 *
 * @since 0.1.0
 */
import { Template } from "@huggingface/jinja"
import * as Result from "effect/Result"
import * as ChatTemplate from "./ChatTemplate.ts"
import type { TemplateError } from "./TemplateError.ts"

/**
 * Both texts, and where they part.
 *
 * @category models
 * @since 0.1.0
 */
export interface Comparison {
  readonly ours: string
  /** The other engine's text, or the message with which it failed. */
  readonly theirs: { readonly text: string } | { readonly failure: string }
  /** Absent where the texts are equal, and where there is only one. */
  readonly difference: ChatTemplate.Difference | undefined
}

const render = (source: string, request: ChatTemplate.Request): Comparison["theirs"] => {
  try {
    const text = new Template(source).render({
      ...request.specialTokens,
      ...request.kwargs,
      messages: request.messages,
      tools: request.tools ?? null,
      documents: request.documents ?? null,
      add_generation_prompt: request.addGenerationPrompt ?? false
    })
    return { text }
  } catch (cause) {
    return { failure: cause instanceof Error ? cause.message : String(cause) }
  }
}

/**
 * Renders a template with both engines. The other one bounds neither time nor memory: use this with templates you trust.
 * Fails where our own engine does.
 *
 * @category verification
 * @since 0.1.0
 */
export const compare = (
  source: string,
  request: ChatTemplate.Request
): Result.Result<Comparison, TemplateError> =>
  Result.map(
    Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.apply(template, request)),
    (ours) => {
      const theirs = render(source, request)
      return { ours, theirs, difference: "text" in theirs ? ChatTemplate.difference(ours, theirs.text) : undefined }
    }
  )
