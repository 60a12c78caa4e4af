/**
 * `/v1/systemone` of SGLang: decisions in the form of the System One API. Probabilities are drawn from the request and the
 * seed.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as SglangDecisions from "./SglangDecisions.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body
type Problem = Pydantic.Problem

const kinds = ["noul", "choice", "score"]
const fields = new Set(["type", "instructions", "criteria"])

const sized = (count: number, loc: Problem["loc"], input: unknown, kind: string, most: number): Problem | undefined => {
  const many = count > most
  if (count > 0 && !many) return undefined
  const bound = many ? most : 1
  return {
    type: many ? "too_long" : "too_short",
    loc,
    msg: `${kind} should have at ${many ? `most ${most} items` : "least 1 item"} after validation, not ${count}`,
    input,
    ctx: { field_type: kind, [many ? "max_length" : "min_length"]: bound, actual_length: count }
  }
}

const isBlank = (value: unknown): boolean => value === undefined || value === null || String(value).trim() === ""

const blank = "a noul question needs instructions or a true or false description to decide on"

const criteriaProblems = (body: Body, loc: Problem["loc"], problems: Array<Problem>): void => {
  const at = [...loc, "criteria"]
  const found = body["type"] === "choice"
    ? Pydantic.required(body, "criteria", Pydantic.record, loc, problems)
    : Pydantic.required(body, "criteria", Pydantic.list(Pydantic.anything), loc, problems)
  if (found === undefined) return
  const isList = Array.isArray(found)
  const wrong = sized(Object.keys(found).length, at, found, isList ? "List" : "Dictionary", isList ? 10 : 255)
  if (wrong !== undefined) problems.push(wrong)
}

const question = (value: unknown, loc: Problem["loc"], problems: Array<Problem>): void => {
  if (!Pydantic.isBody(value) || !kinds.includes(String(value["type"]))) {
    const tag = Pydantic.isBody(value) ? value["type"] : undefined
    problems.push(Pydantic.wrongTag(value, loc, { field: "type", tag, shown: Pydantic.repr(tag), tags: kinds }))
    return
  }
  const type = String(value["type"])
  const at = [...loc, type]
  const before = problems.length
  if (type !== "noul") criteriaProblems(value, at, problems)
  for (const name of Object.keys(value).filter((name) => !fields.has(name))) {
    const msg = "Extra inputs are not permitted"
    problems.push({ type: "extra_forbidden", loc: [...at, name], msg, input: value[name] })
  }
  const given = Pydantic.isBody(value["criteria"]) ? value["criteria"] : {}
  if (
    type === "noul" && problems.length === before &&
    [value["instructions"], given["true"], given["false"]].every(isBlank)
  ) {
    problems.push(SglangRefusal.unfit(blank, at, value))
  }
}

const check = (body: Body): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  Pydantic.required(body, "state", Pydantic.anything, ["body"], problems)
  Pydantic.required(body, "model", Pydantic.text, ["body"], problems)
  const questions = Pydantic.required(body, "questions", Pydantic.record, ["body"], problems)
  if (questions !== undefined) {
    const loc = ["body", "questions"]
    const none = sized(Object.keys(questions).length, loc, questions, "Dictionary", Infinity)
    if (none !== undefined) problems.push(none)
    for (const [id, each] of Object.entries(questions)) question(each, [...loc, id], problems)
  }
  for (const name of ["temperature", "prompt_format_version", "return_prompt_token_ids"]) {
    if (body[name] === undefined || body[name] === null) continue
    problems.push(
      SglangRefusal.unfit(`${name} is not part of this API, use /v1/decisions for it`, ["body", name], body[name])
    )
  }
  return problems
}

const refusedLate = (turn: Turn, body: Body): string | undefined => {
  const [, adapter] = /^[^:]*:(.+)$/.exec(String(body["model"])) ?? []
  if (adapter !== undefined && body["model"] !== turn.settings.modelId) {
    return `model names the LoRA adapter ${Pydantic.repr(adapter)}, which /v1/systemone does not support`
  }
  if (Array.isArray(body["images"]) && body["images"].length > 0 && !turn.settings.multimodal) {
    return "/v1/systemone images require a model served with multimodal input, and some vision models need " +
      "--enable-multimodal"
  }
  const kwargs = Pydantic.isBody(body["chat_template_kwargs"]) ? body["chat_template_kwargs"] : {}
  const thinks = ["enable_thinking", "thinking"].find((name) => kwargs[name] === true)
  return thinks === undefined
    ? undefined
    : `chat_template_kwargs sets '${thinks}' to True, but decisions need it false or unset`
}

const answerOf = (question: unknown, random: Random.Random): object => {
  const body = Pydantic.isBody(question) ? question : {}
  const x_label_mass = 0.9 + random() / 10
  const { criteria, type } = body
  if (type === "noul") return { type, noul: random(), x_label_mass }
  const labels = Array.isArray(criteria) ? criteria.map((_, at) => String(at)) : Object.keys(Object(criteria))
  const drawn = SglangDecisions.spread(labels.length, random)
  const probabilities = Object.fromEntries(labels.map((label, at) => [label, drawn[at] ?? 0]))
  const best = drawn.indexOf(Math.max(...drawn))
  const confidence = labels.length === 1 ? 1 : (drawn[best] ?? 0) - 1 / labels.length
  return type === "choice"
    ? { type, choice: labels[best], confidence, probabilities, x_label_mass }
    : {
      type,
      score: drawn.reduce((sum, value, at) => sum + value * at, 0),
      confidence,
      legend: Object.fromEntries(labels.map((label, at) => [label, Object(criteria)[at]])),
      probabilities,
      x_label_mass
    }
}

/** Answers questions about a state. @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Body): Reply.Reply | SglangRefusal.Refused => {
  const problems = check(body)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const late = refusedLate(turn, body)
  if (late !== undefined) return SglangRefusal.refused(late)
  const random = Random.make(turn.chance)
  const questions: ReadonlyArray<readonly [string, unknown]> = Object.entries(Object(body["questions"]))
  return SglangJson.ok({
    model: turn.settings.modelId,
    answers: Object.fromEntries(questions.map(([id, each]) => [id, answerOf(each, random)])),
    usage: { input_tokens: Tokenizer.count(JSON.stringify(body["state"])) * questions.length, output_tokens: 0 }
  })
}
