/**
 * Responses as other servers shape them: the same generation, in a form that real servers have been seen to send. Works on
 * any engine's reply, streamed or whole, as far as the shape applies to it.
 *
 * @since 0.2.0
 */
import * as Reply from "./Reply.ts"
import * as Calls from "./shape/Calls.ts"
import * as Counts from "./shape/Counts.ts"
import * as OtherDelivery from "./shape/OtherDelivery.ts"
import { choicesOf, eachChoice, eachSaid, type Fields, isFields, parse, reshaped, saidOf } from "./shape/Payload.ts"
import * as Thoughts from "./shape/Thoughts.ts"

/**
 * The difference.
 *
 * @category models
 * @since 0.2.0
 */
export type Shape =
  | { readonly is: "endMarkOnly"; readonly before: "nothing" | "role" | "usage" | "heartbeats" }
  | { readonly is: "dataHeartbeats" | "noChoiceEvents" | "foreignEvents" | "contentParts" | "otherDelivery" }
  | { readonly is: "halfCharacters" | "argumentsDropped" | "callsIgnored" | "noLogprobs" }
  | { readonly is: "thoughtOpened" | "filedAsThinking" }
  | { readonly is: "usage"; readonly told: Counts.Told }
  | { readonly is: "usageDetails"; readonly details: Fields }
  | { readonly is: "finishReason"; readonly word: string | undefined }
  | { readonly is: "eventName"; readonly name: string }
  | { readonly is: "toolCalls"; readonly calls: Calls.CallShape }
  | { readonly is: "errorFrame"; readonly error: Fields; readonly after: number }

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

const withoutLogprobs = (payload: Fields): Fields =>
  eachChoice(payload, (choice) => "logprobs" in choice ? { ...choice, logprobs: null } : choice)

/** How a shape changes one payload, in a stream and whole. */
const reshape = (shape: Shape) => (payload: Fields): Fields => {
  switch (shape.is) {
    case "finishReason":
      return withFinish(payload, shape.word)
    case "contentParts":
      return eachSaid(payload, asParts)
    case "argumentsDropped":
      return Calls.withoutArguments(payload)
    case "callsIgnored":
      return Calls.withoutCalls(payload)
    case "noLogprobs":
      return withoutLogprobs(payload)
    case "filedAsThinking":
      return eachSaid(payload, Thoughts.filed)
    case "thoughtOpened":
      return eachSaid(payload, Thoughts.opened)
    case "usage":
      return Counts.told(payload, shape.told)
    case "usageDetails":
      return isFields(payload.usage) ? { ...payload, usage: { ...payload.usage, ...shape.details } } : payload
    default:
      return payload
  }
}

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

const isRole = ({ tokens }: Reply.Frame): boolean => tokens === 0

/** What precedes the end mark of a stream without a generation. */
const before = (
  what: Extract<Shape, { readonly is: "endMarkOnly" }>["before"],
  frames: ReadonlyArray<Reply.Frame>
): ReadonlyArray<Reply.Frame> => {
  switch (what) {
    case "nothing":
      return []
    case "heartbeats":
      return [heartbeat, heartbeat]
    case "role":
      return frames.slice(0, 1).filter(({ payload, tokens }) => tokens === 0 && payload.includes("\"role\""))
    case "usage":
      return [{
        payload: `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}`,
        tokens: 0
      }]
  }
}

const errored = (frames: ReadonlyArray<Reply.Frame>, error: Fields, after: number): ReadonlyArray<Reply.Frame> => {
  let seen = 0
  const kept = frames.filter(({ tokens }) => (seen += tokens) <= after && (tokens > 0 || seen < after))
  return [...kept, { payload: JSON.stringify({ error }), tokens: 0 }]
}

const shapeFrames = (shape: Shape, frames: ReadonlyArray<Reply.Frame>): ReadonlyArray<Reply.Frame> => {
  switch (shape.is) {
    case "endMarkOnly":
      return [...before(shape.before, frames), Reply.done]
    case "dataHeartbeats":
      return [heartbeat, ...frames.flatMap((frame) => [frame, ...(isRole(frame) ? [] : [heartbeat])])]
    case "noChoiceEvents":
      return [
        { payload: `{"choices":null}`, tokens: 0 },
        ...frames.flatMap((frame) => frame.tokens === 0 ? [frame] : [frame, { payload: "null", tokens: 0 }])
      ]
    case "foreignEvents":
      return frames.map((frame) =>
        frame === Reply.done ? frame : { ...frame, event: "metadata", payload: `{"kind":"metadata","version":1}` }
      )
    case "eventName":
      return frames.map((frame) => frame === Reply.done ? frame : { ...frame, event: shape.name })
    case "halfCharacters":
      return frames.flatMap(halves)
    case "toolCalls":
      return Calls.renumbered(frames, shape.calls)
    case "usage":
      return Counts.counted(frames, shape.told)
    case "errorFrame":
      return errored(frames, shape.error, shape.after)
    case "thoughtOpened":
      return Thoughts.openedStream(frames)
    default:
      return reshaped(frames, reshape(shape))
  }
}

const emptyBody = (payload: Fields, what: Extract<Shape, { readonly is: "endMarkOnly" }>["before"]): Fields => {
  if (!("choices" in payload)) return payload
  return what === "role"
    ? eachChoice(payload, (choice) => ({
      ...choice,
      finish_reason: null,
      ...("message" in choice ? { message: {} } : { text: "" })
    }))
    : { ...payload, choices: [] }
}

const shapeBody = (shape: Shape, reply: Reply.Unary): Reply.Unary => {
  const payload = parse(reply.body)
  if (payload === undefined || reply.status !== 200) return reply
  const shaped = shape.is === "endMarkOnly"
    ? emptyBody(payload, shape.before)
    : shape.is === "errorFrame"
    ? { error: shape.error }
    : reshape(shape)(payload)
  return { ...reply, body: JSON.stringify(shaped) }
}

/**
 * Gives a reply another shape. The reply of a failed request keeps its own.
 *
 * @category conversions
 * @since 0.2.0
 */
export const apply = (shape: Shape, reply: Reply.Reply): Reply.Reply => {
  if (reply._tag === "Streaming") {
    return shape.is === "otherDelivery"
      ? OtherDelivery.whole(reply)
      : { ...reply, frames: shapeFrames(shape, reply.frames) }
  }
  return shape.is === "otherDelivery" && reply.status === 200
    ? OtherDelivery.streamed(reply)
    : shapeBody(shape, reply)
}
