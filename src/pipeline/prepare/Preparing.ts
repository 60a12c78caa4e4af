/**
 * What to generate, and with which options → a request in the dialect of the engine that serves the endpoint.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Balancer from "../../dialect/Balancer.ts"
import * as Dialect from "../../dialect/Dialect.ts"
import * as Dialects from "../../dialect/Dialects.ts"
import * as Limits from "../../dialect/Limits.ts"
import type { Target } from "../../endpoint/EndpointTarget.ts"
import * as GenerationOptions from "../../GenerationOptions.ts"
import { InferenceError, InvalidRequest } from "../../InferenceError.ts"
import type * as Message from "../../Message.ts"
import type { Proof } from "../../Proof.ts"
import * as Json from "../../protocol/Json.ts"
import { type Settings, WHOLE_UP_TO } from "../../Settings.ts"
import type { Constraint } from "../../structured/Grammar.ts"
import type { StructuredOutput } from "../../structured/StructuredOutput.ts"
import type { StructuredOutputError } from "../../structured/StructuredOutputError.ts"
import type * as ToolGrammar from "../../structured/ToolGrammar.ts"
import type { CallForm } from "../../template/CallForm.ts"
import type { TemplateError } from "../../template/TemplateError.ts"
import * as ThoughtOpening from "../../template/thinking/ThoughtOpening.ts"
import type { TgiClient } from "../../transport/TgiClient.ts"
import type * as Continuation from "../continue/Continuation.ts"
import * as Slices from "../continue/Slices.ts"
import type { Prepared } from "../generate/Generating.ts"
import type * as Telemetry from "../generate/Telemetry.ts"
import * as Verdict from "../generate/Verdict.ts"
import * as Structures from "../object/Structures.ts"
import * as Measured from "./Measured.ts"
import type { Prompted, Prompting } from "./Prompting.ts"

/**
 * A planned generation, before it is known which engine serves it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly input: Message.Input
  readonly options: GenerationOptions.GenerationOptions
  readonly settings: Settings
  /** What the response must look like. */
  readonly output: StructuredOutput<unknown, unknown> | undefined
  /** What it shares with others of the same input, which differ only in their seeds. */
  readonly shared?: Shared | undefined
}

/**
 * A request that is ready, and what telemetry records of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready extends Prepared {
  /** The grammar that was sent, and what it does not enforce. */
  readonly constraint: Constraint | undefined
  /** Why fewer tokens are requested than wanted, if so. */
  readonly capped: string | undefined
  /**
   * The same request with another seed, for those that share it; its prompt is not rendered again, nor its body written
   * again.
   */
  readonly withSeed: ((seed: number | bigint) => Effect.Effect<Ready, InferenceError>) | undefined
}

/**
 * Issues → the error of a request that is not sent.
 *
 * @category errors
 * @since 0.1.0
 */
export const invalid = (method: string, issues: ReadonlyArray<GenerationOptions.Issue>): InferenceError =>
  new InferenceError({ method, reason: new InvalidRequest({ issues }), attempts: 0 })

/**
 * Whether a generation is streamed: as the caller says, or by default, unless the engine refuses to stream it, or streams
 * it without a recognisable end. An engine whose streams are not safe is never asked for one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const isStreamed = ({ engine }: Target, { options, settings }: Wanted): boolean => {
  const { unstreamed, whole } = Dialects.all[engine.kind]
  if (unstreamed !== undefined) return false
  return settings.delivery === undefined
    ? (options.bestOf ?? 1) === 1 && options.decoderInputDetails !== true && whole?.(options) !== true
    : settings.delivery === "stream"
}

/**
 * Whether a generation of which no part is shown early is streamed all the same: a short one is not, unless the caller says
 * so. A stream of twenty events costs the caller twice as much as a whole response.
 *
 * @category accessors
 * @since 0.2.0
 */
export const isFolded = (target: Target, wanted: Wanted): boolean => {
  const { options: { maxNewTokens = Infinity }, settings: { delivery, wholeUpTo = WHOLE_UP_TO } } = wanted
  return (delivery === undefined ? maxNewTokens > wholeUpTo : delivery === "stream") && isStreamed(target, wanted)
}

/**
 * What to warn the caller of a stream of, where the engine's own streams are not safe.
 *
 * @category accessors
 * @since 0.2.0
 */
export const unstreamed = ({ engine: { kind } }: Target): string | undefined => {
  const { unstreamed } = Dialects.all[kind]
  return unstreamed === undefined
    ? undefined
    : `The stream is one chunk: ${Dialect.names[kind]} is only sent requests for whole responses, as ${unstreamed}`
}

const countInput = (client: TgiClient["Service"], target: Target, { call }: Dialect.Encoded) => {
  if (target.engine.kind !== "tgi") return undefined
  const tokens = call.route === "generate"
    ? client.tokenize(call.body.inputs)
    : call.route === "chat"
    ? Effect.map(client.chatTokenize(call.body), ({ tokenize_response }) => tokenize_response)
    : Effect.succeed(undefined)
  return Effect.orElseSucceed(Effect.map(tokens, (all) => all?.length), () => undefined)
}

/**
 * Prepares one request. Options beyond the server's limits, and those that this engine drops or refuses, fail here with
 * `InvalidRequest`, or are logged if the settings say so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const prepare = (
  client: TgiClient["Service"],
  target: Target,
  prompting: Prompting,
  wanted: Wanted,
  stream: boolean,
  proof?: Proof
): Effect.Effect<Ready, InferenceError | StructuredOutputError | TemplateError> => {
  const { input, options, output } = wanted
  const { bosToken, kind } = target.engine
  const constrained = output !== undefined
  const how = { client, target, wanted, options, stream, proof }
  // eager: nearly always everything is available and there is nothing to wait for
  const prompt = kind === "tgi" && options.tools?.some(hasReference) === true
    ? Effect.flatMap(
      Structures.load,
      ({ ToolGrammar }) =>
        prompting({ input, options: withoutReferences(ToolGrammar, options), constrained }, kind, bosToken)
    )
    : prompting({ input, options, constrained }, kind, bosToken)
  return Effect.flatMapEager(prompt, (input) => {
    if (input._tag === "Prompt" && input.calls !== undefined) return calling(how, input, input.calls)
    return options.tools === undefined
      ? constraining(how, input)
      : Effect.flatMap(
        Effect.flatMap(Structures.load, ({ ToolGrammar }) => Effect.fromResult(offered(ToolGrammar, kind, options))),
        (options) => constraining({ ...how, options }, input)
      )
  })
}

/** What is asked of whom, before the form of its input is known. */
interface Asked {
  readonly client: TgiClient["Service"]
  readonly target: Target
  readonly wanted: Wanted
  readonly options: GenerationOptions.GenerationOptions
  readonly stream: boolean
  readonly proof: Proof | undefined
}

/** A request under its constraint, over as many requests as it takes. */
const constraining = (
  asked: Asked,
  input: Dialect.GenerateRequest["input"]
): Effect.Effect<Ready, InferenceError | StructuredOutputError> => {
  const { options, target, wanted: { output, settings } } = asked
  const { kind } = target.engine
  const dialect = dialectOf(target)
  const route = Dialect.routeOf(dialect, input)
  // no other engine generates in slices
  const slices = kind === "tgi"
    ? { target, route, options, settings, isConstrained: output !== undefined }
    : undefined
  const needs = slices !== undefined && Slices.needs(slices)
  const decided = { ...asked, input, dialect, slices, constraint: undefined, continuation: undefined, calls: undefined }
  if (output === undefined && !needs) return ready(decided)
  const constraint = output === undefined
    ? Effect.succeed(undefined)
    : output.grammar(kind, input._tag === "Messages" ? "chat" : "raw", needs ? "regex" : undefined)
  return Effect.flatMap(constraint, (constraint) =>
    needs
      ? Effect.flatMap(
        Structures.load,
        ({ Continuing }) => ready({ ...decided, constraint, continuation: Continuing.make(slices, constraint) })
      )
      : ready({ ...decided, constraint }))
}

const inStages = {
  path: ["bestOf"],
  message:
    "this many tools take several requests, from which bestOf cannot choose: offer fewer tools, or leave bestOf out"
}

const hasReference = ({ parameters }: GenerationOptions.Tool): boolean =>
  JSON.stringify(parameters)?.includes("\"$ref\"") === true

/** The tools as a template shows them on TGI: with references in their schemas written out, as in the grammar. */
const withoutReferences = (
  { make }: typeof ToolGrammar,
  options: GenerationOptions.GenerationOptions
): GenerationOptions.GenerationOptions => ({
  ...options,
  tools: (options.tools ?? []).map((tool) =>
    hasReference(tool)
      ? Result.match(make(tool, "tgi"), {
        onFailure: () => tool,
        onSuccess: ({ parameters }) => ({ ...tool, parameters })
      })
      : tool
  )
})

/** A request whose tools are in its prompt: a grammar of ours constrains the response. */
const calling = (
  asked: Asked,
  input: Extract<Prompted, { readonly _tag: "Prompt" }>,
  calls: CallForm
): Effect.Effect<Ready, InferenceError | StructuredOutputError> =>
  Effect.flatMap(Structures.load, ({ Continuing, ToolRegex }) => {
    const { target, wanted } = asked
    const { parallelToolCalls, toolChoice, tools = [], ...options } = wanted.options
    const choice = toolChoice === undefined || toolChoice === "none" ? "auto" : toolChoice
    const opening = ThoughtOpening.opening(input.text)
    const thought = opening._tag === "Inside" ? opening.family?.close : undefined
    const made = ToolRegex.make(calls, { tools, choice, parallel: parallelToolCalls !== false, thought })
    return Effect.flatMap(Effect.fromResult(made), ({ dropped, next, regex }) => {
      const constraint: Constraint = {
        fields: { grammar: { type: "regex", value: regex } },
        wrap: undefined,
        dropped
      }
      const dialect = dialectOf(target)
      const route = Dialect.routeOf(dialect, input)
      const slices = { target, route, options, settings: wanted.settings, isConstrained: true }
      if (next !== undefined && (options.bestOf ?? 1) > 1) return Effect.fail(invalid("POST /generate", [inStages]))
      const continuation = next !== undefined || Slices.needs(slices)
        ? Continuing.make(slices, constraint, next)
        : undefined
      return ready({ ...asked, options, input, dialect, slices, constraint, continuation, calls })
    })
  })

/** The dialect of the engine, or TGI's own behind a provider that passes it on. */
const dialectOf = ({ engine: { kind }, nativeUrl }: Target): Dialect.Dialect =>
  kind === "router" && nativeUrl !== undefined ? Dialects.native : Dialects.all[kind]

/** Everything that a request is made from. */
interface Decided extends Asked {
  readonly input: Dialect.GenerateRequest["input"]
  readonly dialect: Dialect.Dialect
  readonly constraint: Constraint | undefined
  /** What must be known about TGI's slices; undefined on other engines. */
  readonly slices: Slices.Asked | undefined
  readonly continuation: Continuation.Over | undefined
  readonly calls: CallForm | undefined
}

const ready = (decided: Decided): Effect.Effect<Ready, InferenceError> => {
  const { constraint, continuation, dialect, input, options, proof, slices, stream, target, wanted } = decided
  const { balancer, kind, limits, version } = target.engine
  const capped = slices === undefined ? undefined : Slices.capped(slices, continuation !== undefined)
  const encoded = Dialect.encode(dialect, {
    input,
    model: nameOf(target, Dialect.routeOf(dialect, input)),
    options: capped === undefined ? options : { ...options, maxNewTokens: Slices.SLICE },
    constraint: constraint?.fields,
    stream
  })
  const { call, conflicts } = encoded
  const { route } = call
  const { settings } = wanted
  const isConstrained = constraint !== undefined
  // what cannot apply is not asked
  const wrong: Array<GenerationOptions.Issue> = []
  if (target.kind === "serverless") wrong.push(...unserved(target, route))
  if (limits !== undefined) wrong.push(...GenerationOptions.beyond(options, limits))
  const check = Limits.checks[kind]
  if (check !== undefined) wrong.push(...check(options, { kind, version, limits, route, stream }))
  wrong.push(...conflicts)
  if (settings.continueFrom !== undefined && (slices === undefined || !Slices.needs(slices))) {
    wrong.push(Slices.uncontinued)
  }
  if (wrong.length > 0) return Effect.fail(invalid(`POST ${Dialect.paths[route]}`, wrong))
  const unsupported = [...encoded.unsupported]
  if (balancer !== undefined) unsupported.push(...Balancer.dropped(balancer, call, options))
  if (isConstrained) unsupported.push(...unconstrained(kind, wanted.input))
  if (proof !== undefined) unsupported.push(...Measured.refusals(proof, dialect, route, options, isConstrained))
  const made = readyOf(decided, capped, encoded)
  if (unsupported.length === 0 && capped === undefined) return Effect.succeed(made)
  if (unsupported.length > 0 && settings.unsupported !== "warn") {
    return Effect.fail(invalid(`POST ${Dialect.paths[route]}`, unsupported))
  }
  const warnings = [...unsupported.map(({ message }) => message), ...capped === undefined ? [] : [capped]]
  return Effect.as(Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true }), made)
}

const readyOf = (decided: Decided, capped: string | undefined, encoded: Dialect.Encoded): Ready => {
  const { calls, client, constraint, continuation, input, options, stream, target, wanted } = decided
  const { settings } = wanted
  const { kind } = target.engine
  const { call } = encoded
  const telemetry: Telemetry.Call = {
    operation: call.route === "chat" ? "chat" : "text_completion",
    model: target.modelName,
    server: target.url,
    options,
    content: settings.captureContent === true ? input : undefined
  }
  // as the caller wrote them: the schema that is sent may require keys that the caller's leaves optional
  const { toolChoice, tools = [] } = wanted.options
  const isOffered = tools.length > 0 && (call.route === "chat" || calls !== undefined) && toolChoice !== "none"
  const thinkingBudget = call.route === "chat" ? options.thinkingBudget : undefined
  const offer: Verdict.Offer | undefined = isOffered || thinkingBudget !== undefined
    ? { engine: kind, tools: isOffered ? tools : [], toolChoice, stream, thinkingBudget }
    : undefined
  const splitReasoning = (settings.splitReasoning ?? false) !== false
  return {
    client,
    constraint,
    capped,
    continuation,
    calls,
    call,
    keepTokens: options.logprobs === true || options.topLogprobs !== undefined || (options.topNTokens ?? 0) > 0 ||
      options.decoderInputDetails === true,
    splitReasoning,
    opening: splitReasoning ? openingOf(target, input, wanted) : undefined,
    offer,
    mayBeEmpty: offer === undefined ? undefined : Verdict.mayBeEmpty(offer),
    seed: options.seed,
    filedAsThinking: constraint !== undefined && kind === "llamacpp",
    countInput: settings.countTokens === true ? countInput(client, target, encoded) : undefined,
    telemetry,
    withSeed: wanted.shared === undefined ? undefined : seeded(decided, capped, encoded)
  }
}

/** A request with other seeds, which its engine may refuse as in any request. */
const seeded = (
  decided: Decided,
  capped: string | undefined,
  { call, ...rest }: Dialect.Encoded
): NonNullable<Ready["withSeed"]> => {
  let body: ((seed: number | bigint) => Readonly<Record<string, unknown>>) | undefined
  return (seed) => {
    const { stream, target: { engine: { kind, limits, version }, nativeUrl } } = decided
    const options = { ...decided.options, seed }
    const { route } = call
    const wrong = Limits.checks[kind]?.(options, { kind, version, limits, route, stream }) ?? []
    if (wrong.length > 0) return Effect.fail(invalid(`POST ${Dialect.paths[route]}`, wrong))
    const rule = decided.dialect.rules[route]?.seed
    const sent = rule?._tag !== "Sent" ? undefined : rule.encode === undefined ? seed : rule.encode(seed)?.["seed"]
    // an engine that takes no seed was sent none
    if (typeof sent !== "number" && typeof sent !== "bigint") {
      return Effect.succeed(readyOf({ ...decided, options }, capped, { call, ...rest }))
    }
    if (decided.continuation !== undefined) {
      return Effect.succeed(readyOf({ ...decided, options }, capped, { call: withSeed(call, sent), ...rest }))
    }
    const streamed = stream && (route !== "generate" || nativeUrl !== undefined)
    body ??= Json.withInteger(
      streamed ? { ...call.body, stream: true } : call.body,
      route === "generate" ? ["parameters", "seed"] : ["seed"]
    )
    // it is the body of the same route, with another number where it has one
    const other = { route, body: body(sent) } as Dialect.Call
    return Effect.succeed(readyOf({ ...decided, options }, capped, { call: other, ...rest }))
  }
}

/** A request from which others are derived keeps its fields separate. */
const withSeed = (call: Dialect.Call, seed: number | bigint): Dialect.Call =>
  call.route === "generate"
    ? { ...call, body: { ...call.body, parameters: { ...call.body.parameters, seed } } }
    // it is the body of the same route, with another number where it has one
    : { route: call.route, body: { ...call.body, seed } } as Dialect.Call

const withSeedOf = (ready: Ready, seed: number | bigint): Effect.Effect<Ready, InferenceError> =>
  ready.withSeed === undefined ? Effect.succeed(ready) : ready.withSeed(seed)

/**
 * What several generations of one input share, prepared once.
 *
 * @category models
 * @since 0.2.0
 */
export class Shared {
  #target: Target | undefined
  #ready: ReturnType<typeof prepare> | undefined

  /** The request of one of them. */
  of(target: Target, seed: number | bigint, make: () => ReturnType<typeof prepare>): ReturnType<typeof prepare> {
    if (this.#ready !== undefined && this.#target === target) {
      return Effect.flatMapEager(this.#ready, (ready) => withSeedOf(ready, seed))
    }
    this.#target = target
    const made = make()
    if (Exit.isExit(made)) return this.#ready = made
    return Effect.flatMap(Effect.cached(made), (cached) => {
      this.#ready = cached
      return Effect.flatMap(cached, (ready) => withSeedOf(ready, seed))
    })
  }
}

/**
 * What is known about the thought that a prompt leaves open: everything for a prompt rendered here, otherwise what the
 * caller and the model's name say.
 */
const openingOf = (
  { modelName }: Target,
  input: Dialect.GenerateRequest["input"],
  { options, settings }: Wanted
): ThoughtOpening.Opening =>
  input._tag === "Prompt"
    ? ThoughtOpening.opening(input.text)
    : options.continueFinalMessage === true
    ? ThoughtOpening.unknown
    : ThoughtOpening.rendered(settings.splitReasoning === "opened", modelName)

/** The options with the parameters of their tools as the engine's grammar accepts them. */
const offered = (
  { make }: typeof ToolGrammar,
  kind: Target["engine"]["kind"],
  options: GenerationOptions.GenerationOptions
): Result.Result<GenerationOptions.GenerationOptions, StructuredOutputError> => {
  if (options.tools === undefined) return Result.succeed(options)
  const tools = Result.all(
    options.tools.map((tool) =>
      Result.map(make(tool, kind), ({ parameters, strict }) => ({
        ...tool,
        parameters,
        ...strict !== undefined && { strict }
      }))
    )
  )
  return Result.map(tools, (tools) => ({ ...options, tools }))
}

/** vLLM with a reasoning parser applies no constraint before the thinking is closed; here only the prompt can show that. */
const unconstrained = (kind: Target["engine"]["kind"], input: Message.Input): ReadonlyArray<GenerationOptions.Issue> =>
  kind === "vllm" && typeof input === "object" && "raw" in input && ThoughtOpening.opening(input.raw)._tag === "Unknown"
    ? [{
      path: ["raw"],
      message:
        "structured output may not be enforced on a raw prompt by vLLM: with a reasoning parser it leaves the answer " +
        "unconstrained until the thinking is closed, and this prompt does not end with a tag that closes it. End it with the template's " +
        "tags (such as <think>\\n\\n</think>\\n\\n), send messages, or set unsupported to \"warn\" if the model does not think"
    }]
    : []

/** TGI serves one model and reads any other name as a LoRA adapter. */
const nameOf = (target: Target, route: Dialect.Route): string =>
  target.engine.kind === "tgi"
    ? ""
    : route === "completion"
    ? target.completionModel ?? target.modelName
    : target.modelName

/** Inputs that no provider of a serverless model accepts. */
const unserved = (target: Target, route: Dialect.Route): ReadonlyArray<GenerationOptions.Issue> => {
  if (route === "completion" && target.completionUrl === undefined) {
    return [{
      path: ["raw"],
      message: `no provider of ${target.modelName} takes raw prompts (from a tokenizerId, Magpie or { raw }): send ` +
        "messages, choose another provider, or use a dedicated endpoint"
    }]
  }
  return route === "chat" && target.isRawOnly === true
    ? [{
      path: ["messages"],
      message: `the providers of ${target.modelName} take raw prompts only: set tokenizerId, or send { raw }`
    }]
    : []
}
