/**
 * JSON text as a tree that remembers where each value stands, keeps numbers as written, and words its complaints as
 * serde_json does. Request bodies need all three: positions in rejections, u64 seeds without loss, duplicate keys seen.
 *
 * @since 0.1.0
 */

/**
 * A JSON value with the offsets (UTF-16, end exclusive) at which it stands in its text.
 *
 * @category models
 * @since 0.1.0
 */
export type Node =
  & { readonly start: number; readonly end: number }
  & (
    | { readonly kind: "null" }
    | { readonly kind: "boolean"; readonly value: boolean }
    | { readonly kind: "number"; readonly raw: string }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "array"; readonly items: ReadonlyArray<Node> }
    | { readonly kind: "object"; readonly entries: ReadonlyArray<Entry> }
  )

/**
 * One key of an object with its value. Duplicate keys are separate entries.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly key: string
  readonly keyEnd: number
  readonly value: Node
}

/**
 * What is wrong with a text, and the offset that serde_json would name.
 *
 * @category models
 * @since 0.1.0
 */
export class SyntaxFailure {
  readonly message: string
  readonly offset: number
  constructor(message: string, offset: number) {
    this.message = message
    this.offset = offset
  }
}

const depthLimit = 128
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

const blank = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/**
 * Parses the first value of a text. What follows it is ignored, as the servers do.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Node | SyntaxFailure => {
  let at = 0

  /** serde_json names the byte it looked at, so one past the offset, and never more than the length. */
  const peeked = (message: string): SyntaxFailure => new SyntaxFailure(message, Math.min(at + 1, text.length))

  const skip = (): number => {
    while (at < text.length && blank(text.charCodeAt(at))) at++
    return at < text.length ? text.charCodeAt(at) : -1
  }

  const string = (): string => {
    const start = at++
    for (;;) {
      if (at >= text.length) throw peeked("EOF while parsing a string")
      const code = text.charCodeAt(at)
      if (code === 0x22) break
      if (code < 0x20) throw peeked("control character (\\u0000-\\u001F) found while parsing a string")
      at += code === 0x5c ? 2 : 1
    }
    at++
    const raw = text.slice(start, at)
    if (!raw.includes("\\")) return raw.slice(1, -1)
    try {
      // The slice is delimited as a JSON string, so that parsing it gives a string or throws.
      return JSON.parse(raw) as string
    } catch {
      throw new SyntaxFailure("invalid escape", at)
    }
  }

  const word = (start: number, expected: string): void => {
    for (let index = 0; index < expected.length; index++) {
      at = start + index
      if (at >= text.length) throw peeked("EOF while parsing a value")
      if (text[at] !== expected[index]) throw peeked("expected ident")
    }
    at++
  }

  const array = (start: number, depth: number): Node => {
    const items: Array<Node> = []
    at++
    if (skip() === 0x5d) return { kind: "array", items, start, end: ++at }
    for (;;) {
      items.push(value(depth))
      const code = skip()
      if (code === -1) throw peeked("EOF while parsing a list")
      if (code === 0x5d) return { kind: "array", items, start, end: ++at }
      if (code !== 0x2c) throw peeked("expected `,` or `]`")
      at++
      if (skip() === 0x5d) throw peeked("trailing comma")
    }
  }

  const object = (start: number, depth: number): Node => {
    const entries: Array<Entry> = []
    at++
    let code = skip()
    if (code === 0x7d) return { kind: "object", entries, start, end: ++at }
    for (;;) {
      if (code === -1) throw peeked("EOF while parsing an object")
      if (code !== 0x22) throw peeked(code === 0x7d ? "trailing comma" : "key must be a string")
      const key = string()
      const keyEnd = at
      code = skip()
      if (code === -1) throw peeked("EOF while parsing an object")
      if (code !== 0x3a) throw peeked("expected `:`")
      at++
      entries.push({ key, keyEnd, value: value(depth) })
      code = skip()
      if (code === -1) throw peeked("EOF while parsing an object")
      if (code === 0x7d) return { kind: "object", entries, start, end: ++at }
      if (code !== 0x2c) throw peeked("expected `,` or `}`")
      at++
      code = skip()
    }
  }

  const value = (depth: number): Node => {
    const code = skip()
    const start = at
    if (code === -1) throw peeked("EOF while parsing a value")
    if (depth >= depthLimit && (code === 0x7b || code === 0x5b)) throw peeked("recursion limit exceeded")
    switch (code) {
      case 0x7b:
        return object(start, depth + 1)
      case 0x5b:
        return array(start, depth + 1)
      case 0x22:
        return { kind: "string", value: string(), start, end: at }
      case 0x74:
        word(start, "true")
        return { kind: "boolean", value: true, start, end: at }
      case 0x66:
        word(start, "false")
        return { kind: "boolean", value: false, start, end: at }
      case 0x6e:
        word(start, "null")
        return { kind: "null", start, end: at }
      default: {
        numberPattern.lastIndex = start
        const raw = numberPattern.exec(text)?.[0]
        if (raw === undefined) throw peeked(code === 0x2d ? "invalid number" : "expected value")
        at += raw.length
        if (/[\d.eE]/.test(text.charAt(at))) {
          at++
          throw peeked(at >= text.length ? "EOF while parsing a value" : "invalid number")
        }
        return { kind: "number", raw, start, end: at }
      }
    }
  }

  try {
    return value(0)
  } catch (failure) {
    if (failure instanceof SyntaxFailure) return failure
    throw failure
  }
}

/**
 * The line (from 1) and column (bytes into the line) of an offset, in serde_json's words.
 *
 * @category positions
 * @since 0.1.0
 */
export const position = (text: string, offset: number): string => {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf("\n") + 1
  let line = 1
  for (let index = 0; index < lineStart; index++) if (before.charCodeAt(index) === 0x0a) line++
  return ` at line ${line} column ${new TextEncoder().encode(before.slice(lineStart)).length}`
}

/**
 * The plain value of a node. Later duplicates win and numbers become doubles, as with `JSON.parse`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toUnknown = (node: Node): unknown => {
  switch (node.kind) {
    case "null":
      return null
    case "number":
      return Number(node.raw)
    case "array":
      return node.items.map(toUnknown)
    case "object":
      return Object.fromEntries(node.entries.map((entry) => [entry.key, toUnknown(entry.value)]))
    default:
      return node.value
  }
}

/**
 * The text of a node without blanks, with keys and numbers as they were written.
 *
 * @category conversions
 * @since 0.1.0
 */
export const compact = (node: Node): string => {
  switch (node.kind) {
    case "null":
      return "null"
    case "number":
      return node.raw
    case "array":
      return `[${node.items.map(compact).join(",")}]`
    case "object":
      return `{${node.entries.map((entry) => `${JSON.stringify(entry.key)}:${compact(entry.value)}`).join(",")}}`
    default:
      return JSON.stringify(node.value)
  }
}

/**
 * The value under a key of an object node; the last one where a key stands twice.
 *
 * @category conversions
 * @since 0.1.0
 */
export const get = (node: Node, key: string): Node | undefined =>
  node.kind === "object" ? node.entries.findLast((entry) => entry.key === key)?.value : undefined
