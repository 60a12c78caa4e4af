/**
 * What may surround the JSON of a response, and is removed.
 *
 * @since 0.1.0
 */
import * as PartialJson from "./PartialJson.ts"
import * as Prose from "./Prose.ts"

/**
 * How a text was changed to become the value. `absent`: a key that may be left out was written as null, and counts as left
 * out.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = "blanks" | "special-token" | "byte-order-mark" | "thinking" | "code-fence" | "prose" | "absent"

/**
 * A text, and what was removed around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Repaired {
  readonly text: string
  readonly steps: ReadonlyArray<Step>
}

/** How many times a brace in prose may be mistaken for the start of the value. */
const MAX_STARTS = 64
const SPECIAL = /(?:<\|[A-Za-z0-9_]+\|>|<\/s>|<eos>|<end_of_turn>|<｜[^｜<>]{1,40}｜>)$/u
const FENCE = /```[A-Za-z0-9_-]*[ \t]*\r?\n?([\s\S]*?)(?:```|$)/

const isBlank = (char: string | undefined): boolean => char === " " || char === "\n" || char === "\t" || char === "\r"

/**
 * Trims what JSON considers whitespace, which does not include a byte-order mark. A search by regex could take
 * quadratic time.
 */
const trimBlanks = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

/**
 * Removes whitespace and a special token that the server left at the end: such text was never part of the JSON.
 *
 * @category decoding
 * @since 0.1.0
 */
export const trim = (text: string): Repaired => {
  const steps: Array<Step> = []
  let out = trimBlanks(text)
  for (let found = SPECIAL.exec(out); found !== null; found = SPECIAL.exec(out)) {
    out = out.slice(0, found.index).trimEnd()
    if (!steps.includes("special-token")) steps.push("special-token")
  }
  return { text: out, steps: steps.length === 0 && out !== text ? ["blanks"] : steps }
}

/**
 * Finds the JSON in the response of an unconstrained model: after a byte-order mark, after its thinking, in a fenced block,
 * between prose. Each step that was needed is reported. Nothing inside the JSON is changed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const lenient = (text: string): Repaired => {
  const steps: Array<Step> = []
  let out = text
  const cut = (step: Step, rest: string | undefined) => {
    if (rest === undefined || rest === out) return
    steps.push(step)
    out = rest
  }
  cut("byte-order-mark", out.startsWith("\uFEFF") ? out.slice(1) : undefined)
  if (!isValue(trim(out).text)) cut("thinking", Prose.withoutThinking(out)?.trimStart())
  const trimmed = trim(out)
  steps.push(...trimmed.steps)
  out = trimmed.text
  if (isValue(out)) return { text: out, steps }
  cut("code-fence", FENCE.exec(out)?.[1]?.trim())
  if (!isValue(out)) cut("prose", firstValue(out))
  return { text: out, steps }
}

const isValue = (text: string): boolean => {
  const parser = PartialJson.make()
  parser.push(text)
  return parser.failure === undefined && (parser.isDone || /^-?[0-9]/.test(text))
}

/** The first complete object or array. */
const firstValue = (text: string): string | undefined => {
  const starts = /[{[]/g
  for (
    let tried = 0, found = starts.exec(text);
    found !== null && tried < MAX_STARTS;
    tried++, found = starts.exec(text)
  ) {
    const rest = text.slice(found.index)
    const length = PartialJson.make().pushValue(rest)
    if (length !== undefined) return rest.slice(0, length)
  }
  return undefined
}
