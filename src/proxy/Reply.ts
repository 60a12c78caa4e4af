/**
 * Generations and vectors → the bodies and events of OpenAI's routes. All of them have the same `id`, `created` and
 * requested model, since clients assemble a response by its id.
 *
 * @since 0.2.0
 */
import type { Vectors } from "../ai/EmbeddingRoutes.ts"
import type * as Generation from "../Generation.ts"

/**
 * The fields of every body and event of one response.
 *
 * @category models
 * @since 0.2.0
 */
export interface Head {
  readonly route: "chat" | "completion"
  readonly id: string
  /** Seconds since the epoch. */
  readonly created: number
  /** As the client wrote it. */
  readonly model: string
}

/** A placeholder for a missing log probability. */
const UNLIKELY = -9999

const utf8 = new TextEncoder()

const tokenOf = ({ bytes, logprob, text }: Generation.Token) => ({
  token: text,
  logprob: logprob ?? UNLIKELY,
  bytes: bytes ?? [...utf8.encode(text)]
})

const chatLogprobs = (tokens: ReadonlyArray<Generation.Token>) => ({
  content: tokens.map((token) => ({ ...tokenOf(token), top_logprobs: (token.top ?? []).map(tokenOf) }))
})

const completionLogprobs = (tokens: ReadonlyArray<Generation.Token>) => {
  let offset = 0
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logprob }) => logprob ?? null),
    top_logprobs: tokens.map(({ top }) =>
      top === undefined ? null : Object.fromEntries(top.map(({ logprob, text }) => [text, logprob ?? UNLIKELY]))
    ),
    text_offset: tokens.map(({ text }) => {
      const at = offset
      offset += text.length
      return at
    })
  }
}

/**
 * OpenAI has no finish reason for a stop sequence. An unknown one is passed on as it is: an invented `stop` would be false.
 */
const finishOf = (reason: Generation.FinishReason): string => reason === "stop_sequence" ? "stop" : reason

const logprobsOf = (
  { route }: Head,
  { tokens }: Pick<Generation.Generation, "tokens">,
  shown: boolean
): object | null => {
  if (!shown || tokens === undefined) return null
  const answer = tokens.filter(({ reasoning }) => reasoning !== true)
  return route === "chat" ? chatLogprobs(answer) : completionLogprobs(answer)
}

/**
 * Counts of one or several generations, each of which reads its prompt and is paid for; null if the server reported none,
 * since 0 would be false. `cost` is in US dollars.
 *
 * @category encoding
 * @since 0.2.0
 */
export const usage = (generations: ReadonlyArray<Generation.Usage>, cost: number | undefined): object | null => {
  const sum = (count: (usage: Generation.Usage) => number | undefined): number | undefined =>
    generations.reduce<number | undefined>((total, usage) => {
      const one = count(usage)
      return total === undefined || one === undefined ? undefined : total + one
    }, 0)
  const output = sum(({ outputTokens }) => outputTokens)
  const input = sum(({ inputTokens }) => inputTokens)
  const cached = sum(({ cachedTokens }) => cachedTokens)
  const reasoning = sum(({ reasoningTokens }) => reasoningTokens)
  return input === undefined || output === undefined ? null : {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } }),
    ...(reasoning !== undefined && { completion_tokens_details: { reasoning_tokens: reasoning } }),
    ...(cost !== undefined && { cost })
  }
}

const call = ({ arguments: text, id, name }: Generation.ToolCall) => ({
  id,
  type: "function",
  function: { name, arguments: text }
})

const choice = (head: Head, generation: Generation.Generation, index: number, shown: boolean): object => {
  const { finishReason, reasoning, refusal, text, toolCalls } = generation
  const rest = { logprobs: logprobsOf(head, generation, shown), finish_reason: finishOf(finishReason) }
  if (head.route === "completion") return { index, text, ...rest }
  return {
    index,
    message: {
      role: "assistant",
      content: text === "" && toolCalls.length > 0 ? null : text,
      refusal: refusal ?? null,
      ...(reasoning !== undefined && { reasoning_content: reasoning }),
      ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(call) })
    },
    ...rest
  }
}

/**
 * A whole response.
 *
 * @category encoding
 * @since 0.2.0
 */
export const whole = (
  head: Head,
  generations: ReadonlyArray<Generation.Generation>,
  cost: number | undefined,
  shown: boolean
): object => {
  const fingerprint = generations[0]?.systemFingerprint
  return {
    id: head.id,
    object: head.route === "chat" ? "chat.completion" : "text_completion",
    created: head.created,
    model: head.model,
    ...(fingerprint !== undefined && { system_fingerprint: fingerprint }),
    choices: generations.map((generation, index) => choice(head, generation, index, shown)),
    usage: usage(generations.map(({ statistics }) => statistics), cost)
  }
}

const chunk = ({ created, id, model, route }: Head, choices: ReadonlyArray<object>): object => ({
  id,
  object: route === "chat" ? "chat.completion.chunk" : "text_completion",
  created,
  model,
  choices
})

const said = (head: Head, index: number, delta: object): object =>
  chunk(head, [{ index, delta, logprobs: null, finish_reason: null }])

/**
 * The event that begins a choice; only chats have one.
 *
 * @category encoding
 * @since 0.2.0
 */
export const begun = (head: Head, index: number): ReadonlyArray<object> =>
  head.route === "chat" ? [said(head, index, { role: "assistant", content: "" })] : []

/**
 * The events of one event of a generation. Log probabilities of a stream come with its last event.
 *
 * @category encoding
 * @since 0.2.0
 */
export const events = (
  head: Head,
  index: number,
  event: Generation.Event,
  shown: boolean
): ReadonlyArray<object> => {
  switch (event._tag) {
    case "Text":
      return head.route === "chat"
        ? [said(head, index, { content: event.text })]
        : [chunk(head, [{ index, text: event.text, logprobs: null, finish_reason: null }])]
    case "TextWasReasoning":
      // no event of this protocol can take back what was sent
      return []
    case "Reasoning":
      return head.route === "chat" ? [said(head, index, { reasoning_content: event.text })] : []
    case "ToolCall": {
      const { arguments: text, id, index: place, name } = event
      return [said(head, index, {
        tool_calls: [{
          index: place,
          ...(id !== undefined && { id, type: "function" }),
          function: { ...(name !== undefined && { name }), arguments: text }
        }]
      })]
    }
    case "Finish": {
      const { generation } = event
      const rest = {
        logprobs: logprobsOf(head, generation, shown),
        finish_reason: finishOf(generation.finishReason)
      }
      return [
        ...(generation.refusal === undefined ? [] : [said(head, index, { refusal: generation.refusal })]),
        chunk(head, [head.route === "chat" ? { index, delta: {}, ...rest } : { index, text: "", ...rest }])
      ]
    }
  }
}

/**
 * The event with the counts, on its own before the end.
 *
 * @category encoding
 * @since 0.2.0
 */
export const counted = (
  head: Head,
  generations: ReadonlyArray<Generation.Generation>,
  cost: number | undefined
): object => ({ ...chunk(head, []), usage: usage(generations.map(({ statistics }) => statistics), cost) })

const base64 = (vector: ReadonlyArray<number>): string => {
  const bytes = new Uint8Array(vector.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of vector.entries()) view.setFloat32(index * 4, value, true)
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

/**
 * Vectors, as numbers or as the base64 of 32-bit floats, in which OpenAI's own client asks for them.
 *
 * @category encoding
 * @since 0.2.0
 */
export const vectors = (model: string, { inputTokens, results }: Vectors, asBase64: boolean): object => ({
  object: "list",
  model,
  data: results.map((vector, index) => ({
    object: "embedding",
    index,
    embedding: asBase64 ? base64(vector) : vector
  })),
  usage: inputTokens === undefined ? null : { prompt_tokens: inputTokens, total_tokens: inputTokens }
})
