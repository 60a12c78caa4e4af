/**
 * One generation over several requests. TGI generates in slices of 1,024 tokens and starts the grammar over in each, so
 * anything longer is requested piece by piece: with the prompt, the text so far, and the regex of what may still follow it.
 * A stream that broke off is continued in the same way, and so is a text that was saved earlier.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Dialect from "../../dialect/Dialect.ts"
import * as ResponseHeaders from "../../dialect/ResponseHeaders.ts"
import type * as Generation from "../../Generation.ts"
import type { ServerLimits } from "../../GenerationOptions.ts"
import { InferenceError, InvalidResponse } from "../../InferenceError.ts"
import * as FinishReason from "../../protocol/FinishReason.ts"
import * as Residual from "../../structured/regex/Residual.ts"
import type { Meta } from "../../transport/Call.ts"
import * as Counts from "../fold/Counts.ts"
import * as Border from "./Border.ts"
import * as FollowUp from "./FollowUp.ts"
import { SLICE } from "./Slices.ts"

/**
 * How many tokens are held back at the end of a request that another one follows: the next request begins after one of them.
 */
const HELD = 48

/**
 * What a generation over several requests needs.
 *
 * @category models
 * @since 0.2.0
 */
export interface Plan {
  /** How many tokens are wanted in all, including those that are thrown away at the boundaries. */
  readonly limit: number
  /** The language of the whole text; undefined if nothing constrains it. */
  readonly language: Residual.Residual | undefined
  /** The text so far, which begins a text of the language. */
  readonly written: string
  readonly stop: ReadonlyArray<string>
  readonly limits: ServerLimits | undefined
  /** How many times a stream that broke off is continued. */
  readonly resume: number
  /** Whether a request asks for no more than a slice. */
  readonly sliced: boolean
  /** What follows a complete text: the part that the client writes, and the regex of the rest. */
  readonly next: ((written: string) => { readonly written: string; readonly regex: string } | undefined) | undefined
}

/**
 * A response that is arriving: how frames of any route become deltas.
 *
 * @category models
 * @since 0.2.0
 */
export interface Incoming {
  /** What is known about the exchange, or about the last of several. */
  readonly meta: Meta
  /** Adds the frames of one pull to a fold. */
  readonly pull: (add: (delta: Generation.Delta) => void) => Pull.Pull<void, InferenceError>
  /** Adds all frames to a fold without waking the fiber for each read, if it can. */
  readonly each?: ((add: (delta: Generation.Delta) => void) => Effect.Effect<void, InferenceError>) | undefined
  /** How many frames have come. */
  readonly count: number
}

/**
 * Opens the response to one request.
 *
 * @category models
 * @since 0.2.0
 */
export type Open = (call: Dialect.Call) => Effect.Effect<Incoming, InferenceError>

/**
 * How the response to a request is assembled from several.
 *
 * @category models
 * @since 0.2.0
 */
export type Over = (call: Dialect.Call, open: Open) => Effect.Effect<Incoming, InferenceError>

/** What is known about a request when it ends. */
interface Ended {
  readonly finishReason: string | undefined
  readonly usage: Generation.Usage | undefined
  readonly fullText: string | undefined
}

const silent: Ended = { finishReason: undefined, usage: undefined, fullText: undefined }

/** The state of the whole generation: what was written, and what it cost. */
interface State {
  /** What the reader was given, after the text at the start. */
  text: string
  place: Residual.Place | undefined
  /** Deltas that arrived and are held back, one per token. */
  held: Array<Generation.Delta>
  /** Tokens of the current request. */
  tokens: number
  /** How many of them were passed on to the reader. */
  free: number
  /** Tokens of the requests that have ended. */
  generated: number
  /** Tokens of the text, without those that were thrown away. */
  kept: number
  requests: number
  resumed: number
  usage: Generation.Usage
  ended: Ended
  attempts: number
  frames: number
}

/** The token limit of the next request: what is wanted, what a slice holds, what is left of the context. */
const roomOf = ({ language, limit, limits, sliced }: Plan, state: State): number => {
  const left = limit - state.generated
  const { inputTokens } = state.usage
  const used = inputTokens === undefined ? 0 : inputTokens + state.kept
  if (used > (limits?.maxInputTokens ?? Infinity)) return 0
  // whole slices can be left to the server where no grammar starts over in them
  const asked = !sliced || left <= SLICE ? left : language === undefined ? left - left % SLICE : SLICE
  return Math.min(asked, (limits?.maxTotalTokens ?? Infinity) - used)
}

const foreign = (call: Dialect.Call, text: string) =>
  Effect.fail(
    new InferenceError({
      method: `POST ${Dialect.paths[call.route]}`,
      reason: new InvalidResponse({
        description:
          "the text does not begin one that its grammar allows, so nothing can follow it: the server does not enforce " +
          "grammars, or the text was changed",
        body: text.slice(-1000)
      }),
      attempts: 1
    })
  )

/** Whether a stream stopped before its end without a message from the server about the request itself. */
const isBroken = (cause: Cause.Cause<InferenceError>): boolean => {
  const error = Cause.findErrorOption(cause)
  return Option.isSome(error) && ["StreamInterrupted", "Transport", "Timeout"].includes(error.value.reason._tag)
}

/**
 * The response over all of the requests that it takes, as if it were one.
 *
 * @category running
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  call: Dialect.Call,
  plan: Plan,
  open: Open
): Effect.fn.Return<Incoming, InferenceError> {
  let { language } = plan
  const state: State = {
    text: plan.written,
    place: language?.read(language.start, plan.written),
    held: [],
    tokens: 0,
    free: 0,
    generated: 0,
    kept: 0,
    requests: 0,
    resumed: 0,
    usage: {},
    ended: silent,
    attempts: 0,
    frames: 0
  }
  if (language !== undefined && state.place === undefined) return yield* foreign(call, plan.written)
  const request = Effect.suspend(() => {
    const isFirst = state.requests === 0
    const regex = isFirst && plan.written === "" || state.place === undefined ? undefined : Residual.print(state.place)
    const asked = Math.max(1, roomOf(plan, state))
    const sent = isFirst && plan.written === "" && !plan.sliced
      ? call
      : FollowUp.make(call, state.text, regex, asked)
    state.free = asked < plan.limit - state.generated ? asked - HELD : Infinity
    state.requests++
    state.tokens = 0
    state.ended = silent
    return open(sent)
  })
  const first = yield* request
  let current = first
  let isTold = plan.written === ""
  let isDone = false

  const border = (): number | undefined =>
    Border.choose({
      deltas: state.held,
      text: state.text,
      place: state.place,
      language,
      stop: plan.stop,
      isShort: state.held.length === state.tokens,
      isTrimmed: call.route === "chat"
    })

  const another = (): Pull.Pull<void, InferenceError> => {
    state.attempts += current.meta.attempts
    state.frames += current.count
    return Effect.map(request, (next) => {
      current = next
    })
  }

  const metered = (add: (delta: Generation.Delta) => void) => {
    const flush = (count: number): void => {
      for (const delta of state.held.splice(0, count)) {
        const { text = "" } = delta
        state.text += text
        if (state.place !== undefined) state.place = language?.read(state.place, text)
        state.kept++
        add(delta)
      }
    }
    const hear = ({ finishReason, fullText, usage, ...delta }: Generation.Delta): void => {
      state.ended = {
        finishReason: finishReason ?? state.ended.finishReason,
        usage: usage === undefined ? state.ended.usage : Counts.later(state.ended.usage ?? {}, usage),
        fullText: fullText ?? state.ended.fullText
      }
      if (delta.text === undefined && delta.tokens === undefined && delta.reasoning === undefined) return add(delta)
      state.tokens++
      state.held.push(delta)
      if (state.tokens <= state.free) flush(state.held.length)
    }
    const close = (finishReason: string | undefined): Effect.Effect<void> =>
      Effect.sync(() => {
        flush(state.held.length)
        isDone = true
        const { fullText } = state.ended
        add({
          usage: state.usage,
          ...finishReason !== undefined && { finishReason },
          ...state.requests === 1 && plan.written === "" && fullText !== undefined && { fullText }
        })
      })
    /** The text is complete, or nothing more may be requested: another stage, or the end. */
    const over = (finishReason: string | undefined): Pull.Pull<void, InferenceError> => {
      flush(state.held.length)
      const isWhole = state.place !== undefined && Residual.mayEnd(state.place) && roomOf(plan, state) > 0
      const stage = isWhole ? plan.next?.(state.text) : undefined
      const residual = stage === undefined ? undefined : Residual.make(stage.regex)
      if (stage === undefined || residual === undefined || Result.isFailure(residual)) return close(finishReason)
      language = residual.success
      state.place = language.start
      state.text += stage.written
      if (stage.written !== "") add({ text: stage.written })
      return another()
    }
    const further = (at: number | undefined): Pull.Pull<void, InferenceError> => {
      if (at === undefined) return foreign(call, state.text)
      flush(at)
      state.held = []
      return state.place !== undefined && Residual.isWhole(state.place) ? over("eos_token") : another()
    }
    return { further, hear, over }
  }

  return {
    // what was measured for one request does not apply to several
    get meta() {
      return {
        ...first.meta,
        attempts: state.attempts + current.meta.attempts,
        ...state.requests > 1 && { headers: Headers.empty }
      }
    },
    get count() {
      return state.frames + current.count
    },
    pull: (add) =>
      Effect.suspend(() => {
        if (isDone) return Cause.done()
        if (!isTold) {
          isTold = true
          add({ text: plan.written })
        }
        const { further, hear, over } = metered(add)
        return Pull.matchEffect(current.pull(hear), {
          onSuccess: () => Effect.void,
          onFailure: (cause) => {
            if (!isBroken(cause) || state.resumed >= plan.resume || state.tokens === 0) return Effect.failCause(cause)
            state.resumed++
            state.generated += state.tokens
            state.usage = Counts.summed(state.usage, { outputTokens: state.tokens })
            return further(border())
          },
          onDone: () => {
            const told = Counts.either(state.ended.usage ?? {}, ResponseHeaders.usage(current.meta.headers))
            const outputTokens = told.outputTokens ?? state.tokens
            state.usage = Counts.summed(state.usage, { ...told, outputTokens })
            state.generated += outputTokens
            const { finishReason } = state.ended
            const isCut = finishReason !== undefined && FinishReason.read(finishReason) === "length"
            return !isCut || state.tokens === 0 || roomOf(plan, state) <= 0
              ? over(finishReason)
              : further(border())
          }
        })
      })
  }
})
