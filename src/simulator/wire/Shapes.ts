/**
 * Responses as other servers shape them: the same generation, told in a way that real ones have been seen to. Works on any
 * engine's reply, streamed or whole, as far as the shape has a meaning there.
 *
 * @since 0.2.0
 */
import * as Reply from "./Reply.ts"

/**
 * How the calls of a stream are numbered: the index counts up and the id stands in the first fragment (`usual`); the index
 * is always 0, with ids in first fragments (`index0`), in all (`index0Ids`) or in calls of one fragment (`index0Whole`);
 * there is no index, with ids in first fragments (`noIndex`) or in calls of one fragment (`noIndexWhole`); or the second
 * call begins with index 0 and goes on with 1 (`mixed`).
 *
 * @category models
 * @since 0.2.0
 */
export type CallShape = "usual" | "index0" | "index0Ids" | "index0Whole" | "noIndex" | "noIndexWhole" | "mixed"

/**
 * What is different.
 *
 * @category models
 * @since 0.2.0
 */
export type Shape =
  | { readonly is: "endMarkOnly" | "dataHeartbeats" | "noChoiceEvents" | "contentParts" | "otherDelivery" }
  | { readonly is: "halfCharacters" | "argumentsDropped" }
  | { readonly is: "usage"; readonly told: "never" | "zeros" | "everyEvent" }
  | { readonly is: "finishReason"; readonly word: string | undefined }
  | { readonly is: "eventName"; readonly name: string }
  | { readonly is: "toolCalls"; readonly calls: CallShape }

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parse = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

const choicesOf = (payload: Fields): ReadonlyArray<Fields> =>
  Array.isArray(payload.choices) ? payload.choices.filter(isFields) : []

/** The message or delta of a choice. */
const saidOf = (choice: Fields): Fields | undefined =>
  isFields(choice.message) ? choice.message : isFields(choice.delta) ? choice.delta : undefined

/** A payload with every choice changed. */
const eachChoice = (payload: Fields, change: (choice: Fields) => Fields): Fields =>
  "choices" in payload ? { ...payload, choices: choicesOf(payload).map(change) } : payload

const eachSaid = (payload: Fields, change: (said: Fields) => Fields): Fields =>
  eachChoice(payload, (choice) => {
    const said = saidOf(choice)
    return said === undefined ? choice : { ...choice, ["message" in choice ? "message" : "delta"]: change(said) }
  })

const withFinish = (payload: Fields, word: string | undefined): Fields => {
  const details = isFields(payload.details) ? { ...payload.details, finish_reason: word ?? "" } : payload.details
  const changed = eachChoice(
    payload,
    (choice) =>
      choice.finish_reason === null || choice.finish_reason === "" ? choice : { ...choice, finish_reason: word ?? null }
  )
  return "details" in payload ? { ...changed, details } : changed
}

const asParts = (said: Fields): Fields => {
  const { content, reasoning, reasoning_content: other, ...rest } = said
  const thought = reasoning ?? other
  const parts = [
    ...(typeof thought === "string" && thought !== ""
      ? [{ type: "thinking", thinking: [{ type: "text", text: thought }] }]
      : []),
    ...(typeof content === "string" && content !== "" ? [{ type: "text", text: content }] : [])
  ]
  return { ...rest, content: parts.length === 0 ? content : parts }
}

const withoutArguments = (said: Fields): Fields => {
  const calls = Array.isArray(said.tool_calls) ? said.tool_calls.filter(isFields) : []
  return calls.length === 0 ? said : {
    ...said,
    tool_calls: calls.map((call) => ({
      ...call,
      function: { ...(isFields(call.function) ? call.function : {}), arguments: "" }
    }))
  }
}

const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

/** What a shape makes of one payload, in a stream and whole. */
const reshape = (shape: Shape) => (payload: Fields): Fields => {
  switch (shape.is) {
    case "finishReason":
      return withFinish(payload, shape.word)
    case "contentParts":
      return eachSaid(payload, asParts)
    case "argumentsDropped":
      return eachSaid(payload, withoutArguments)
    case "usage": {
      if (!isFields(payload.usage) || shape.told === "everyEvent") return payload
      return { ...payload, usage: shape.told === "never" ? null : zeros }
    }
    default:
      return payload
  }
}

const reshaped = (
  frames: ReadonlyArray<Reply.Frame>,
  change: (payload: Fields) => Fields
): ReadonlyArray<Reply.Frame> =>
  frames.map((frame) => {
    const payload = parse(frame.payload)
    return payload === undefined ? frame : { ...frame, payload: JSON.stringify(change(payload)) }
  })

const heartbeat: Reply.Frame = { payload: ": keepalive", tokens: 0 }

/** A character of two UTF-16 units is sent in two events, each with half of it. */
const halves = (frame: Reply.Frame): ReadonlyArray<Reply.Frame> => {
  const payload = parse(frame.payload)
  const [choice] = payload === undefined ? [] : choicesOf(payload)
  const said = choice === undefined ? undefined : saidOf(choice)
  const text = said?.content
  const at = typeof text === "string" ? text.search(/[\u{10000}-\u{10FFFF}]/u) : -1
  if (payload === undefined || typeof text !== "string" || at === -1) return [frame]
  const part = (content: string) => JSON.stringify(eachSaid(payload, (said) => ({ ...said, content })))
  return [{ payload: part(text.slice(0, at + 1)), tokens: 0 }, { ...frame, payload: part(text.slice(at + 1)) }]
}

interface Begun {
  readonly id: unknown
  readonly name: unknown
  arguments: string
}

/** The calls of a stream numbered in another way. */
const renumbered = (frames: ReadonlyArray<Reply.Frame>, shape: CallShape): ReadonlyArray<Reply.Frame> => {
  const isWhole = shape === "index0Whole" || shape === "noIndexWhole"
  const begun: Array<Begun> = []
  const sent = frames.flatMap((frame): ReadonlyArray<Reply.Frame> => {
    const payload = parse(frame.payload)
    const [choice] = payload === undefined ? [] : choicesOf(payload)
    const calls = choice === undefined ? undefined : saidOf(choice)?.tool_calls
    const call: unknown = Array.isArray(calls) ? calls[0] : undefined
    if (payload === undefined || !isFields(call) || !isFields(call.function)) return [frame]
    const isHead = call.function.name !== undefined && call.function.name !== null
    const text = String(call.function.arguments ?? "")
    if (isHead) begun.push({ id: call.id, name: call.function.name, arguments: text })
    const own = begun.at(-1)
    if (own === undefined) return [frame]
    if (!isHead) own.arguments += text
    if (isWhole) return []
    return [{
      ...frame,
      payload: JSON.stringify(
        eachSaid(payload, () => ({ tool_calls: [numbered(own, begun.length - 1, isHead, text, shape)] }))
      )
    }]
  })
  if (!isWhole || begun.length === 0) return sent
  const calls = begun.map((call, at) => ({
    ...(shape === "index0Whole" && { index: 0 }),
    id: call.id ?? `call_${at}`,
    type: "function",
    function: { name: call.name, arguments: call.arguments }
  }))
  const events = calls.map((call): Reply.Frame => ({
    payload: JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] }),
    tokens: 1
  }))
  const end = sent.findLastIndex(({ payload }) => /"finish_reason":"[^"]/.test(payload))
  return sent.toSpliced(end === -1 ? sent.length : end, 0, ...events)
}

const numbered = (call: Begun, at: number, isHead: boolean, text: string, shape: CallShape): Fields => {
  const id = call.id ?? `call_${at}`
  const index = shape === "usual" ? at : shape === "mixed" && !isHead ? at : shape === "noIndex" ? undefined : 0
  return {
    ...(index !== undefined && { index }),
    ...((isHead || shape === "index0Ids") && { id, type: "function" }),
    function: { ...(isHead && { name: call.name }), arguments: text }
  }
}

/** Usage with every event, counting up, as some providers do. */
const countedUp = (frames: ReadonlyArray<Reply.Frame>): ReadonlyArray<Reply.Frame> => {
  const total = frames.map(({ payload }) => parse(payload)?.usage).findLast(isFields)
  const prompt = typeof total?.prompt_tokens === "number" ? total.prompt_tokens : 1
  let written = 0
  return reshaped(frames, (payload) => payload).map((frame) => {
    const payload = parse(frame.payload)
    written += frame.tokens
    return payload === undefined || !("choices" in payload) || isFields(payload.usage) ? frame : {
      ...frame,
      payload: JSON.stringify({
        ...payload,
        usage: { prompt_tokens: prompt, completion_tokens: written, total_tokens: prompt + written }
      })
    }
  })
}

const isRole = ({ tokens }: Reply.Frame): boolean => tokens === 0

/** A stream as one body of the same route, put together from its frames. */
const whole = (reply: Reply.Streaming): Reply.Unary => {
  const payloads = reply.frames.map(({ payload }) => parse(payload)).filter((payload) => payload !== undefined)
  const tokens = reply.frames.reduce((total, frame) => total + frame.tokens, 0)
  const body = payloads.some((payload) => "choices" in payload) ? openAiBody(payloads) : nativeBody(payloads)
  return Reply.unary(200, { ...reply.headers, "content-type": "application/json" }, JSON.stringify(body), { tokens })
}

const nativeBody = (payloads: ReadonlyArray<Fields>): Fields => {
  const last = payloads.at(-1)
  const tokens = payloads.flatMap(({ token }) => isFields(token) ? [token] : [])
  return {
    generated_text: last?.generated_text ?? "",
    ...(isFields(last?.details) && { details: { ...last.details, prefill: [], tokens } })
  }
}

const text = (parts: ReadonlyArray<unknown>): string =>
  parts.map((part) => typeof part === "string" ? part : "").join("")

const openAiBody = (payloads: ReadonlyArray<Fields>): Fields => {
  const choices = payloads.flatMap((payload) => choicesOf(payload).slice(0, 1))
  const said = choices.map(saidOf).filter((said) => said !== undefined)
  const finish_reason = choices.map((choice) => choice.finish_reason).findLast((word) => typeof word === "string") ??
    null
  const usage = payloads.map((payload) => payload.usage).findLast(isFields) ?? null
  const choice = said.length === 0
    ? { index: 0, text: text(choices.map((choice) => choice.text)), finish_reason }
    : { index: 0, message: { role: "assistant", content: text(said.map(({ content }) => content)) }, finish_reason }
  return { ...payloads[0], choices: [choice], usage }
}

/** A body as a stream of one event, and the end mark. */
const streamed = (reply: Reply.Unary): Reply.Streaming => {
  const payload = parse(reply.body) ?? {}
  const event = eachChoice(
    payload,
    ({ message, ...choice }) => message === undefined ? choice : { ...choice, delta: message }
  )
  const native = {
    token: { id: 1, text: payload.generated_text ?? "", logprob: -1, special: false },
    generated_text: payload.generated_text ?? "",
    details: isFields(payload.details)
      ? { finish_reason: payload.details.finish_reason, generated_tokens: payload.details.generated_tokens, seed: null }
      : null
  }
  return {
    _tag: "Streaming",
    headers: { ...reply.headers, "content-type": "text/event-stream" },
    frames: "choices" in payload
      ? [{ payload: JSON.stringify(event), tokens: reply.tokens }, Reply.done]
      : [{ payload: JSON.stringify(native), tokens: reply.tokens }],
    space: true,
    keepAlive: undefined,
    failed: () => []
  }
}

const shapeFrames = (shape: Shape, frames: ReadonlyArray<Reply.Frame>): ReadonlyArray<Reply.Frame> => {
  switch (shape.is) {
    case "endMarkOnly":
      return [Reply.done]
    case "dataHeartbeats":
      return [heartbeat, ...frames.flatMap((frame) => [frame, ...(isRole(frame) ? [] : [heartbeat])])]
    case "noChoiceEvents":
      return [
        { payload: `{"choices":null}`, tokens: 0 },
        ...frames.flatMap((frame) => frame.tokens === 0 ? [frame] : [frame, { payload: "null", tokens: 0 }])
      ]
    case "eventName":
      return frames.map((frame) => frame === Reply.done ? frame : { ...frame, event: shape.name })
    case "halfCharacters":
      return frames.flatMap(halves)
    case "toolCalls":
      return renumbered(frames, shape.calls)
    case "usage":
      return shape.told === "everyEvent" ? countedUp(frames) : reshaped(frames, reshape(shape))
    default:
      return reshaped(frames, reshape(shape))
  }
}

const shapeBody = (shape: Shape, reply: Reply.Unary): Reply.Unary => {
  const payload = parse(reply.body)
  if (payload === undefined || reply.status !== 200) return reply
  const empty = "choices" in payload ? { ...payload, choices: [] } : payload
  return { ...reply, body: JSON.stringify(shape.is === "endMarkOnly" ? empty : reshape(shape)(payload)) }
}

/**
 * Gives a reply another shape. One that says that the request failed keeps its own.
 *
 * @category conversions
 * @since 0.2.0
 */
export const apply = (shape: Shape, reply: Reply.Reply): Reply.Reply => {
  if (reply._tag === "Streaming") {
    return shape.is === "otherDelivery" ? whole(reply) : { ...reply, frames: shapeFrames(shape, reply.frames) }
  }
  return shape.is === "otherDelivery" && reply.status === 200 ? streamed(reply) : shapeBody(shape, reply)
}
