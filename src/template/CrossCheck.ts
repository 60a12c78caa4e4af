/**
 * How `@huggingface/jinja`, the engine of Hugging Face's own JavaScript libraries, renders the same template.
 *
 * Its rendering differs from Python's on a good part of real templates (text before `break`, `strip(chars)`, printing of
 * lists and booleans, loose equality, integer keys, …), which is why it is only the engine if chosen. When a program moves
 * from those libraries to this one, the first difference shows which prompts were not those that the model was trained on.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as ChatTemplate from "./ChatTemplate.ts"
import * as HuggingFaceJinja from "./engine/HuggingFaceJinja.ts"
import type { TemplateError } from "./TemplateError.ts"

/**
 * Both texts, and where they diverge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Comparison {
  readonly ours: string
  /** The other engine's text, or the message with which it failed. */
  readonly theirs: { readonly text: string } | { readonly failure: string }
  /** Absent if the texts are equal, or if there is only one. */
  readonly difference: ChatTemplate.Difference | undefined
}

/**
 * Renders a template with both engines. The other one bounds neither time nor memory: use this with templates you trust.
 * Fails if our own engine does.
 *
 * @category verification
 * @since 0.1.0
 */
export const compare = (
  source: string,
  request: ChatTemplate.Request
): Result.Result<Comparison, TemplateError> => {
  const by = (compile: typeof ChatTemplate.compile) =>
    Result.flatMap(compile(source), (template) => ChatTemplate.apply(template, request))
  return Result.map(by(ChatTemplate.compile), (ours) => {
    const theirs = by(HuggingFaceJinja.compile)
    return Result.isFailure(theirs)
      ? { ours, theirs: { failure: theirs.failure.message }, difference: undefined }
      : { ours, theirs: { text: theirs.success }, difference: ChatTemplate.difference(ours, theirs.success) }
  })
}
