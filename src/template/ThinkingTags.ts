/**
 * The marks with which the model families set their thoughts apart, and which of them a chat template uses.
 *
 * @since 0.2.0
 */

/**
 * What stands before and after a thought.
 *
 * @category models
 * @since 0.2.0
 */
export interface ThinkingTags {
  readonly open: string
  readonly close: string
}

/**
 * The tags of the families, the commonest first. Source: the chat templates of the models and their model cards.
 *
 * @category constants
 * @since 0.2.0
 */
export const families: ReadonlyArray<ThinkingTags & { readonly family: string }> = [
  { family: "common", open: "<think>", close: "</think>" },
  { family: "Mistral", open: "[THINK]", close: "[/THINK]" },
  { family: "Seed", open: "<seed:think>", close: "</seed:think>" },
  { family: "MiniMax", open: "<mm:think>", close: "</mm:think>" },
  { family: "Cohere", open: "<|START_THINKING|>", close: "<|END_THINKING|>" },
  { family: "gpt-oss", open: "<|channel|>analysis<|message|>", close: "<|end|>" },
  { family: "Gemma", open: "<|channel>thought\n", close: "<channel|>" },
  { family: "Kimi", open: "◁think▷", close: "◁/think▷" },
  { family: "Apertus", open: "<|inner_prefix|>", close: "<|inner_suffix|>" }
]

/** Whether a template writes this tag, be it in literal text or with its line ends escaped in a string. */
const writes = (source: string, tag: string): boolean =>
  source.includes(tag) || source.includes(tag.replaceAll("\n", "\\n"))

/**
 * The tags that a template's own text speaks of; `undefined` where it knows none of them. Where it knows those of several
 * families, those it opens count before those it only closes.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = (source: string): ThinkingTags | undefined => {
  const found = families.find(({ close, open }) => writes(source, open) && writes(source, close)) ??
    families.find(({ open }) => writes(source, open)) ??
    families.find(({ close }) => close !== "<|end|>" && writes(source, close))
  return found === undefined ? undefined : { open: found.open, close: found.close }
}
