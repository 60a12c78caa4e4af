/**
 * Colour where standard output is a terminal that shows it; respects `NO_COLOR`, `FORCE_COLOR` and `TERM=dumb`.
 *
 * @since 0.2.0
 */
import { styleText } from "node:util"

/**
 * What a text means to its reader.
 *
 * @category models
 * @since 0.2.0
 */
export type Meaning = "good" | "doubtful" | "bad" | "head"

const styles = { good: "green", doubtful: "yellow", bad: "red", head: "bold" } as const

/**
 * A text for standard output in the colour of its meaning.
 *
 * @category formatting
 * @since 0.2.0
 */
export const paint = (meaning: Meaning, text: string): string =>
  styleText(styles[meaning], text, { stream: process.stdout })

/**
 * What a state of an endpoint means.
 *
 * @category accessors
 * @since 0.2.0
 */
export const ofState = (state: string): Meaning =>
  /failed/i.test(state) ? "bad" : state === "running" ? "good" : "doubtful"
