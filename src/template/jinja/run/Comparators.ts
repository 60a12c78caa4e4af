/** Comparisons of two values. */
import type { Comparator } from "../syntax/Ast.ts"
import { contains, equal, order } from "../values/Compare.ts"
import type { Machine } from "../values/Machine.ts"
import type { Value } from "../values/Value.ts"
import type { Evaluate, Frame } from "./Frame.ts"

/** A condition: an expression of which only the truth matters. */
export type Condition = (frame: Frame) => boolean

/** Each comparison of the language. */
export const comparators: Readonly<Record<Comparator, (machine: Machine, a: Value, b: Value) => boolean>> = {
  "==": equal,
  "!=": (machine, a, b) => !equal(machine, a, b),
  in: (machine, a, b) => contains(machine, b, a),
  "not in": (machine, a, b) => !contains(machine, b, a),
  "<": (machine, a, b) => order(machine, "<", a, b),
  "<=": (machine, a, b) => order(machine, "<=", a, b),
  ">": (machine, a, b) => order(machine, ">", a, b),
  ">=": (machine, a, b) => order(machine, ">=", a, b)
}

/** `x == 'text'`, the most common of all: most values are strings, and most of those have another length. */
export const equalsText = (operand: Evaluate, text: string, wanted: boolean): Condition => (frame) => {
  const value = operand(frame)
  const same = typeof value === "string"
    ? value.length === text.length && value === text
    : equal(frame.machine, value, text)
  return same === wanted
}
