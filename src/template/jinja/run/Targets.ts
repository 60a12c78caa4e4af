/** Assignment to names, tuples of them, and attributes of a namespace. */
import { setAttribute } from "../methods/Attribute.ts"
import type { Target } from "../syntax/Ast.ts"
import { fail } from "../values/Failure.ts"
import { isIterable, listOf } from "../values/Iterate.ts"
import { typeName } from "../values/Text.ts"
import { Namespace, Tuple, type Value } from "../values/Value.ts"
import { type Block, type Frame, read, write } from "./Frame.ts"

export type Assign = (frame: Frame, value: Value) => void

const unpack = (count: number, parts: ReadonlyArray<Assign>): Assign => (frame, value) => {
  if (!isIterable(value)) return fail(`cannot unpack non-iterable ${typeName(value)} object`)
  const items = listOf(frame.machine, value)
  if (items.length < count) return fail(`not enough values to unpack (expected ${count}, got ${items.length})`)
  if (items.length > count) return fail(`too many values to unpack (expected ${count})`)
  parts.forEach((part, index) => part(frame, items[index] ?? null))
}

const namespaceOf = (block: Block, name: string): (frame: Frame) => Namespace => {
  const slot = block.symbols.find(name)
  const get = slot === undefined ? () => undefined : read(block.symbols.unit, slot)
  return (frame) => {
    const value = get(frame)
    return value instanceof Namespace ? value : fail("cannot assign attribute on non-namespace object")
  }
}

export const assign = (block: Block, target: Target): Assign => {
  if (target.type === "Tuple") return unpack(target.items.length, target.items.map((item) => assign(block, item)))
  if (target.type === "NamespaceRef") {
    const namespace = namespaceOf(block, target.name)
    return (frame, value) => setAttribute(frame.machine, namespace(frame), target.attribute, value)
  }
  const slot = block.symbols.find(target.name)
  return slot === undefined ? () => {} : write(block.symbols.unit, slot)
}

/** As `assign`; at the template's top level the value is also a variable that `{% block %}` sees. */
export const assignAndExport = (block: Block, target: Target): Assign => {
  const set = assign(block, target)
  if (!block.toplevel) return set
  if (target.type === "Name") {
    return (frame, value) => {
      set(frame, value)
      frame.context.set(target.name, value)
    }
  }
  if (target.type === "Tuple") {
    return unpack(
      target.items.length,
      target.items.map((item) => assignAndExport(block, item))
    )
  }
  return set
}

/** Jinja checks that namespaces are namespaces before it evaluates what is assigned to them. */
export const checkNamespaces = (block: Block, target: Target): ((frame: Frame) => void) | undefined => {
  if (target.type === "NamespaceRef") return namespaceOf(block, target.name)
  if (target.type === "Name") return undefined
  const checks = target.items.flatMap((item) => checkNamespaces(block, item) ?? [])
  return checks.length === 0 ? undefined : (frame) => {
    for (const check of checks) check(frame)
  }
}

/** The item as the filter of a loop hands it on: a tuple of the names it was unpacked into. */
export const packed = (block: Block, target: Target): (frame: Frame, item: Value) => Value => {
  if (target.type !== "Tuple") return (_, item) => item
  const parts = target.items.map((item): (frame: Frame) => Value => {
    if (item.type === "Tuple") {
      const inner = packed(block, item)
      return (frame) => inner(frame, null)
    }
    const slot = block.symbols.find(item.name)
    const get = slot === undefined ? () => undefined : read(block.symbols.unit, slot)
    return (frame) => get(frame) ?? null
  })
  return (frame) => new Tuple(parts.map((part) => part(frame)))
}
