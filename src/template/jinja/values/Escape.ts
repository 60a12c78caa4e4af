/** HTML escaping as `markupsafe` does it. Templates meet it through `|e`, `|escape`, `|safe` and what is added to their results. */
import type { Machine } from "./Machine.ts"
import { str } from "./Text.ts"
import { Markup, type Value } from "./Value.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  "\"": "&#34;"
}

export const escapeText = (text: string): string => text.replace(/[&<>'"]/g, (char) => entities[char] ?? char)

/** `markupsafe.escape`: Markup stays as it is, anything else is printed and escaped. */
export const escape = (machine: Machine, value: Value): Markup => {
  if (value instanceof Markup) return value
  const text = str(machine, value)
  machine.scan(text.length)
  const escaped = escapeText(text)
  machine.chars((escaped.length - text.length) >> 1)
  machine.text(escaped.length)
  return new Markup(escaped)
}

export const joinMarkup = (machine: Machine, parts: ReadonlyArray<Markup>, separator = ""): Markup => {
  const text = parts.map((part) => part.text).join(separator)
  machine.text(text.length)
  return new Markup(text)
}
