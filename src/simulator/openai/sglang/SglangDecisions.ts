/**
 * Typed decisions and scores of SGLang 0.5.23, and its parsers of text, by their request and response types. Probabilities
 * are drawn from the request and the seed.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body

const misfit = (problems: ReadonlyArray<Pydantic.Problem>): Reply.Unary => {
  const { message, type } = SglangRefusal.misfit(problems)
  return SglangJson.failed(400, message, type)
}

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Probabilities of so many labels, which sum up to 1. */
const spread = (count: number, random: Random.Random): ReadonlyArray<number> => {
  const raw = Array.from({ length: count }, () => random() + 0.01)
  const total = raw.reduce((sum, value) => sum + value, 0)
  return raw.map((value) => value / total)
}

/** `POST /v1/score`: the probability of each label behind each item. @category answering @since 0.2.0 */
export const score = (turn: Turn, body: Body): Reply.Reply => {
  const items = typeof body["items"] === "string" ? [body["items"]] : list(body["items"])
  const labels = list(body["label_token_ids"])
  if (items.length === 0 || labels.length === 0) {
    return SglangJson.failed(400, "items and label_token_ids must be given and not empty", "BadRequest")
  }
  const random = Random.make(turn.chance)
  const tokens = [body["query"] ?? "", ...items].reduce<number>(
    (total, text) => total + Tokenizer.count(typeof text === "string" ? text : list(text).join(" ")),
    0
  )
  const softmax = body["apply_softmax"] === true
  return SglangJson.ok({
    scores: items.map(() => spread(labels.length, random).map((value) => softmax ? value : value * 0.9)),
    pooled_hidden_states: null,
    token_logprobs: null,
    model: turn.settings.modelId,
    usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, prompt_tokens_details: null },
    object: "scoring"
  })
}

const question: Pydantic.Reader<Body> = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "id", Pydantic.text, loc, problems)
  Pydantic.required(body, "question", Pydantic.anything, loc, problems)
  const type = Pydantic.required(body, "type", Pydantic.literal("choice", "score", "yes_no"), loc, problems)
  if (type === "choice") Pydantic.required(body, "options", Pydantic.list(Pydantic.record, 26), loc, problems)
  if (type === "score") Pydantic.required(body, "levels", Pydantic.list(Pydantic.anything, 10), loc, problems)
  return body
})

/** Names of the labels of a question, in their order. */
const labelsOf = (body: Body): ReadonlyArray<string> => {
  if (body["type"] === "yes_no") return ["yes", "no"]
  return body["type"] === "choice"
    ? list(body["options"]).map((option) => Pydantic.isBody(option) ? String(option["name"]) : "")
    : list(body["levels"]).map((_, at) => String(at))
}

const answerOf = (body: Body, random: Random.Random): object => {
  const labels = labelsOf(body)
  const probabilities = spread(labels.length, random)
  const best = labels[probabilities.indexOf(Math.max(...probabilities))]
  return {
    type: body["type"],
    probabilities: Object.fromEntries(labels.map((label, at) => [label, probabilities[at] ?? 0])),
    label_mass: 0.9 + random() / 10,
    choice: body["type"] === "score" ? null : best ?? null,
    score: body["type"] === "score"
      ? probabilities.reduce((sum, value, at) => sum + value * at, 0)
      : null,
    prompt_token_ids: null,
    label_token_ids: null
  }
}

const known = new Set([
  "input",
  "images",
  "questions",
  "temperature",
  "chat_template_kwargs",
  "prompt_format_version",
  "return_prompt_token_ids",
  "model"
])

/** `POST /v1/decisions`: answers to questions about an input; a field that is not known is refused. @category answering @since 0.2.0 */
export const decisions = (turn: Turn, body: Body): Reply.Reply => {
  const problems: Array<Pydantic.Problem> = []
  Pydantic.required(body, "input", Pydantic.anything, ["body"], problems)
  const questions = Pydantic.required(body, "questions", Pydantic.list(question), ["body"], problems)
  for (const key of Object.keys(body).filter((key) => !known.has(key))) {
    problems.push({
      type: "extra_forbidden",
      loc: ["body", key],
      msg: "Extra inputs are not permitted",
      input: body[key]
    })
  }
  if (questions?.length === 0) {
    problems.push({
      type: "too_short",
      loc: ["body", "questions"],
      msg: "List should have at least 1 item after validation, not 0",
      input: [],
      ctx: { field_type: "List", min_length: 1, actual_length: 0 }
    })
  }
  if (problems.length > 0 || questions === undefined) return misfit(problems)
  const random = Random.make(turn.chance)
  const tokens = Tokenizer.count(JSON.stringify(body["input"]))
  return SglangJson.ok({
    object: "decisions",
    model: turn.settings.modelId,
    prompt_format_version: 1,
    answers: Object.fromEntries(questions.map((each) => [String(each["id"]), answerOf(each, random)])),
    usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, prompt_tokens_details: null }
  })
}

/** `POST /separate_reasoning`: what stands in `<think>`, and the rest. @category answering @since 0.2.0 */
export const separate = (_turn: Turn, body: Body): Reply.Reply => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.required(body, "text", Pydantic.text, ["body"], problems) ?? ""
  Pydantic.required(body, "reasoning_parser", Pydantic.text, ["body"], problems)
  if (problems.length > 0) return misfit(problems)
  const [, thought, rest] = /^\s*(?:<think>)?([^]*?)<\/think>([^]*)$/.exec(text) ?? []
  return SglangJson.ok({ reasoning_text: thought ?? "", text: rest ?? text })
}

/** `POST /parse_function_call`: calls as Hermes writes them, and the rest. @category answering @since 0.2.0 */
export const parseCalls = (_turn: Turn, body: Body): Reply.Reply => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.required(body, "text", Pydantic.text, ["body"], problems) ?? ""
  if (problems.length > 0) return misfit(problems)
  const calls = [...text.matchAll(/<tool_call>\s*([^]*?)\s*<\/tool_call>/g)].flatMap(([, inner = ""], at) => {
    try {
      const call: unknown = JSON.parse(inner)
      return Pydantic.isBody(call)
        ? [{ tool_index: at, name: call["name"], parameters: JSON.stringify(call["arguments"] ?? {}) }]
        : []
    } catch {
      return []
    }
  })
  const normal = text.replaceAll(/<tool_call>[^]*?<\/tool_call>/g, "").trim()
  return SglangJson.ok({ normal_text: calls.length === 0 ? text : normal, calls })
}
