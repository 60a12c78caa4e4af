/**
 * What a prompt says about the text that follows it: whether it begins inside a thought.
 *
 * @since 0.2.0
 */
import { families, type Family, opensAlways } from "./ThinkingTags.ts"

/**
 * What the prompt says about the text that follows: it begins inside a thought, after one, or that is not known.
 *
 * @category models
 * @since 0.2.0
 */
export type Opening =
  | { readonly _tag: "Unknown" }
  /** Without a family, it ends at any unambiguous closing tag. */
  | { readonly _tag: "Inside"; readonly family: Family | undefined }
  | { readonly _tag: "Behind"; readonly family: Family }

/**
 * Nothing is known about the prompt, since the server rendered it.
 *
 * @category constants
 * @since 0.2.0
 */
export const unknown: Opening = { _tag: "Unknown" }

/**
 * The meaning of the end of a prompt.
 *
 * @category constructors
 * @since 0.2.0
 */
export const opening = (prompt: string): Opening => {
  const end = prompt.trimEnd()
  const open = families.find((family) => end.endsWith(family.open))
  if (open !== undefined) return { _tag: "Inside", family: open }
  const closed = families.find((family) => family.alone && end.endsWith(family.close))
  return closed === undefined ? unknown : { _tag: "Behind", family: closed }
}

/**
 * What is known about a prompt that the server renders: by the caller's setting, else by the model's name.
 *
 * @category constructors
 * @since 0.2.0
 */
export const rendered = (isOpened: boolean, model: string): Opening => {
  const family = opensAlways(model)
  return family === undefined && !isOpened ? unknown : { _tag: "Inside", family }
}

/**
 * A prompt whose thought is closed right after its opening: vLLM applies no constraint before that.
 *
 * @category combinators
 * @since 0.2.0
 */
export const closed = (prompt: string): string => {
  const end = opening(prompt)
  return end._tag === "Inside" && end.family !== undefined
    ? `${prompt}${prompt.endsWith("\n") ? "" : "\n"}\n${end.family.close}\n\n` :
    prompt
}
