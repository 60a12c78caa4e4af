/**
 * `a.b` and `a['b']` as Jinja's sandbox does them: the dot tries Python's attribute first and then the item, the bracket the
 * other way round; what exists but is private or changes its object is an undefined value that raises when it is used.
 */
import { braceFormat } from "../format/BraceFormat.ts"
import type { Native } from "../values/Argument.ts"
import { keyOf, missing } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { at } from "../values/Slice.ts"
import { quote, typeName } from "../values/Text.ts"
import {
  Callable,
  Cycler,
  Dict,
  Float,
  GroupTuple,
  isList,
  Loop,
  Markup,
  Namespace,
  Range,
  stringKey,
  Tuple,
  Undefined,
  type Value
} from "../values/Value.ts"
import { dictMethods, listMethods, mutators, tupleMethods } from "./ContainerMethods.ts"
import { loopAttributes } from "./LoopMethods.ts"
import { stringMethods } from "./StringMethods.ts"

/** Attributes that every Python object has; templates may see that they exist, and nothing more. */
const objectAttributes = new Set(
  ("__class__ __delattr__ __dir__ __doc__ __eq__ __format__ __ge__ __getattribute__ __getstate__ __gt__ __hash__ __init__ "
    + "__init_subclass__ __le__ __lt__ __ne__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__ __sizeof__ __str__ "
    + "__subclasshook__").split(" ")
)

const unsafe = (value: Value, name: string): Undefined =>
  new Undefined(() => `access to attribute ${quote(name)} of ${quote(typeName(value))} object is unsafe.`, true)

const noMethods: ReadonlyMap<string, Native> = new Map()

/** The methods of a value's type. */
export const methodsOf = (value: Value): ReadonlyMap<string, Native> => {
  if (typeof value === "string" || value instanceof Markup) return stringMethods
  if (value instanceof Dict) return dictMethods
  if (isList(value)) return listMethods
  if (value instanceof Tuple || value instanceof Range) return tupleMethods
  return noMethods
}

const access = {
  attribute: (machine: Machine, value: Value, name: string) => getattr(machine, value, name),
  item: (machine: Machine, value: Value, key: Value) => getitem(machine, value, key)
}

/** `format` and `format_map` reach into their arguments, so the sandbox wraps them where they are looked up. */
const formatMethod = (value: Value, name: string): Callable =>
  new Callable(`<function str.${name}>`, (machine, args, kwargs) => {
    if (name === "format") return braceFormat(machine, access, value, args, kwargs)
    const [mapping] = args
    if (!(mapping instanceof Dict) || args.length !== 1) return fail("format_map() takes exactly one mapping")
    const named = new Map<string, Value>()
    for (const [key, item] of mapping.pairs()) if (typeof key === "string") named.set(key, item)
    return braceFormat(machine, access, value, [], named)
  })

const numberAttribute = (value: Value, name: string): Value | undefined => {
  const whole = typeof value === "boolean" ? Number(value) : value
  if (name === "real") return whole
  if (name === "imag") return value instanceof Float ? new Float(0) : 0
  if (value instanceof Float) {
    return name === "is_integer"
      ? new Callable("<built-in method is_integer>", () => Number.isInteger(value.value))
      : undefined
  }
  if (name === "numerator") return whole
  if (name === "denominator") return 1
  if (name === "bit_length" && (typeof whole === "number" || typeof whole === "bigint")) {
    const digits = (whole < 0 ? -BigInt(whole) : BigInt(whole)).toString(2)
    return new Callable("<built-in method bit_length>", () => digits === "0" ? 0 : digits.length)
  }
  return undefined
}

const cyclerAttribute = (value: Cycler, name: string): Value | undefined => {
  const current = (): Value => value.items[value.position] ?? null
  const next = (): Value => {
    const item = current()
    value.position = (value.position + 1) % value.items.length
    return item
  }
  const reset = (): Value => {
    value.position = 0
    return null
  }
  if (name === "current") return current()
  if (name === "next") return new Callable("<bound method Cycler.next>", next)
  if (name === "reset") return new Callable("<bound method Cycler.reset>", reset)
  return name === "items" ? new Tuple(value.items) : name === "pos" ? value.position : undefined
}

/** Python's `getattr`, without private names; `undefined` is AttributeError. */
const attribute = (value: Value, name: string): Value | undefined => {
  const method = methodsOf(value).get(name)
  if (method !== undefined) {
    return new Callable(
      `<built-in method ${name} of ${typeName(value)} object>`,
      (machine, args, kwargs) => method.call(machine, value, args, kwargs)
    )
  }
  if (typeof value === "string" || value instanceof Markup) {
    return name === "format" || name === "format_map" ? formatMethod(value, name) : undefined
  }
  if (value instanceof Dict || isList(value)) return mutators(value).has(name) ? unsafe(value, name) : undefined
  if (value instanceof Loop) return loopAttributes.get(name)?.(value)
  if (value instanceof Namespace || value instanceof Callable) return value.attributes.get(name)
  if (value instanceof GroupTuple) {
    return name === "grouper" ? value.items[0] : name === "list" ? value.items[1] : undefined
  }
  if (value instanceof Range) {
    return name === "start" || name === "stop" || name === "step" ? value[name] : undefined
  }
  if (value instanceof Cycler) return cyclerAttribute(value, name)
  if (typeof value !== "object" || value instanceof Float) return numberAttribute(value, name)
  return undefined
}

/** `obj[key]`; `undefined` is TypeError or LookupError. Raises only for an undefined object. */
const item = (machine: Machine, value: Value, key: Value): Value | undefined => {
  if (value instanceof Dict) {
    if (typeof key === "string") return value.get(stringKey(key))
    return isList(key) || key instanceof Dict || key instanceof Namespace
      ? undefined
      : value.get(keyOf(machine, key))
  }
  if (value instanceof Undefined) return fail(value.message)
  return typeof key === "number" || typeof key === "boolean" ? at(machine, value, Number(key)) : undefined
}

const guarded = (value: Value, name: string): Value | undefined => {
  if (name.startsWith("_")) {
    const known = objectAttributes.has(name) || (value instanceof Namespace && value.attributes.has(name))
    return known ? unsafe(value, name) : undefined
  }
  return attribute(value, name)
}

export const getattr = (machine: Machine, value: Value, name: string): Value => {
  if (value instanceof Undefined && !objectAttributes.has(name)) return fail(value.message)
  const found = guarded(value, name)
  if (found !== undefined) return found
  const entry = item(machine, value, name)
  return entry === undefined ? missing(machine, value, name) : entry
}

/** Names that are attributes of a dict itself; any other name after a dot is a key. */
const dictNames = new Set([...dictMethods.keys(), ...mutators(new Dict())])
export const isDictName = (name: string): boolean => dictNames.has(name) || name.startsWith("_")

export const getitem = (machine: Machine, value: Value, key: Value): Value => {
  const found = item(machine, value, key)
  if (found !== undefined) return found
  const name = typeof key === "string" ? key : key instanceof Markup ? key.text : undefined
  const attributeFound = name === undefined ? undefined : guarded(value, name)
  return attributeFound === undefined ? missing(machine, value, key) : attributeFound
}

/** Sets an attribute of a namespace. Since 5.22.2 transformers refuses private names there, which lead to Python's internals. */
export const setAttribute = (machine: Machine, namespace: Namespace, name: string, value: Value): void => {
  if (machine.plainNames && name.startsWith("_")) {
    fail(
      `Chat templates cannot store underscore-prefixed attributes on a namespace, but got ${
        quote(name)
      }. Please rename the attribute.`
    )
  }
  namespace.attributes.set(name, value)
}

/** `|attr(name)`: the attribute, never the item. */
export const attributeOnly = (machine: Machine, value: Value, name: string): Value => {
  if (value instanceof Undefined) return getattr(machine, value, name)
  const found = guarded(value, name)
  return found === undefined ? missing(machine, value, name) : found
}
