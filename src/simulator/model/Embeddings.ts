import * as Random from "../wire/Random.ts"
import * as Float from "./Float.ts"

/**
 * A small vector of length 1 that depends only on the text, as JSON text. The same text gives the same vector.
 *
 * @category embedding
 * @since 0.1.0
 */
export const vector = (text: string, dimensions: number, seed: number): ReadonlyArray<number> => {
  const random = Random.make(Random.hash(text, seed ^ 0x811c9dc5))
  const raw = Array.from({ length: dimensions }, () => random() * 2 - 1)
  const norm = Math.hypot(...raw) || 1
  return raw.map((value) => Math.fround(value / norm))
}

/** A vector as JSON text, printed as 32-bit floats. @category encoding @since 0.1.0 */
export const json = (values: ReadonlyArray<number>): string => `[${values.map(Float.print).join(",")}]`

/**
 * A vector as OpenAI's `base64` form: its 32-bit floats in little-endian order.
 *
 * @category encoding
 * @since 0.1.0
 */
export const base64 = (values: ReadonlyArray<number>): string => {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, index) => view.setFloat32(index * 4, value, true))
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)))
}
