/**
 * Whole responses and streams as two forms of one thing. Some servers send the other form than was requested: JSON for a
 * stream, which becomes a stream of one frame or of its tokens, or an event stream for JSON, whose frames are combined.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as ChatCompletion from "../../protocol/ChatCompletion.ts"
import type * as Completion from "../../protocol/Completion.ts"
import type * as Generate from "../../protocol/Generate.ts"
import * as ToolCalls from "../../protocol/ToolCalls.ts"

type Frames<F> = Arr.NonEmptyReadonlyArray<F>

/** The last value that was sent. */
const last = <F, A>(frames: ReadonlyArray<F>, value: (frame: F) => A | null | undefined): A | undefined => {
  for (let at = frames.length - 1; at >= 0; at--) {
    const frame = frames[at]
    const told = frame === undefined ? undefined : value(frame)
    if (told !== null && told !== undefined && told !== "") return told
  }
  return undefined
}

const joined = <A>(lists: ReadonlyArray<ReadonlyArray<A> | null | undefined>): ReadonlyArray<A> | undefined => {
  const all = lists.flatMap((list) => list ?? [])
  return all.length === 0 ? undefined : all
}

/** The id of a token that stands for a whole text, if the server did not list the tokens. */
const UNKNOWN_TOKEN = -1

/**
 * A whole response of `/generate` as the frames of its tokens; without details as one frame.
 *
 * @category conversions
 * @since 0.2.0
 */
export const nativeFrames = ({ details, generated_text }: Generate.Response): Frames<Generate.Frame> => {
  const tokens = details?.tokens ?? []
  const text: Generate.Token = { id: UNKNOWN_TOKEN, text: generated_text, special: false }
  const end = {
    generated_text,
    ...(details !== null && details !== undefined && {
      details: {
        finish_reason: details.finish_reason,
        generated_tokens: details.generated_tokens,
        seed: details.seed
      }
    })
  }
  const frames = (Arr.isReadonlyArrayNonEmpty(tokens) ? tokens : Arr.of(text)).map((token, at): Generate.Frame => ({
    index: at + 1,
    token,
    top_tokens: details?.top_tokens?.[at] ?? null
  }))
  const before = frames.slice(0, -1)
  const final: Generate.Frame = { ...(frames.at(-1) ?? { token: text }), ...end }
  return Arr.append(before, final)
}

/**
 * The frames of `/generate_stream` as a whole response.
 *
 * @category conversions
 * @since 0.2.0
 */
export const native = (frames: ReadonlyArray<Generate.Frame>): Generate.Response => {
  const details = last(frames, (frame) => frame.details)
  const said = frames.map(({ token }) => token.special === true ? "" : token.text).join("")
  const tops = frames.map(({ top_tokens }) => top_tokens ?? [])
  return {
    generated_text: last(frames, (frame) => frame.generated_text) ?? said,
    ...(details !== undefined && {
      details: {
        finish_reason: details.finish_reason,
        generated_tokens: details.generated_tokens,
        seed: details.seed,
        tokens: frames.map(({ token }) => token),
        ...(tops.some((top) => top.length > 0) && { top_tokens: tops })
      }
    })
  }
}

/**
 * A whole response of the chat route as one frame.
 *
 * @category conversions
 * @since 0.2.0
 */
export const chatFrames = ({ choices, ...rest }: ChatCompletion.Response): Frames<ChatCompletion.Chunk> => [{
  ...rest,
  choices: choices?.map(({ message, ...choice }) => ({ ...choice, delta: message ?? null })) ?? null
}]

const parts = (said: ReadonlyArray<ChatCompletion.Said>): ChatCompletion.Said["content"] => {
  const contents = said.flatMap(({ content }) => content === undefined || content === null ? [] : [content])
  if (contents.length === 0) return undefined
  return contents.every((content) => typeof content === "string")
    ? contents.join("")
    : contents.flatMap((content) => typeof content === "string" ? [{ type: "text", text: content }] : content)
}

const text = (values: ReadonlyArray<string | null | undefined>): string | undefined => {
  const all = values.map((value) => value ?? "").join("")
  return all === "" ? undefined : all
}

/**
 * The frames of a chat stream as a whole response.
 *
 * @category conversions
 * @since 0.2.0
 */
export const chat = (frames: ReadonlyArray<ChatCompletion.Chunk>): ChatCompletion.Response => {
  const choices = frames.flatMap(({ choices }) => choices?.[0] ?? [])
  const said = choices.flatMap(({ delta }) => delta ?? [])
  const calls = ToolCalls.make()
  for (const delta of said) {
    const more = ChatCompletion.fragments(delta.tool_calls)
    if (more !== undefined) calls.add(more)
  }
  const logprobs = joined(choices.map(({ logprobs }) => logprobs?.content))
  return {
    ...identity(frames),
    choices: [{
      message: {
        role: "assistant",
        content: parts(said) ?? null,
        reasoning: text(said.map(({ reasoning, reasoning_content: other }) => reasoning || other)),
        refusal: text(said.map(({ refusal }) => refusal)),
        tool_calls: calls.all().map(({ arguments: written, id, name }) => ({
          id,
          function: { name, arguments: written }
        }))
      },
      logprobs: logprobs === undefined ? null : { content: logprobs },
      finish_reason: last(choices, (choice) => choice.finish_reason)
    }]
  }
}

const identity = (frames: ReadonlyArray<ChatCompletion.Chunk | Completion.Response>) => ({
  id: last(frames, ({ id }) => id),
  model: last(frames, ({ model }) => model),
  system_fingerprint: last(frames, (frame) => frame.system_fingerprint),
  usage: usage(frames)
})

/** The last value of each count; a null means nothing, and neither does a zero after a count. */
const usage = (frames: ReadonlyArray<ChatCompletion.Chunk | Completion.Response>): ChatCompletion.Usage | undefined => {
  const known = new Map<string, unknown>()
  for (const frame of frames) {
    for (const [name, told] of Object.entries(frame.usage ?? {})) {
      if (told !== null && told !== undefined && (told !== 0 || !known.has(name))) known.set(name, told)
    }
  }
  // every field is that of a usage that passed its check
  return known.size === 0 ? undefined : Object.fromEntries(known) as ChatCompletion.Usage
}

/**
 * The frames of a completions stream as a whole response: one choice for each index.
 *
 * @category conversions
 * @since 0.2.0
 */
export const completion = (frames: ReadonlyArray<Completion.Response>): Completion.Response => {
  const all = frames.flatMap(({ choices }) => choices ?? [])
  const indices = [...new Set(all.map(({ index }) => index ?? 0))].toSorted((one, other) => one - other)
  return {
    ...identity(frames),
    choices: indices.map((index) => {
      const own = all.filter((choice) => (choice.index ?? 0) === index)
      const listed = own.flatMap(({ logprobs }) => logprobs ?? [])
      return {
        index,
        text: own.map(({ text }) => text ?? "").join(""),
        finish_reason: last(own, (choice) => choice.finish_reason),
        logprobs: listed.length === 0 ? null : {
          tokens: joined(listed.map(({ tokens }) => tokens)),
          token_logprobs: joined(listed.map((list) => list.token_logprobs)),
          top_logprobs: joined(listed.map((list) => list.top_logprobs)),
          content: joined(listed.map(({ content }) => content))
        }
      }
    })
  }
}
