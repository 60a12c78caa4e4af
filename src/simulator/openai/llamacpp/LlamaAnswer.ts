/**
 * Answers of llama.cpp: chat, completions, and its own `/completion`, whole or as streams whose head comes with the first
 * token.
 *
 * @since 0.2.0
 */
import * as Answer from "../../model/Answer.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import type { Fields } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"

const { quote } = LlamaJson

/**
 * One choice with the prompt that it answers.
 *
 * @category models
 * @since 0.2.0
 */
export interface Choice {
  readonly index: number
  readonly prompt: string
  readonly input: number
  readonly run: OpenAiRun.Run
}

/**
 * What is answered, and on which route.
 *
 * @category models
 * @since 0.2.0
 */
export interface Answered {
  readonly turn: Turn
  readonly kind: "chat" | "completion" | "native"
  readonly request: OpenAiRequest
  readonly fields: Fields
  readonly choices: ReadonlyArray<Choice>
  readonly id: string
}

/**
 * Generates all choices, or answers that a prompt does not fit.
 *
 * @category answering
 * @since 0.2.0
 */
export const generate = (
  turn: Turn,
  kind: Answered["kind"],
  request: OpenAiRequest,
  fields: Fields,
  prompts: ReadonlyArray<string>
): Answered | Reply.Unary => {
  const limit = turn.settings.maxTotalTokens
  const choices: Array<Choice> = []
  for (const prompt of prompts) {
    const input = Tokenizer.count(prompt)
    if (input >= limit) return LlamaJson.tooLong(input, limit)
    const most = input === 0 ? 0 : Math.min(request.maxTokens ?? limit, limit - input)
    for (let nth = 0; nth < request.count; nth++) {
      choices.push({ index: choices.length, prompt, input, run: OpenAiRun.generate(turn, request, prompt, nth, most) })
    }
  }
  return { turn, kind, request, fields, choices, id: LlamaJson.name(Random.make(turn.chance)) }
}

const text = (tokens: ReadonlyArray<Answer.Token>): string => tokens.map((token) => token.text).join("")

const finish = (run: OpenAiRun.Run): string => run.finish

const top = (self: Answered, { run }: Choice, tokens: ReadonlyArray<Answer.Token>): string =>
  LlamaJson.probabilities(
    tokens,
    tokens.map((token) => Answer.alternatives(token, self.request.topLogprobs, run.random))
  )

/** Tokens that carry log probabilities: all that were generated, thinking and calls included. */
const generated = (run: OpenAiRun.Run): ReadonlyArray<Answer.Token> => [
  ...run.reasoning,
  ...run.content,
  ...run.calls.flatMap((call) => call.fragments.map((fragment) => Answer.token(fragment, run.random)))
]

const message = ({ calls, content, reasoning }: OpenAiRun.Run): string => {
  const thought = reasoning.length === 0 ? "" : `,"reasoning_content":${quote(text(reasoning))}`
  const made = calls.map((call) =>
    `{"type":"function","function":{"name":${quote(call.name)},"arguments":${quote(call.fragments.join(""))}},` +
    `"id":${quote(call.id)}}`
  )
  const list = made.length === 0 ? "" : `,"tool_calls":[${made.join(",")}]`
  return `{"role":"assistant","content":${quote(text(content))}${thought}${list}}`
}

const chatChoice = (self: Answered, choice: Choice): string => {
  const { run } = choice
  const probs = self.request.logprobs ? `,"logprobs":{"content":${top(self, choice, generated(run))}}` : ""
  return `{"finish_reason":"${finish(run)}","index":${choice.index},"message":${message(run)}${probs}}`
}

const textChoice = (self: Answered, choice: Choice): string => {
  const probs = self.request.logprobs ? `{"content":${top(self, choice, choice.run.content)}}` : "null"
  return `{"text":${quote(text(choice.run.content))},"index":${choice.index},"logprobs":${probs},` +
    `"finish_reason":"${finish(choice.run)}"}`
}

const stopType = (run: OpenAiRun.Run): string =>
  run.finish === "length" ? "limit" : run.stopped === undefined ? "eos" : "word"

const nativeFinal = (self: Answered, { index, input, prompt, run }: Choice, content: string): string => {
  const listed = self.fields["return_tokens"] === true && !self.request.stream
  const probs = self.request.logprobs && !self.request.stream
    ? `,"completion_probabilities":${top(self, { index, input, prompt, run }, run.content)}`
    : ""
  return `{"index":${index},"content":${quote(content)},"tokens":[${
    listed ? run.content.map((token) => token.id).join(",") : ""
  }],"id_slot":0,"stop":true,"model":${quote(self.turn.settings.modelId)},"tokens_predicted":${run.tokens},` +
    `"tokens_evaluated":${input},"generation_settings":${
      JSON.stringify(LlamaJson.settings(self.fields, self.request.stop, true))
    },"prompt":${quote(prompt)},"has_new_line":${text(run.content).includes("\n")},"truncated":false,` +
    `"stop_type":"${stopType(run)}","stopping_word":${quote(run.stopped ?? "")},"tokens_cached":${
      input + run.tokens - 1
    },"timings":${LlamaJson.timings(input, run.tokens)}${probs}}`
}

const created = ({ turn }: Answered): string => `"created":${Math.trunc(turn.now / 1000)}`

/** The usage and timings of a response of several choices are those of the first. */
const tail = (self: Answered, { input, run }: Choice, object: string): string =>
  `${created(self)},${LlamaJson.origin(self.turn.settings)},"object":"${object}",` +
  `"usage":${LlamaJson.usage(input, run.tokens)},"id":"chatcmpl-${self.id}",` +
  `"timings":${LlamaJson.timings(input, run.tokens)}`

const whole = (self: Answered): string => {
  const [first] = self.choices
  if (first === undefined) return "[]"
  if (self.kind === "native") {
    const results = self.choices.map((choice) => nativeFinal(self, choice, text(choice.run.content)))
    return results.length === 1 ? results.join("") : `[${results.join(",")}]`
  }
  const write = self.kind === "chat" ? chatChoice : textChoice
  const object = self.kind === "chat" ? "chat.completion" : "text_completion"
  return `{"choices":[${self.choices.map((choice) => write(self, choice)).join(",")}],${tail(self, first, object)}}`
}

const crashed = ({ message }: Reply.Crash): Reply.Unary => LlamaJson.failed(500, message)

/** @category answering @since 0.2.0 */
export const unary = (self: Answered): Reply.Unary =>
  LlamaJson.text(200, whole(self), {
    tokens: Math.max(...self.choices.map(({ run }) => run.tokens)),
    slots: self.choices.length,
    failed: crashed
  })

interface Delta {
  readonly json: string
  readonly token: Answer.Token | undefined
}

const deltas = (run: OpenAiRun.Run): ReadonlyArray<Delta> => [
  ...run.reasoning.map((token) => ({ json: `{"reasoning_content":${quote(token.text)}}`, token })),
  ...run.content.map((token) => ({ json: `{"content":${quote(token.text)}}`, token })),
  ...run.calls.flatMap((call, index) => [
    {
      json: `{"tool_calls":[{"index":${index},"id":${quote(call.id)},"type":"function",` +
        `"function":{"name":${quote(call.name)},"arguments":${quote(call.fragments[0] ?? "{}")}}}]}`,
      token: undefined
    },
    ...call.fragments.slice(1).map((fragment) => ({
      json: `{"tool_calls":[{"index":${index},"function":{"arguments":${quote(fragment)}}}]}`,
      token: undefined
    }))
  ])
]

/** Events of one choice of a chat, the role alone first and usage last where it was asked for. */
const chatFrames = (self: Answered, choice: Choice): ReadonlyArray<Reply.Frame> => {
  const { index, input, run } = choice
  const rest = `${created(self)},"id":"chatcmpl-${self.id}",${
    LlamaJson.origin(self.turn.settings)
  },"object":"chat.completion.chunk"`
  const ends = LlamaJson.timings(input, run.tokens)
  let sent = 0
  const frame = ({ json, token }: Delta): Reply.Frame => {
    sent++
    const probs = self.request.logprobs && token !== undefined
      ? `,"logprobs":{"content":${top(self, choice, [token])}}`
      : ""
    const timed = self.fields["timings_per_token"] === true ? `,"timings":${LlamaJson.timings(input, sent)}` : ""
    return {
      payload: `{"choices":[{"finish_reason":null,"index":${index},"delta":${json}${probs}}],${rest}${timed}}`,
      tokens: 1
    }
  }
  const head =
    `{"choices":[{"finish_reason":null,"index":${index},"delta":{"role":"assistant","content":null}}],${rest}`
  const progress = (processed: number): Reply.Frame => ({
    payload: `${head},"prompt_progress":{"total":${input},"cache":0,"processed":${processed},"time_ms":0}}`,
    tokens: 0
  })
  const used = self.request.includeUsage
  return [
    ...(self.fields["return_progress"] === true ? [progress(0), progress(input)] : []),
    { payload: `${head}}`, tokens: 0 },
    ...deltas(run).map(frame),
    {
      payload: `{"choices":[{"finish_reason":"${finish(run)}","index":${index},"delta":{}}],${rest}${
        used ? "" : `,"timings":${ends}`
      }}`,
      tokens: 0
    },
    ...(used
      ? [{
        payload: `{"choices":[],${rest},"usage":${LlamaJson.usage(input, run.tokens)},"timings":${ends}}`,
        tokens: 0
      }]
      : [])
  ]
}

const textFrames = (self: Answered, choice: Choice): ReadonlyArray<Reply.Frame> => {
  const { index, run } = choice
  const origin = LlamaJson.origin(self.turn.settings)
  const frames = run.content.map((token) => {
    const probs = self.request.logprobs ? `{"content":${top(self, choice, [token])}}` : "null"
    return {
      payload: `{"choices":[{"text":${quote(token.text)},"index":${index},"logprobs":${probs},"finish_reason":null}],` +
        `${created(self)},${origin},"object":"text_completion","id":"chatcmpl-${self.id}"}`,
      tokens: 1
    }
  })
  const last = `{"choices":[{"text":"","index":${index},"logprobs":null,"finish_reason":"${finish(run)}"}],` +
    `${tail(self, choice, "text_completion")}}`
  return [...frames, { payload: last, tokens: 0 }]
}

const nativeFrames = (self: Answered, choice: Choice): ReadonlyArray<Reply.Frame> => {
  const { index, input, run } = choice
  const frames = run.content.map((token, at) => {
    const probs = self.request.logprobs ? `,"completion_probabilities":${top(self, choice, [token])}` : ""
    return {
      payload: `{"index":${index},"content":${quote(token.text)},"tokens":[${token.id}],"stop":false,"id_slot":-1,` +
        `"tokens_predicted":${at + 1},"tokens_evaluated":${input}${probs}}`,
      tokens: 1
    }
  })
  return [...frames, { payload: nativeFinal(self, choice, ""), tokens: 0 }]
}

/** @category answering @since 0.2.0 */
export const streaming = (self: Answered): Reply.Streaming => {
  const write = self.kind === "chat" ? chatFrames : self.kind === "completion" ? textFrames : nativeFrames
  const frames = OpenAiRun.interleave(self.choices.map((choice) => write(self, choice)))
  const { keepAlive, space } = self.turn.settings
  return {
    _tag: "Streaming",
    headers: { ...LlamaJson.headers, "x-accel-buffering": "no", "content-type": "text/event-stream" },
    frames: self.kind === "native" ? frames : [...frames, Reply.done],
    space: space ?? true,
    keepAlive: keepAlive ?? 30_000,
    slots: self.choices.length,
    headWaits: true,
    // an error ends the stream, and no end mark follows
    failed: ({ message }) => [{ payload: LlamaJson.failure(500, message), tokens: 0 }]
  }
}

/** Whole or as a stream, as the request asks. @category answering @since 0.2.0 */
export const answer = (self: Answered): Reply.Reply => self.request.stream ? streaming(self) : unary(self)
