/**
 * What the events of each streamed route look like, where their text is, and which of them ends the generation.
 *
 * @since 0.1.0
 */
import * as ChatCompletion from "../../protocol/ChatCompletion.ts"
import * as Completion from "../../protocol/Completion.ts"
import * as FinishReason from "../../protocol/FinishReason.ts"
import * as Generate from "../../protocol/Generate.ts"
import type { Layout } from "../events/EventLayout.ts"
import type { Route } from "./Route.ts"

/**
 * The events of one request, by its body.
 *
 * @category models
 * @since 0.1.0
 */
export type RouteOf<F> = (body: Readonly<Record<string, unknown>>) => Route<F>

const isNativeEnd = (frame: Generate.Frame): boolean => typeof frame.generated_text === "string"

/** A seed above 2^53 is read again, with all its digits. */
const withSeed = (frame: Generate.Frame, data: string): Generate.Frame => {
  if (!Generate.hasRoundedSeed(frame)) return frame
  const exact: unknown = JSON.parse(Generate.quoteSeeds(data))
  return Generate.frame.is(exact) ? exact : frame
}

const token: Layout<Generate.Frame> = {
  text: ["token", "text"],
  numbers: [["index"], ["token", "id"], ["token", "logprob"]],
  fill: (like, text, [index, id = 0, logprob]) => ({ ...like, index, token: { ...like.token, id, text, logprob } })
}

/**
 * `/generate_stream`
 *
 * @category routes
 * @since 0.1.0
 */
export const native: Route<Generate.Frame> = {
  guard: Generate.frame,
  layouts: [token],
  refine: withSeed,
  text: (frame) => frame.token.special === true ? "" : frame.token.text,
  fits: () => true,
  says: () => true,
  ends: (frame) => isNativeEnd(frame) ? "over" : "no",
  failure: ({ details }) => FinishReason.failure(details?.finish_reason)
}

type Delta = ChatCompletion.Said

const delta = (field: "content" | "reasoning" | "reasoning_content"): Layout<ChatCompletion.Chunk> => {
  const said: (like: Delta | null | undefined, text: string) => Delta = field === "content"
    ? (like, content) => ({ ...like, content })
    : field === "reasoning"
    ? (like, reasoning) => ({ ...like, reasoning })
    : (like, text) => ({ ...like, reasoning_content: text })
  return {
    text: ["choices", 0, "delta", field],
    numbers: [["choices", 0, "index"]],
    fill: (like, text, [index]) => {
      const choice = like.choices?.[0]
      return { ...like, choices: [{ ...choice, index, delta: said(choice?.delta, text) }] }
    }
  }
}

/** Every event has choices or counts; an object with neither was not meant for this route. */
const isOpenAi = ({ choices, usage }: ChatCompletion.Chunk | Completion.Response): boolean =>
  choices !== undefined || (usage !== undefined && usage !== null)

/**
 * `/v1/chat/completions`
 *
 * @category routes
 * @since 0.1.0
 */
export const chat: Route<ChatCompletion.Chunk> = {
  guard: ChatCompletion.chunk,
  layouts: [delta("content"), delta("reasoning_content"), delta("reasoning")],
  text: (chunk) => {
    const content = chunk.choices?.[0]?.delta?.content
    return typeof content === "string" ? content : ChatCompletion.contentText(content) ?? ""
  },
  fits: isOpenAi,
  says: (chunk) => ChatCompletion.saysSomething(chunk.choices?.[0]?.delta),
  ends: (chunk) => FinishReason.isSet(chunk.choices?.[0]?.finish_reason) ? "finished" : "no",
  failure: (chunk) => FinishReason.failure(chunk.choices?.[0]?.finish_reason)
}

const piece: Layout<Completion.Response> = {
  text: ["choices", 0, "text"],
  numbers: [["choices", 0, "index"]],
  fill: (like, text, [index]) => ({ ...like, choices: [{ ...like.choices?.[0], index, text }] })
}

/**
 * `/v1/completions`. The prompts of one request end one by one, each with a finish reason of its own.
 *
 * @category routes
 * @since 0.1.0
 */
export const completion: RouteOf<Completion.Response> = ({ prompt }) => {
  const prompts = Array.isArray(prompt) ? prompt.length : 1
  const finished = new Set<number>()
  return {
    guard: Completion.response,
    layouts: [piece],
    text: (chunk) => chunk.choices?.[0]?.text ?? "",
    fits: isOpenAi,
    says: ({ choices }) => choices?.some(({ text }) => typeof text === "string" && text !== "") ?? false,
    ends: ({ choices }) => {
      for (const { finish_reason: reason, index } of choices ?? []) {
        if (FinishReason.failure(reason) !== undefined) return "over"
        if (FinishReason.isSet(reason)) finished.add(index ?? 0)
      }
      return finished.size >= prompts ? "finished" : "no"
    },
    failure: ({ choices }) => {
      for (const { finish_reason: reason } of choices ?? []) {
        const word = FinishReason.failure(reason)
        if (word !== undefined) return word
      }
      return undefined
    }
  }
}
