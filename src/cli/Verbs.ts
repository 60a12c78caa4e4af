/**
 * The verbs of the command line, by what people come for. Nothing of a verb is loaded before it is asked for, so that
 * help and version take no time.
 *
 * @since 0.2.0
 */
import type * as Program from "./Program.ts"

/**
 * A verb: its line in the help, and where its command is.
 *
 * @category models
 * @since 0.2.0
 */
export interface Verb {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<{ readonly main: Program.Main }>
}

/**
 * The verbs in the order of the help.
 *
 * @category constants
 * @since 0.2.0
 */
export const groups: ReadonlyArray<{ readonly title: string; readonly verbs: ReadonlyArray<Verb> }> = [
  {
    title: "Ask a model",
    verbs: [
      { name: "generate", summary: "One prompt, the text as it comes", load: () => import("./verbs/Generate.ts") }
    ]
  },
  {
    title: "Many rows",
    verbs: [
      { name: "batch", summary: "Files to files, resumed after any crash", load: () => import("./BatchCommand.ts") }
    ]
  },
  {
    title: "Without a server",
    verbs: [
      { name: "template", summary: "Render chat templates as Python does", load: () => import("./verbs/Template.ts") }
    ]
  }
]

/**
 * All verbs.
 *
 * @category constants
 * @since 0.2.0
 */
export const all: ReadonlyArray<Verb> = groups.flatMap(({ verbs }) => verbs)
