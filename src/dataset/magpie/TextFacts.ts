/**
 * Facts to filter texts by: length, language, and a key that near duplicates share.
 *
 * @since 0.2.0
 */

const SCRIPTS = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ["ko", /\p{Script=Hangul}/gu],
  ["zh", /\p{Script=Han}/gu],
  ["ru", /\p{Script=Cyrillic}/gu],
  ["el", /\p{Script=Greek}/gu],
  ["ar", /\p{Script=Arabic}/gu],
  ["he", /\p{Script=Hebrew}/gu],
  ["hi", /\p{Script=Devanagari}/gu],
  ["th", /\p{Script=Thai}/gu]
] as const

/** Short words that one language has and its neighbours do not. */
const WORDS = {
  en: "the of and to in is that for it with are this what how you your can be",
  de: "der die das und ist nicht ein eine zu mit auf für wie was sie ich den dem",
  fr: "le la les des et est une du pour dans que qui avec sur vous quelle comment ce",
  es: "el los las una es y de que en para por con cómo qué su del se",
  pt: "o os as uma é e do da não para com em que como você seu dos",
  it: "il lo gli una è e di che per con come sono della nel cosa non",
  nl: "de het een en van is niet dat op voor met hoe wat ik je zijn"
} as const

const SETS = Object.entries(WORDS).map(([language, words]) => [language, new Set(words.split(" "))] as const)

/**
 * A guess at the language, as two letters: by script, and for Latin letters by short words of seven languages. Null if there
 * is too little text. Good for a filter, not for a study.
 *
 * @category accessors
 * @since 0.2.0
 */
export const language = (text: string): string | null => {
  const letters = text.match(/\p{L}/gu)?.length ?? 0
  if (letters === 0) return null
  for (const [language, script] of SCRIPTS) {
    // kana mark Japanese among many Chinese characters
    if ((text.match(script)?.length ?? 0) > letters * (language === "ja" ? 0.1 : 0.4)) return language
  }
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  const counts = SETS.map(([language, set]) => [language, words.filter((word) => set.has(word)).length] as const)
    .toSorted(([, left], [, right]) => right - left)
  const [[best, count] = ["", 0], [, second] = ["", 0]] = counts
  return count >= 2 && count > second && count >= words.length * 0.1 ? best : null
}

/**
 * The key of duplicates: the words of a text in lower case, without marks, punctuation and space. Texts that differ only in
 * those have the same key.
 *
 * @category accessors
 * @since 0.2.0
 */
export const key = (text: string): string =>
  (text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(" ")

/**
 * The number of characters: a pair of surrogates is one.
 *
 * @category accessors
 * @since 0.2.0
 */
export const length = (text: string): number => {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0xdc00 || code > 0xdfff) count++
  }
  return count
}
