/**
 * Responses of vLLM: chat and completions, whole or as streams whose headers come at once and whose last text carries the
 * finish reason.
 *
 * @since 0.2.0
 */
import * as Answer from "../../model/Answer.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as VllmJson from "./VllmJson.ts"
import type { VllmRequest } from "./VllmRequest.ts"

const { quote } = VllmJson

interface Choice {
  readonly index: number
  readonly prompt: string
  readonly run: OpenAiRun.Run
}

/**
 * The request.
 *
 * @category models
 * @since 0.2.0
 */
export interface Answered {
  readonly turn: Turn
  readonly asked: VllmRequest
  readonly chat: boolean
  readonly choices: ReadonlyArray<Choice>
  readonly counts: VllmJson.Counts
  readonly id: string
}

/**
 * Generates the choices of prompts that fit.
 *
 * @category answering
 * @since 0.2.0
 */
export const generate = (
  turn: Turn,
  asked: VllmRequest,
  prompts: ReadonlyArray<string>,
  chat: boolean,
  streams = asked.request.stream
): Answered => {
  const { request } = asked
  const choices: Array<Choice> = []
  let input = 0
  for (const prompt of prompts) {
    const length = Tokenizer.count(prompt) + (chat ? 0 : 1)
    input += length
    // a limit beyond the context is silently cut
    const limit = Math.min(request.maxTokens ?? Infinity, turn.settings.maxTotalTokens - length)
    for (let nth = 0; nth < request.count; nth++) {
      const run = OpenAiRun.generate(turn, request, prompt, nth, limit)
      choices.push({ index: choices.length, prompt, run: streams ? run : OpenAiRun.whole(run) })
    }
  }
  const total = (f: (run: OpenAiRun.Run) => number): number => choices.reduce((sum, { run }) => sum + f(run), 0)
  return {
    turn,
    asked,
    chat,
    choices,
    counts: {
      prompt: input,
      completion: total((run) => run.tokens),
      reasoning: chat ? total((run) => run.reasoning.length) : undefined
    },
    id: VllmJson.name(Random.make(turn.chance))
  }
}

const text = (tokens: ReadonlyArray<Answer.Token>): string => tokens.map((token) => token.text).join("")

const said = (self: Answered, run: OpenAiRun.Run): string =>
  text(run.content) + (self.asked.includeStop ? run.stopped ?? "" : "")

/** A named call ends with `stop`, and so does everything else that the model ended by itself. */
const finish = (self: Answered, run: OpenAiRun.Run): string =>
  run.finish === "tool_calls" && typeof self.asked.request.toolChoice === "object" ? "stop" : run.finish

const bytes = (of: string): string => `[${[...new TextEncoder().encode(of)].join(",")}]`

const probability = (token: Answer.Token): string =>
  `"token":${quote(token.text)},"logprob":${token.logprob},"bytes":${bytes(token.text)}`

/**
 * The alternatives of a token: the most likely ones, or the requested labels after the chosen one.
 *
 * @category answering
 * @since 0.2.0
 */
export const alternatives = (
  self: Answered,
  token: Answer.Token,
  random: Random.Random
): ReadonlyArray<Answer.Token> => {
  const { labels, request } = self.asked
  if (labels.length === 0) return Answer.alternatives(token, request.topLogprobs, random)
  return [
    token,
    ...labels.filter((id) => id !== token.id).map((id) => {
      const text = Tokenizer.known(id)
      const told = token.top?.find((other) => other.text === text)?.logprob
      return { ...Answer.token(text, random), id, logprob: told ?? token.logprob - (token.top === undefined ? 2 : 20) }
    })
  ]
}

const chatProbabilities = (self: Answered, run: OpenAiRun.Run, tokens: ReadonlyArray<Answer.Token>): string =>
  !self.asked.request.logprobs
    ? "null"
    : `{"content":[${
      tokens.map((token) =>
        `{${probability(token)},"top_logprobs":[${
          alternatives(self, token, run.random).map((other) => `{${probability(other)}}`).join(",")
        }]}`
      ).join(",")
    }]}`

/** Completions list the chosen token and `n` alternatives by text; a repeated prompt has no probability at first. */
const textProbabilities = (
  self: Answered,
  run: OpenAiRun.Run,
  echoed: ReadonlyArray<Answer.Token>,
  tokens: ReadonlyArray<Answer.Token>,
  from: number
): string => {
  if (!self.asked.request.logprobs) return "null"
  const all = [...echoed, ...tokens]
  const unknown = (at: number): boolean => at === 0 && echoed.length > 0
  let offset = from
  const offsets = all.map((token) => {
    const own = offset
    offset += token.text.length
    return own
  })
  const top = all.map((token, at) => {
    if (unknown(at)) return "null"
    const list = alternatives(self, token, run.random)
    return `{${(list.length === 0 ? [token] : list).map((other) => `${quote(other.text)}:${other.logprob}`).join(",")}}`
  })
  return `{"text_offset":[${offsets.join(",")}],"token_logprobs":[${
    all.map((token, at) => unknown(at) ? "null" : token.logprob).join(",")
  }],"tokens":[${all.map((token) => quote(token.text)).join(",")}],"top_logprobs":[${top.join(",")}]}`
}

const promptProbabilities = (self: Answered, { prompt, run }: Choice): string => {
  const { promptLogprobs, request } = self.asked
  if (promptLogprobs === undefined && !(request.echo && request.logprobs)) return "null"
  const count = 1 + Math.max(0, promptLogprobs ?? request.topLogprobs)
  return `[${
    Answer.tokens(prompt, run.random).map((token, at) =>
      at === 0 ?
        "null" :
        `{${
          Answer.alternatives(token, count, run.random).map((other, rank) =>
            `"${other.id}":{"logprob":${other.logprob},"rank":${rank + 1},"decoded_token":${quote(other.text)}}`
          ).join(",")
        }}`
    ).join(",")
  }]`
}

const ids = (self: Answered, tokens: ReadonlyArray<Answer.Token>): string =>
  self.asked.tokenIds ? `[${tokens.map(({ id }) => id).join(",")}]` : "null"

const promptIds = (self: Answered, prompt: string, isAsked = self.asked.tokenIds): string =>
  isAsked ? `[${Tokenizer.encode(prompt, false).map(({ id }) => id).join(",")}]` : "null"

const call = (made: OpenAiRun.Call): string =>
  `{"id":${quote(`chatcmpl-tool-${made.id}`)},"type":"function","function":{"name":${quote(made.name)},` +
  `"arguments":${quote(made.fragments.join(""))}}}`

const message = (self: Answered, run: OpenAiRun.Run): string => {
  const named = typeof self.asked.request.toolChoice === "object"
  const silent = run.content.length === 0 && (run.calls.length > 0 ? !named : run.reasoning.length > 0)
  const calls = run.calls.length === 0 ? "" : `,"tool_calls":[${run.calls.map(call).join(",")}]`
  const thought = run.reasoning.length === 0 || !self.asked.includeReasoning ? "null" : quote(text(run.reasoning))
  return `{"role":${quote(self.asked.role)},"content":${
    silent ? "null" : quote(said(self, run))
  },"refusal":null,"annotations":null,` +
    `"audio":null,"function_call":null${calls},"reasoning":${thought}}`
}

const stopReason = (run: OpenAiRun.Run): string => quote(run.stopped ?? null)

const chatChoice = (self: Answered, { index, run }: Choice): string =>
  `{"index":${index},"message":${message(self, run)},"logprobs":${
    chatProbabilities(self, run, [...run.reasoning, ...run.content])
  },"finish_reason":"${finish(self, run)}","stop_reason":${stopReason(run)},"token_ids":${
    ids(self, run.content)
  },"routed_experts":null}`

const textChoice = (self: Answered, choice: Choice): string => {
  const { index, prompt, run } = choice
  const { echo } = self.asked.request
  const none = echo && self.asked.request.maxTokens === 0
  const content = none ? [] : run.content
  const echoed = echo ? Answer.tokens(prompt, run.random) : []
  return `{"index":${index},"text":${quote((echo ? prompt : "") + (none ? "" : said(self, run)))},"logprobs":${
    textProbabilities(self, run, echoed, content, 0)
  },"finish_reason":"${finish(self, run)}","stop_reason":${stopReason(run)},"token_ids":${
    ids(self, content)
  },"prompt_logprobs":${promptProbabilities(self, choice)},"prompt_token_ids":${
    promptIds(self, prompt)
  },"routed_experts":null}`
}

const head = (self: Answered, object: string): string =>
  `"id":"${self.chat ? "chatcmpl" : "cmpl"}-${self.id}","object":"${object}","created":${
    Math.trunc(self.turn.now / 1000)
  },"model":${quote(self.asked.request.model ?? self.turn.settings.modelId)}`

const crashed = ({ message }: Reply.Crash): VllmJson.Thrown => new VllmJson.Thrown(500, message, "InternalServerError")

const unary = (self: Answered): Reply.Unary => {
  const { asked, choices, counts, turn } = self
  const [first] = choices
  const prompt = first?.prompt ?? ""
  const write = self.chat ? chatChoice : textChoice
  const end = self.chat
    ? `"prompt_logprobs":${first === undefined ? "null" : promptProbabilities(self, first)},"prompt_token_ids":${
      promptIds(self, prompt)
    },"prompt_text":${asked.promptText ? quote(prompt) : "null"},`
    : ""
  return Reply.json(
    200,
    `{${head(self, self.chat ? "chat.completion" : "text_completion")},"choices":[${
      choices.map((choice) => write(self, choice)).join(",")
    }],"service_tier":null,"system_fingerprint":${VllmJson.fingerprint(turn.settings)},"usage":${
      VllmJson.usage(counts)
    },${end}"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}`,
    VllmJson.headers,
    {
      tokens: Math.max(...choices.map(({ run }) => run.tokens)),
      slots: choices.length,
      failed: (crash) => VllmJson.failed(crashed(crash))
    }
  )
}

interface Delta {
  readonly json: string
  readonly tokens: ReadonlyArray<Answer.Token>
}

const deltas = (self: Answered, run: OpenAiRun.Run): ReadonlyArray<Delta> => {
  const shown = self.asked.includeReasoning ? run.reasoning : []
  const list: Array<Delta> = [
    ...shown.map((token) => ({ json: `{"reasoning":${quote(token.text)}}`, tokens: [token] })),
    ...run.content.map((token) => ({ json: `{"content":${quote(token.text)}}`, tokens: [token] })),
    ...run.calls.flatMap((made, index) => [
      {
        json: `{"content":null,"tool_calls":[{"id":${quote(`chatcmpl-tool-${made.id}`)},"type":"function",` +
          `"index":${index},"function":{"name":${quote(made.name)}}}]}`,
        tokens: []
      },
      ...made.fragments.map((fragment) => ({
        json: `{"content":null,"tool_calls":[{"index":${index},"function":{"arguments":${quote(fragment)}}}]}`,
        tokens: []
      }))
    ])
  ]
  // an end that the model chose is a token without text, and the end of a call that was cut has none either
  return run.finish === "length" && list.length > 0 && run.unfinished.length === 0
    ? list
    : [...list, { json: "{}", tokens: [] }]
}

const used = (self: Answered, sent: number): string =>
  self.asked.request.continuousUsage && self.asked.request.includeUsage
    ? `,"usage":${VllmJson.leanUsage({ ...self.counts, completion: sent })}`
    : ""

/** The fingerprint, on the last event that is not only usage, if no usage follows. */
const marked = (self: Answered): string => `,"system_fingerprint":${VllmJson.fingerprint(self.turn.settings)}`

const roleFrames = (self: Answered): ReadonlyArray<Reply.Frame> =>
  self.choices.map(({ index, prompt }) => ({
    payload:
      `{${head(self, "chat.completion.chunk")},"choices":[{"index":${index},"delta":{"role":${
        quote(self.asked.role)
      },` +
      `"content":""},"logprobs":null,"finish_reason":null}]${used(self, 0)},"prompt_token_ids":${
        promptIds(self, prompt)
      },"prompt_text":${self.asked.promptText ? quote(prompt) : "null"}}`,
    tokens: 0
  }))

const chatFrames = (self: Answered, { index, run }: Choice): ReadonlyArray<Reply.Frame> => {
  const list = deltas(self, run)
  return list.map(({ json, tokens }, at) => {
    const last = at === list.length - 1
    const end = last
      ? `"finish_reason":"${finish(self, run)}","stop_reason":${stopReason(run)}`
      : `"finish_reason":null`
    const mark = last && !self.asked.request.includeUsage ? marked(self) : ""
    return {
      payload: `{${head(self, "chat.completion.chunk")},"choices":[{"index":${index},"delta":${json},"logprobs":${
        tokens.length === 0 ? "null" : chatProbabilities(self, run, tokens)
      },${end},"token_ids":${ids(self, tokens)}}]${used(self, at + 1)}${mark}}`,
      tokens: 1
    }
  })
}

const textFrames = (self: Answered, { index, prompt, run }: Choice): ReadonlyArray<Reply.Frame> => {
  const { echo } = self.asked.request
  const list: ReadonlyArray<ReadonlyArray<Answer.Token>> = run.finish === "length" && run.content.length > 0
    ? run.content.map((token) => [token])
    : [...run.content.map((token) => [token]), []]
  let offset = 0
  return list.map((tokens, at) => {
    const last = at === list.length - 1
    const first = at === 0
    const echoed = first && echo ? Answer.tokens(prompt, run.random) : []
    const shown = (first && echo ? prompt : "") + text(tokens)
    const probs = tokens.length === 0 && echoed.length === 0
      ? "null"
      : textProbabilities(self, run, echoed, tokens, offset)
    offset += shown.length
    const end = last ? quote(finish(self, run)) : "null"
    const mark = last && !self.asked.request.includeUsage ? marked(self) : ""
    return {
      payload: `{${head(self, "text_completion")},"choices":[{"index":${index},"text":${
        quote(shown)
      },"logprobs":${probs},"finish_reason":${end},"stop_reason":${
        last ? stopReason(run) : "null"
      },"prompt_token_ids":${promptIds(self, prompt, first && (echo || self.asked.tokenIds))},"token_ids":${
        ids(self, tokens)
      }}]${used(self, at + 1)}${mark}}`,
      tokens: 1
    }
  })
}

const usageFrame = (self: Answered): Reply.Frame => ({
  payload: `{${head(self, self.chat ? "chat.completion.chunk" : "text_completion")},"choices":[],"usage":${
    VllmJson.leanUsage(self.counts)
  }${marked(self)}}`,
  tokens: 0
})

const stream = (turn: Turn, frames: ReadonlyArray<Reply.Frame>, slots: number): Reply.Streaming => ({
  _tag: "Streaming",
  headers: { ...VllmJson.headers, "content-type": "text/event-stream; charset=utf-8" },
  frames: [...frames, Reply.done],
  space: turn.settings.space ?? true,
  keepAlive: VllmJson.keepAlive(turn.settings),
  slots,
  failed: (crash) => [VllmJson.failureFrame(crashed(crash)), Reply.done]
})

const streaming = (self: Answered): Reply.Streaming => {
  const write = self.chat ? chatFrames : textFrames
  return stream(
    self.turn,
    [
      ...(self.chat ? roleFrames(self) : []),
      ...OpenAiRun.interleave(self.choices.map((choice) => write(self, choice))),
      ...(self.asked.request.includeUsage ? [usageFrame(self)] : [])
    ],
    self.choices.length
  )
}

/**
 * Responds to a request whose prompts are rendered. A late refusal by the engine is an error status on a whole
 * response, and an event after the 200 on a stream.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (
  turn: Turn,
  asked: VllmRequest,
  prompts: ReadonlyArray<string>,
  chat: boolean
): Reply.Reply => {
  const full = asked.late ?? (turn.admits() ? undefined : refusedByLoad)
  if (full !== undefined) {
    return asked.request.stream
      ? stream(turn, [VllmJson.failureFrame(full)], 0)
      : VllmJson.failed(full)
  }
  const self = generate(turn, asked, prompts, chat)
  return asked.request.stream ? streaming(self) : unary(self)
}

/** The response of a server whose queue is full, without a time to retry after. */
const refusedByLoad = new VllmJson.Thrown(503, "Service Unavailable", "ServiceUnavailableError")
