/**
 * Ollama's routes of SGLang: `/api/chat` and `/api/generate`, whole or as lines of JSON, `/api/tags` and `/api/show`.
 *
 * @since 0.2.0
 */
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"
import * as SglangRequest from "./SglangRequest.ts"

type Body = Pydantic.Body
type Answered = Reply.Reply | SglangRefusal.Refused

const message = Pydantic.model((body, loc, problems) => ({
  role: Pydantic.required(body, "role", Pydantic.text, loc, problems) ?? "",
  content: Pydantic.required(body, "content", Pydantic.text, loc, problems) ?? ""
}))

const format = Pydantic.union<unknown>(["literal['json']", Pydantic.literal("json")], [
  "dict[str,any]",
  Pydantic.record
])

const fail: Reply.Unary = Reply.unary(
  500,
  { ...SglangJson.headers, "content-type": "text/plain; charset=utf-8" },
  "Internal Server Error"
)

const stamp = (turn: Turn): string => new Date(turn.now).toISOString()

/** The fields that both routes read; undefined where they do not fit. */
const read = (body: Body, problems: Array<Pydantic.Problem>) => {
  const stream = Pydantic.optional(body, "stream", Pydantic.flag, ["body"], problems) ?? true
  Pydantic.optional(body, "format", Pydantic.nullable(format), ["body"], problems)
  const options = Pydantic.optional(body, "options", Pydantic.nullable(Pydantic.record), ["body"], problems) ?? {}
  return { stream, options }
}

/** How a route puts a text into its own field. */
type Shape = (text: string) => Body

const chatShape: Shape = (content) => ({ message: { role: "assistant", content, images: null } })
const textShape: Shape = (response) => ({ response })

const generate = (turn: Turn, prompt: string, options: Body, stream: boolean, shape: Shape): Reply.Reply => {
  const limit = Number(options["num_predict"] ?? 2048)
  const request = SglangRequest.completions(
    {
      prompt,
      temperature: options["temperature"],
      top_p: options["top_p"],
      top_k: options["top_k"],
      presence_penalty: options["presence_penalty"],
      frequency_penalty: options["frequency_penalty"],
      stop: options["stop"]
    },
    turn.request.body,
    { limit }
  )
  const input = Tokenizer.count(prompt) + 1
  const room = turn.settings.maxTotalTokens - input
  // what is refused here is caught by nobody
  if ("_tag" in request || room <= 0 || ("num_predict" in options && limit > room)) return fail
  const run = OpenAiRun.generate(turn, request, prompt, 0, Math.min(limit, room))
  const head = { model: turn.settings.modelId, created_at: stamp(turn) }
  const text = run.content.map((token) => token.text).join("")
  if (!stream) {
    const whole = {
      ...head,
      ...shape(text),
      done: true,
      done_reason: "stop",
      ...("response" in shape("") && { context: null }),
      total_duration: 20_000_000,
      load_duration: null,
      prompt_eval_count: input,
      prompt_eval_duration: null,
      eval_count: run.tokens,
      eval_duration: null
    }
    return Reply.json(200, JSON.stringify(whole), SglangJson.headers, { tokens: run.tokens, slots: 1 })
  }
  // the last token's text is lost: its line reports only the end
  const lines = run.content.slice(0, -1).map((token) => ({
    ...head,
    ...shape(token.text),
    done: false,
    done_reason: null
  }))
  const end = { ...head, ...shape(""), done: true, done_reason: "stop" }
  return lined([...lines, end], run.tokens)
}

const lined = (lines: ReadonlyArray<object>, tokens: number): Reply.Unary =>
  Reply.unary(
    200,
    { ...SglangJson.headers, "content-type": "application/x-ndjson" },
    lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    { tokens, slots: 1 }
  )

/** `POST /api/chat`. @category answering @since 0.2.0 */
export const chat = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  Pydantic.required(body, "model", Pydantic.text, ["body"], problems)
  const messages = Pydantic.required(body, "messages", Pydantic.list(message), ["body"], problems)
  const { options, stream } = read(body, problems)
  if (problems.length > 0 || messages === undefined) return SglangRefusal.misfit(problems)
  const prompt = Prompt.render(turn.settings.template, messages, false)
  return typeof prompt === "string" ? generate(turn, prompt, options, stream, chatShape) : fail
}

/** `POST /api/generate`; an empty prompt gets a response without a generation. @category answering @since 0.2.0 */
export const text = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  Pydantic.required(body, "model", Pydantic.text, ["body"], problems)
  const prompt = Pydantic.required(body, "prompt", Pydantic.text, ["body"], problems) ?? ""
  const system = Pydantic.optional(body, "system", Pydantic.nullable(Pydantic.text), ["body"], problems) ?? ""
  const { options, stream } = read(body, problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const whole = system === "" ? prompt : `${system}\n\n${prompt}`
  if (whole.trim() !== "") return generate(turn, whole, options, stream, textShape)
  const empty = {
    model: turn.settings.modelId,
    created_at: stamp(turn),
    response: "",
    done: true,
    done_reason: "stop",
    context: null,
    total_duration: null,
    load_duration: null,
    prompt_eval_count: null,
    prompt_eval_duration: null,
    eval_count: null,
    eval_duration: null
  }
  return stream ? lined([empty], 0) : SglangJson.ok(empty)
}

const familyOf = (name: string): string => name.split("/").at(-1) ?? name

/** `GET /api/tags`. @category answering @since 0.2.0 */
export const tags = (turn: Turn): Reply.Reply => {
  const { modelId } = turn.settings
  return SglangJson.ok({
    models: [{
      name: modelId,
      model: modelId,
      modified_at: stamp(turn),
      size: 0,
      digest: `sha256:sglang${"0".repeat(58)}`,
      details: { format: "sglang", family: familyOf(modelId), parameter_size: "unknown" }
    }]
  })
}

/** `POST /api/show`, for any name. @category answering @since 0.2.0 */
export const show = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const model = Pydantic.required(body, "model", Pydantic.text, ["body"], problems)
  if (model === undefined) return SglangRefusal.misfit(problems)
  const family = familyOf(model).replace(/-(?:Instruct|Chat|Base)$/, "")
  const { maxTotalTokens: context } = turn.settings
  return SglangJson.ok({
    license: "",
    modelfile: `FROM ${model}\nPARAMETER num_ctx ${context}\n`,
    parameters: `num_ctx ${context}`,
    template: "",
    modified_at: stamp(turn),
    details: {
      parent_model: "",
      format: "sglang",
      family,
      families: [family],
      parameter_size: "unknown",
      quantization_level: ""
    },
    model_info: {
      "general.architecture": family,
      "general.name": model,
      "general.parameter_count": 0,
      [`${family}.context_length`]: context,
      [`${family}.block_count`]: 0,
      [`${family}.embedding_length`]: 0,
      [`${family}.attention.head_count`]: 0
    },
    capabilities: ["completion"]
  })
}
