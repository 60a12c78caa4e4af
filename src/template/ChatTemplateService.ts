/**
 * The service that makes prompts, and what it is asked.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Hub } from "../hub/Hub.ts"
import { type Compatibility, rules } from "./engine/Compatibility.ts"
import { TemplateEngine } from "./engine/TemplateEngine.ts"
import * as TemplateFiles from "./files/TemplateFiles.ts"
import { loadFiles } from "./files/TemplateHub.ts"
import type { Limits } from "./jinja/values/Machine.ts"
import { type BosRule, type Rendered, withoutDoubleBos } from "./prompt/Bos.ts"
import { inTemplate } from "./prompt/ControlTokens.ts"
import { apply, type Request } from "./prompt/Conversation.ts"
import { type Reason, TemplateError } from "./TemplateError.ts"

/**
 * A request as the service takes it: special tokens come from the tokenizer.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceRequest extends Omit<Request, "specialTokens" | "controlTokens"> {
  /** Another template of the tokenizer by name, or the text of one. */
  readonly template?: string | undefined
  readonly bos?: BosRule | undefined
  /**
   * Breaks control tokens in the texts of messages, tools, documents and variables by a zero width space, so that the server's
   * tokenizer reads them as text. Control tokens are the special tokens, the added tokens that the template writes, and where
   * no file tells them, what looks like one in the template. Default false, as in Python.
   */
  readonly sanitizeControlTokens?: boolean | undefined
}

/**
 * @category services
 * @since 0.1.0
 */
export class ChatTemplate extends Context.Service<ChatTemplate, {
  /** Renders a conversation, with the time of Effect's `Clock` for `strftime_now`. */
  readonly render: (request: ServiceRequest) => Effect.Effect<Rendered, TemplateError>
  /** The text of the template that a request would be rendered with. */
  readonly source: (request: Pick<ServiceRequest, "template" | "tools">) => Effect.Effect<string, TemplateError>
  /** `bos_token`, `eos_token`, … of the tokenizer. */
  readonly specialTokens: Readonly<Record<string, string>>
}>()("effect-inference-endpoints/template/ChatTemplate") {}

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
  readonly compatibility?: Compatibility | undefined
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
    const {
      bos = options.bos,
      sanitizeControlTokens = options.sanitizeControlTokens,
      template,
      ...request
    } = asked
    const epochMillis = yield* Clock.currentTimeMillis
    const now = { epochMillis, offsetMinutes: options.offsetMinutes ?? localOffset(epochMillis) }
    const chosen = yield* Effect.fromResult(choose({ template, tools: request.tools }))
    const { text } = yield* Effect.fromResult(apply(chosen, {
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
