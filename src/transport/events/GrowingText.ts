/**
 * A text that grows by small pieces for as long as its stream lives. Each `+=` would leave a node of its own in memory until
 * the whole is read; joining the pieces now and then leaves one node for many.
 *
 * @since 0.2.0
 */

/** Pieces that are joined at once. */
const MANY = 64

/**
 * @category models
 * @since 0.2.0
 */
export class GrowingText {
  #text = ""
  #pieces: Array<string> = []

  add(piece: string): void {
    if (this.#pieces.push(piece) >= MANY) this.#join()
  }

  /** All of it. */
  get text(): string {
    if (this.#pieces.length > 0) this.#join()
    return this.#text
  }

  clear(): void {
    this.#text = ""
    this.#pieces = []
  }

  #join(): void {
    this.#text += this.#pieces.join("")
    this.#pieces.length = 0
  }
}
