/**
 * Typed decisions of vLLM: `/v1/decisions` (since 0.33), `/v1/systemone`, and scores of labels. Probabilities are drawn from
 * the request and the seed.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as VllmJson from "./VllmJson.ts"
import { served } from "./VllmPrompt.ts"

type Body = Pydantic.Body

const need = (body: Body, ...names: ReadonlyArray<string>): void => {
  const problems: Array<Pydantic.Problem> = []
  for (const name of names) Pydantic.required(body, name, Pydantic.anything, ["body"], problems)
  if (problems.length > 0) VllmJson.misfit(problems)
}

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Probabilities of a number of labels, which sum to 1. */
const spread = (count: number, random: Random.Random): ReadonlyArray<number> => {
  const raw = Array.from({ length: count }, () => random() + 0.01)
  const total = raw.reduce((sum, value) => sum + value, 0)
  return raw.map((value) => value / total)
}

const chosen = (labels: ReadonlyArray<unknown>, key: string, random: Random.Random) => {
  const probabilities = spread(labels.length, random)
  const confidence = Math.max(...probabilities)
  const named = labels.map((label, at) => ({
    [key]: Pydantic.isBody(label) ? label[key] : label,
    probability: probabilities[at] ?? 0
  }))
  const best = named.find(({ probability }) => probability === confidence)
  return { best: best?.[key], probabilities: named, confidence }
}

const answerOf = (question: unknown, random: Random.Random): object => {
  const body = Pydantic.isBody(question) ? question : {}
  switch (body["type"]) {
    case "predicate":
      return { probability: random() }
    case "choice": {
      const { best, confidence, probabilities } = chosen(list(body["choices"]), "value", random)
      return { choice: best, probabilities, confidence }
    }
    case "score": {
      const { best, confidence, probabilities } = chosen(list(body["levels"]), "label", random)
      return { score: best, probabilities, confidence }
    }
    default: {
      const msg = "Input tag does not match any of the expected tags: 'predicate', 'choice', 'score'"
      return VllmJson.misfit([{ type: "union_tag_invalid", loc: ["body", "questions", 0], msg, input: question }])
    }
  }
}

const bounds: Readonly<Record<string, readonly [field: string, low: number, high: number]>> = {
  choice: ["choices", 2, 255],
  score: ["levels", 2, 10]
}

const checkQuestion = (question: unknown, at: number): void => {
  const body = Pydantic.isBody(question) ? question : {}
  const [field, low, high] = bounds[String(body["type"])] ?? []
  if (field === undefined || low === undefined || high === undefined) return
  const count = list(body[field]).length
  const loc = ["body", "questions", at, field]
  if (count < low) {
    const msg = `List should have at least ${low} items after validation, not ${count}`
    VllmJson.misfit([{ type: "too_short", loc, msg, input: body[field] }])
  }
  if (count > high) {
    const msg = `List should have at most ${high} items after validation, not ${count}`
    VllmJson.misfit([{ type: "too_long", loc, msg, input: body[field] }])
  }
}

const decisionFields = new Set(["model", "input", "questions", "safety_identifier", "joint", "cache_salt"])

const usage = (input: unknown, count: number) => {
  const tokens = Tokenizer.count(typeof input === "string" ? input : JSON.stringify(input ?? ""))
  return { input_tokens: tokens, output_tokens: count, total_tokens: tokens + count, details: null }
}

/** Answers questions about a text; unknown fields are refused. @category answering @since 0.2.0 */
export const decisions = (turn: Turn, body: Body): Reply.Reply => {
  need(body, "model", "input", "questions")
  const extra = Object.keys(body).find((key) => !decisionFields.has(key))
  if (extra !== undefined) {
    const msg = "Extra inputs are not permitted"
    return VllmJson.misfit([{ type: "extra_forbidden", loc: ["body", extra], msg, input: body[extra] }])
  }
  const questions = list(body["questions"])
  questions.forEach(checkQuestion)
  const random = Random.make(turn.chance)
  return VllmJson.ok({
    id: `dec-${VllmJson.name(random)}`,
    object: "decision",
    created: Math.trunc(turn.now / 1000),
    model: turn.settings.modelId,
    answers: questions.map((question) => answerOf(question, random)),
    usage: usage(body["input"], questions.length)
  })
}

/** Questions by id about a state, which only a model that was trained for them answers. @category answering @since 0.2.0 */
export const systemOne = (_: Turn, body: Body): Reply.Reply => {
  need(body, "state", "questions")
  return VllmJson.failed(
    new VllmJson.Thrown(501, "The model does not support the structured decision API", "NotImplementedError")
  )
}

/** The probability of each label after each item. @category answering @since 0.2.0 */
export const scoring = (turn: Turn, body: Body): Reply.Reply => {
  need(body, "query", "items", "label_token_ids")
  const { maxTotalTokens: context, modelId, multimodal } = turn.settings
  served({ modelId, context, multimodal }, typeof body["model"] === "string" ? body["model"] : undefined)
  const random = Random.make(turn.chance)
  const items = typeof body["items"] === "string" ? [body["items"]] : list(body["items"])
  if (items.length === 0) return VllmJson.invalid("items must contain at least one item.")
  const outside = list(body["label_token_ids"]).map(Number).find((id) => id < 0 || id >= Tokenizer.vocabulary)
  if (outside !== undefined) {
    return VllmJson.invalid(
      `label_token_id ${outside} is out of vocabulary range [0, ${Tokenizer.vocabulary}). Please provide valid token IDs.`
    )
  }
  const tokens = items.reduce<number>((total, item) => total + Tokenizer.count(String(item)), 0)
  return VllmJson.ok({
    id: `generative-scoring-${VllmJson.name(random)}`,
    object: "list",
    created: Math.trunc(turn.now / 1000),
    model: turn.settings.modelId,
    data: items.map((_, index) => ({ index, object: "score", score: random() })),
    usage: {
      prompt_tokens: tokens,
      total_tokens: tokens + items.length,
      completion_tokens: items.length,
      prompt_tokens_details: null,
      completion_tokens_details: null
    }
  })
}
