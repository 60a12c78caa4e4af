/**
 * Responses of SGLang: chat and completions, whole or as streams, with its keys in its order.
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
import * as SglangJson from "./SglangJson.ts"
import * as SglangMeta from "./SglangMeta.ts"

const { quote } = SglangJson

interface Choice {
  readonly index: number
  readonly prompt: string
  readonly run: OpenAiRun.Run
}

interface Answered {
  readonly turn: Turn
  readonly request: OpenAiRequest
  readonly chat: boolean
  readonly choices: ReadonlyArray<Choice>
  readonly id: string
  readonly counts: SglangJson.Counts
}

const text = (tokens: ReadonlyArray<Answer.Token>): string => tokens.map((token) => token.text).join("")

const model = (self: Answered): string => quote(self.request.model ?? "default")

const created = (self: Answered): string => `"created":${Math.trunc(self.turn.now / 1000)}`

/** What ended the text: a stop string, the id of the end of the sequence, or nothing. */
const matched = (run: OpenAiRun.Run): string =>
  run.finish === "length" ? "null" : quote(run.stopped ?? Tokenizer.eos.id)

const bytes = (of: string): string => `[${[...new TextEncoder().encode(of)].join(",")}]`

const probability = (token: Answer.Token): string =>
  `"token":${quote(token.text)},"bytes":${bytes(token.text)},"logprob":${token.logprob}`

const chatProbabilities = (self: Answered, run: OpenAiRun.Run, tokens: ReadonlyArray<Answer.Token>): string =>
  !self.request.logprobs
    ? "null"
    : `{"content":[${
      tokens.map((token) =>
        `{${probability(token)},"top_logprobs":[${
          Answer.alternatives(token, self.request.topLogprobs, run.random)
            .map((other) => `{"token":${quote(other.text)},"bytes":${bytes(other.text)},"logprob":${other.logprob}}`)
            .join(",")
        }]}`
      ).join(",")
    }]}`

/** The lists of the completions route, including the prompt's tokens if it is repeated. */
const textProbabilities = (
  self: Answered,
  { prompt, run }: Choice,
  tokens: ReadonlyArray<Answer.Token>,
  first: boolean
) => {
  if (!self.request.logprobs) return "null"
  const echoed = self.request.echo && first && self.request.topLogprobs > 0
    ? Answer.tokens(prompt, run.random)
    : []
  const all = [...echoed, ...tokens]
  const unknown = (at: number): boolean => at === 0 && echoed.length > 0
  const top = all.map((token) =>
    `{${
      Answer.alternatives(token, self.request.topLogprobs, run.random)
        .map((other) => `${quote(other.text)}:${other.logprob}`).join(",")
    }}`
  )
  return `{"text_offset":[${all.map(() => -1).join(",")}],"token_logprobs":[${
    all.map((token, at) => unknown(at) ? "null" : token.logprob).join(",")
  }],"tokens":[${all.map((token) => quote(token.text)).join(",")}],"top_logprobs":[${
    self.request.topLogprobs > 0 ? top.join(",") : ""
  }]}`
}

const call = (made: OpenAiRun.Call, index: number): string =>
  `{"id":${quote(`call_${made.id}`)},"index":${index},"type":"function","function":{"name":${quote(made.name)},` +
  `"arguments":${quote(made.fragments.join(""))}}}`

const message = ({ calls, content, reasoning }: OpenAiRun.Run): string =>
  `{"role":"assistant","content":${quote(text(content))},"reasoning_content":${
    reasoning.length === 0 ? "null" : quote(text(reasoning))
  }${calls.length === 0 ? "" : `,"tool_calls":[${calls.map(call).join(",")}]`}}`

/** The ids that a choice of the completions route shows if requested; in a stream, those of the prompt come first. */
const ids = (self: Answered, { prompt }: Choice, written: ReadonlyArray<number>, first: boolean): string =>
  SglangMeta.isOn(self.turn.request.json, "return_token_ids")
    ? `,"token_ids":${quote(written)}${first ? `,"prompt_token_ids":${quote(SglangMeta.promptIds(prompt, true))}` : ""}`
    : ""

/** What a choice of a chat reports if requested. */
const told = ({ id, turn }: Answered, { prompt, run }: Choice): string => {
  const body = turn.request.json
  const all = SglangMeta.isOn(body, "return_token_ids")
  const input = SglangMeta.promptIds(prompt, false)
  const fields = {
    ...((all || SglangMeta.isOn(body, "return_prompt_token_ids")) && { prompt_token_ids: input }),
    ...(all && { response_token_ids: SglangMeta.outputIds(run) }),
    ...(SglangMeta.isOn(body, "return_meta_info") && {
      meta_info: SglangMeta.metaInfo(turn, {
        id,
        run,
        input: input.length,
        completion: run.tokens,
        ended: true,
        first: true
      })
    })
  }
  return Object.keys(fields).length === 0 ? "" : `,${quote(fields).slice(1, -1)}`
}

const choiceJson = (self: Answered, choice: Choice): string => {
  const { index, prompt, run } = choice
  const said = self.chat
    ? `"message":${message(run)},"logprobs":${chatProbabilities(self, run, [...run.reasoning, ...run.content])}`
    : `"text":${quote((self.request.echo ? prompt : "") + text(run.content))},"logprobs":${
      textProbabilities(self, choice, run.content, true)
    }`
  return `{"index":${index},${said},"finish_reason":"${run.finish}","matched_stop":${matched(run)}${
    self.chat ? told(self, choice) : ids(self, choice, SglangMeta.outputIds(run), true)
  }}`
}

const unary = (self: Answered): Reply.Unary =>
  Reply.json(
    200,
    `{"id":"${self.id}","object":"${self.chat ? "chat.completion" : "text_completion"}",${created(self)},"model":${
      model(self)
    },"choices":[${self.choices.map((choice) => choiceJson(self, choice)).join(",")}],` +
      `"usage":${SglangJson.usage(self.counts)},"metadata":{"weight_version":"default","weight_versions":[${
        self.choices.slice(0, 1).map(({ run }) => `{"version":"default","start":0,"end":${run.tokens}}`).join(",")
      }]}}`,
    SglangJson.headers,
    {
      tokens: Math.max(...self.choices.map(({ run }) => run.tokens)),
      slots: self.choices.length,
      failed: ({ message }) => SglangJson.failed(500, message, "InternalServerError")
    }
  )

/** The beginning of an event, and its usage at the end if every event shows it. */
const event = (self: Answered, sent: number, choices: string): string => {
  const used = self.request.continuousUsage && !(self.chat && sent === 0)
    ? `,"usage":${SglangJson.usage({ ...self.counts, completion: sent })}`
    : self.chat
    ? ""
    : `,"usage":null`
  return `{"id":"${self.id}","object":"${self.chat ? "chat.completion.chunk" : "text_completion"}",${created(self)},` +
    `"model":${model(self)},"choices":[${choices}]${used}}`
}

/** The delta of a call, whose other keys are present as null. */
const delta = (inner: string): string => `{"role":null,"content":null,"reasoning_content":null,"tool_calls":[${inner}]}`

const chatFrames = (self: Answered, { index, run }: Choice): ReadonlyArray<Reply.Frame> => {
  let sent = 0
  const frame = (said: string, probabilities: string, tokens: number): Reply.Frame => {
    sent += tokens
    return {
      payload: event(
        self,
        sent,
        `{"index":${index},"delta":${said},"logprobs":${probabilities},"finish_reason":null,"matched_stop":null}`
      ),
      tokens
    }
  }
  const called = (made: OpenAiRun.Call, at: number): ReadonlyArray<Reply.Frame> => {
    return [
      frame(
        delta(
          `{"id":${quote(`call_${made.id}`)},"index":${at},"type":"function","function":{"name":${
            quote(made.name)
          },"arguments":""}}`
        ),
        "null",
        1
      ),
      ...made.fragments.map((fragment) =>
        frame(
          delta(
            `{"id":null,"index":${at},"type":"function","function":{"name":null,"arguments":${quote(fragment)}}}`
          ),
          "null",
          1
        )
      )
    ]
  }
  return [
    frame(`{"reasoning_content":null,"role":"assistant","content":""}`, "null", 0),
    ...run.reasoning.map((token) =>
      frame(`{"reasoning_content":${quote(token.text)}}`, chatProbabilities(self, run, [token]), 1)
    ),
    ...run.content.map((token) =>
      frame(`{"reasoning_content":null,"content":${quote(token.text)}}`, chatProbabilities(self, run, [token]), 1)
    ),
    ...run.calls.flatMap(called)
  ]
}

/** The events with the finish reason of each choice of a chat, after all text. */
const finishFrames = (self: Answered): ReadonlyArray<Reply.Frame> =>
  self.choices.map(({ index, run }) => ({
    payload: `{"id":"${self.id}","object":"chat.completion.chunk",${created(self)},"model":${model(self)},"choices":[` +
      `{"index":${index},"delta":{"reasoning_content":null},"logprobs":null,"finish_reason":"${run.finish}",` +
      `"matched_stop":${matched(run)}}]}`,
    tokens: 0
  }))

const textFrames = (self: Answered, choice: Choice): ReadonlyArray<Reply.Frame> => {
  const { index, prompt, run } = choice
  const tokens = run.content.length === 0 ? [Answer.token("", run.random)] : run.content
  return tokens.map((token, at) => {
    const last = at === tokens.length - 1
    const said = (at === 0 && self.request.echo ? prompt : "") + token.text
    return {
      payload: event(
        self,
        at + 1,
        `{"index":${index},"text":${quote(said)},"logprobs":${textProbabilities(self, choice, [token], at === 0)},` +
          `"finish_reason":${last ? quote(run.finish) : "null"},"matched_stop":${last ? matched(run) : "null"}${
            ids(self, choice, last ? SglangMeta.outputIds(run).slice(at) : [token.id], at === 0)
          }}`
      ),
      tokens: 1
    }
  })
}

const usageFrame = (self: Answered): Reply.Frame => ({
  payload: self.chat
    ? `{"id":"${self.id}","object":"chat.completion.chunk",${created(self)},"model":${model(self)},"choices":[],` +
      `"usage":${SglangJson.usage(self.counts)}}`
    : `{"id":"${self.id}","object":"text_completion",${created(self)},"model":${model(self)},"choices":[],` +
      `"usage":${SglangJson.leanUsage(self.counts)}}`,
  tokens: 0
})

const streaming = (self: Answered): Reply.Streaming => {
  const write = self.chat ? chatFrames : textFrames
  return {
    _tag: "Streaming",
    headers: { ...SglangJson.headers, "content-type": "text/event-stream; charset=utf-8" },
    frames: [
      ...OpenAiRun.interleave(self.choices.map((choice) => write(self, choice))),
      ...(self.chat ? finishFrames(self) : []),
      ...(self.request.includeUsage ? [usageFrame(self)] : []),
      Reply.done
    ],
    space: self.turn.settings.space ?? true,
    keepAlive: SglangJson.keepAlive(self.turn),
    slots: self.choices.length,
    // the first event is made before the status line is sent, so that a mistake found late is still a 400
    headWaits: true,
    failed: ({ message }) => [
      { payload: `{"error":${SglangJson.failure(500, message, "InternalServerError")}}`, tokens: 0 },
      Reply.done
    ]
  }
}

const hex = (random: Random.Random): string =>
  Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")

/**
 * Responds to a request whose prompts are rendered.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (
  turn: Turn,
  request: OpenAiRequest,
  prompts: ReadonlyArray<string>,
  chat: boolean
): Reply.Reply => {
  const limit = turn.settings.maxTotalTokens
  const choices: Array<Choice> = []
  let input = 0
  for (const prompt of prompts) {
    const length = Tokenizer.count(prompt) + (chat ? 0 : 1)
    if (length >= limit) {
      return SglangJson.failed(
        400,
        `The input (${length} tokens) is longer than the model's context length (${limit} tokens).`,
        "BadRequestError"
      )
    }
    if (request.maxTokens !== undefined && length + request.maxTokens > limit) {
      return SglangJson.failed(
        400,
        `Requested token count exceeds the model's maximum context length of ${limit} tokens. You requested a total of ` +
          `${length + request.maxTokens} tokens: ${length} tokens from the input messages and ${request.maxTokens} ` +
          "tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit " +
          "within the limit.",
        "BadRequestError"
      )
    }
    input += length
    for (let nth = 0; nth < Math.max(1, request.count); nth++) {
      const run = OpenAiRun.generate(turn, request, prompt, nth, request.maxTokens ?? limit - length)
      choices.push({ index: choices.length, prompt, run })
    }
  }
  const total = (f: (run: OpenAiRun.Run) => number): number => choices.reduce((sum, { run }) => sum + f(run), 0)
  const counts = {
    prompt: input,
    completion: total((run) => run.tokens),
    reasoning: total((run) => run.reasoning.length)
  }
  const self: Answered = { turn, request, chat, choices, counts, id: hex(Random.make(turn.chance)) }
  return request.stream ? streaming(self) : unary(self)
}
