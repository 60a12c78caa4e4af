/**
 * The verbs of the command line, by purpose. A verb is loaded only when it is used, so that help and version take no time.
 *
 * @since 0.2.0
 */
import type * as Program from "./terminal/Program.ts"

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
      { name: "generate", summary: "One prompt, the text as it arrives", load: () => import("./verbs/Generate.ts") },
      { name: "chat", summary: "A conversation in the terminal", load: () => import("./verbs/Chat.ts") },
      {
        name: "decide",
        summary: "Which label answers a question, how likely",
        load: () => import("./verbs/Decide.ts")
      },
      { name: "embed", summary: "Texts to vectors", load: () => import("./verbs/Embed.ts") }
    ]
  },
  {
    title: "Many rows",
    verbs: [
      { name: "batch", summary: "Files to files, resumed after any crash", load: () => import("./BatchCommand.ts") },
      { name: "hub", summary: "Rows to a data set on the Hub", load: () => import("./verbs/HubPush.ts") },
      { name: "migrate", summary: "A distilabel pipeline as batch commands", load: () => import("./verbs/Migrate.ts") }
    ]
  },
  {
    title: "Endpoints and models",
    verbs: [
      {
        name: "endpoints",
        summary: "List, create, pause, resume and delete dedicated endpoints",
        load: () => import("./verbs/Endpoints.ts")
      },
      {
        name: "models",
        summary: "Who serves a model on the router, at what price",
        load: () => import("./verbs/Models.ts")
      },
      {
        name: "doctor",
        summary: "Check token, target, engine, limits and one request",
        load: () => import("./verbs/Doctor.ts")
      }
    ]
  },
  {
    title: "Ports for other programs",
    verbs: [
      {
        name: "proxy",
        summary: "An OpenAI-compatible port in front of endpoints",
        load: () => import("./verbs/Proxy.ts")
      },
      { name: "simulate", summary: "A simulated server on a port", load: () => import("./verbs/Simulate.ts") }
    ]
  },
  {
    title: "Without a model",
    verbs: [
      { name: "template", summary: "Render chat templates as Python does", load: () => import("./verbs/Template.ts") },
      {
        name: "grammar",
        summary: "How much of a JSON Schema an engine enforces",
        load: () => import("./verbs/Grammar.ts")
      },
      {
        name: "completions",
        summary: "Completion for your shell",
        load: () => import("./verbs/Completions.ts").then(({ mainOf }) => ({ main: mainOf(all) }))
      }
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
