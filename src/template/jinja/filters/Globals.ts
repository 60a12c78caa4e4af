/** The functions that a chat template finds without being given them. */
import { strftime } from "../format/Strftime.ts"
import { setAttribute } from "../methods/Attribute.ts"
import { dictMethods } from "../methods/ContainerMethods.ts"
import * as Argument from "../values/Argument.ts"
import { keyOf, textOf } from "../values/Compare.ts"
import { fail, Failure, tooMuch } from "../values/Failure.ts"
import { iterate, listOf } from "../values/Iterate.ts"
import type { Machine } from "../values/Machine.ts"
import { str, typeName } from "../values/Text.ts"
import {
  Callable,
  Cycler,
  Dict,
  type Kwargs,
  Namespace,
  Range,
  stringKey,
  Undefined,
  type Value
} from "../values/Value.ts"

type Args = ReadonlyArray<Value>

/** The only argument of a function, by position or by name. */
const single = (args: Args, kwargs: Kwargs, name: string): Value | undefined =>
  args.length > 0 ? args[0] : kwargs.get(name)

const range = (machine: Machine, args: Args, kwargs: Kwargs): Value => {
  if (kwargs.size > 0) return fail("range() takes no keyword arguments")
  const numbers = args.map((arg) => arg instanceof Undefined ? fail(arg.message) : Argument.integer(arg))
  const [first, second, step = 1] = numbers
  if (first === undefined || numbers.length > 3) return fail(`range expected 1 to 3 arguments, got ${numbers.length}`)
  if (step === 0) return fail("range() arg 3 must not be zero")
  const made = second === undefined ? new Range(0, first, 1) : new Range(first, second, step)
  const limit = machine.limits.items
  return made.length > limit ? tooMuch(`Range too big. The sandbox blocks ranges larger than ${limit}.`) : made
}

const pairOf = (machine: Machine, item: Value): readonly [Value, Value] => {
  const [key, value, ...rest] = listOf(machine, item)
  return key === undefined || value === undefined || rest.length > 0
    ? fail("dictionary update sequence needs pairs")
    : [key, value]
}

const dict = (machine: Machine, args: Args, kwargs: Kwargs): Dict => {
  const made = new Dict()
  const [source] = args
  if (args.length > 1) return fail(`dict expected at most 1 argument, got ${args.length}`)
  if (source !== undefined) {
    const pairs = source instanceof Dict
      ? source.pairs()
      : Array.from(iterate(machine, source), (item) => pairOf(machine, item))
    for (const [key, value] of pairs) made.set(keyOf(machine, key), key, value)
  }
  for (const [key, value] of kwargs) made.set(stringKey(key), key, value)
  machine.items(made.size)
  return made
}

const namespace = (machine: Machine, args: Args, kwargs: Kwargs): Value => {
  const made = new Namespace()
  for (const [key, value] of dict(machine, args, kwargs).pairs()) {
    if (typeof key === "string") setAttribute(machine, made, key, value)
  }
  return made
}

const raise = (machine: Machine, args: Args, kwargs: Kwargs): never => {
  const message = single(args, kwargs, "message")
  if (message === undefined) return fail("raise_exception() missing 1 required positional argument: 'message'")
  throw new Failure("Raised", str(machine, message))
}

const now = (machine: Machine, args: Args, kwargs: Kwargs): Value => {
  const format = single(args, kwargs, "format") ?? null
  const text = textOf(format)
  if (text === undefined) return fail(`strftime() argument 1 must be str, not ${typeName(format)}`)
  machine.text(text.length * 16)
  return strftime(machine.now, text)
}

const cycler = (_: Machine, args: Args): Value =>
  args.length === 0 ? fail("at least one item has to be provided") : new Cycler(args)

const joiner = (_: Machine, args: Args, kwargs: Kwargs): Value => {
  const separator = single(args, kwargs, "sep")
  const text = separator === undefined ? ", " : separator
  let used = false
  return new Callable("<Joiner>", () => {
    const given = used ? text : ""
    used = true
    return given
  }, new Map([["sep", text]]))
}

const lipsum = (): never => fail("lipsum() writes random text, which a prompt cannot be made of")

const dictFromKeys = new Callable(
  "<built-in method fromkeys of type object>",
  (machine, args, kwargs) => dictMethods.get("fromkeys")?.call(machine, new Dict(), args, kwargs) ?? null
)

export const globals: ReadonlyMap<string, Value> = new Map([
  ["range", new Callable("<function range>", range)],
  ["dict", new Callable("<class 'dict'>", dict, new Map([["fromkeys", dictFromKeys]]))],
  ["namespace", new Callable("<class 'jinja2.utils.Namespace'>", namespace)],
  ["lipsum", new Callable("<function generate_lorem_ipsum>", lipsum)],
  ["cycler", new Callable("<class 'jinja2.utils.Cycler'>", cycler)],
  ["joiner", new Callable("<class 'jinja2.utils.Joiner'>", joiner)],
  ["raise_exception", new Callable("<function raise_exception>", raise)],
  ["strftime_now", new Callable("<function strftime_now>", now)]
])
