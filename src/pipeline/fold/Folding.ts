/**
 * Frames → a generation: one pure fold for streams and whole responses, so that both give the same value.
 *
 * @since 0.2.0
 */
import * as Generation from "../../Generation.ts"
import * as ToolCalls from "../../protocol/ToolCalls.ts"
import type * as ThoughtOpening from "../../template/thinking/ThoughtOpening.ts"
import * as ThoughtSplitter from "../../template/thinking/ThoughtSplitter.ts"
import { GrowingText } from "../../transport/events/GrowingText.ts"
import * as Counts from "./Counts.ts"
import * as ThoughtTokens from "./ThoughtTokens.ts"

/**
 * How frames are folded.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Takes thinking out of the text, for engines that leave it in. */
  readonly splitReasoning: boolean
  /** What the prompt says about the text that follows; unknown by default. */
  readonly opening?: ThoughtOpening.Opening | undefined
  /** Keeps tokens and their log probabilities. */
  readonly keepTokens: boolean
  /** Whether a call without arguments is one with an empty object; always by default. */
  readonly mayBeEmpty?: ((tool: string) => boolean) | undefined
}

/**
 * The fold: deltas go in, events come out, and at the end there is a generation.
 *
 * @category models
 * @since 0.2.0
 */
export interface Fold {
  /** Adds one delta, and appends what a reader should see of it, if there is one. */
  readonly add: (delta: Generation.Delta, events?: Array<Generation.Event>) => void
  /** The generation, once the response is complete. */
  readonly finish: (statistics: Generation.Statistics, events?: Array<Generation.Event>) => Generation.Generation
}

/**
 * Starts a fold.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (options: Options): Fold => new State(options)

type Events = Array<Generation.Event>

/** The first half of a surrogate pair at the end of a text: no event may end with one. */
const endsInHalf = (text: string): boolean => {
  const code = text.charCodeAt(text.length - 1)
  return code >= 0xD800 && code <= 0xDBFF
}

class State implements Fold {
  readonly #options: Options
  readonly #think: ThoughtSplitter.Splitter | undefined
  readonly #thoughts: ThoughtTokens.Marker | undefined
  #calls: ToolCalls.ToolCalls | undefined = undefined
  readonly #text = new GrowingText()
  readonly #reasoning = new GrowingText()
  /** Half a character that waits for its other half, and whether it belongs to the thinking. */
  #half = ""
  #halfThought = false
  #refusal = ""
  #tokens: Array<Generation.Token> | undefined = undefined
  #fullText: string | undefined = undefined
  #finishReason: string | undefined = undefined
  #usage: Generation.Usage | undefined = undefined
  #rest: Pick<Generation.Generation, "seed" | "model" | "systemFingerprint" | "prefill" | "bestOf"> = {}

  constructor(options: Options) {
    this.#options = options
    if (!options.splitReasoning) return
    this.#think = ThoughtSplitter.make(options.opening)
    if (options.keepTokens) this.#thoughts = ThoughtTokens.make(options.opening)
  }

  add(delta: Generation.Delta, events?: Events): void {
    const { finishReason, reasoning, text, tokens, toolCalls, usage } = delta
    if (reasoning !== undefined && reasoning !== "") {
      this.#think?.separated()
      this.#say(reasoning, true, events)
    }
    if (text !== undefined && text !== "") {
      if (this.#think === undefined) this.#say(text, false, events)
      else this.#split(this.#think.push(text), events)
    }
    if (toolCalls !== undefined) this.#addCalls(toolCalls, events)
    if (finishReason !== undefined && finishReason !== "") this.#finishReason = finishReason
    if (tokens !== undefined && this.#options.keepTokens) this.#addTokens(tokens)
    if (usage !== undefined) this.#usage = this.#usage === undefined ? usage : Counts.later(this.#usage, usage)
    this.#addRest(delta)
  }

  #addRest({ bestOf, fullText, model, prefill, refusal, seed, systemFingerprint }: Generation.Delta): void {
    if (fullText !== undefined) this.#fullText = fullText
    if (refusal !== undefined) this.#refusal += refusal
    if (model !== undefined) this.#rest = { ...this.#rest, model }
    if (systemFingerprint !== undefined) this.#rest = { ...this.#rest, systemFingerprint }
    if (seed !== undefined) this.#rest = { ...this.#rest, seed }
    if (prefill !== undefined) this.#rest = { ...this.#rest, prefill: [...this.#rest.prefill ?? [], ...prefill] }
    if (bestOf !== undefined) this.#rest = { ...this.#rest, bestOf }
  }

  /** Adds text of one side. Half a character waits for the other half, unless the side changes. */
  #say(said: string, thought: boolean, events: Events | undefined): void {
    let text = said
    if (this.#half !== "") {
      if (this.#halfThought === thought) text = this.#half + said
      else this.#give(this.#half, this.#halfThought, events)
      this.#half = ""
    }
    if (endsInHalf(text)) {
      this.#half = text.slice(-1)
      this.#halfThought = thought
      text = text.slice(0, -1)
      if (text === "") return
    }
    this.#give(text, thought, events)
  }

  #give(text: string, thought: boolean, events: Events | undefined): void {
    if (thought) this.#reasoning.add(text)
    else this.#text.add(text)
    events?.push({ _tag: thought ? "Reasoning" : "Text", text })
  }

  #split(pieces: ReadonlyArray<ThoughtSplitter.Piece>, events: Events | undefined): void {
    for (const { moved, text, thinking } of pieces) {
      if (moved === true) {
        if (this.#text.text !== "") events?.push({ _tag: "TextWasReasoning" })
        this.#reasoning.add(this.#text.text)
        this.#text.clear()
      } else this.#say(text, thinking, events)
    }
  }

  #addTokens(tokens: ReadonlyArray<Generation.Token>): void {
    this.#tokens ??= []
    this.#tokens.push(...tokens)
    this.#thoughts?.mark(this.#tokens, tokens.length)
  }

  #addCalls(fragments: ReadonlyArray<Generation.ToolCallFragment>, events: Events | undefined): void {
    const places = (this.#calls ??= ToolCalls.make()).add(fragments)
    for (const [at, fragment] of fragments.entries()) {
      const index = places[at]
      if (index !== undefined && index !== ToolCalls.REPEATED) events?.push({ _tag: "ToolCall", ...fragment, index })
    }
  }

  #toolCalls(calls: ToolCalls.ToolCalls): ReadonlyArray<Generation.ToolCall> {
    const { mayBeEmpty } = this.#options
    return calls.all().map((call) =>
      // an empty object that TGI's streaming leaves open
      /^\s*\{?\s*$/.test(call.arguments) && (mayBeEmpty === undefined || mayBeEmpty(call.name))
        ? { ...call, arguments: "{}" }
        : call
    )
  }

  finish(statistics: Generation.Statistics, events?: Events): Generation.Generation {
    if (this.#think !== undefined) this.#split(this.#think.end(), events)
    if (this.#half !== "") this.#give(this.#half, this.#halfThought, events)
    this.#half = ""
    const toolCalls = this.#calls === undefined ? [] : this.#toolCalls(this.#calls)
    const raw = this.#finishReason
    const { text } = this.#text
    const reasoning = this.#reasoning.text
    const isSilent = text === "" && reasoning === "" && this.#refusal === "" && toolCalls.length === 0
    const told = this.#usage?.outputTokens === 0 && !isSilent ? Counts.withoutZeros(this.#usage) : this.#usage
    return {
      text: this.#think === undefined ? this.#fullText ?? text : text,
      ...(reasoning !== "" && { reasoning }),
      toolCalls,
      ...(this.#refusal !== "" && { refusal: this.#refusal }),
      finishReason: Generation.finishReason(raw, toolCalls.length > 0),
      ...(raw !== undefined && { rawFinishReason: raw }),
      ...this.#rest,
      ...(this.#tokens !== undefined && { tokens: this.#tokens }),
      statistics: {
        ...statistics,
        ...(told !== undefined && Counts.either(told, statistics))
      }
    }
  }
}
