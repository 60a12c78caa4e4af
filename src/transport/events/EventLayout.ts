/**
 * Reads the events of a stream quickly by what they share: the event of one token is like the next except for its text
 * and a few numbers. While `JSON.parse` builds each event from scratch, this compares what stays, reads what varies,
 * and copies the rest.
 *
 * Its result is that of `JSON.parse`. A layout is learned from an event that was actually parsed, and proven before it is
 * used: the event is parsed once more with marks in the varying places, and the marks must come out at those places and
 * nowhere else. By the grammar of JSON (RFC 8259) any other string or number can take the place of the mark. Whatever does
 * not fit (another field, an escape that is wrong, a last event) is left to `JSON.parse`, and a stream whose events start to
 * look different is learned again.
 *
 * @since 0.1.0
 */

/**
 * Where a value is in an event.
 *
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * What varies in the events of a route: one text and some numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Layout<F> {
  readonly text: Path
  readonly numbers: ReadonlyArray<Path>
  /** A copy of an event with other values in those places, in the order of `numbers`. */
  readonly fill: (like: F, text: string, numbers: ReadonlyArray<number>) => F
}

/** A proven layout: the text before each place and after the last, and the places in the order of the text. */
interface Learned<F> {
  readonly like: F
  readonly fill: Layout<F>["fill"]
  readonly segments: ReadonlyArray<string>
  /** The index of each place in `numbers`, or `TEXT`. */
  readonly places: ReadonlyArray<number>
  readonly last: string
}

const TEXT = -1
/** A place whose value is not valid JSON, or not of the kind that was learned. */
const NONE = -1

const QUOTE = 34
const PLUS = 43
const MINUS = 45
const DOT = 46
const ZERO = 48
const NINE = 57
const UPPER_E = 69
const BACKSLASH = 92
const LOWER_E = 101

/** Below this many digits a decimal and its power of ten are exact, and so is their quotient (Clinger 1990, section 3). */
const EXACT_DIGITS = 15
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

/**
 * V8 copies a shorter slice; a longer one is a view, and would keep everything of its read for as long as the text lives.
 */
const COPIED_SLICE = 13

/** A layout is learned this often, and once more per this many events that fitted. */
const TRIES = 4
const FITS_PER_TRY = 16

/**
 * What reads the events of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export class Reader<F> {
  readonly #layouts: ReadonlyArray<Layout<F>>
  #learned: Learned<F> | undefined = undefined
  #tries = 0
  #fits = 0
  #text = ""
  readonly #numbers: Array<number> = []

  constructor(layouts: ReadonlyArray<Layout<F>>) {
    this.#layouts = layouts
  }

  /** The event between two positions of a text, or undefined if it is not like the one that was learned. */
  read(text: string, start: number, end: number): F | undefined {
    const learned = this.#learned
    if (learned === undefined) return undefined
    const { last, places, segments } = learned
    let at = start
    for (let index = 0; index < places.length; index++) {
      // both lists have the same length
      const segment = segments[index] as string
      const place = places[index] as number
      const behind = at + segment.length
      // V8 compares two strings by words, but looks for a prefix by characters
      if (text.slice(at, behind) !== segment) return undefined
      at = behind
      at = place === TEXT ? this.#readText(text, at) : this.#readNumber(text, at, place)
      if (at === NONE) return undefined
    }
    if (text.slice(at, end) !== last) return undefined
    this.#fits++
    return learned.fill(learned.like, this.#text, this.#numbers)
  }

  /** Learns the layout of an event that did not fit, from its JSON on one line and the parsed value. */
  learn(json: string, event: F): void {
    if (this.#tries >= TRIES + this.#fits / FITS_PER_TRY) return
    this.#tries++
    // a copy, since its parts stay and must not keep the text that they were cut from
    const own = JSON.parse(JSON.stringify(json)) as string
    for (const layout of this.#layouts) {
      const learned = prove(layout, own, event)
      if (learned !== undefined) {
        this.#learned = learned
        return
      }
    }
  }

  /** Reads a string after its opening quote, and returns where its closing quote is. */
  #readText(text: string, from: number): number {
    let at = from
    let escaped = false
    for (;;) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) break
      if (code === BACKSLASH) {
        escaped = true
        at++
      } else if (!(code >= 32)) return NONE
      at++
    }
    if (!escaped && at - from < COPIED_SLICE) {
      this.#text = text.slice(from, at)
      return at
    }
    try {
      // a JSON text between quotes parses to a string
      this.#text = JSON.parse(text.slice(from - 1, at + 1)) as string
      return at
    } catch {
      return NONE
    }
  }

  /** Reads a number, and returns where it ends. */
  #readNumber(text: string, from: number, index: number): number {
    let at = from
    const negative = text.charCodeAt(at) === MINUS
    if (negative) at++
    const first = at
    let code = text.charCodeAt(at)
    let value = 0
    for (; code >= ZERO && code <= NINE; code = text.charCodeAt(++at)) value = value * 10 + (code - ZERO)
    let digits = at - first
    // no digit, or a zero before others
    if (digits === 0 || (digits > 1 && text.charCodeAt(first) === ZERO)) return NONE
    let exponent = 0
    if (code === DOT) {
      const point = at
      code = text.charCodeAt(++at)
      for (; code >= ZERO && code <= NINE; code = text.charCodeAt(++at)) value = value * 10 + (code - ZERO)
      exponent = at - point - 1
      if (exponent === 0) return NONE
      digits += exponent
    }
    let exact = digits <= EXACT_DIGITS
    if (code === LOWER_E || code === UPPER_E) {
      exact = false
      code = text.charCodeAt(++at)
      if (code === PLUS || code === MINUS) code = text.charCodeAt(++at)
      const power = at
      while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at)
      if (at === power) return NONE
    }
    if (exact) {
      // a power for each of these digits
      if (exponent > 0) value /= POWERS[exponent] as number
      this.#numbers[index] = negative ? -value : value
    } else this.#numbers[index] = Number(text.slice(from, at))
    return at
  }
}

/** Where the value of a place is in the JSON, and what replaces it while the layout is proven. */
interface Spot {
  readonly start: number
  readonly end: number
  readonly place: number
  readonly mark: string | number
}

const MARK = "<mark>"
/** The value after a key: a string without its quotes, or a number. */
const LITERAL = /\s*:\s*(?:"([^"\\]*)"|(-?\d[\d.eE+-]*))/y

const prove = <F>(layout: Layout<F>, json: string, event: F): Learned<F> | undefined => {
  const text = valueAt(event, layout.text)
  if (typeof text !== "string" || text === "" || text === MARK) return undefined
  const spots: Array<Spot> = []
  const marks: Array<number> = []
  if (!find(spots, json, layout.text, text, TEXT, MARK)) return undefined
  for (let index = 0; index < layout.numbers.length; index++) {
    // both lists have the same length
    const path = layout.numbers[index] as Path
    const value = valueAt(event, path)
    // each mark is a unique value, different from the original
    const mark = index + (value === index + 0.5 ? 100.5 : 0.5)
    marks.push(mark)
    if (!find(spots, json, path, value, index, mark)) return undefined
  }
  spots.sort((one, other) => one.start - other.start)
  const places: Array<number> = []
  const segments: Array<string> = []
  let marked = ""
  let end = 0
  for (const spot of spots) {
    const segment = json.slice(end, spot.start)
    segments.push(segment)
    places.push(spot.place)
    marked += `${segment}${spot.mark}`
    end = spot.end
  }
  const last = json.slice(end)
  const { fill } = layout
  const filled = fill(event, MARK, marks)
  return saysSame(`${marked}${last}`, filled) && !shares(filled, event)
    ? { like: event, fill, segments, places, last }
    : undefined
}

/** Adds the first spot that looks right; that it is the right one is proven later. */
const find = (
  spots: Array<Spot>,
  json: string,
  path: Path,
  value: unknown,
  place: number,
  mark: string | number
): boolean => {
  const key = `"${path[path.length - 1]}"`
  for (let at = json.indexOf(key); at !== -1; at = json.indexOf(key, at + 1)) {
    LITERAL.lastIndex = at + key.length
    const match = LITERAL.exec(json)
    if (match === null) continue
    const [, string, number] = match
    const end = string === undefined ? LITERAL.lastIndex : LITERAL.lastIndex - 1
    if (string === undefined ? Number(number) === value : string === value) {
      spots.push({ start: end - (string ?? number ?? "").length, end, place, mark })
      return true
    }
  }
  return false
}

const saysSame = (json: string, value: unknown): boolean => {
  try {
    return JSON.stringify(JSON.parse(json)) === JSON.stringify(value)
  } catch {
    return false
  }
}

/** Whether a copy holds an object of the original, which a user could then change in many events at once. */
const shares = (copy: unknown, original: unknown): boolean => {
  if (typeof copy !== "object" || copy === null) return false
  if (copy === original || typeof original !== "object" || original === null) return true
  for (const key of Object.keys(copy)) {
    if (shares(Reflect.get(copy, key), Reflect.get(original, key))) return true
  }
  return false
}

const valueAt = (value: unknown, path: Path): unknown => {
  let at = value
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined
    at = Reflect.get(at, key)
  }
  return at
}
