/**
 * How the responses of each route are read: whole JSON, or an event stream sent instead of it; and what is wrong with a
 * response that looks right but holds no generation, or one that failed.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import { EmptyResponse, StreamInterrupted } from "../../InferenceError.ts"
import * as ChatCompletion from "../../protocol/ChatCompletion.ts"
import * as Completion from "../../protocol/Completion.ts"
import * as Failure from "../../protocol/Failure.ts"
import * as FinishReason from "../../protocol/FinishReason.ts"
import * as Generate from "../../protocol/Generate.ts"
import type { Guard } from "../../protocol/Guard.ts"
import * as InferenceFailure from "../failure/InferenceFailure.ts"
import type { Read, Reading } from "../routes/Reading.ts"
import type { Route } from "../routes/Route.ts"
import * as Routes from "../routes/Routes.ts"
import * as Events from "./Events.ts"
import * as Whole from "./Whole.ts"

const wrong = (description: string): Reading<never> => ({ _tag: "Wrong", description })

/**
 * Reads JSON that passes a guard.
 *
 * @category reading
 * @since 0.2.0
 */
export const json = <A>(guard: Guard<A>, parse: (text: string) => unknown = JSON.parse): Read<A> => (text) => {
  let payload: unknown
  try {
    // some clients keep the byte order mark, which JSON does not allow
    payload = parse(text.startsWith("\uFEFF") ? text.slice(1) : text)
  } catch {
    return wrong(text.trim() === "" ? "the response body is empty" : "the response body is not valid JSON")
  }
  return guard.is(payload)
    ? { _tag: "Read", value: payload }
    : wrong(guard.explain(payload).replaceAll(/\s*\n\s*/g, " "))
}

/** How a whole response ended: well, without a generation, or with a finish reason for failure and what preceded it. */
type Ending =
  | { readonly _tag: "Whole" }
  | { readonly _tag: "Empty"; readonly description: string }
  | { readonly _tag: "Failed"; readonly word: string; readonly text: string }

const whole: Ending = { _tag: "Whole" }

const empty = (description: string): Ending => ({ _tag: "Empty", description })

/** Whether a text is the beginning of JSON: a string or a bracket that nothing closes. */
const endsEarly = (text: string): boolean => {
  if (!/^\uFEFF?\s*[{[]/.test(text)) return false
  let depth = 0
  let isText = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (isText) {
      if (char === "\\") at++
      else if (char === "\"") isText = false
    } else if (char === "\"") isText = true
    else if (char === "{" || char === "[") depth++
    else if (char === "}" || char === "]") depth--
  }
  return isText || depth > 0
}

/** The beginning of an event stream, which JSON does not have. */
const EVENTS = /^\uFEFF?\s*(?:data|event|id|retry|error)?:/

/** How the responses of a route are read and judged. */
interface Judged<A, F> {
  readonly read: Read<A>
  readonly routeOf: () => Route<F>
  readonly join: (frames: ReadonlyArray<F>) => A
  readonly endingOf: (value: A) => Ending
}

const judged =
  <A, F extends { readonly error?: unknown }>({ endingOf, join, read, routeOf }: Judged<A, F>): Read<A> => (text) => {
    if (text.trim() === "") {
      return {
        _tag: "Failed",
        reason: () => new EmptyResponse({ description: "the response body is empty" })
      }
    }
    const reading = EVENTS.test(text) ? joined(Events.readText(text, routeOf), join) : read(text)
    if (reading._tag === "Wrong" && endsEarly(text)) {
      return {
        _tag: "Failed",
        reason: () => new StreamInterrupted({ description: "the response body ended in the middle of its JSON" })
      }
    }
    if (reading._tag !== "Read") return reading
    // an error may look like a response of this route, and come with part of one
    if (Failure.isFrame(reading.value)) {
      return { _tag: "Failed", reason: (scrub) => InferenceFailure.fromFrame(reading.value, text, scrub) }
    }
    const ending = endingOf(reading.value)
    switch (ending._tag) {
      case "Whole":
        return reading
      case "Empty":
        return { _tag: "Failed", reason: () => new EmptyResponse({ description: ending.description }) }
      case "Failed":
        return {
          _tag: "Failed",
          reason: (scrub) => InferenceFailure.fromFinish(ending.word, scrub),
          ...(ending.text !== "" && { received: { events: 1, text: ending.text } })
        }
    }
  }

const joined = <A, F>(reading: Reading<ReadonlyArray<F>>, join: (frames: ReadonlyArray<F>) => A): Reading<A> =>
  reading._tag === "Read" ? { _tag: "Read", value: join(reading.value) } : reading

const failedOr = (word: string | undefined, text: () => string): Ending =>
  word === undefined ? whole : { _tag: "Failed", word, text: text() }

/** A response of the native route is read once, and once more where `JSON.parse` rounded a seed. */
const generated = (unwrap: (payload: unknown) => unknown): Read<Generate.Response> => {
  const plain = json(Generate.response, (text) => unwrap(JSON.parse(text)))
  const exact = json(Generate.response, (text) => unwrap(JSON.parse(Generate.quoteSeeds(text))))
  const read: Read<Generate.Response> = (text) => {
    const reading = plain(text)
    return reading._tag === "Read" && Generate.hasRoundedSeed(reading.value) ? exact(text) : reading
  }
  return judged({
    read,
    routeOf: () => Routes.native,
    join: Whole.native,
    endingOf: ({ details, generated_text }) =>
      generated_text === "" && !FinishReason.isSet(details?.finish_reason)
        ? empty("the text is empty, and no finish reason says why it ended")
        : failedOr(FinishReason.failure(details?.finish_reason), () => generated_text)
  })
}

/**
 * `POST /generate`
 *
 * @category reading
 * @since 0.2.0
 */
export const native: Read<Generate.Response> = generated((payload) => payload)

/**
 * `POST /` responds with an array of one item; some gateways unwrap it.
 *
 * @category reading
 * @since 0.2.0
 */
export const root: Read<Generate.Response> = generated((payload) => Array.isArray(payload) ? payload[0] : payload)

const chatEnding = ({ choices }: ChatCompletion.Response): Ending => {
  const choice = choices?.[0]
  if (choice === undefined) return empty("the response has no choice")
  const { finish_reason: reason, message } = choice
  const word = FinishReason.failure(reason)
  if (word !== undefined) return failedOr(word, () => ChatCompletion.contentText(message?.content) ?? "")
  if (ChatCompletion.saysSomething(message)) return whole
  // a model may end at once, and the text is then empty; without text and reason there was no generation
  return message?.content === undefined || !FinishReason.isSet(reason) ? empty("the message is empty") : whole
}

/**
 * `POST /v1/chat/completions`
 *
 * @category reading
 * @since 0.2.0
 */
export const chat: Read<ChatCompletion.Response> = judged({
  read: json(ChatCompletion.response),
  routeOf: () => Routes.chat,
  join: Whole.chat,
  endingOf: chatEnding
})

const completionEnding = ({ choices }: Completion.Response): Ending => {
  if (choices === null || choices === undefined || choices.length === 0) return empty("the response has no choice")
  for (const { finish_reason, text } of choices) {
    const word = FinishReason.failure(finish_reason)
    if (word !== undefined) return failedOr(word, () => text ?? "")
    if ((text ?? "") === "" && !FinishReason.isSet(finish_reason)) return empty("a choice of the response has no text")
  }
  return whole
}

/**
 * `POST /v1/completions`
 *
 * @category reading
 * @since 0.2.0
 */
export const completion: Read<Completion.Response> = judged({
  read: json(Completion.response),
  routeOf: () => Routes.completion({}),
  join: Whole.completion,
  endingOf: completionEnding
})

const framed = <A, F>(read: Read<A>, split: (value: A) => Arr.NonEmptyReadonlyArray<F>) => (text: string) => {
  const reading = read(text)
  return reading._tag === "Read" ? { ...reading, value: split(reading.value) } : reading
}

/**
 * `/generate_stream`, and a whole response for one.
 *
 * @category routes
 * @since 0.2.0
 */
export const nativeStream: Route<Generate.Frame> = {
  ...Routes.native,
  whole: framed(root, Whole.nativeFrames)
}

/**
 * `/v1/chat/completions` streamed, and a whole response for that.
 *
 * @category routes
 * @since 0.2.0
 */
export const chatStream: Route<ChatCompletion.Chunk> = { ...Routes.chat, whole: framed(chat, Whole.chatFrames) }

/**
 * `/v1/completions` streamed, and a whole response for that, which has the form of an event.
 *
 * @category routes
 * @since 0.2.0
 */
export const completionStream: Routes.RouteOf<Completion.Response> = (body) => ({
  ...Routes.completion(body),
  whole: framed(completion, Arr.of)
})
