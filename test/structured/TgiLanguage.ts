/**
 * The language of a TGI grammar as a JavaScript regular expression: a second, independent reading of what the server
 * does, for judging what the compiler emits. It throws where the server would refuse.
 */
import { Result } from "effect"
import * as JsonText from "../../src/structured/engines/JsonText.ts"
import * as Grammar from "../../src/structured/Grammar.ts"

const WS = "[ ]?"
const CHAR = String.raw`(?:[^"\\\x00-\x1F\x7F-\x9F]|\\["\\])`
const INTEGER = "-?(?:0|[1-9][0-9]*)"
const NUMBER = `${INTEGER}(?:\\.[0-9]+)?(?:[eE][+-][0-9]+)?`

type Fields = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const arrayOf = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

const point = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
const literal = (text: string): string => Array.from(text, point).join("")

/** The server's dialect in JavaScript's `u` syntax: only the spelling of single characters differs. */
const pattern = (source: string): string => {
  const chars = Array.from(source)
  let out = ""
  let inClass = false
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? ""
    if (char === "\\") {
      const next = chars[++at] ?? ""
      if (next === "x") {
        out += `\\u{${chars.slice(at + 1, at + 3).join("")}}`
        at += 2
      } else if (/[dwsDWSnrtfv]/.test(next)) out += `\\${next}`
      else if (/[A-Za-z0-9]/.test(next)) throw new Error(`\\${next} is outside the dialect`)
      else out += point(next)
    } else if (inClass) {
      if (char === "]") inClass = false
      out += char === "]" || char === "-" || (char === "^" && out.endsWith("[")) ? char : point(char)
    } else if (char === "[") {
      inClass = true
      out += char
    } else if (char === "^" || char === "$") throw new Error(`${char} is outside the dialect`)
    else if (char === ".") out += "[^\\n]"
    else if ("()|*+?{}:,0123456789".includes(char)) out += char
    else out += point(char)
  }
  return out
}

const ORDER = ["properties", "allOf", "anyOf", "oneOf", "prefixItems", "enum", "const", "$ref", "type"]

const schema = (node: unknown): string => {
  if (!isObject(node)) throw new Error("a schema must be an object")
  const keyword = ORDER.find((name) => Object.hasOwn(node, name))
  switch (keyword) {
    case "properties":
      return properties(node)
    case "anyOf":
      return `(?:${arrayOf(node.anyOf).map(schema).join("|")})`
    case "prefixItems":
      return `\\[${WS}${arrayOf(node.prefixItems).map(schema).join(`${WS},${WS}`)}${WS}\\]`
    case "enum":
      return `(?:${arrayOf(node.enum).map((value) => literal(JSON.stringify(value))).join("|")})`
    case "type":
      return typed(node)
    default:
      throw new Error(`the compiler should not emit ${keyword ?? JSON.stringify(node)}`)
  }
}

const bounds = (low: unknown, high: unknown): string =>
  `{${Number(low ?? 0)},${high === undefined ? "" : Number(high)}}`

const typed = (node: Fields): string => {
  switch (node.type) {
    case "string":
      if (node.minLength !== undefined || node.maxLength !== undefined) {
        return `"${CHAR}${bounds(node.minLength, node.maxLength)}"`
      }
      if (node.format !== undefined) throw new Error("formats are not to be left to the server")
      return node.pattern === undefined ? `"${CHAR}*"` : pattern(`"${String(node.pattern)}"`)
    case "integer":
      return INTEGER
    case "number":
      return NUMBER
    case "boolean":
      return "(?:true|false)"
    case "null":
      return "null"
    case "object": {
      const pair = `"${CHAR}*"${WS}:${WS}${schema(node.additionalProperties)}`
      return `\\{${WS}(?:${pair}(?:${WS},${WS}${pair})*)${Number(node.minProperties ?? 0) > 0 ? "" : "?"}${WS}\\}`
    }
    case "array": {
      if (node.maxItems === 0) return `\\[${WS}\\]`
      const item = schema(node.items)
      const low = Number(node.minItems ?? 0)
      const high = node.maxItems === undefined ? undefined : Number(node.maxItems) - 1
      const more = `(?:,${WS}${item})${bounds(Math.max(0, low - 1), high)}`
      return `\\[${WS}(?:${item}${more})${low > 0 ? "" : "?"}${WS}\\]`
    }
    default:
      throw new Error(`the compiler should not emit the type ${JSON.stringify(node.type)}`)
  }
}

const properties = (node: Fields): string => {
  const required = arrayOf(node.required)
  const entries = Object.entries(isObject(node.properties) ? node.properties : {})
  const parts = entries.map(([name, value]) => `${WS}"${literal(name)}"${WS}:${WS}${schema(value)}`)
  const last = entries.findLastIndex(([name]) => required.includes(name))
  if (last < 0) {
    if (entries.length > 7) throw new Error("an object with so many optional keys takes the server too long")
    const firsts = parts.map((part, index) =>
      part + parts.slice(index + 1).map((next) => `(?:${WS},${next})?`).join("")
    )
    return `\\{(?:${firsts.join("|")})?${WS}\\}`
  }
  const body = entries.map(([name], index) => {
    const part = index < last ? `${parts[index]}${WS},` : index > last ? `${WS},${parts[index]}` : parts[index] ?? ""
    return required.includes(name) ? part : `(?:${part})?`
  })
  return `\\{${body.join("")}${WS}\\}`
}

/** Whether a text belongs to the language of a grammar. */
export const accepts = (
  grammar: { readonly type: string; readonly value: unknown }
): (text: string) => boolean => {
  if (grammar.type === "json" && !(isObject(grammar.value) && "properties" in grammar.value)) {
    throw new Error("the root needs properties")
  }
  const source = grammar.type === "regex" ? pattern(String(grammar.value)) : schema(grammar.value)
  const regex = new RegExp(`^(?:${source})$`, "u")
  return (text) => regex.test(text)
}

/** Whether TGI's server can write a value of a schema. */
export const writes = (source: Grammar.JsonSource): (value: unknown) => boolean => {
  const { grammar, tree, wrap } = Result.getOrThrow(Grammar.lower(source))
  const allowed = accepts(grammar)
  return (value) => {
    const text = JsonText.write(tree, value)
    return allowed(wrap === undefined ? text : `{${JSON.stringify(wrap)}:${text}}`)
  }
}
