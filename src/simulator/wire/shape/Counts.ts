/**
 * Usage as various servers count it.
 *
 * @since 0.2.0
 */
import type * as Reply from "../Reply.ts"
import { type Fields, isFields, parse, reshaped } from "./Payload.ts"

/**
 * How tokens are counted: never, always as zeros, counting up with every event, zeros until the last event, or counting up
 * with nulls in between.
 *
 * @category models
 * @since 0.2.0
 */
export type Told = "never" | "zeros" | "everyEvent" | "zerosFirst" | "nullsBetween"

const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

/** The usage of the last event, or of a whole body. */
export const told = (payload: Fields, how: Told): Fields =>
  !isFields(payload.usage) || (how !== "never" && how !== "zeros")
    ? payload
    : { ...payload, usage: how === "never" ? null : zeros }

/** The events of a stream with their counts. */
export const counted = (frames: ReadonlyArray<Reply.Frame>, how: Told): ReadonlyArray<Reply.Frame> => {
  if (how === "never" || how === "zeros") return reshaped(frames, (payload) => told(payload, how))
  const total = frames.map(({ payload }) => parse(payload)?.usage).findLast(isFields)
  const prompt = typeof total?.prompt_tokens === "number" ? total.prompt_tokens : 1
  const tokens = frames.reduce((sum, frame) => sum + frame.tokens, 0)
  let written = 0
  let nth = 0
  return frames.map((frame) => {
    const payload = parse(frame.payload)
    written += frame.tokens
    if (payload === undefined || !("choices" in payload) || isFields(payload.usage)) return frame
    const usage = { prompt_tokens: prompt, completion_tokens: written, total_tokens: prompt + written }
    const isNull = how === "nullsBetween" && nth++ % 2 === 1
    const said = how === "zerosFirst" && written < tokens ? zeros : isNull ? null : usage
    return { ...frame, payload: JSON.stringify({ ...payload, usage: said }) }
  })
}
