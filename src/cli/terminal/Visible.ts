/**
 * Texts from a model or a server, on their way to a terminal. A terminal obeys what it prints: OSC 52 writes the clipboard,
 * OSC 8 hides where a link leads, CSI moves the cursor and erases text.
 */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"

/** All of C0 except tab and line feed, DELETE, C1, and the marks that change the direction of text. */
const controls = /\r\n|(?![\t\n])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu

const shown = (control: string): string => {
  if (control === "\r\n") return "\n"
  const code = control.charCodeAt(0)
  if (code < 0x20) return String.fromCharCode(0x2400 + code)
  return code === 0x7f ? "\u2421" : `<${code.toString(16).toUpperCase().padStart(2, "0")}>`
}

/**
 * A text with its control characters made visible: ESC is `␛`, BEL `␇`, and C1 and marks of direction are `<9B>`, `<202E>`.
 */
export const visible = (text: string): string => text.replaceAll(controls, shown)

/** What to do with a text before it goes to standard output: made visible on a terminal, left as it is in a pipe. */
export const forStdout: Effect.Effect<(text: string) => string, never, Stdio.Stdio> = Effect.map(
  Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal),
  (isTerminal) => isTerminal ? visible : (text) => text
)
