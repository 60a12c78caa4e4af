/**
 * Messages to a prompt: what a server's chat template does, with ChatML unless the options name another.
 *
 * @since 0.1.0
 */
import * as Reply from "../wire/Reply.ts"
import type { Template, TemplateMessage } from "./Options.ts"

/**
 * The template used by default. It ends with the opening of the assistant's turn.
 *
 * @category templates
 * @since 0.1.0
 */
export const chatml: Template = (messages) =>
  messages.map(({ content, role }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join("") +
  "<|im_start|>assistant\n"

const templateError = (message: string): Reply.Failure =>
  Reply.failure(422, `Template error: ${message}`, "template_error")

/**
 * Renders a prompt. With `continues`, a last message of the assistant is continued: the prompt ends right after its content.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (
  template: Template | null | undefined,
  messages: ReadonlyArray<TemplateMessage>,
  continues: boolean
): string | Reply.Failure => {
  if (template === null) return templateError("template not found")
  const rendered = (template ?? chatml)(messages)
  if (typeof rendered !== "string") return templateError(`syntax error: ${rendered.raise} (in <string>:1)`)
  const last = messages.at(-1)
  if (!continues || last?.role !== "assistant") return rendered
  const at = rendered.lastIndexOf(last.content)
  return at === -1 ? rendered : rendered.slice(0, at + last.content.length).trimEnd()
}
