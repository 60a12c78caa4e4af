/**
 * `/v1/chat/completions` and `/v1/completions` of vLLM, SGLang and llama.cpp.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Token } from "../model/Answer.ts"
import * as Prompt from "../model/Prompt.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Random from "../wire/Random.ts"
import * as Reply from "../wire/Reply.ts"
import type { Counts, Dialect } from "./OpenAiDialect.ts"
import * as OpenAiDialect from "./OpenAiDialect.ts"
import type { OpenAiRequest } from "./OpenAiRequest.ts"
import * as OpenAiRun from "./OpenAiRun.ts"

/** A choice and its index among all. */
interface Choice {
  readonly index: number
  readonly prompt: string
  readonly run: OpenAiRun.Run
}

interface Answered {
  readonly dialect: Dialect
  readonly request: OpenAiRequest
  readonly chat: boolean
  readonly choices: ReadonlyArray<Choice>
  readonly counts: Counts
  /** The keys that whole answers and chunks begin with; `kind` is the `object`. */
  readonly head: (kind: string) => string
}

const quote = (value: unknown): string => JSON.stringify(value)

const text = (tokens: ReadonlyArray<Token>): string => tokens.map((token) => token.text).join("")

/**
 * The prompt of a chat request.
 *
 * @category prompts
 * @since 0.1.0
 */
export const prompt = (turn: Turn, request: OpenAiRequest): string | Reply.Failure => {
  const rendered = Prompt.render(turn.settings.template, request.messages, request.continues)
  return typeof rendered === "string" ? rendered : Reply.failure(400, rendered.message, "BadRequestError")
}

/** Tokens that the context leaves for an answer, or the complaint that there is no room. */
const room = (turn: Turn, dialect: Dialect, request: OpenAiRequest, input: number): number | Reply.Failure => {
  const limit = turn.settings.maxTotalTokens
  const asked = request.maxTokens ?? limit - input
  if (dialect.kind === "llamacpp") {
    if (input < limit) return Math.min(asked, limit - input)
    const message =
      `the request exceeds the available context size. try increasing it: ${input} tokens, context ${limit}`
    return Reply.failure(400, message, "exceed_context_size_error")
  }
  if (input < limit && input + asked <= limit) return asked
  const message =
    `This model's maximum context length is ${limit} tokens. However, you requested ${input + asked} tokens ` +
    `(${input} in the prompt, ${asked} in the completion). Please reduce the length of the prompt or completion.`
  return Reply.failure(400, message, "BadRequestError")
}

const finished = (self: Answered, run: OpenAiRun.Run): string =>
  `"finish_reason":"${run.finish}"${self.dialect.choiceRest(run)}`

const logprob = (token: Token): string =>
  `"token":${quote(token.text)},"logprob":${token.logprob},"bytes":[${
    [...new TextEncoder().encode(token.text)].join(",")
  }]`

const logprobs = (request: OpenAiRequest, tokens: ReadonlyArray<Token>): string => {
  if (!request.logprobs) return "null"
  const top = (token: Token) => request.topLogprobs > 0 ? `{${logprob(token)}}` : ""
  return `{"content":[${tokens.map((token) => `{${logprob(token)},"top_logprobs":[${top(token)}]}`).join(",")}]}`
}

const callJson = (dialect: Dialect, call: OpenAiRun.Call): string =>
  `{"id":${quote(dialect.callPrefix + call.id)},"type":"function","function":{"name":${quote(call.name)},` +
  `"arguments":${quote(call.fragments.join(""))}}}`

const messageJson = (self: Answered, run: OpenAiRun.Run): string => {
  const { dialect } = self
  const content = run.content.length === 0 && run.calls.length > 0 ? "null" : quote(text(run.content))
  const calls = run.calls.length > 0
    ? `,"tool_calls":[${run.calls.map((call) => callJson(dialect, call)).join(",")}]`
    : dialect.kind === "vllm"
    ? `,"tool_calls":[]`
    : dialect.kind === "sglang"
    ? `,"tool_calls":null`
    : ""
  const reasoning = run.reasoning.length > 0
    ? quote(text(run.reasoning))
    : dialect.kind === "llamacpp"
    ? undefined
    : "null"
  const thought = reasoning === undefined ? "" : `,"${dialect.reasoningKey}":${reasoning}`
  return `{"role":"assistant","content":${content}${thought}${calls}${dialect.messageRest}}`
}

const choiceJson = (self: Answered, { index, prompt, run }: Choice): string => {
  const said = self.chat
    ? `"message":${messageJson(self, run)}`
    : `"text":${quote((self.request.echo ? prompt : "") + text(run.content))}`
  const probabilities = self.chat ? logprobs(self.request, run.content) : "null"
  return `{"index":${index},${said},"logprobs":${probabilities},${finished(self, run)}}`
}

const unary = (self: Answered): Reply.Unary => {
  const { choices, counts, dialect } = self
  const kind = self.chat ? "chat.completion" : "text_completion"
  return Reply.json(
    200,
    `{${self.head(kind)},"choices":[${choices.map((choice) => choiceJson(self, choice)).join(",")}],` +
      `"usage":${dialect.usage(counts)}${dialect.answerRest(counts)}}`,
    dialect.headers,
    {
      tokens: Math.max(...choices.map(({ run }) => run.tokens)),
      failed: ({ message }) => OpenAiDialect.failed(dialect, Reply.failure(500, message, "InternalServerError"))
    }
  )
}

/** The deltas of a chat choice in the order of generation, each with the tokens it stands for. */
const chatDeltas = (
  self: Answered,
  run: OpenAiRun.Run
): ReadonlyArray<readonly [delta: string, probabilities: string]> => {
  const { dialect, request } = self
  const words = (key: string) => (token: Token) =>
    [`{"${key}":${quote(token.text)}}`, key === "content" ? logprobs(request, [token]) : "null"] as const
  const called = (call: OpenAiRun.Call, index: number) => [
    [
      `{"tool_calls":[{"index":${index},"id":${quote(dialect.callPrefix + call.id)},"type":"function",` +
      `"function":{"name":${quote(call.name)},"arguments":""}}]}`,
      "null"
    ] as const,
    ...call.fragments.map((fragment) =>
      [`{"tool_calls":[{"index":${index},"function":{"arguments":${quote(fragment)}}}]}`, "null"] as const
    )
  ]
  return [
    ...run.reasoning.map(words(dialect.reasoningKey)),
    ...run.content.map(words("content")),
    ...run.calls.flatMap(called)
  ]
}

/** The frames of one choice, its role first on chat and its finish reason last. */
const choiceFrames = (self: Answered, { index, prompt, run }: Choice): ReadonlyArray<Reply.Frame> => {
  const { chat, counts, dialect, request } = self
  const kind = chat ? "chat.completion.chunk" : "text_completion"
  let sent = 0
  const frame = (said: string, probabilities: string, tokens: number, last: boolean): Reply.Frame => {
    sent += tokens
    const end = last ? finished(self, run) : `"finish_reason":null${chat ? "" : dialect.choiceRest(undefined)}`
    const used = request.continuousUsage ? `,"usage":${dialect.usage({ ...counts, completion: sent })}` : ""
    const rest = last && !request.includeUsage && dialect.kind === "llamacpp" ? dialect.answerRest(counts) : ""
    return {
      payload: `{${
        self.head(kind)
      },"choices":[{"index":${index},${said},"logprobs":${probabilities},${end}}]${used}${rest}}`,
      tokens
    }
  }
  if (!chat) {
    const echo = request.echo ? [frame(`"text":${quote(prompt)}`, "null", 0, false)] : []
    return [
      ...echo,
      ...run.content.map((token) => frame(`"text":${quote(token.text)}`, "null", 1, false)),
      frame(`"text":""`, "null", 0, true)
    ]
  }
  return [
    frame(`"delta":${dialect.roleDelta}`, "null", 0, false),
    ...chatDeltas(self, run).map(([delta, probabilities]) => frame(`"delta":${delta}`, probabilities, 1, false)),
    frame(`"delta":${dialect.finalDelta}`, "null", 0, true)
  ]
}

const streaming = (turn: Turn, self: Answered): Reply.Streaming => {
  const { chat, choices, counts, dialect, request } = self
  const kind = chat ? "chat.completion.chunk" : "text_completion"
  const rest = dialect.kind === "llamacpp" ? dialect.answerRest(counts) : ""
  const used = request.includeUsage
    ? [{ payload: `{${self.head(kind)},"choices":[],"usage":${dialect.usage(counts)}${rest}}`, tokens: 0 }]
    : []
  const { keepAlive } = turn.settings
  return {
    _tag: "Streaming",
    headers: { ...dialect.headers, "content-type": "text/event-stream; charset=utf-8" },
    frames: [...OpenAiRun.interleave(choices.map((choice) => choiceFrames(self, choice))), ...used, Reply.done],
    space: turn.settings.space ?? true,
    keepAlive: keepAlive === undefined ? dialect.keepAlive : Duration.toMillis(keepAlive),
    failed: ({ message }) => {
      const payload = dialect.failureFrame(Reply.failure(500, message, "InternalServerError"))
      return [{ payload, tokens: 0 }, Reply.done]
    }
  }
}

const hex = (turn: Turn): string => {
  const random = Random.make(turn.chance)
  return Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")
}

/**
 * Answers a chat or completions request whose prompts are rendered.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (
  turn: Turn,
  dialect: Dialect,
  request: OpenAiRequest,
  prompts: ReadonlyArray<string>,
  chat: boolean
): Reply.Reply => {
  const choices: Array<Choice> = []
  let input = 0
  for (const prompt of prompts) {
    const length = Tokenizer.count(prompt) + (chat ? 0 : 1)
    const limit = room(turn, dialect, request, length)
    if (typeof limit !== "number") return OpenAiDialect.failed(dialect, limit)
    input += length
    for (let nth = 0; nth < Math.max(1, request.count); nth++) {
      choices.push({ index: choices.length, prompt, run: OpenAiRun.generate(turn, request, prompt, nth, limit) })
    }
  }
  const total = (f: (run: OpenAiRun.Run) => number): number => choices.reduce((sum, { run }) => sum + f(run), 0)
  const head = `"id":"${chat ? "chatcmpl" : "cmpl"}-${hex(turn)}"`
  const model = quote(request.model ?? turn.settings.modelId)
  const self: Answered = {
    dialect,
    request,
    chat,
    choices,
    counts: { prompt: input, completion: total((run) => run.tokens), reasoning: total((run) => run.reasoning.length) },
    head: (kind) =>
      `${head},"object":"${kind}","created":${Math.trunc(turn.now / 1000)},"model":${model}${
        dialect.fingerprint(turn.settings)
      }`
  }
  return request.stream ? streaming(turn, self) : unary(self)
}
