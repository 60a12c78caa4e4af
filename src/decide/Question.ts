/**
 * A question with its labels, as data, and the words in which a generating model is asked.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import type * as Message from "../Message.ts"
import { InvalidQuestion } from "./DecisionError.ts"
import type { Labelled, Question } from "./Distribution.ts"

export type { Labelled, Question } from "./Distribution.ts"

/**
 * A question as JSON, as files and flags hold it.
 *
 * @category schemas
 * @since 0.2.0
 */
export const Json = Schema.Struct({
  instructions: Schema.String,
  labels: Schema.Union([
    Schema.Array(Schema.Union([
      Schema.String,
      Schema.Struct({ label: Schema.String, description: Schema.optional(Schema.NullOr(Schema.String)) })
    ])),
    Schema.Record(Schema.String, Schema.NullOr(Schema.String))
  ])
})

/**
 * A label as it is shown: as a key, which is the label itself or a code for it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Shown {
  readonly key: string
  readonly label: string
  readonly description: string | undefined
}

/**
 * The labels of a question in their order.
 *
 * @category accessors
 * @since 0.2.0
 */
export const labelsOf = (
  { labels }: Question
): ReadonlyArray<{ readonly label: string; readonly description: string | undefined }> =>
  isList(labels)
    ? labels.map((label) =>
      typeof label === "string"
        ? { label, description: undefined }
        : { label: label.label, description: label.description ?? undefined }
    )
    : Object.entries(labels).map(([label, description]) => ({ label, description: description ?? undefined }))

const isList = (labels: Question["labels"]): labels is ReadonlyArray<string | Labelled<string>> => Array.isArray(labels)

/** The most choices that `/v1/decisions` accepts, which is also more than a model can keep apart. */
const MOST_LABELS = 255

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/**
 * What is wrong with a question; undefined if nothing is.
 *
 * @category validation
 * @since 0.2.0
 */
export const check = (question: Question, codes: boolean): InvalidQuestion | undefined => {
  const labels = labelsOf(question).map(({ label }) => label)
  const most = codes ? LETTERS.length : MOST_LABELS
  const issues = [
    ...(question.instructions.trim() === "" ? [issue("instructions", "instructions must not be empty")] : []),
    ...(labels.length < 2 ? [issue("labels", `labels must be at least two, given ${labels.length}`)] : []),
    ...(labels.length > most
      ? [issue("labels", `labels can be at most ${most}${codes ? " with codes" : ""}, given ${labels.length}`)]
      : []),
    ...labels.filter((label) => label.trim() === "" || label !== label.trim()).map((label) =>
      issue("labels", `labels must not be blank, nor begin or end with one, given ${JSON.stringify(label)}`)
    ),
    ...labels.filter((label, at) => labels.indexOf(label) !== at).map((label) =>
      issue("labels", `labels must differ, given ${JSON.stringify(label)} twice`)
    )
  ]
  return issues.length === 0 ? undefined : new InvalidQuestion({ issues })
}

const issue = (field: string, message: string) => ({ path: [field], message })

/**
 * The labels as they are shown, starting from a place: the order is rotated, not shuffled, so that every label is once in
 * every place when there are as many orders as labels.
 *
 * @category conversions
 * @since 0.2.0
 */
export const shown = (question: Question, codes: boolean, turn: number): ReadonlyArray<Shown> => {
  const labels = labelsOf(question)
  const turned = [...labels.slice(turn), ...labels.slice(0, turn)]
  return turned.map(({ description, label }, at) => ({ key: codes ? LETTERS[at] ?? label : label, label, description }))
}

const line = ({ description, key, label }: Shown): string => {
  const what = key === label ? description : description === undefined ? label : `${label}: ${description}`
  return what === undefined ? `- ${key}` : `- ${key}: ${what}`
}

/**
 * The question in words.
 *
 * @category conversions
 * @since 0.2.0
 */
export const text = ({ instructions }: Question, labels: ReadonlyArray<Shown>): string =>
  [
    instructions,
    "",
    "Choose one of:",
    ...labels.map(line),
    "",
    `Answer with ${labels[0]?.key === labels[0]?.label ? "the label" : "the letter"} alone.`
  ].join("\n")

/**
 * An input followed by a question, so that several questions over one input share its beginning. A raw prompt is left as it
 * is: it must contain the question.
 *
 * @category conversions
 * @since 0.2.0
 */
export const ask = (input: Message.Input, question: string): Message.Input => {
  if (typeof input === "string") return [{ role: "user", content: input === "" ? question : `${input}\n\n${question}` }]
  if ("raw" in input) return input
  const last = input.at(-1)
  if (last?.role !== "user") return [...input, { role: "user", content: question }]
  const content = typeof last.content === "string"
    ? `${last.content}\n\n${question}`
    : [...last.content ?? [], { type: "text" as const, text: `\n\n${question}` }]
  return [...input.slice(0, -1), { ...last, content }]
}
