/** Indices and slices, counted in code points for strings. */
import * as Argument from "./Argument.ts"
import { fail } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import { codePoints, isPlain, typeName } from "./Text.ts"
import { isList, Markup, Range, Tuple, Undefined, type Value } from "./Value.ts"

/** Start, stop and step within a sequence of this length, by the rules of `slice.indices`. */
const bounds = (length: number, start: Value, stop: Value, stepValue: Value): readonly [number, number, number] => {
  const step = stepValue === null ? 1 : Argument.integer(stepValue)
  if (step === 0) fail("slice step cannot be zero")
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? length : length - 1
  const clip = (value: Value, fallback: number): number => {
    if (value === null) return fallback
    const index = Argument.integer(value)
    return index < 0 ? Math.max(index + length, low) : Math.min(index, high)
  }
  return step > 0 ? [clip(start, 0), clip(stop, length), step] : [clip(start, length - 1), clip(stop, -1), step]
}

const take = <A>(items: ReadonlyArray<A>, [start, stop, step]: readonly [number, number, number]): Array<A> => {
  if (step === 1) return items.slice(start, Math.max(start, stop))
  const taken: Array<A> = []
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) {
    const item = items[i]
    if (item !== undefined) taken.push(item)
  }
  return taken
}

const sliceText = (machine: Machine, text: string, start: Value, stop: Value, step: Value): string => {
  machine.text(text.length)
  if (isPlain(text)) {
    const range = bounds(text.length, start, stop, step)
    if (range[2] !== 1) machine.chars(text.length)
    return range[2] === 1 ? text.slice(range[0], Math.max(range[0], range[1])) : take(text.split(""), range).join("")
  }
  machine.chars(text.length)
  const points = codePoints(text)
  return take(points, bounds(points.length, start, stop, step)).join("")
}

export const slice = (machine: Machine, value: Value, start: Value, stop: Value, step: Value): Value => {
  if (typeof value === "string") return sliceText(machine, value, start, stop, step)
  if (value instanceof Markup) return new Markup(sliceText(machine, value.text, start, stop, step))
  if (isList(value)) {
    machine.items(value.length)
    return take(value, bounds(value.length, start, stop, step))
  }
  if (value instanceof Tuple) return new Tuple(take(value.items, bounds(value.items.length, start, stop, step)))
  if (value instanceof Range) {
    const [from, to, by] = bounds(value.length, start, stop, step)
    return new Range(value.at(from), value.at(to), value.step * by)
  }
  if (value instanceof Undefined) return fail(value.message)
  return fail(`'${typeName(value)}' object is not subscriptable`)
}

/** One character; only the part of the text before it is looked at. */
const charAt = (machine: Machine, text: string, index: number): string | undefined => {
  const before = index < 0 ? text.slice(2 * index) : text.slice(0, 2 * index + 2)
  machine.spend(before.length >> 4)
  if (isPlain(before)) return text.at(index)
  machine.chars(before.length)
  return codePoints(before).at(index)
}

/** `sequence[index]`; `undefined` when out of range. */
export const at = (machine: Machine, value: Value, index: number): Value | undefined => {
  if (isList(value)) return value[index < 0 ? index + value.length : index]
  if (typeof value === "string") return charAt(machine, value, index)
  if (value instanceof Tuple) return value.items[index < 0 ? index + value.items.length : index]
  if (value instanceof Markup) {
    const char = charAt(machine, value.text, index)
    return char === undefined ? undefined : new Markup(char)
  }
  if (value instanceof Range) {
    const position = index < 0 ? index + value.length : index
    return position >= 0 && position < value.length ? value.at(position) : undefined
  }
  return undefined
}
