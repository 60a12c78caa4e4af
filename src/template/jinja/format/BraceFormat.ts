/** `'{} {name!r:>10}'.format(...)`, with the sandbox's attribute access inside a field. */
import { escapeText } from "../values/Escape.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { quote, repr, str } from "../values/Text.ts"
import { type Kwargs, Markup, type Value } from "../values/Value.ts"
import { format } from "./FormatSpec.ts"

/** Positions handed out to `{}`, or the fact that the template numbers its fields itself; the two do not mix. */
interface Numbering {
  next: number
  manual: boolean | undefined
}

/** How a field reaches into its value: the sandbox's own attribute and item access. */
export interface Access {
  readonly attribute: (machine: Machine, value: Value, name: string) => Value
  readonly item: (machine: Machine, value: Value, key: Value) => Value
}

interface Source {
  readonly machine: Machine
  readonly access: Access
  readonly args: ReadonlyArray<Value>
  readonly kwargs: Kwargs
  readonly numbering: Numbering
  readonly escaping: boolean
}

const number = (numbering: Numbering, manual: boolean): void => {
  if (numbering.manual !== undefined && numbering.manual !== manual) {
    fail("cannot switch between automatic and manual field numbering")
  }
  numbering.manual = manual
}

const first = (source: Source, name: string): Value => {
  if (name !== "" && !/^\d+$/.test(name)) {
    const value = source.kwargs.get(name)
    return value === undefined ? fail(`KeyError: ${quote(name)}`) : value
  }
  number(source.numbering, name !== "")
  const index = name === "" ? source.numbering.next++ : Number(name)
  const value = source.args[index]
  return value === undefined ? fail(`Replacement index ${index} out of range for positional args tuple`) : value
}

const lookup = (source: Source, path: string): Value => {
  const match = /^[^.[]*/.exec(path)
  const head = match?.[0] ?? ""
  let value = first(source, head)
  const rest = path.slice(head.length)
  const step = /\.([^.[]+)|\[([^\]]+)\]/y
  while (step.lastIndex < rest.length) {
    const part = step.exec(rest)
    if (part === null) return fail("Invalid field in format string")
    const [, attribute, item] = part
    if (attribute !== undefined) value = source.access.attribute(source.machine, value, attribute)
    else if (item !== undefined) {
      value = source.access.item(source.machine, value, /^\d+$/.test(item) ? Number(item) : item)
    }
  }
  return value
}

const field = (source: Source, body: string, depth: number): string => {
  const match = /^((?:[^!:[]|\[[^\]]*\])*)(?:!([\s\S]*?))?(?::([\s\S]*))?$/.exec(body)
  if (match === null) return fail("Invalid format string")
  const [, path = "", conversion, spec = ""] = match
  const found = lookup(source, path)
  const { machine } = source
  const value = conversion === undefined ? found : conversion === "s"
    ? str(machine, found)
    : conversion === "r" || conversion === "a"
    ? repr(machine, found)
    : fail(`Unknown conversion specifier ${conversion}`)
  const text = format(machine, value, expand(source, spec, depth + 1))
  return source.escaping && !(value instanceof Markup) ? escapeText(text) : text
}

const closing = (text: string, from: number): number => {
  let depth = 1
  for (let i = from; i < text.length; i++) {
    if (text[i] === "{") depth++
    else if (text[i] === "}" && --depth === 0) return i
  }
  return fail("expected '}' before end of string")
}

const expand = (source: Source, text: string, depth: number): string => {
  if (depth > 2) return fail("Max string recursion exceeded")
  let out = ""
  let at = 0
  while (at < text.length) {
    const next = text.slice(at).search(/[{}]/)
    if (next < 0) return out + text.slice(at)
    out += text.slice(at, at + next)
    at += next
    source.machine.spend(1 + (text.length >> 6))
    if (text[at] === text[at + 1]) {
      out += text[at]
      at += 2
      continue
    }
    if (text[at] === "}") return fail("Single '}' encountered in format string")
    const end = closing(text, at + 1)
    out += field(source, text.slice(at + 1, end), depth)
    source.machine.text(out.length)
    at = end + 1
  }
  return out
}

export const braceFormat = (
  machine: Machine,
  access: Access,
  template: Value,
  args: ReadonlyArray<Value>,
  kwargs: Kwargs
): Value => {
  const escaping = template instanceof Markup
  const text = escaping ? template.text : str(machine, template)
  const out = expand({ machine, access, args, kwargs, numbering: { next: 0, manual: undefined }, escaping }, text, 0)
  return escaping ? new Markup(out) : out
}
