/**
 * Messages → the prompt text, byte for byte what Python's `tokenizer.apply_chat_template(messages, tokenize=False)`
 * returns.
 *
 * A template renders the text of a message as it is: a user who writes `<|im_start|>` writes a special token for the server,
 * here as in Python. `specialTokensIn` finds such text, and `sanitizeControlTokens` turns it into plain text.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Hub } from "../hub/Hub.ts"
import { layerFilesWith, layerHubWith, layerTextWith } from "./ChatTemplateLayers.ts"
import type { ChatTemplate, Options } from "./ChatTemplateService.ts"
import { newestRules } from "./engine/Compatibility.ts"
import * as PythonJinja from "./engine/PythonJinja.ts"
import type { Span, Template } from "./engine/TemplateEngine.ts"
import * as TemplateFiles from "./files/TemplateFiles.ts"
import { Failure } from "./jinja/values/Failure.ts"
import * as Json from "./jinja/values/Json.ts"
import type { Limits, Now } from "./jinja/values/Machine.ts"
import { Float } from "./jinja/values/Value.ts"
import { find } from "./prompt/ControlTokens.ts"
import * as Conversation from "./prompt/Conversation.ts"
import { InvalidInput, TemplateError } from "./TemplateError.ts"
import * as ThinkingTags from "./thinking/ThinkingTags.ts"

export type { Bos, BosRule, Rendered } from "./prompt/Bos.ts"
export type { Intrusion } from "./prompt/ControlTokens.ts"
/**
 * The service, and its layers on an engine of choice.
 *
 * @category services
 * @since 0.1.0
 */
export { layerFilesWith, layerHubWith, layerTextWith, make } from "./ChatTemplateLayers.ts"
export { ChatTemplate, type Options, type ServiceRequest } from "./ChatTemplateService.ts"
export type { Span, Template } from "./engine/TemplateEngine.ts"
export type { JsonValue } from "./jinja/values/Json.ts"
export type { Difference, Verification } from "./Verification.ts"
export type { Limits, Now }
/**
 * Keeps a raw route from getting two BOS tokens.
 *
 * @category conversions
 * @since 0.1.0
 */
export { withoutDoubleBos } from "./prompt/Bos.ts"
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
 * Parses a template with the engine that reproduces Python's bytes, once per text. Fails with `InvalidTemplate` or
 * `TooMuchWork`.
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
 * As `apply`, with the parts of the text that the assistant wrote: what a template puts between `{% generation %}` and `{%
 * endgeneration %}`, from which a training mask is made. Empty if the template has no such tag, and for a message that is
 * continued. Inside a macro, the position is that of the macro's call, as in transformers.
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
 * and the written order of keys that look like integers.
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
 * The members of a JSON object as variables of a template, with the numbers as its text has them (see `fromJson`).
 *
 * @category constructors
 * @since 0.2.0
 */
export const variablesOf = (text: string): Result.Result<Readonly<Record<string, unknown>>, TemplateError> =>
  Result.flatMap(fromJson(text), (value) =>
    value instanceof Map
      ? Result.succeed(Object.fromEntries(value))
      : Result.fail(
        new TemplateError({ method: "fromJson", reason: new InvalidInput({ detail: "not a JSON object" }) })
      ))

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
export const thinkingTags: (source: string) => ThinkingTags.Family | undefined = ThinkingTags.of

/**
 * `layerTextWith` on the engine that reproduces Python's bytes.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { ChatTemplate, Message } from "effect-inference-endpoints"
 *
 * const template = "{% for message in messages %}[{{ message.role }}] {{ message.content }}{% endfor %}"
 *
 * const program = Effect.gen(function*() {
 *   const chat = yield* ChatTemplate.ChatTemplate
 *   const { prompt } = yield* chat.render({ messages: [Message.user("Hello")] })
 *   return prompt // "[user] Hello"
 * }).pipe(Effect.provide(ChatTemplate.layerText({ template })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerText = (options: Options & { readonly template: string }): Layer.Layer<ChatTemplate, TemplateError> =>
  Layer.provide(layerTextWith(options), PythonJinja.layer)

/**
 * `layerFilesWith` on the engine that reproduces Python's bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFiles = (
  options: Options & { readonly files: TemplateFiles.Files }
): Layer.Layer<ChatTemplate, TemplateError> => Layer.provide(layerFilesWith(options), PythonJinja.layer)

/**
 * `layerHubWith` on the engine that reproduces Python's bytes.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHub = (
  options: Options & { readonly tokenizerId: string; readonly revision?: string | undefined }
): Layer.Layer<ChatTemplate, TemplateError, Hub> => Layer.provide(layerHubWith(options), PythonJinja.layer)

/**
 * The template in these files and its special tokens: see `TemplateFiles`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const { resolve, specialTokens } = TemplateFiles
