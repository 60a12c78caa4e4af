/**
 * How an input is sent: as messages over the chat route, or as a prompt that is rendered here and sent raw.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { GenerateRequest } from "../../dialect/Dialect.ts"
import * as Dialects from "../../dialect/Dialects.ts"
import type { Kind } from "../../endpoint/address/Engine.ts"
import { EndpointError, InvalidConfig } from "../../endpoint/EndpointError.ts"
import type { GenerationOptions } from "../../GenerationOptions.ts"
import type * as Hub from "../../hub/Hub.ts"
import type * as Message from "../../Message.ts"
import * as CallForm from "../../template/CallForm.ts"
import type * as ChatTemplateLayers from "../../template/ChatTemplateLayers.ts"
import * as ChatTemplate from "../../template/ChatTemplateService.ts"
import type { Compatibility } from "../../template/engine/Compatibility.ts"
import { TemplateEngine } from "../../template/engine/TemplateEngine.ts"
import * as Magpie from "../../template/Magpie.ts"
import type { BosRule } from "../../template/prompt/Bos.ts"
import type { TemplateError } from "../../template/TemplateError.ts"
import * as ThinkingTags from "../../template/thinking/ThinkingTags.ts"
import * as ThoughtOpening from "../../template/thinking/ThoughtOpening.ts"

/**
 * Where the template comes from, and what is added to its prompts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Magpie.Config {
  /** The repository whose chat template renders prompts. Prompts then go over the raw route of the engine. */
  readonly tokenizerId?: string | undefined
  /** Its revision; `main` by default. */
  readonly tokenizerRevision?: string | undefined
  /** The text of a template, instead of a repository's. */
  readonly chatTemplate?: string | undefined
  /** Special tokens that the template needs and no file holds, such as `bos_token`. */
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
  /**
   * What to do with a BOS at the start of a raw prompt, since servers add one: see `ChatTemplate.BosRule`. With a
   * template given as text, `auto` removes it, except on vLLM, which is told to add none.
   */
  readonly bos?: BosRule | undefined
  /** The version of transformers whose prompts are wanted; the newest one known by default. */
  readonly compatibility?: Compatibility | undefined
  /** Turns control tokens in the texts of messages into plain text. Default false. */
  readonly sanitizeControlTokens?: boolean | undefined
  /**
   * How TGI is made to call tools. `template` (default): if a template that knows tools is given, it renders them, and
   * this package's own grammar constrains the calls, so that several calls can be made and streams carry their
   * arguments. `engine`: the router's own tool calls, which are also used without such a template.
   */
  readonly toolCalls?: "template" | "engine" | undefined
}

/**
 * The input, before it is decided how to send it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly input: Message.Input
  readonly options: GenerationOptions
  /** Whether the answer will be constrained. */
  readonly constrained: boolean
}

/**
 * Decides how to send the input, and renders the prompt where it is sent raw. `serverBos` is the token that the server,
 * by its own report, puts before a raw text.
 *
 * @category models
 * @since 0.1.0
 */
export type Prompting = (
  asked: Asked,
  engine: Kind,
  serverBos?: string
) => Effect.Effect<Prompted, TemplateError>

/**
 * What goes to the server. `calls` is how the template writes calls of the tools that it was given.
 *
 * @category models
 * @since 0.2.0
 */
export type Prompted =
  | Extract<GenerateRequest["input"], { readonly _tag: "Messages" }>
  | Extract<GenerateRequest["input"], { readonly _tag: "Prompt" }> & { readonly calls?: CallForm.CallForm }

/** The BOS tokens that tokenizers add to a text, as templates write them. */
const OPENINGS: ReadonlyArray<string> = [
  "<|begin_of_text|>",
  "<s>",
  "<bos>",
  "<|startoftext|>",
  "<｜begin▁of▁sentence｜>",
  "<BOS_TOKEN>"
]

const hasNoRawRoute = (engine: Kind): boolean => {
  const { raw, rules } = Dialects.all[engine]
  return rules[raw] === undefined
}

/** Whether TGI must be constrained to tool calls. */
const offersTools = ({ constrained, options }: Asked, engine: Kind): boolean =>
  engine === "tgi" && !constrained && (options.tools?.length ?? 0) > 0 && options.toolChoice !== "none"

/** Templates write the arguments of earlier calls from values. */
const withValues = (message: Message.Message): Message.Message =>
  message.tool_calls === undefined ? message : {
    ...message,
    tool_calls: message.tool_calls.map((call) => ({
      ...call,
      function: { ...call.function, arguments: valueOf(call.function.arguments) }
    }))
  }

const valueOf = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

const toolsOf = ({ tools }: GenerationOptions) => tools?.map((tool) => ({ type: "function", function: tool }))

/**
 * Makes the decision for a service. A `ChatTemplate` in the context renders; without one messages stay messages.
 * `implied` means that the caller did not name the template: it is then not used if the raw route could not carry a
 * constraint. `constrained`: it is only used for a constraint, so that a call without one is sent as messages. Fails
 * with `InvalidConfig` if Magpie is switched on without its pre-query template or without a template.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options, implied: boolean | "constrained") {
  const template = Option.getOrUndefined(yield* Effect.serviceOption(ChatTemplate.ChatTemplate))
  const magpie = Magpie.validate({ ...options, tokenizerId: template === undefined ? undefined : "a template" })
  if (Result.isFailure(magpie)) {
    const { field, message } = magpie.failure
    return yield* new EndpointError({
      method: "config",
      reason: new InvalidConfig({ problem: message, given: [field] })
    })
  }
  const preQuery = magpie.success
  const { toolCalls = "template" } = options
  const isAuto = (options.bos ?? "auto") === "auto"
  // for a template given as text, no file says what it begins with and what its server adds
  const isText = options.chatTemplate !== undefined && isAuto
  const own = options.specialTokens?.["bos_token"]
  const openings = own === undefined || own === "" ? OPENINGS : [own, ...OPENINGS]
  const withoutOpening = (prompt: string, serverBos: string | undefined): string => {
    const known = serverBos === undefined ? openings : [serverBos, ...openings]
    const opening = known.find((opening) => prompt.startsWith(opening))
    return opening === undefined ? prompt : prompt.slice(opening.length)
  }
  const sent = (prompt: string, text: string, serverBos: string | undefined): string =>
    isAuto && serverBos === "" ? text : isText ? withoutOpening(prompt, serverBos) : prompt
  const prompting: Prompting = ({ constrained, input, options }, engine, serverBos) => {
    const budget = options.thinkingBudget === -1 ? undefined : options.thinkingBudget
    // with a reasoning parser vLLM leaves a raw prompt unconstrained until its thought is closed
    const mustClose = budget === 0 || (constrained && engine === "vllm" && budget === undefined)
    if (typeof input === "object" && "raw" in input) {
      return Effect.succeed({ _tag: "Prompt", text: mustClose ? ThoughtOpening.closed(input.raw) : input.raw })
    }
    const messages: ReadonlyArray<Message.Message> = typeof input === "string"
      ? [{ role: "user", content: input }]
      : input
    if (template === undefined) return Effect.succeed({ _tag: "Messages", messages })
    const isUnasked = implied === "constrained" && !constrained
    const hasNoWay = implied !== false && (hasNoRawRoute(engine) || (constrained && engine === "router"))
    const isOffer = offersTools({ constrained, input, options }, engine) && (budget ?? 0) === 0
    if (isOffer && toolCalls === "engine") return Effect.succeed({ _tag: "Messages", messages })
    if (isUnasked || hasNoWay) return Effect.succeed({ _tag: "Messages", messages })
    if (messages.length === 0 && preQuery !== undefined) return Effect.succeed({ _tag: "Prompt", text: preQuery })
    const continued = options.continueFinalMessage === true
    const render = (kwargs: GenerationOptions["templateVariables"]): Effect.Effect<Rendered, TemplateError> =>
      Effect.map(
        template.render({
          messages: isOffer ? messages.map(withValues) : messages,
          tools: toolsOf(options),
          addGenerationPrompt: !continued,
          ...(continued && { continueFinalMessage: true }),
          kwargs
        }),
        ({ prompt, text }) =>
          isText && engine === "vllm"
            // it can be told to add nothing to the rendered prompt
            ? { _tag: "Prompt", text: Magpie.apply({ prompt: text, messages, preQuery }), isComplete: true }
            : {
              _tag: "Prompt",
              text: Magpie.apply({ prompt: sent(prompt, text, serverBos), messages, preQuery })
            }
      )
    if (isOffer) {
      return Effect.flatMap(
        CallForm.of(template),
        (calls): ReturnType<Prompting> =>
          calls === undefined
            ? Effect.succeed({ _tag: "Messages", messages })
            : Effect.map(
              mustClose ? unthinking(render, options.templateVariables) : render(options.templateVariables),
              (prompt) => ({ ...prompt, calls })
            )
      )
    }
    if (mustClose) return unthinking(render, options.templateVariables)
    const rendered = render(options.templateVariables)
    return budget === undefined ? rendered : Effect.zipWith(
      rendered,
      template.source({ tools: toolsOf(options) }),
      (prompt, source) => ({ ...prompt, tags: ThinkingTags.of(source) })
    )
  }
  return prompting
})

type Variables = GenerationOptions["templateVariables"]

type Rendered = Extract<GenerateRequest["input"], { readonly _tag: "Prompt" }>

/**
 * A prompt after which no thinking can follow: templates of models that think by choice close the thought when told not to
 * think, and a thought that is opened is closed by its own tag. A template that does neither belongs to a model without
 * thinking.
 */
const unthinking = (
  render: (variables: Variables) => Effect.Effect<Rendered, TemplateError>,
  variables: Variables
): Effect.Effect<Rendered, TemplateError> =>
  Effect.flatMap(render(variables), (prompt) =>
    ThoughtOpening.opening(prompt.text)._tag === "Unknown"
      ? Effect.map(
        render({ enable_thinking: false, thinking: false, ...variables }),
        (quiet) => ThoughtOpening.opening(quiet.text)._tag === "Unknown" ? prompt : closed(quiet)
      )
      : Effect.succeed(closed(prompt)))

const closed = (prompt: Rendered): Rendered => ({ ...prompt, text: ThoughtOpening.closed(prompt.text) })

/** A template, loaded when it is first needed. */
const lazily = (
  made: Effect.Effect<ChatTemplate.ChatTemplate["Service"], TemplateError>
): Effect.Effect<ChatTemplate.ChatTemplate["Service"]> =>
  Effect.map(Effect.cached(made), (template) =>
    ChatTemplate.ChatTemplate.of({
      render: (request) => Effect.flatMap(template, ({ render }) => render(request)),
      source: (request) => Effect.flatMap(template, ({ source }) => source(request)),
      specialTokens: {}
    }))

/** The engine in the context, or else this package's own, which is loaded with the first template. */
const engine = Layer.effectContext(
  Effect.flatMap(Effect.serviceOption(TemplateEngine), (given) =>
    Option.isSome(given)
      ? Effect.succeed(Context.make(TemplateEngine, given.value))
      : Effect.map(
        Effect.promise(() => import("../../template/engine/PythonJinja.ts")),
        ({ compile }) => Context.make(TemplateEngine, { compile })
      ))
)

/** A template on its engine, which is loaded for it. */
const made = <R>(
  layerOf: (
    layers: typeof ChatTemplateLayers
  ) => Layer.Layer<ChatTemplate.ChatTemplate, TemplateError, R | TemplateEngine>
) =>
  Layer.unwrap(Effect.map(
    Effect.promise(() => import("../../template/ChatTemplateLayers.ts")),
    (layers) => Layer.provide(layerOf(layers), engine)
  ))

/**
 * The template that the options name, if any. A repository's template is loaded when it is first needed; a text is parsed at
 * once. It runs on the `TemplateEngine` of the context, if there is one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, TemplateError, Hub.Hub> => {
  const { chatTemplate, tokenizerId, tokenizerRevision: revision } = options
  const { bos, compatibility, sanitizeControlTokens, specialTokens } = options
  const how = { bos, compatibility, sanitizeControlTokens, specialTokens }
  if (chatTemplate !== undefined) {
    return made(({ layerTextWith }) => layerTextWith({ ...how, template: chatTemplate }))
  }
  if (tokenizerId === undefined) return Layer.empty
  const loading = made(({ layerHubWith }) => layerHubWith({ ...how, tokenizerId, revision }))
  return Layer.effect(
    ChatTemplate.ChatTemplate,
    Effect.flatMap(Effect.context<Hub.Hub>(), (context) =>
      lazily(
        Effect.map(Layer.build(loading), (built) => Context.get(built, ChatTemplate.ChatTemplate)).pipe(
          Effect.scoped,
          Effect.provide(context)
        )
      ))
  )
}
