/**
 * The flags for decisions, vectors or scores instead of text.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Task } from "../../batch/Task.ts"
import { integer, text, texts, yes } from "../input/Flags.ts"
import type { Target } from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"

export const flags = {
  decide: texts(
    "decide",
    "Labels separated by commas, each label or label=meaning: decide which one answers --question; may be repeated"
  ),
  question: text("question", "The question about a row"),
  minimumMass: text("minimum-mass", "The least total probability of the labels (default 0.5)"),
  embed: yes("embed", "Vectors of the rows, on an endpoint that embeds"),
  dimensions: integer("dimensions", "The length of the vectors, if the model supports a choice"),
  score: yes(
    "score",
    "How well each of a row's texts fits its query, on an endpoint that ranks; for rows with one text, the scores of its classes"
  )
}

interface Given {
  readonly decide: ReadonlyArray<string>
  readonly question: string | undefined
  readonly minimumMass: string | undefined
  readonly embed: boolean
  readonly dimensions: number | undefined
  readonly score: boolean
}

const refused = (message: string) => Effect.andThen(Console.error(message), new CommandExit({ code: 2 }))

const labelOf = (given: string) => {
  const at = given.indexOf("=")
  return at === -1 ? { label: given } : { label: given.slice(0, at), description: given.slice(at + 1) }
}

/** The task that the flags name; undefined for text. */
export const taskOf = Effect.fnUntraced(function*(given: Given): Effect.fn.Return<Task | undefined, CommandExit> {
  const { decide, dimensions, embed, minimumMass, question, score } = given
  const named = [decide.length > 0 || question !== undefined, embed, score].filter(Boolean).length
  if (named > 1) {
    return yield* refused("--decide, --embed and --score cannot be combined: an output holds one kind of result")
  }
  if (embed) return { kind: "embed", dimensions }
  if (score) return { kind: "score" }
  if (named === 0) return undefined
  const labels = decide.flatMap((list) => list.split(",")).map((label) => label.trim()).filter((label) => label !== "")
  if (question === undefined || labels.length < 2) {
    return yield* refused("--decide needs at least two labels, and --question with the question about a row")
  }
  const mass = minimumMass === undefined ? undefined : Number(minimumMass)
  if (mass !== undefined && !(mass >= 0 && mass <= 1)) return yield* refused("--minimum-mass must be from 0 to 1")
  return {
    kind: "decide",
    questions: { decision: { instructions: question, labels: labels.map(labelOf) } },
    ...(mass !== undefined && { options: { minimumMass: mass } })
  }
})

/** A server that embeds or ranks is not a text engine, so the engine is not probed. */
export const targetOf = (target: Target, task: Task | undefined): Target =>
  task?.kind === "embed" || task?.kind === "score" ? { ...target, engine: target.engine ?? "openai" } : target
