/**
 * Messages → the prompt text, byte for byte what Python's `tokenizer.apply_chat_template(messages, tokenize=False)` gives.
 *
 * A template renders the words of a message as they are: a user who writes `<|im_start|>` writes a special token for the
 * server, here as in Python. `specialTokensIn` finds such words, and `sanitizeControlTokens` makes them plain text.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Hub } from "../hub/Hub.ts"
import { type BosRule, withoutDoubleBos } from "./Bos.ts"
import { ChatTemplate, type ServiceRequest } from "./ChatTemplateService.ts"
import type * as Compatibility from "./Compatibility.ts"
import { newestRules, rules } from "./Compatibility.ts"
import { find, inTemplate } from "./ControlTokens.ts"
import * as Conversation from "./Conversation.ts"
import { Failure } from "./jinja/values/Failure.ts"
import * as Json from "./jinja/values/Json.ts"
import type { Limits, Now } from "./jinja/values/Machine.ts"
import { Float } from "./jinja/values/Value.ts"
import * as PythonJinja from "./PythonJinja.ts"
import { type Span, type Template, TemplateEngine } from "./TemplateEngine.ts"
import { InvalidInput, type Reason, TemplateError } from "./TemplateError.ts"
import * as TemplateFiles from "./TemplateFiles.ts"
import { loadFiles } from "./TemplateHub.ts"
import * as ThinkingTags from "./ThinkingTags.ts"

export type { Bos, BosRule, Rendered } from "./Bos.ts"
export type { Intrusion } from "./ControlTokens.ts"
/**
 * @category services
 * @since 0.1.0
 */
export { ChatTemplate, type ServiceRequest } from "./ChatTemplateService.ts"
export type { JsonValue } from "./jinja/values/Json.ts"
export type { Span, Template } from "./TemplateEngine.ts"
export type { ThinkingTags } from "./ThinkingTags.ts"
export type { Difference, Verification } from "./Verification.ts"
export type { Limits, Now }
/**
 * Keeps a raw route from seeing two BOS.
 *
 * @category conversions
 * @since 0.1.0
 */
export { withoutDoubleBos } from "./Bos.ts"
/**
 * Comparing with a server: see `Verification`.
 *
 * @category verification
 * @since 0.1.0
 */
export { difference, verify } from "./Verification.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Request = Conversation.Request

/**
 * Parses a template with the engine that gives Python's bytes, once per text. Fails with `InvalidTemplate` or `TooMuchWork`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = PythonJinja.compile

/**
 * @category models
 * @since 0.1.0
 */
export interface Moment {
  /** What `strftime_now` reads. Default: the epoch in UTC, so that a pure render never depends on the day. */
  readonly now?: Now | undefined
  readonly limits?: Limits | undefined
}

const epoch: Now = { epochMillis: 0, offsetMinutes: 0 }

/**
 * `apply_chat_template` on a compiled template. Fails with `RenderError`, `Raised`, `TooMuchWork` or `InvalidInput`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const apply = (
  template: Template,
  request: Request,
  { limits, now = epoch }: Moment = {}
): Result.Result<string, TemplateError> =>
  Result.map(Conversation.apply(template, request, { now, limits }), ({ text }) => text)

/**
 * As `apply`, with the parts of the text that the assistant said: what a template puts between `{% generation %}` and
 * `{% endgeneration %}`, from which a training mask is made. None where the template has no such tag, and none of a message
 * that is continued. Inside a macro the place is that of the macro's call, as transformers counts it.
 *
 * @category conversions
 * @since 0.2.0
 */
export const applyWithSpans = (
  template: Template,
  request: Request,
  { limits, now = epoch }: Moment = {}
): Result.Result<{ readonly text: string; readonly assistant: ReadonlyArray<Span> }, TemplateError> =>
  Conversation.apply(template, request, { now, limits })

/**
 * Renders a compiled template with these variables and nothing else.
 *
 * @category conversions
 * @since 0.1.0
 */
export const render = (
  template: Template,
  variables: Readonly<Record<string, unknown>>,
  { limits, now = epoch }: Moment = {}
): Result.Result<string, TemplateError> =>
  Result.map(
    template.render(new Map(Object.entries(variables)), { now, limits, rules: newestRules }),
    ({ text }) => text
  )

/**
 * JSON text → a value for a template that keeps what JavaScript's own numbers and objects lose: `1.0`, integers above 2^53,
 * keys that look like integers in the order they were written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = (text: string): Result.Result<Json.JsonValue, TemplateError> =>
  Result.try({
    try: () => Json.parse(text),
    catch: (cause) =>
      new TemplateError({
        method: "fromJson",
        reason: new InvalidInput({ detail: cause instanceof Failure ? cause.message : "not valid JSON" })
      })
  })

/**
 * A number that a template prints with its point: `float(1)` is `1.0`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const float = (value: number): Json.JsonValue => new Float(value)

/**
 * Finds special tokens in the content of messages: data to refuse, escape or log by. The rendered text is not changed.
 *
 * @category accessors
 * @since 0.1.0
 */
export const specialTokensIn = find

/**
 * The tags that a template puts around thoughts: see `ThinkingTags`.
 *
 * @category accessors
 * @since 0.2.0
 */
export const thinkingTags: (source: string) => ThinkingTags.ThinkingTags | undefined = ThinkingTags.of

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Added to the tokenizer's own special tokens, which they replace by name. */
  readonly specialTokens?: Readonly<Record<string, string>> | undefined
  /** Default `"auto"`. A request may say otherwise. */
  readonly bos?: BosRule | undefined
  /** Whether the server adds a BOS to raw texts, where the files do not tell or are wrong. */
  readonly serverAddsBos?: boolean | undefined
  /** Minutes that local time is ahead of UTC, for `strftime_now`. Default: the time zone of the machine. */
  readonly offsetMinutes?: number | undefined
  /** Load as a processor (multimodal models) does. Default false. */
  readonly processor?: boolean | undefined
  /** The version of transformers whose bytes are wanted. Default: the newest one known. A request may say otherwise. */
  readonly compatibility?: Compatibility.Compatibility | undefined
  /** Default false. A request may say otherwise. */
  readonly sanitizeControlTokens?: boolean | undefined
  readonly limits?: Limits | undefined
}

const failed = (method: string) => (reason: Reason): TemplateError => new TemplateError({ method, reason })

const localOffset = (epochMillis: number): number => -new Date(epochMillis).getTimezoneOffset()

const loaded = <A>(result: Result.Result<A, Reason>) => Effect.fromResult(Result.mapError(result, failed("load")))

/**
 * The service over the files of a tokenizer. Fails at once when there is no template or when it cannot be parsed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options & { readonly files: TemplateFiles.Files; readonly subject?: string | undefined }
): Effect.fn.Return<ChatTemplate["Service"], TemplateError, TemplateEngine> {
  const { files, limits, processor, subject } = options
  const engine = yield* TemplateEngine
  yield* loaded(rules(options.compatibility))
  const own = yield* loaded(TemplateFiles.specialTokens(files))
  const specialTokens = { ...own, ...options.specialTokens }
  const token = specialTokens.bos_token
  const serverAdds = options.serverAddsBos ??
    (token === undefined ? undefined : yield* loaded(TemplateFiles.addsBos(files, token)))
  const added = yield* loaded(TemplateFiles.addedTokens(files))
  const choose = ({ template, tools }: Pick<ServiceRequest, "template" | "tools">) =>
    Result.flatMap(
      Result.mapError(
        TemplateFiles.resolve(files, { template, tools: tools !== undefined && tools !== null, processor }, subject),
        failed("choose")
      ),
      engine.compile
    )
  // a tokenizer with named templates only is usable by name; one without any, or with a broken one, is not
  yield* Effect.catchReason(
    Effect.fromResult(choose({})),
    "TemplateError",
    "MissingTemplate",
    (reason, error) => reason.available.length > 0 ? Effect.void : Effect.fail(error)
  )
  const controlTokens = (source: string): ReadonlyArray<string> => [
    ...Object.values(specialTokens),
    ...(added === undefined
      ? inTemplate(source)
      : added.filter(({ content, special }) => special || source.includes(content)).map(({ content }) => content))
  ]
  const renderRequest = Effect.fn("ChatTemplate.render")(function*(asked: ServiceRequest) {
    const { bos = options.bos, sanitizeControlTokens = options.sanitizeControlTokens, template, ...request } = asked
    const epochMillis = yield* Clock.currentTimeMillis
    const now = { epochMillis, offsetMinutes: options.offsetMinutes ?? localOffset(epochMillis) }
    const chosen = yield* Effect.fromResult(choose({ template, tools: request.tools }))
    const text = yield* Effect.fromResult(apply(chosen, {
      ...request,
      compatibility: request.compatibility ?? options.compatibility,
      specialTokens,
      controlTokens: sanitizeControlTokens === true ? controlTokens(chosen.source) : undefined
    }, { now, limits }))
    return withoutDoubleBos(text, { token, serverAdds, rule: bos })
  })
  return {
    render: renderRequest,
    source: (request) => Effect.map(Effect.fromResult(choose(request)), ({ source }) => source),
    specialTokens
  }
})

/**
 * From the files of a tokenizer, by their paths, on the engine in the context: `tokenizer_config.json`,
 * `chat_template.jinja`, `additional_chat_templates/….jinja`, `special_tokens_map.json`, `tokenizer.json`.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerFilesWith = (
  options: Options & { readonly files: TemplateFiles.Files }
): Layer.Layer<ChatTemplate, TemplateError, TemplateEngine> => Layer.effect(ChatTemplate, make(options))

/**
 * From the text of a template, on the engine in the context.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerTextWith = (
  options: Options & { readonly template: string }
): Layer.Layer<ChatTemplate, TemplateError, TemplateEngine> =>
  layerFilesWith({ ...options, files: { "chat_template.jinja": options.template } })

/**
 * From a repository of the Hub, at a revision (default `main`), on the engine in the context. Loaded once, when the layer is
 * built.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerHubWith = (
  options: Options & { readonly tokenizerId: string; readonly revision?: string | undefined }
): Layer.Layer<ChatTemplate, TemplateError, Hub | TemplateEngine> =>
  Layer.effect(
    ChatTemplate,
    Effect.flatMap(Hub, (hub) =>
      Effect.flatMap(
        Effect.mapError(loadFiles(hub, options), failed("load")),
        (files) => make({ ...options, files, subject: options.tokenizerId })
      ))
  )

/**
 * `layerTextWith` on the engine that gives Python's bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerText = (options: Options & { readonly template: string }): Layer.Layer<ChatTemplate, TemplateError> =>
  Layer.provide(layerTextWith(options), PythonJinja.layer)

/**
 * `layerFilesWith` on the engine that gives Python's bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFiles = (
  options: Options & { readonly files: TemplateFiles.Files }
): Layer.Layer<ChatTemplate, TemplateError> => Layer.provide(layerFilesWith(options), PythonJinja.layer)

/**
 * `layerHubWith` on the engine that gives Python's bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHub = (
  options: Options & { readonly tokenizerId: string; readonly revision?: string | undefined }
): Layer.Layer<ChatTemplate, TemplateError, Hub> => Layer.provide(layerHubWith(options), PythonJinja.layer)

/**
 * The template that these files hold and the special tokens beside it: see `TemplateFiles`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const { resolve, specialTokens } = TemplateFiles
