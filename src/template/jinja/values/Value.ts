/**
 * Python's values, as far as a template can see them, in the cheapest JavaScript form that keeps them apart.
 *
 * `null` is None, a boolean is a bool, a string is a str, an array is a list. A `number` is always an int (and always a
 * safe integer); larger ints are `bigint`, and a float is a {@link Float} even when it is whole, because Python prints
 * `1.0` and `1` differently. Everything else is one of the classes below. Values are immutable by convention; only a
 * {@link Namespace}, a {@link Cycler} and a {@link Joiner} change while a template runs.
 */
import type { Machine } from "./Machine.ts"

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | Markup
  | ReadonlyArray<Value>
  | Tuple
  | Dict
  | DictView
  | Range
  | Iter
  | Undefined
  | Namespace
  | Cycler
  | Callable
  | Loop

/** `Array.isArray` for a type that says readonly. */
export const isList = (value: Value): value is ReadonlyArray<Value> => Array.isArray(value)

/** A Python float; whole ones keep their `.0` when printed. */
export class Float {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

/**
 * `markupsafe.Markup`, what `|safe` and `|escape` give: a str that escapes whatever is added to it with `+`, `%` or `join`.
 */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export class Tuple {
  readonly items: ReadonlyArray<Value>
  constructor(items: ReadonlyArray<Value>) {
    this.items = items
  }
}

/** One group of `|groupby`: a tuple whose two members also have the names `grouper` and `list`. */
export class GroupTuple extends Tuple {}

/** What a Map can hold as a key so that Python's key equality holds (`1 == True == 1.0`); made by `Compare.keyOf`. */
export type Key = string | number | bigint | null | object

/** Up to this many names are found faster by looking at each of them than by hashing. */
const fewNames = 8

/**
 * An insertion-ordered mapping. One that was made from an object keeps its names and values side by side, which costs a
 * third of a Map and is as quick to read while they are few; the Map is made when it is needed.
 */
export class Dict {
  private names: ReadonlyArray<string> | undefined
  private values: ReadonlyArray<Value> = []
  private map: Map<Key, Value> | undefined
  /** Keys whose Map form is not their Python form. */
  private originals: Map<Key, Value> | undefined

  get entries(): Map<Key, Value> {
    if (this.map === undefined) {
      this.map = new Map()
      const { names = [], values } = this
      for (let i = 0; i < names.length; i++) this.map.set(names[i] ?? "", values[i] ?? null)
      this.names = undefined
    }
    return this.map
  }

  get size(): number {
    return this.names === undefined ? this.entries.size : this.names.length
  }

  get(key: Key): Value | undefined {
    const { names } = this
    if (names === undefined || names.length > fewNames) return this.entries.get(key)
    for (let i = 0; i < names.length; i++) if (names[i] === key) return this.values[i]
    return undefined
  }

  set(key: Key, original: Value, value: Value): void {
    const { entries } = this
    // Python keeps the first of several equal keys, and the last value
    if (key !== original && !entries.has(key)) (this.originals ??= new Map()).set(key, original)
    entries.set(key, value)
  }

  original(key: Key): Value {
    const original = this.originals?.get(key)
    // a key that is not in `originals` was stored under itself: `set` compares the two
    return original === undefined ? key as Value : original
  }

  /** Keys as Python sees them, with their values. */
  pairs(): Array<readonly [Value, Value]> {
    const { names, values } = this
    return names === undefined
      ? Array.from(this.entries, ([key, value]) => [this.original(key), value] as const)
      : names.map((name, index) => [name, values[index] ?? null] as const)
  }

  keys(): Array<Value> {
    return this.names === undefined
      ? Array.from(this.entries.keys(), (key) => this.original(key))
      : [...this.names]
  }

  items(): Array<Value> {
    return this.names === undefined ? [...this.entries.values()] : [...this.values]
  }

  /** A dict of string keys: the common case, and the only one that JSON knows. */
  static fromStrings(pairs: Iterable<readonly [string, Value]>): Dict {
    const dict = new Dict()
    for (const [key, value] of pairs) dict.set(stringKey(key), key, value)
    return dict
  }

  /** Distinct names, none of which begins with U+0000, and as many values. Both arrays belong to the dict from here on. */
  static fromNames(names: ReadonlyArray<string>, values: ReadonlyArray<Value>): Dict {
    const dict = new Dict()
    dict.names = names
    dict.values = values
    return dict
  }
}

/** Strings are their own keys, but for those that could be taken for the escaped key of a tuple. */
export const stringKey = (text: string): string => text.charCodeAt(0) === 0 ? "\0s" + text : text

export class DictView {
  readonly dict: Dict
  readonly kind: "keys" | "values" | "items"
  constructor(dict: Dict, kind: "keys" | "values" | "items") {
    this.dict = dict
    this.kind = kind
  }

  items(): Array<Value> {
    if (this.kind === "keys") return this.dict.keys()
    if (this.kind === "values") return this.dict.items()
    return this.dict.pairs().map((pair) => new Tuple(pair))
  }
}

export class Range {
  readonly start: number
  readonly stop: number
  readonly step: number
  readonly length: number
  constructor(start: number, stop: number, step: number) {
    this.start = start
    this.stop = stop
    this.step = step
    this.length = Math.max(0, Math.ceil((stop - start) / step))
  }

  at(index: number): number {
    return this.start + index * this.step
  }
}

/** A generator or iterator: lazy, consumed once, without length. */
export class Iter {
  readonly source: Iterator<Value>
  readonly kind: string
  constructor(source: Iterator<Value>, kind = "generator") {
    this.source = source
    this.kind = kind
  }
}

/**
 * A name, key or index that is not there. Prints as nothing, is false and empty; any other use raises its message.
 * `unsafe` marks an attribute that exists but is closed to templates.
 */
export class Undefined {
  private readonly describe: () => string
  readonly unsafe: boolean
  constructor(describe: () => string, unsafe = false) {
    this.describe = describe
    this.unsafe = unsafe
  }

  get message(): string {
    return this.describe()
  }
}

/** `namespace()`: the one thing whose attributes a template may assign. */
export class Namespace {
  readonly attributes = new Map<string, Value>()
}

/** Keyword arguments in the order they were written. */
export type Kwargs = ReadonlyMap<string, Value>
export const noKwargs: Kwargs = new Map()

/** Anything a template can call. `label` is how it prints. */
export class Callable {
  readonly label: string
  readonly invoke: (machine: Machine, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value
  /** Attributes that templates can read, such as a macro's `name`. */
  readonly attributes: ReadonlyMap<string, Value>
  constructor(
    label: string,
    invoke: (machine: Machine, args: ReadonlyArray<Value>, kwargs: Kwargs) => Value,
    attributes: ReadonlyMap<string, Value> = noKwargs
  ) {
    this.label = label
    this.invoke = invoke
    this.attributes = attributes
  }
}

/** `cycler('odd', 'even')`. */
export class Cycler {
  readonly items: ReadonlyArray<Value>
  position = 0
  constructor(items: ReadonlyArray<Value>) {
    this.items = items
  }
}

/** The special variable `loop`. Pulls its items one by one, so that a generator is consumed as Python would. */
export class Loop {
  /** The whole sequence of the loop if it is known, or what was left of a generator when its length was needed. */
  private items: ReadonlyArray<Value> | undefined
  private next = 0
  private readonly source: Iterator<Value> | undefined
  private ahead: { readonly item: Value } | "end" | undefined
  private known: number | undefined
  index0 = -1
  current: Value | undefined
  before: Value | undefined
  lastChanged: ReadonlyArray<Value> | undefined
  readonly depth0: number
  readonly recurse: ((machine: Machine, items: Value, depth: number) => string) | undefined

  constructor(
    source: ReadonlyArray<Value> | Iterator<Value>,
    length: number | undefined,
    depth0: number,
    recurse: ((machine: Machine, items: Value, depth: number) => string) | undefined
  ) {
    this.items = "next" in source ? undefined : source
    this.source = "next" in source ? source : undefined
    this.known = length
    this.depth0 = depth0
    this.recurse = recurse
  }

  private pull(): { readonly item: Value } | "end" {
    if (this.items !== undefined) {
      return this.next < this.items.length ? { item: this.items[this.next++] ?? null } : "end"
    }
    const step = this.source?.next()
    return step === undefined || step.done === true ? "end" : { item: step.value }
  }

  advance(): boolean {
    if (this.items !== undefined && this.ahead === undefined) {
      if (this.next >= this.items.length) return false
      this.index0++
      this.before = this.current
      this.current = this.items[this.next++] ?? null
      return true
    }
    const step = this.ahead ?? this.pull()
    this.ahead = undefined
    if (step === "end") return false
    this.index0++
    this.before = this.current
    this.current = step.item
    return true
  }

  /** The item after this one, without going there. */
  peek(): { readonly item: Value } | "end" {
    if (this.items !== undefined && this.ahead === undefined) {
      return this.next < this.items.length ? { item: this.items[this.next] ?? null } : "end"
    }
    return this.ahead ??= this.pull()
  }

  get isLast(): boolean {
    return this.items !== undefined && this.ahead === undefined
      ? this.next >= this.items.length
      : this.peek() === "end"
  }

  get length(): number {
    if (this.known === undefined) {
      const items: Array<Value> = []
      for (let step = this.pull(); step !== "end"; step = this.pull()) items.push(step.item)
      this.items = items
      this.next = 0
      const waiting = this.ahead !== undefined && this.ahead !== "end" ? 1 : 0
      this.known = items.length + this.index0 + 1 + waiting
    }
    return this.known
  }
}
