/** What every measured client offers: one call, whole or streamed, against a base URL. */
export interface Client {
  /** Makes the call; it resolves to the number of units received, 1 for a whole answer, tokens for a stream. */
  readonly unary?: ((base: string) => Promise<() => Promise<number>>) | undefined
  readonly stream?: ((base: string) => Promise<() => Promise<number>>) | undefined
}

export const prompt = "Tell me about the sea."

export const messages = [{ role: "user" as const, content: prompt }]

export const model = "stand-in"

/** Fails the measurement when an answer is not what the server sends. */
export const expectText = (text: unknown): number => {
  if (typeof text !== "string" || !text.startsWith(" token0")) throw new Error(`unexpected answer: ${String(text)}`)
  return 1
}
