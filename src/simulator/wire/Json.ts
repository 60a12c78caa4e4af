/**
 * JSON text as a tree that remembers where each value is, keeps numbers as written, and words its complaints as serde_json
 * does. Request bodies need all three: positions in rejections, u64 seeds without loss, duplicate keys seen.
 *
 * @since 0.1.0
 */

/**
 * A JSON value with its offsets (UTF-16, end exclusive) in its text.
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
 * What is wrong with a text, the offset that serde_json would name, and the path of the surrounding value.
 *
 * @category models
 * @since 0.1.0
 */
export class SyntaxFailure {
  readonly message: string
  readonly offset: number
  readonly path: string
  constructor(message: string, offset: number, path: string) {
    this.message = message
    this.offset = offset
    this.path = path
  }
}

/** How far a string is read, up to its first invalid escape. */
const badEscape = (raw: string): number => {
  for (const found of raw.matchAll(/\\(u.{0,4}|.)/gs)) {
    if (!/^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})$/.test(found[1] ?? "")) return found.index + found[0].length
  }
  return raw.length
}

const depthLimit = 127
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
  const path: Array<string | number> = []

  const failure = (message: string, offset: number): SyntaxFailure =>
    new SyntaxFailure(
      message,
      offset,
      path.map((step, index) => typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`).join("")
    )

  /** serde_json names the byte it looked at, so one past the offset, and never more than the length. */
  const peeked = (message: string): SyntaxFailure => failure(message, Math.min(at + 1, text.length))

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
    // bytes that are not UTF-8 arrive as halves of surrogates
    if (!raw.isWellFormed()) throw failure("invalid unicode code point", at)
    if (!raw.includes("\\")) return raw.slice(1, -1)
    let read: string
    try {
      // The slice is delimited as a JSON string, so that parsing it gives a string or throws.
      read = JSON.parse(raw) as string
    } catch {
      throw failure("invalid escape", start + badEscape(raw))
    }
    if (!read.isWellFormed()) throw half(raw, start)
    return read
  }

  /** The first escape of half a surrogate: a leading one needs another escape after it. */
  const half = (raw: string, start: number): SyntaxFailure => {
    for (const found of raw.matchAll(/\\(?:u([0-9a-fA-F]{4})|.)/g)) {
      const unit = Number.parseInt(found[1] ?? "0", 16)
      const end = start + found.index + 6
      if (unit >= 0xdc00 && unit <= 0xdfff) return failure("lone leading surrogate in hex escape", end)
      if (unit < 0xd800 || unit > 0xdbff) continue
      const next = /^\\(u[dD][c-fC-F][0-9a-fA-F]{2}|u)?/.exec(raw.slice(found.index + 6))
      if (next === null) return failure("unexpected end of hex escape", end + 1)
      if (next[1] === undefined) return failure("unexpected end of hex escape", end + 2)
      if (next[1] === "u") return failure("lone leading surrogate in hex escape", end + 6)
    }
    return failure("lone leading surrogate in hex escape", at)
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
      path.push(items.length)
      items.push(value(depth))
      path.pop()
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
      path.push(key)
      code = skip()
      if (code === -1) throw peeked("EOF while parsing an object")
      if (code !== 0x3a) throw peeked("expected `:`")
      at++
      entries.push({ key, keyEnd, value: value(depth) })
      path.pop()
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
        if (raw === undefined) {
          if (code !== 0x2d) throw peeked("expected value")
          at++
          throw peeked(at >= text.length ? "EOF while parsing a value" : "invalid number")
        }
        at += raw.length
        const more = /^(?:\d|\.|[eE][+-]?)/.exec(text.slice(at, at + 2))?.[0]
        if (more !== undefined) {
          // a digit after a leading zero is an error, and everything else is skipped
          if (!/\d/.test(more)) at += more.length
          throw peeked(at >= text.length ? "EOF while parsing a value" : "invalid number")
        }
        if (!Number.isFinite(Number(raw))) throw failure("number out of range", at)
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
  // half a surrogate stands for one byte that was not UTF-8
  const head = text.slice(0, offset)
  const before = head.isWellFormed() ? head : head.replace(/[\ud800-\udfff]/gu, "?")
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
 * The text of a node without whitespace, with keys and numbers as they were written.
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
 * The value under a key of an object node; the last one if a key occurs twice.
 *
 * @category conversions
 * @since 0.1.0
 */
export const get = (node: Node, key: string): Node | undefined =>
  node.kind === "object" ? node.entries.findLast((entry) => entry.key === key)?.value : undefined
