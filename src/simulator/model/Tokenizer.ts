/**
 * A stand-in for a tokenizer: words with their leading space, digits in threes, punctuation one by one except for a
 * quote with its comma or colon, which real vocabularies join and streamed tool calls depend on. It needs no
 * vocabulary, is the same everywhere, and its tokens join back to the text.
 *
 * @since 0.1.0
 */
import * as Bytes from "../wire/Bytes.ts"
import * as Random from "../wire/Random.ts"

/**
 * A piece of a text with its place in UTF-8 bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly id: number
  readonly text: string
  readonly start: number
  readonly stop: number
}

/** The text that begins a sequence; added only to raw prompts. @category constants @since 0.1.0 */
export const bos = { id: 1, text: "<s>" } as const

/** The text that ends a sequence. @category constants @since 0.1.0 */
export const eos = { id: 2, text: "</s>" } as const

const pieces =
  /<\|[a-z_]+\|>|<\/?s>|"[,:]|[ \n]?\p{L}[\p{L}\p{M}]*|[ \n]?\p{N}{1,3}|[ \n]?(?!<\|[a-z_]+\|>)[^\s\p{L}\p{N}]|\s+/gu

/** Texts of the ids that were assigned, at most as many as the vocabulary has. */
const texts = new Map<number, string>()

const ordinaryIds = 31_744
const firstOrdinaryId = 256

/** The number of ids. @category constants @since 0.2.0 */
export const vocabulary: number = firstOrdinaryId + ordinaryIds

/**
 * The id of a piece: its hash within a vocabulary of 32,000.
 *
 * @category tokens
 * @since 0.1.0
 */
export const id = (text: string): number =>
  text === bos.text ? bos.id : text === eos.text ? eos.id : firstOrdinaryId + Random.hash(text) % ordinaryIds

/**
 * The texts of the tokens of a text.
 *
 * @category splitting
 * @since 0.1.0
 */
export const split = (text: string): ReadonlyArray<string> => text.match(pieces) ?? []

/**
 * The number of tokens of a text, without added special tokens.
 *
 * @category splitting
 * @since 0.1.0
 */
export const count = (text: string): number => split(text).length

/**
 * Splits a text into tokens with byte offsets. `special` adds the beginning-of-sequence token, which has no text and no
 * place of its own.
 *
 * @category splitting
 * @since 0.1.0
 */
export const encode = (text: string, special: boolean): ReadonlyArray<Piece> => {
  const encoded: Array<Piece> = special ? [{ id: bos.id, text: "", start: 0, stop: 0 }] : []
  let start = 0
  for (const piece of split(text)) {
    const stop = start + Bytes.length(piece)
    const own = id(piece)
    texts.set(own, piece)
    encoded.push({ id: own, text: piece, start, stop })
    start = stop
  }
  return encoded
}

/**
 * The text of an id that {@link encode} assigned; for another id a text that names it.
 *
 * @category tokens
 * @since 0.2.0
 */
export const known = (token: number): string => texts.get(token) ?? `<${token}>`
