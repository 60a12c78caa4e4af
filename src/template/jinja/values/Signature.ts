/** Binds positional and keyword arguments to parameters, with Python's complaints. */
import { fail } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import type { Kwargs, Value } from "./Value.ts"

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
