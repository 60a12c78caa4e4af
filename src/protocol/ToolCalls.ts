/**
 * Fragments of tool calls → calls. Which call a fragment belongs to follows from id, index, name and place together, since
 * servers disagree on all of them: the index counts up, or is always 0, or is absent; the id is in the first fragment of a
 * call, or in every one, or new in every one, or the same for all calls; and TGI repeats the first fragment after the last.
 *
 * The rules, for a fragment:
 *
 * 1. A known id belongs to its call, unless the fragment begins another one: it has a name, and another index,
 *    another place in the same event, or another name after arguments that are complete.
 * 2. A new id begins a call, unless its index is known and the call there has no id yet, or the fragment has no
 *    name: some servers invent an id for every fragment.
 * 3. Without an id the index decides, and without an index the place among several, else the last call. A name begins a
 *    call if there is none, or if the current one has its name and complete arguments.
 *
 * @since 0.2.0
 */

/**
 * A fragment as a server sends it; `arguments` are part of a JSON text.
 *
 * @category models
 * @since 0.2.0
 */
export interface Fragment {
  readonly index?: number | undefined
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly arguments: string
}

/**
 * A call as far as known.
 *
 * @category models
 * @since 0.2.0
 */
export interface Call {
  /** The server's id, made unique; the place of the call if it has none. */
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/**
 * The calls of one generation.
 *
 * @category models
 * @since 0.2.0
 */
export interface ToolCalls {
  /** Adds the fragments of one event. Returns for each the place of its call, or `REPEATED` for a repeated one. */
  readonly add: (fragments: ReadonlyArray<Fragment>) => ReadonlyArray<number>
  /** The calls in the order in which they began. */
  readonly all: () => ReadonlyArray<Call>
}

/**
 * The place of a fragment that adds nothing new.
 *
 * @category constants
 * @since 0.2.0
 */
export const REPEATED = -1

/**
 * Whether a text is one JSON value.
 *
 * @category guards
 * @since 0.2.0
 */
export const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * Whether a text is one JSON object, as the arguments of a call are.
 *
 * @category guards
 * @since 0.2.0
 */
export const isObject = (text: string): boolean => /^\s*\{/.test(text) && isJson(text)

/**
 * Starts with no call.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (): ToolCalls => new State()

interface Begun {
  id: string | undefined
  name: string
  arguments: string
  readonly index: number | undefined
  /** The event and the place in it of the last fragment. */
  event: number
  place: number
  /** The first fragment, which TGI may send again. */
  readonly head: string
}

class State implements ToolCalls {
  readonly #calls: Array<Begun> = []
  #event = 0

  add(fragments: ReadonlyArray<Fragment>): ReadonlyArray<number> {
    this.#event++
    return fragments.map((fragment, place) => this.#add(fragment, place, fragments.length > 1))
  }

  all(): ReadonlyArray<Call> {
    const taken = new Set<string>()
    return this.#calls.map(({ arguments: text, id, name }, at) => {
      let own = id === undefined || id === "" ? String(at) : id
      // two calls with one id could not be told apart by their results
      for (let next = at; taken.has(own); next++) own = String(next)
      taken.add(own)
      return { id: own, name, arguments: text }
    })
  }

  #add(fragment: Fragment, place: number, several: boolean): number {
    const at = this.#find(fragment, place, several)
    const call = this.#calls[at]
    const { arguments: text, id, index, name } = fragment
    if (call === undefined) {
      const begun = { id, name: name ?? "", arguments: text, index, event: this.#event, place, head: text }
      return this.#calls.push(begun) - 1
    }
    call.event = this.#event
    call.place = place
    if (isNamed(fragment) && text === call.head && isJson(call.arguments)) return REPEATED
    if (call.name === "" && name !== undefined) call.name = name
    if (call.id === undefined || call.id === "") call.id = id ?? call.id
    call.arguments += text
    return at
  }

  /** The place of the call that a fragment belongs to; -1 if it begins one. */
  #find(fragment: Fragment, place: number, several: boolean): number {
    const { id, index } = fragment
    if (id === undefined || id === "") return this.#byPlace(fragment, place, several)
    const exact = index === undefined ? -1 : this.#last((call) => call.id === id && call.index === index)
    const at = exact === -1 ? this.#last((call) => call.id === id) : exact
    const call = this.#calls[at]
    return call === undefined ? this.#byPlace(fragment, place, several) : this.#begins(call, fragment, place) ? -1 : at
  }

  /** Whether a fragment with the id of a call begins another one nevertheless. */
  #begins(call: Begun, fragment: Fragment, place: number): boolean {
    if (!isNamed(fragment) || call.name === "") return false
    return (fragment.index !== undefined && call.index !== undefined && fragment.index !== call.index) ||
      (call.event === this.#event && call.place !== place) ||
      (fragment.name !== call.name && isJson(call.arguments))
  }

  /** By index, else by place among several, else the last: for a fragment without an id, or with one that is new. */
  #byPlace(fragment: Fragment, place: number, several: boolean): number {
    const { id, index, name } = fragment
    const isNew = id !== undefined && id !== ""
    const last = this.#calls.length - 1
    const at = index !== undefined
      ? this.#last((call) => call.index === index)
      : several
      ? this.#last((call) => call.place === place)
      : last
    const call = this.#calls[at]
    if (call === undefined) return isNew || isNamed(fragment) ? -1 : last
    if (!isNamed(fragment) || call.name === "") return at
    if (isNew) return call.id === undefined || call.id === "" ? at : -1
    if (name !== call.name) return -1
    const whole = isJson(call.arguments)
    // TGI numbers the fragment that it repeats
    return !whole || (index !== undefined && fragment.arguments === call.head && !isJson(call.head)) ? at : -1
  }

  #last(matches: (call: Begun) => boolean): number {
    return this.#calls.findLastIndex(matches)
  }
}

const isNamed = ({ name }: Fragment): boolean => name !== undefined && name !== ""
