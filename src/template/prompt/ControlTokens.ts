/**
 * Text of a user that the server's tokenizer would read as control tokens: finding it, and turning it into plain text.
 *
 * @since 0.2.0
 */

/**
 * A control token in the text of a message. Such text changes the structure of the prompt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Intrusion {
  /** The index of the message. */
  readonly message: number
  readonly token: string
  /** In UTF-16 units from the start of the text. */
  readonly offset: number
}

const textsOf = (content: unknown): ReadonlyArray<string> => {
  if (typeof content === "string") return [content]
  if (!Array.isArray(content)) return []
  return content.flatMap((part: unknown) =>
    typeof part === "object" && part !== null && "text" in part && typeof part.text === "string" ? [part.text] : []
  )
}

/**
 * Finds control tokens in the content of messages: data to refuse, escape or log by.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (
  messages: ReadonlyArray<{ readonly content?: unknown }>,
  tokens: Iterable<string>
): ReadonlyArray<Intrusion> => {
  const wanted = [...new Set(tokens)].filter((token) => token !== "")
  return messages.flatMap(({ content }, message) =>
    textsOf(content).flatMap((text) =>
      wanted.flatMap((token) => {
        const offset = text.indexOf(token)
        return offset < 0 ? [] : [{ message, token, offset }]
      })
    )
  )
}

/** What breaks up a token: a zero-width space, which no tokenizer drops and no reader sees. */
const wedge = "\u200b"

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/** Tokens that can be broken: those of one character cannot, and white space and the wedge itself stay as they are. */
const breakable = (tokens: Iterable<string>): ReadonlyArray<string> =>
  [...new Set(tokens)].filter((token) => [...token].length > 1 && token.trim() !== "" && !token.includes(wedge))
    .toSorted((a, b) => b.length - a.length)

/** Breaks every token in a text, including those that appear when a longer one is broken. */
const broken = (text: string, pattern: RegExp): string => {
  const next = text.replace(pattern, (token) => {
    const [first = ""] = token
    return first + wedge + token.slice(first.length)
  })
  return next === text ? text : broken(next, pattern)
}

/** The changed parts of an object or a list; the same list if none changed. */
const changedAll = (parts: ReadonlyArray<unknown>, visit: (part: unknown) => unknown): ReadonlyArray<unknown> => {
  const next = parts.map(visit)
  return next.some((part, index) => part !== parts[index]) ? next : parts
}

/**
 * The same data with every control token in its texts broken up by a zero-width space (U+200B) after its first
 * character, so that a tokenizer reads it as text. Keys of objects stay. Only whole tokens are found: where a template
 * joins texts of the caller into a token (`'<|' + message['role'] + '|>'`), those must be checked by other means.
 *
 * @category conversions
 * @since 0.2.0
 */
export const neutralize = (value: unknown, tokens: Iterable<string>): unknown => {
  const wanted = breakable(tokens)
  if (wanted.length === 0) return value
  const pattern = new RegExp(wanted.map(literal).join("|"), "gu")
  const visit = (part: unknown): unknown => {
    if (typeof part === "string") return broken(part, pattern)
    if (Array.isArray(part)) return changedAll(part, visit)
    if (typeof part !== "object" || part === null) return part
    const keys: ReadonlyArray<unknown> = part instanceof Map ? [...part.keys()] : Object.keys(part)
    const values: ReadonlyArray<unknown> = part instanceof Map ? [...part.values()] : Object.values(part)
    const next = changedAll(values, visit)
    if (next === values) return part
    const entries = keys.map((key, index) => [key, next[index]] as const)
    return part instanceof Map
      ? new Map(entries)
      : Object.fromEntries(entries.map(([key, item]) => [String(key), item]))
  }
  return visit(value)
}

/** Texts that look like control tokens: `<|im_end|>`, `<start_of_turn>`, `</s>`, `[INST]`, `<|begin▁of▁sentence|>`. */
const tokenLike = /<[|｜][^<>|｜\s]{1,64}[|｜]>|<\/?[A-Za-z][\w:.-]{0,62}>|\[\/?[A-Z][A-Z_]{1,62}\]/gu

/**
 * The texts in a template that look like control tokens, for tokenizers whose files do not name them.
 *
 * @category accessors
 * @since 0.2.0
 */
export const inTemplate = (source: string): ReadonlyArray<string> => [...new Set(source.match(tokenLike) ?? [])]
