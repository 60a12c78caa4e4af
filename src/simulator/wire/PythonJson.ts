/**
 * Python's own JSON parser: what it reads beyond JSON, and what it says about a text that is not JSON.
 *
 * @since 0.2.0
 */

/**
 * @category models
 * @since 0.2.0
 */
export interface Mistake {
  readonly msg: string
  /** In characters from the start. */
  readonly at: number
}

class Stop {
  readonly mistake: Mistake
  constructor(msg: string, at: number) {
    this.mistake = { msg, at }
  }
}

const stop = (msg: string, at: number): never => {
  throw new Stop(msg, at)
}

const words = ["null", "true", "false", "NaN", "Infinity", "-Infinity"]
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const blank = /[ \t\n\r]*/y

const matched = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

const past = (text: string, at: number): number => at + (matched(blank, text, at)?.length ?? 0)

const escape = (text: string, at: number): number => {
  const sign = text[at + 1]
  if (sign === undefined) return stop("Unterminated string starting at", at)
  if (sign === "u") {
    return /^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6)) ? at + 6 : stop("Invalid \\uXXXX escape", at + 1)
  }
  return "\"\\/bfnrt".includes(sign) ? at + 2 : stop("Invalid \\escape", at)
}

/** The position after a string whose opening quote is at `start`. */
const string = (text: string, start: number): number => {
  let at = start + 1
  while (at < text.length) {
    const char = text.charAt(at)
    if (char === "\"") return at + 1
    if (char === "\\") at = escape(text, at)
    else if (char < " ") return stop("Invalid control character at", at)
    else at += 1
  }
  return stop("Unterminated string starting at", start)
}

const object = (text: string, start: number): number => {
  const property = "Expecting property name enclosed in double quotes"
  let at = past(text, start + 1)
  if (text[at] === "}") return at + 1
  for (;;) {
    if (text[at] !== "\"") return stop(property, at)
    at = past(text, string(text, at))
    if (text[at] !== ":") return stop("Expecting ':' delimiter", at)
    at = past(text, value(text, past(text, at + 1)))
    if (text[at] === "}") return at + 1
    if (text[at] !== ",") return stop("Expecting ',' delimiter", at)
    at = past(text, at + 1)
  }
}

const array = (text: string, start: number): number => {
  let at = past(text, start + 1)
  if (text[at] === "]") return at + 1
  for (;;) {
    at = past(text, value(text, at))
    if (text[at] === "]") return at + 1
    if (text[at] !== ",") return stop("Expecting ',' delimiter", at)
    at = past(text, at + 1)
  }
}

/** The position after the value that begins here. */
const value = (text: string, at: number): number => {
  const char = text[at]
  if (char === "\"") return string(text, at)
  if (char === "{") return object(text, at)
  if (char === "[") return array(text, at)
  const word = words.find((name) => text.startsWith(name, at)) ?? matched(number, text, at)
  return word === undefined ? stop("Expecting value", at) : at + word.length
}

/**
 * Why a text is not JSON for Python 3.12, which accepts `NaN` and `Infinity`; undefined if it is.
 *
 * @category reading
 * @since 0.2.0
 */
export const mistake = (text: string): Mistake | undefined => {
  try {
    const end = past(text, value(text, past(text, 0)))
    return end === text.length ? undefined : { msg: "Extra data", at: end }
  } catch (error) {
    if (error instanceof Stop) return error.mistake
    throw error
  }
}

const texts = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g
/** Stands for a number that JavaScript's parser does not accept, while that parser reads the rest. */
const mark = "\u0000"

/**
 * The value of a text that is JSON for Python, including `NaN` and `Infinity`; undefined if it is not.
 *
 * @category reading
 * @since 0.2.0
 */
export const parse = (text: string): unknown => {
  if (mistake(text) !== undefined) return undefined
  const marked = text.replace(texts, (found) => found.startsWith("\"") ? found : JSON.stringify(mark + found))
  return JSON.parse(
    marked,
    (_, read: unknown) =>
      typeof read === "string" && /^\0(?:NaN|-?Infinity)$/.test(read) ? Number(read.slice(mark.length)) : read
  )
}

/** As the exception prints itself: the message, then line, column and offset. @category encoding @since 0.2.0 */
export const shown = (text: string, { at, msg }: Mistake): string => {
  const before = text.slice(0, at).split("\n")
  return `${msg}: line ${before.length} column ${(before.at(-1) ?? "").length + 1} (char ${at})`
}
