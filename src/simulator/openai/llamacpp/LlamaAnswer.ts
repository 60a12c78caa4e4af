/**
 * Responses of llama.cpp: chat, completions, and its own `/completion`, whole or as streams whose headers come with the
 * first token.
 *
 * @since 0.2.0
 */
import type * as Answer from "../../model/Answer.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import type { Fields } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"
import * as LlamaNative from "./LlamaNative.ts"
import type { Answered, Choice } from "./LlamaNative.ts"

const { quote } = LlamaJson
const { ending, generated, text, top } = LlamaNative

/**
 * Generates all choices, or responds that a prompt does not fit.
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

const finish = (run: OpenAiRun.Run): string => run.finish

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
  const probs = self.request.logprobs ? `{"content":${top(self, choice, generated(choice.run))}}` : "null"
  return `{"text":${quote(text(choice.run.content))},"index":${choice.index},"logprobs":${probs},` +
    `"finish_reason":"${finish(choice.run)}"}`
}

const created = ({ turn }: Answered): string => `"created":${Math.trunc(turn.now / 1000)}`

/** What `verbose` adds: the response of the server's own route. */
const verbose = (self: Answered, choice: Choice, content: string): string =>
  self.fields["verbose"] === true ? `,"__verbose":${LlamaNative.final(self, choice, content)}` : ""

/** The usage and timings of a response of several choices are those of the first. */
const tail = (self: Answered, choice: Choice, object: string, content: string): string => {
  const { input, run } = choice
  return `${created(self)},${LlamaJson.origin(self.turn.settings)},"object":"${object}",` +
    `"usage":${LlamaJson.usage(input, run.tokens)},"id":"chatcmpl-${self.id}"${verbose(self, choice, content)},` +
    `"timings":${LlamaJson.timings(input, run.tokens)}`
}

const whole = (self: Answered): string => {
  const [first] = self.choices
  if (first === undefined) return "[]"
  if (self.kind === "native") {
    const results = self.choices.map((choice) => LlamaNative.final(self, choice, text(choice.run.content)))
    return results.length === 1 ? results.join("") : `[${results.join(",")}]`
  }
  const write = self.kind === "chat" ? chatChoice : textChoice
  const object = self.kind === "chat" ? "chat.completion" : "text_completion"
  return `{"choices":[${self.choices.map((choice) => write(self, choice)).join(",")}],${
    tail(self, first, object, text(first.run.content))
  }}`
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

/** The events of one choice of a chat: the role first, and the usage last if requested. */
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
        used ? "" : `,"timings":${ends}${verbose(self, choice, "")}`
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
  const frames = [...run.content, ...ending(run)].map((token) => {
    const probs = self.request.logprobs ? `{"content":${top(self, choice, [token])}}` : "null"
    return {
      payload: `{"choices":[{"text":${quote(token.text)},"index":${index},"logprobs":${probs},"finish_reason":null}],` +
        `${created(self)},${origin},"object":"text_completion","id":"chatcmpl-${self.id}"}`,
      tokens: 1
    }
  })
  const last = `{"choices":[{"text":"","index":${index},"logprobs":null,"finish_reason":"${finish(run)}"}],` +
    `${tail(self, choice, "text_completion", "")}}`
  return [...frames, { payload: last, tokens: 0 }]
}

/**
 * Interleaves the choices token by token: what precedes a choice's first token is sent with it, and its end with its
 * last.
 */
const together = (all: ReadonlyArray<ReadonlyArray<Reply.Frame>>): ReadonlyArray<Reply.Frame> => {
  const steps = all.map((frames) => {
    const spoken = frames.flatMap(({ tokens }, at) => tokens > 0 ? [at] : [])
    return spoken.length === 0 ?
      [frames] :
      spoken.map((_, nth) =>
        frames.slice(nth === 0 ? 0 : spoken[nth], nth + 1 === spoken.length ? frames.length : spoken[nth + 1])
      )
  })
  const longest = Math.max(0, ...steps.map((list) => list.length))
  return all.length === 1
    ? all.flat()
    : Array.from({ length: longest }, (_, nth) => steps.flatMap((list) => list[nth] ?? [])).flat()
}

/** @category answering @since 0.2.0 */
export const streaming = (self: Answered): Reply.Streaming => {
  const write = self.kind === "chat" ? chatFrames : self.kind === "completion" ? textFrames : LlamaNative.frames
  const [first, ...others] = self.choices
  const frames = [
    // with several prompts, an empty event comes first
    ...(others.some(({ prompt }) => prompt !== first?.prompt) ? [{ payload: "null", tokens: 0 }] : []),
    // the first choice is the last to begin
    ...together([...others, ...(first === undefined ? [] : [first])].map((choice) => write(self, choice)))
  ]
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
