/** Calling a value, and a method of a value. */
import { getattr, methodsOf } from "../methods/Attribute.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { typeName } from "../values/Text.ts"
import { Callable, type Kwargs, Loop, noKwargs, Undefined, type Value } from "../values/Value.ts"
import type { Evaluate, Frame } from "./Frame.ts"

/** Evaluates the arguments of a call, in the frame in which it is made. */
export type Supply<A> = (frame: Frame) => A

/** Calls whatever can be called. */
export const invoke = (machine: Machine, target: Value, args: ReadonlyArray<Value>, kwargs: Kwargs): Value => {
  machine.spend(1)
  if (target instanceof Callable) return target.invoke(machine, args, kwargs)
  if (target instanceof Undefined) return fail(target.message)
  if (target instanceof Loop) {
    if (target.recurse === undefined) return fail("The loop must have the 'recursive' marker to be called recursively.")
    const items = args.length > 0 ? args[0] : kwargs.get("iterable")
    return items === undefined ? fail("loop() needs an iterable") : target.recurse(machine, items, target.depth0 + 1)
  }
  return fail(`'${typeName(target)}' object is not callable`)
}

/** A call of a method by its name. */
export const methodCall = (
  object: Evaluate,
  method: string,
  args: Supply<ReadonlyArray<Value>>,
  kwargs: Supply<Kwargs> | undefined
): Evaluate =>
(frame) => {
  const value = object(frame)
  const { machine } = frame
  const found = methodsOf(value).get(method)
  if (found !== undefined) {
    return found.call(machine, value, args(frame), kwargs === undefined ? noKwargs : kwargs(frame))
  }
  const target = getattr(machine, value, method)
  return invoke(machine, target, args(frame), kwargs === undefined ? noKwargs : kwargs(frame))
}
