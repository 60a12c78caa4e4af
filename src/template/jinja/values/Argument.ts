/** The calling convention: binds arguments to parameters and reads them as the types that a function asks for, with Python's complaints. */
import { textOf } from "./Compare.ts"
import { fail } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import { typeName } from "./Text.ts"
import { type Kwargs, Undefined, type Value } from "./Value.ts"

const wrong = (wanted: string, value: Value): never =>
  value instanceof Undefined ? fail(value.message) : fail(`expected ${wanted}, not '${typeName(value)}'`)

export const text = (value: Value | undefined): string => {
  if (value === undefined) return ""
  return textOf(value) ?? (value instanceof Undefined
    ? fail(`expected str, not 'Undefined': ${value.message}`)
    : fail(`expected str, not '${typeName(value)}'`))
}

/** An int (bools count as 0 and 1); a larger one than JavaScript can index with is cut, as slices do. */
export const integer = (value: Value): number =>
  typeof value === "number"
    ? value
    : typeof value === "boolean"
    ? Number(value)
    : typeof value === "bigint"
    ? (value < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER)
    : wrong("int", value)

/** One argument for each parameter; `undefined` where the caller gave none. */
export type Bound = ReadonlyArray<Value | undefined>

/** A function written here that templates call: a filter, a test, a method. `args[0]` is the value it is applied to. */
export interface Native {
  readonly call: (machine: Machine, value: Value, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value
}

/**
 * Parameters are written as one string, `"sep? maxsplit?"`: a `?` marks those that may be missing. `positional` refuses
 * keywords, as CPython's C functions do.
 */
export const native = (
  name: string,
  parameters: string,
  run: (machine: Machine, value: Value, args: Bound) => Value,
  positional = false
): Native => {
  const names = parameters === "" ? [] : parameters.split(" ")
  const plain = names.map((parameter) => parameter.replace("?", ""))
  const required = names.filter((parameter) => !parameter.endsWith("?")).length
  return {
    call: (machine, value, args, kwargs) => {
      if (args.length > names.length) {
        return fail(`${name}() takes at most ${names.length} arguments (${args.length} given)`)
      }
      if (kwargs.size === 0) {
        return args.length < required
          ? fail(`${name}() missing a required argument: '${plain[args.length]}'`)
          : run(machine, value, args)
      }
      if (positional) return fail(`${name}() takes no keyword arguments`)
      return run(machine, value, named(name, plain, required, args, kwargs))
    }
  }
}

const named = (
  name: string,
  parameters: ReadonlyArray<string>,
  required: number,
  args: ReadonlyArray<Value>,
  kwargs: Kwargs
): Bound => {
  const bound: Array<Value | undefined> = parameters.map((_, index) => args[index])
  for (const [key, value] of kwargs) {
    const index = parameters.indexOf(key)
    if (index < 0) fail(`${name}() got an unexpected keyword argument '${key}'`)
    if (index < args.length) fail(`${name}() got multiple values for argument '${key}'`)
    bound[index] = value
  }
  for (let i = 0; i < required; i++) {
    if (bound[i] === undefined) fail(`${name}() missing a required argument: '${parameters[i]}'`)
  }
  return bound
}
