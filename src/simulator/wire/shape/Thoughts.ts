/**
 * Thinking in the places of servers that do not separate it, or that separate too much.
 *
 * @since 0.2.0
 */
import type * as Reply from "../Reply.ts"
import { choicesOf, eachSaid, type Fields, parse, reshaped, saidOf } from "./Payload.ts"

const nameOf = (said: Fields): "reasoning" | "reasoning_content" | undefined =>
  typeof said.reasoning === "string"
    ? "reasoning"
    : typeof said.reasoning_content === "string"
    ? "reasoning_content"
    : undefined

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

/** A message whose text is in the place of the thinking. */
export const filed = (said: Fields): Fields => {
  const { content, ...rest } = said
  return typeof content === "string" && content !== ""
    ? { ...rest, content: "message" in said ? "" : null, reasoning_content: content }
    : said
}

/** The thinking in the text, after a tag that the prompt opened. */
export const opened = (said: Fields): Fields => {
  const name = nameOf(said)
  if (name === undefined) {
    return typeof said.content === "string" ? { ...said, content: said.content.replace(/^\s*<think>\n?/, "") } : said
  }
  const { [name]: thought, content, ...rest } = said
  return { ...rest, content: `${textOf(thought)}</think>${textOf(content)}` }
}

const saidIn = (frame: Reply.Frame): Fields | undefined => {
  const [choice] = choicesOf(parse(frame.payload) ?? {})
  return choice === undefined ? undefined : saidOf(choice)
}

const thinks = (frame: Reply.Frame): boolean =>
  textOf(saidIn(frame)?.reasoning ?? saidIn(frame)?.reasoning_content) !== ""

/** The same with the events of a stream. */
export const openedStream = (frames: ReadonlyArray<Reply.Frame>): ReadonlyArray<Reply.Frame> => {
  const last = frames.findLastIndex(thinks)
  if (last === -1) {
    // the tag is already in the text
    let before = ""
    return reshaped(frames, (payload) =>
      eachSaid(payload, (said) => {
        const text = textOf(said.content)
        if (before.length > "<think>\n".length || text === "") return said
        const kept = (before + text).replace(/^\s*<think>\n?/, "")
        const isTag = "<think>\n".startsWith(before + text)
        before += text
        return { ...said, content: isTag ? "" : kept.slice(-text.length) }
      }))
  }
  return frames.map((frame, at) => {
    const payload = parse(frame.payload)
    return payload === undefined || !thinks(frame) ? frame : {
      ...frame,
      payload: JSON.stringify(eachSaid(payload, (said) => {
        const { reasoning, reasoning_content: other, ...rest } = said
        return { ...rest, content: `${textOf(reasoning ?? other)}${at === last ? "</think>" : ""}` }
      }))
    }
  })
}
