/**
 * The token at the beginning of a text, which a template writes and a server may write once more.
 *
 * @since 0.2.0
 */

/**
 * What to do with a BOS at the start of a prompt that goes to a raw route: servers add one there by themselves.
 * `"auto"` removes it if the tokenizer is known to add one, `"strip"` always, `"keep"` never.
 *
 * @category models
 * @since 0.1.0
 */
export type BosRule = "auto" | "keep" | "strip"

/**
 * @category models
 * @since 0.1.0
 */
export interface Bos {
  /** The tokenizer's BOS, if it has one. */
  readonly token: string | undefined
  /** Whether the server puts it before a raw text; `undefined` if the tokenizer's files do not say. */
  readonly serverAdds: boolean | undefined
  /** Whether the rendered text began with it. */
  readonly rendered: boolean
  /** Whether it was removed from `prompt`. */
  readonly stripped: boolean
}

/**
 * A rendered text, and the part of it to send to a raw route (`/generate`, `/v1/completions`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Rendered {
  /** Exactly what transformers renders. */
  readonly text: string
  /** The text without the BOS that the server would double. */
  readonly prompt: string
  readonly bos: Bos
}

/**
 * Keeps a raw route from getting two BOS tokens.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutDoubleBos = (
  text: string,
  { rule = "auto", serverAdds, token }: {
    readonly token: string | undefined
    readonly serverAdds: boolean | undefined
    readonly rule?: BosRule | undefined
  }
): Rendered => {
  const rendered = token !== undefined && token !== "" && text.startsWith(token)
  const stripped = rendered && (rule === "strip" || (rule === "auto" && serverAdds === true))
  const prompt = stripped ? text.slice(token.length) : text
  return { text, prompt, bos: { token, serverAdds, rendered, stripped } }
}
