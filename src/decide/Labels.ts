/**
 * Which label a token begins, or is.
 *
 * @since 0.2.0
 */

/**
 * What the beginning of a text stands for: one label, several that begin alike, or none.
 *
 * @category models
 * @since 0.2.0
 */
export type Meaning =
  | { readonly _tag: "Label"; readonly key: string }
  | { readonly _tag: "Shared"; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "Outside" }

const OUTSIDE: Meaning = { _tag: "Outside" }

const isWord = (character: string | undefined): boolean => character !== undefined && /[\p{L}\p{N}_]/u.test(character)

/** The spaces before a text, and the marks that vocabularies have for them. */
const BLANKS = /^[\s▁Ġ]+/u

/**
 * Matches the beginnings of texts with the keys of labels. Leading spaces do not count, nor does the case, unless two
 * keys differ only in it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (keys: ReadonlyArray<string>): (written: string) => Meaning => {
  const lower = keys.map((key) => key.toLowerCase())
  const fold = new Set(lower).size === keys.length ? (text: string) => text.toLowerCase() : (text: string) => text
  const folded = keys.map((key) => ({ key, text: fold(key) }))
  return (written) => {
    const text = fold(written.replace(BLANKS, ""))
    const begun = folded.filter((key) => key.text.startsWith(text))
    const [only] = begun
    if (only !== undefined && begun.length === 1) return { _tag: "Label", key: only.key }
    if (begun.length > 1) return { _tag: "Shared", keys: begun.map(({ key }) => key) }
    // the whole label, and what can follow a word
    const whole = folded.filter((key) => text.startsWith(key.text) && !isWord(text[key.text.length]))
      .toSorted((a, b) => b.text.length - a.text.length)[0]
    return whole === undefined ? OUTSIDE : { _tag: "Label", key: whole.key }
  }
}

/**
 * The label that equals a text.
 *
 * @category accessors
 * @since 0.2.0
 */
export const wholly = (keys: ReadonlyArray<string>, written: string): string | undefined => {
  const text = written.replace(BLANKS, "")
  return keys.find((key) => key === text) ?? keys.find((key) => key.toLowerCase() === text.toLowerCase())
}

/**
 * Two keys of which one begins with the other, so that no first token can tell them apart.
 *
 * @category accessors
 * @since 0.2.0
 */
export const nested = (keys: ReadonlyArray<string>): readonly [short: string, long: string] | undefined => {
  for (const short of keys) {
    const long = keys.find((key) => key !== short && key.toLowerCase().startsWith(short.toLowerCase()))
    if (long !== undefined) return [short, long]
  }
  return undefined
}

/**
 * The forms in which a label may begin an answer: as it is, after a blank, and capitalised.
 *
 * @category accessors
 * @since 0.2.0
 */
export const forms = (key: string): ReadonlyArray<string> => {
  const capital = key.slice(0, 1).toUpperCase() + key.slice(1)
  return [...new Set([key, ` ${key}`, capital, ` ${capital}`])]
}
