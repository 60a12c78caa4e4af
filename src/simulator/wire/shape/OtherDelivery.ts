/**
 * The same generation in the form that was not requested: a stream as one body, and a body as a stream.
 *
 * @since 0.2.0
 */
import * as Reply from "../Reply.ts"
import { choicesOf, eachChoice, type Fields, isFields, parse, saidOf } from "./Payload.ts"

/** A stream as one body of the same route, assembled from its frames. */
export const whole = (reply: Reply.Streaming): Reply.Unary => {
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

/** The calls of a message from the fragments of its events, which the engines number from 0. */
const callsOf = (said: ReadonlyArray<Fields>): ReadonlyArray<Fields> => {
  const calls = new Map<unknown, { id: unknown; name: unknown; arguments: string }>()
  for (const { tool_calls: fragments } of said) {
    for (const fragment of Array.isArray(fragments) ? fragments.filter(isFields) : []) {
      const made = isFields(fragment.function) ? fragment.function : {}
      const call = calls.get(fragment.index) ?? { id: fragment.id, name: made.name, arguments: "" }
      calls.set(fragment.index, call)
      call.arguments += text([made.arguments])
    }
  }
  return [...calls.values()].map(({ arguments: given, id, name }) => ({
    id,
    type: "function",
    function: { name, arguments: given }
  }))
}

/** A message from the deltas of its events. */
const messageOf = (said: ReadonlyArray<Fields>): Fields => {
  const tool_calls = callsOf(said)
  const thinking = (["reasoning", "reasoning_content"] as const).flatMap((name) => {
    const thought = text(said.map((delta) => delta[name]))
    return thought === "" ? [] : [[name, thought] as const]
  })
  return {
    role: "assistant",
    content: text(said.map(({ content }) => content)),
    ...Object.fromEntries(thinking),
    ...(tool_calls.length > 0 && { tool_calls })
  }
}

const openAiBody = (payloads: ReadonlyArray<Fields>): Fields => {
  const choices = payloads.flatMap((payload) => choicesOf(payload).slice(0, 1))
  const said = choices.map(saidOf).filter((said) => said !== undefined)
  const finish_reason = choices.map((choice) => choice.finish_reason).findLast((word) => typeof word === "string") ??
    null
  const usage = payloads.map((payload) => payload.usage).findLast(isFields) ?? null
  const choice = said.length === 0
    ? { index: 0, text: text(choices.map((choice) => choice.text)), finish_reason }
    : { index: 0, message: messageOf(said), finish_reason }
  return { ...payloads[0], choices: [choice], usage }
}

/** A body as a stream of one event, and the end mark. */
export const streamed = (reply: Reply.Unary): Reply.Streaming => {
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
