/** Case and character classes of Python's str, where they are not JavaScript's. */

const cased = /\p{Cased}/u
const upper = /[\p{Uppercase}]/u
const lower = /[\p{Lowercase}]/u
const title = /\p{Lt}/u

/** Letters with a form of their own at the start of a word: the digraphs DŽ, LJ, NJ and DZ. */
const digraphs: Readonly<Record<string, string>> = Object.fromEntries(
  [0x1c4, 0x1c7, 0x1ca, 0x1f1].flatMap((code) =>
    [0, 1, 2].map((offset) => [String.fromCharCode(code + offset), String.fromCharCode(code + 1)])
  )
)

/** One character in title case: `ß` is `Ss`, `ǆ` is `ǅ`. */
const titleChar = (char: string): string => {
  const digraph = digraphs[char]
  if (digraph !== undefined) return digraph
  const [first = "", ...rest] = char.toUpperCase()
  return first + rest.join("").toLowerCase()
}

export const capitalize = (text: string): string => {
  const [first = ""] = text
  return titleChar(first) + text.slice(first.length).toLowerCase()
}

/** `str.title`: a letter after anything without case starts a word, so that `they're` becomes `They'Re`. */
export const titleCase = (text: string): string => {
  let out = ""
  let inside = false
  for (const char of text) {
    out += inside ? char.toLowerCase() : titleChar(char)
    inside = cased.test(char)
  }
  return out
}

export const swapCase = (text: string): string =>
  Array.from(text, (char) => upper.test(char) ? char.toLowerCase() : lower.test(char) ? char.toUpperCase() : char).join(
    ""
  )

export const foldCase = (text: string): string => text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ")

export const isLower = (text: string): boolean => lower.test(text) && !upper.test(text) && !title.test(text)
export const isUpper = (text: string): boolean => upper.test(text) && !lower.test(text) && !title.test(text)

export const isTitle = (text: string): boolean => {
  let inside = false
  let any = false
  for (const char of text) {
    const starts = upper.test(char) || title.test(char)
    if (starts ? inside : lower.test(char) && !inside) return false
    inside = cased.test(char)
    any ||= inside
  }
  return any
}

/** Superscripts, subscripts and circled figures: digits that are not decimal. */
const digits =
  "\\p{Nd}\\u00b2\\u00b3\\u00b9\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468\\u2474-\\u247c\\u2488-\\u2490"

export const classes: Readonly<Record<string, RegExp>> = {
  isalpha: /^\p{L}+$/u,
  isalnum: /^[\p{L}\p{N}]+$/u,
  isdecimal: /^\p{Nd}+$/u,
  isdigit: new RegExp(`^[${digits}]+$`, "u"),
  isnumeric: /^[\p{N}一二三四五六七八九十百千万億兆零〇]+$/u,
  isascii: /^[\0-\x7f]*$/,
  isidentifier: /^[\p{XID_Start}_]\p{XID_Continue}*$/u
}
