/** The state of one render: its remaining budget, what it has written, and its clock. */
import { tooMuch } from "./Failure.ts"

/** Bounds on a template and its render. A hostile template ends at the first one it meets, within about a second. */
export interface Limits {
  /** UTF-16 units of template source; 262 144. */
  readonly source: number
  /**
   * Units of work: about one expression node, one list element or 2 to 64 characters each, by what is done with them; 6 000
   * 000.
   */
  readonly work: number
  /** UTF-16 units of the rendered text, and of any single string; 8 388 608. */
  readonly text: number
  /** Elements of one list; 100 000 (Jinja's own bound on `range`). */
  readonly items: number
  /** Nesting of expressions, blocks, macro calls and printed values, in levels; 1000. */
  readonly depth: number
}

export const defaultLimits: Limits = {
  source: 262_144,
  work: 6_000_000,
  text: 8_388_608,
  items: 100_000,
  depth: 1000
}

/** A moment as `strftime_now` sees it: milliseconds since the epoch and the zone's offset from UTC in minutes. */
export interface Now {
  readonly epochMillis: number
  readonly offsetMinutes: number
}

export class Machine {
  readonly limits: Limits
  readonly now: Now
  /** Whether names that begin with `_` are refused in a namespace, as transformers does since 5.22.2. */
  readonly plainNames: boolean
  /** Where the bodies of `{% generation %}` stand in the output, in UTF-16 units. */
  readonly assistant: Array<{ readonly start: number; readonly end: number }> = []
  out = ""
  line = 1
  depth = 0
  private fuel: number
  private captures = 0
  /** How long the output was when the outermost capture began. */
  private written = 0

  constructor(limits: Limits, now: Now, plainNames: boolean) {
    this.plainNames = plainNames
    this.limits = limits
    this.now = now
    this.fuel = limits.work
  }

  spend(units: number): void {
    this.fuel -= units
    if (this.fuel < 0) tooMuch(`the template did more than ${this.limits.work} units of work`)
  }

  emit(text: string): void {
    this.fuel -= 1 + (text.length >> 6)
    this.out += text
    if (this.out.length > this.limits.text) tooMuch(`the text grew beyond ${this.limits.text} characters`)
    if (this.fuel < 0) this.spend(0)
  }

  /** Pays for a string of this length and refuses one that is too long, before it is built. */
  text(length: number): void {
    this.spend(1 + (length >> 4))
    if (length > this.limits.text) tooMuch(`a string grew beyond ${this.limits.text} characters`)
  }

  /** Pays for making a list of the characters of a string. */
  chars(length: number): void {
    this.spend(1 + length)
  }

  /** Pays for looking at each character of a string. */
  scan(length: number): void {
    this.spend(1 + (length >> 3))
  }

  /** Pays for a list of this length and refuses one that is too long, before it is built. */
  items(count: number): void {
    this.spend(1 + count)
    if (count > this.limits.items) tooMuch(`a list grew beyond ${this.limits.items} items`)
  }

  enter(levels: number): void {
    this.depth += levels
    if (this.depth > this.limits.depth) tooMuch(`the template nests deeper than ${this.limits.depth} levels`)
  }

  leave(levels: number): void {
    this.depth -= levels
  }

  /**
   * The place of the next text in the output. Inside a macro or a block that is collected first, as transformers has it:
   * where the output ended when the collecting began.
   */
  get position(): number {
    return this.captures === 0 ? this.out.length : this.written
  }

  /**
   * Collects what `body` writes instead of sending it to the output. `undefined` when the body left by `break` or
   * `continue`.
   */
  capture<A>(body: () => A): { readonly text: string; readonly result: A } {
    const outer = this.out
    if (this.captures++ === 0) this.written = outer.length
    this.out = ""
    const result = body()
    const text = this.out
    this.out = outer
    this.captures--
    return { text, result }
  }
}
