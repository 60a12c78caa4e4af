/**
 * hf-serve 0.2.0: one request at a time, greedy unless a temperature other than 1 is sent, most options dropped, requests
 * repeated in validation errors.
 *
 * @since 0.2.0
 */
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as PythonJson from "../../wire/PythonJson.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as ServeRequest from "./ServeRequest.ts"

const headers = { "server": "uvicorn", "x-process-time": "1.00ms" }

const detail = (status: number, value: unknown, rest: object = {}): Reply.Unary =>
  Reply.json(status, JSON.stringify({ detail: value, ...rest }), headers)

const isUnwritable = (value: unknown): boolean =>
  typeof value === "number"
    ? !Number.isFinite(value)
    : typeof value === "object" && value !== null && Object.values(value).some(isUnwritable)

/** What does not fit is listed, together with the request; a number that JSON cannot express breaks that. */
const misfit = (problems: ReadonlyArray<Pydantic.Problem>, body: unknown): Reply.Unary =>
  isUnwritable(body)
    ? Reply.unary(500, { server: "uvicorn", "content-type": "text/plain; charset=utf-8" }, "Internal Server Error")
    : detail(422, problems, { body })

const counts = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  reasoning_tokens: 0,
  total_tokens: prompt + completion,
  completion_tokens_details: {
    accepted_prediction_tokens: 0,
    audio_tokens: 0,
    reasoning_tokens: 0,
    rejected_prediction_tokens: 0
  },
  prompt_tokens_details: { audio_tokens: 0, cached_tokens: 0 }
})

const callsOf = (run: OpenAiRun.Run) =>
  run.calls.map(({ fragments, id, name }) => ({
    id: `call_${id}`,
    function: { arguments: fragments.join(""), name },
    type: "function"
  }))

/** The calls stay in the text, in the model's own form. */
const textOf = (run: OpenAiRun.Run): string =>
  [
    run.content.map(({ text }) => text).join(""),
    ...run.calls.map(OpenAiRun.markup)
  ].filter((text) => text !== "").join("\n")

interface Answered {
  readonly turn: Turn
  readonly asked: ServeRequest.Asked
  readonly run: OpenAiRun.Run
  readonly prompt: number
}

const head = ({ asked, turn }: Answered, object: string) => ({
  id: `chatcmpl-${"0".repeat(32)}`,
  object,
  created: Math.trunc(turn.now / 1000),
  model: asked.request.model
})

const tail = { service_tier: "default", system_fingerprint: "00000000-0000-4000-8000-000000000000" }

const unary = (self: Answered): Reply.Unary => {
  const { asked, prompt, run } = self
  const message = {
    content: textOf(run),
    refusal: null,
    role: "assistant",
    annotations: [],
    audio: null,
    function_call: null,
    tool_calls: asked.request.tools.length === 0 ? null : callsOf(run)
  }
  const body = {
    ...head(self, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: run.finish }],
    usage: counts(prompt, run.tokens),
    ...tail
  }
  return Reply.unary(200, { ...headers, "content-type": "application/json" }, JSON.stringify(body), {
    tokens: run.tokens,
    slots: 1,
    failed: ({ message: reason }) => detail(500, reason)
  })
}

const errorFrame = (message: string): Reply.Frame => ({
  payload: JSON.stringify({ error: { message, type: "server_error" } }),
  tokens: 0
})

const stream = (frames: ReadonlyArray<Reply.Frame>, slots = 1): Reply.Streaming => ({
  _tag: "Streaming",
  headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
  frames: [...frames, Reply.done],
  space: true,
  keepAlive: undefined,
  slots,
  failed: ({ message }) => [errorFrame(message), Reply.done]
})

/** What one process remembers. */
interface State {
  /** The words of the stream that began last. */
  recent: ReadonlyArray<string>
  hung: boolean
}

/** Words of a stream that runs next to another: the streamer that they share emits both. */
const shared = ({ run, turn }: Answered, state: State): ReadonlyArray<string> => {
  const own = run.content.map(({ text }) => text)
  const { recent } = state
  state.recent = own
  return turn.settings.unsafeStreams && turn.running() > 1
    ? own.map((text, at) => at % 2 === 0 ? recent[at] ?? text : text)
    : own
}

/** Role and usage so far are in every chunk; an end token is text in the last one, and no finish reason is given. */
const streaming = (self: Answered, state: State): Reply.Streaming => {
  const { prompt, run, turn } = self
  const cut = run.finish === "length"
  const texts = ["", ...shared(self, state), ...(cut ? [] : ["<|im_end|>"])]
  return stream(
    texts.map((content, at) => ({
      payload: JSON.stringify({
        ...head(self, "chat.completion.chunk"),
        choices: [{
          index: 0,
          delta: { content, function_call: null, refusal: null, role: "assistant", tool_calls: null },
          logprobs: null,
          finish_reason: cut && at === texts.length - 1 ? "length" : null
        }],
        usage: counts(prompt, at),
        ...tail
      }),
      tokens: at === 0 ? 0 : 1
    })),
    turn.settings.unsafeStreams ? 0 : 1
  )
}

const refusalOf = ({ body, request }: ServeRequest.Asked): string | undefined => {
  if (request.messages.length === 0) {
    return "Cannot apply chat template to an empty conversation. Provide at least one message."
  }
  if (body["temperature"] === 0) {
    return "`temperature` (=0.0) has to be a strictly positive float, otherwise your next token scores will be invalid. " +
      "If you're looking for greedy decoding strategies, set `do_sample=False`."
  }
  const { maxTokens, seed } = request
  if (maxTokens !== undefined && maxTokens < 0) return `\`max_new_tokens\` must be greater than 0, but is ${maxTokens}.`
  return seed !== undefined && (Number(seed) < 0 || Number(seed) >= 2 ** 32)
    ? "Seed must be between 0 and 2**32 - 1"
    : undefined
}

const chat = (state: State) => (turn: Turn, body: Pydantic.Body): Reply.Reply => {
  const problems: Array<Pydantic.Problem> = []
  const asked = ServeRequest.hfServe(body, problems)
  if (problems.length > 0) return misfit(problems, body)
  if (turn.settings.unsafeStreams && asked.request.stream && body["temperature"] === 0) {
    state.hung = true
    return Reply.silent()
  }
  const refusal = refusalOf(asked)
  if (refusal !== undefined) return asked.request.stream ? stream([errorFrame(refusal)]) : detail(400, refusal)
  const prompt = Prompt.render(turn.settings.template, asked.request.messages, false)
  if (typeof prompt !== "string") return detail(400, prompt.message)
  const run = OpenAiRun.generate(turn, asked.request, prompt, 0, asked.request.maxTokens || 256)
  const self: Answered = { turn, asked, run, prompt: Tokenizer.count(prompt) }
  return asked.request.stream ? streaming(self, state) : unary({ ...self, run: OpenAiRun.whole(run) })
}

const posted = (handler: (turn: Turn, body: Pydantic.Body) => Reply.Reply) => (turn: Turn): Reply.Reply => {
  const { body, headers: sent } = turn.request
  const json = turn.request.json === undefined ? PythonJson.parse(body) : turn.request.json
  if (body === "" || json === null) {
    return misfit([{ type: "missing", loc: ["body"], msg: "Field required", input: null }], null)
  }
  const isJson = /^application\/(?:[\w.-]+\+)?json/.test(sent["content-type"] ?? "application/json")
  if (isJson && json === undefined) {
    const { at, msg: error } = PythonJson.mistake(body) ?? { at: 0, msg: "Expecting value" }
    const loc = ["body", at]
    return misfit([{ type: "json_invalid", loc, msg: "JSON decode error", input: {}, ctx: { error } }], body)
  }
  if (isJson && Pydantic.isBody(json)) return handler(turn, json)
  const msg = "Input should be a valid dictionary or object to extract fields from"
  const input = isJson ? json : body
  return misfit([{ type: "model_attributes_type", loc: ["body"], msg, input }], input)
}

/** Broken in this version: the model refuses the server's own settings. */
const predict = posted((_turn, body) =>
  body["inputs"] === undefined
    ? misfit([{ type: "missing", loc: ["body", "inputs"], msg: "Field required", input: body }], body)
    : detail(
      400,
      "The following `model_kwargs` are not used by the model: ['attn_implementation', 'generate_kwargs'] (note: typos in " +
        "the generate arguments will also show up in this list)"
    )
)

const models = ({ now, settings: { modelId } }: Turn): Reply.Reply => {
  const slash = modelId.indexOf("/")
  const owner = slash === -1 ? null : modelId.slice(0, slash)
  const data = [{ id: modelId, object: "model", created: Math.trunc(now / 1000), owned_by: owner }]
  return Reply.json(200, JSON.stringify({ object: "list", data }), headers)
}

const paths = ["/health", "/metrics", "/predict", "/", "/v1/chat/completions", "/v1/models"]
const openApi = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "Hugging Face Serve API", version: "0.1.0" },
  paths: Object.fromEntries(paths.map((path) => [path, {}]))
})

const metrics = ({ counters }: Turn): Reply.Reply =>
  Reply.unary(
    200,
    { ...headers, "content-type": "text/plain; version=1.0.0; charset=utf-8" },
    `# TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_count ${counters.requests}.0\n`
  )

const gets: ReadonlyMap<string, (turn: Turn) => Reply.Reply> = new Map([
  ["/health", () => Reply.json(200, `{"status":"ok"}`, { server: "uvicorn" })],
  ["/v1/models", models],
  ["/openapi.json", () => Reply.json(200, openApi, headers)],
  [
    "/docs",
    () => Reply.unary(200, { ...headers, "content-type": "text/html; charset=utf-8" }, "<title>Swagger UI</title>")
  ],
  ["/metrics", metrics]
])

const postsOf = (state: State): ReadonlyMap<string, (turn: Turn) => Reply.Reply> =>
  new Map([
    ["/v1/chat/completions", posted(chat(state))],
    ["/predict", predict],
    ["/", predict]
  ])

/**
 * Responds to requests to hf-serve. There is no authentication.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (): (turn: Turn) => Reply.Reply => {
  const state: State = { recent: [], hung: false }
  const posts = postsOf(state)
  return (turn) => {
    if (state.hung) return Reply.silent()
    const path = turn.request.path.split("?", 1)[0] ?? ""
    const [get, post] = [gets.get(path), posts.get(path)]
    const handler = turn.request.method === "GET" ? get : turn.request.method === "POST" ? post : undefined
    if (handler !== undefined) return handler(turn)
    if (get === undefined && post === undefined) return detail(404, "Not Found")
    return Reply.json(405, `{"detail":"Method Not Allowed"}`, {
      ...headers,
      allow: post === undefined ? "GET" : "POST"
    })
  }
}
