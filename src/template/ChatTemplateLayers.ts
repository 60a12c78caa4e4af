/**
 * What makes the service of templates, on an engine of choice.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Hub } from "../hub/Hub.ts"
import { ChatTemplate, type Options, type ServiceRequest } from "./ChatTemplateService.ts"
import { rules } from "./engine/Compatibility.ts"
import { TemplateEngine } from "./engine/TemplateEngine.ts"
import * as TemplateFiles from "./files/TemplateFiles.ts"
import { loadFiles } from "./files/TemplateHub.ts"
import { withoutDoubleBos } from "./prompt/Bos.ts"
import { inTemplate } from "./prompt/ControlTokens.ts"
import { apply } from "./prompt/Conversation.ts"
import { type Reason, TemplateError } from "./TemplateError.ts"

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
  // a tokenizer that only has named templates is usable by name; one without any, or with a broken one, is not
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
