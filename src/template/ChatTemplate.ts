/**
 * Messages → the prompt text, byte for byte what Python's `tokenizer.apply_chat_template(messages, tokenize=False)` gives.
 *
 * A template renders the words of a message as they are: a user who writes `<|im_start|>` writes a special token for the
 * server, here as in Python. `specialTokensIn` finds such words.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Hub } from "../hub/Hub.ts"
import * as Conversation from "./Conversation.ts"
import * as Engine from "./jinja/Template.ts"
import type { Template } from "./jinja/Template.ts"
import { Failure } from "./jinja/values/Failure.ts"
import * as Json from "./jinja/values/Json.ts"
import { defaultLimits, type Limits, type Now } from "./jinja/values/Machine.ts"
import { Float, type Value } from "./jinja/values/Value.ts"
import { fromProblem, InvalidInput, type Reason, TemplateError } from "./TemplateError.ts"
import * as TemplateFiles from "./TemplateFiles.ts"
import { loadFiles } from "./TemplateHub.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type { Template } from "./jinja/Template.ts"
export type { Limits, Now, Value }

/**
 * @category models
 * @since 0.1.0
 */
export type Request = Conversation.Request

const compiled = new Map<string, Template>()
/** Templates kept compiled, by their text: as many as a program that serves several models needs. */
const capacity = 64

/** Moves a template to the end of the cache, and the oldest out of it. */
const remember = (template: Template): Template => {
  compiled.delete(template.source)
  compiled.set(template.source, template)
  const [oldest] = compiled.keys()
  if (compiled.size > capacity && oldest !== undefined) compiled.delete(oldest)
  return template
}

const toResult = <A>(method: string, outcome: Engine.Outcome<A>): Result.Result<A, TemplateError> =>
  outcome.ok ? Result.succeed(outcome.value) : Result.fail(fromProblem(method, outcome.problem))

/**
 * Parses a template, once per text. Fails with `InvalidTemplate` or `TooMuchWork`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (source: string): Result.Result<Template, TemplateError> => {
  const known = compiled.get(source)
  if (known !== undefined) return Result.succeed(remember(known))
  return Result.map(toResult("compile", Engine.compile(source)), remember)
}

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
  moment: Moment = {}
): Result.Result<string, TemplateError> =>
  toResult("apply", Conversation.apply(template, request, moment.now ?? epoch, moment.limits ?? defaultLimits))

/**
 * Renders a compiled template with these variables and nothing else.
 *
 * @category conversions
 * @since 0.1.0
 */
export const render = (
  template: Template,
  variables: Readonly<Record<string, unknown>>,
  moment: Moment = {}
): Result.Result<string, TemplateError> =>
  toResult(
    "render",
    Conversation.applyVariables(template, variables, moment.now ?? epoch, moment.limits ?? defaultLimits)
  )

/**
 * JSON text → a value for a template that keeps what JavaScript's own numbers and objects lose: `1.0`, integers above 2^53,
 * keys that look like integers in the order they were written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = (text: string): Result.Result<Value, TemplateError> =>
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
export const float = (value: number): Value => new Float(value)

/**
 * What to do with a BOS at the start of a prompt that goes to a raw route: servers add one there by themselves.
 * `"auto"` takes it away where the tokenizer is known to add one, `"strip"` always, `"keep"` never.
 *
 * @category models
 * @since 0.1.0
 */
export type BosRule = "auto" | "keep" | "strip"

/**
 * @category models
 * @since 0.1.0
 */
export interface Bos {
  /** The tokenizer's BOS, if it has one. */
  readonly token: string | undefined
  /** Whether the server puts it before a raw text; `undefined` where the tokenizer's files do not tell. */
  readonly serverAdds: boolean | undefined
  /** Whether the rendered text began with it. */
  readonly rendered: boolean
  /** Whether it was taken away from `prompt`. */
  readonly stripped: boolean
}

/**
 * A rendered text, and what of it to send to a raw route (`/generate`, `/v1/completions`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Rendered {
  /** Exactly what transformers renders. */
  readonly text: string
  /** The text without the BOS that the server would double. */
  readonly prompt: string
  readonly bos: Bos
}

/**
 * Keeps a raw route from seeing two BOS.
 *
 * @category conversions
 * @since 0.1.0
 */
export const withoutDoubleBos = (
  text: string,
  { rule = "auto", serverAdds, token }: {
    readonly token: string | undefined
    readonly serverAdds: boolean | undefined
    readonly rule?: BosRule | undefined
  }
): Rendered => {
  const rendered = token !== undefined && token !== "" && text.startsWith(token)
  const stripped = rendered && (rule === "strip" || (rule === "auto" && serverAdds === true))
  const prompt = stripped ? text.slice(token.length) : text
  return { text, prompt, bos: { token, serverAdds, rendered, stripped } }
}

/**
 * Where the words of a message hold one of these tokens. Such words change the structure of the prompt.
 *
 * @category accessors
 * @since 0.1.0
 */
export interface Intrusion {
  /** The index of the message. */
  readonly message: number
  readonly token: string
  /** In UTF-16 units from the start of the text. */
  readonly offset: number
}

const textsOf = (content: unknown): ReadonlyArray<string> => {
  if (typeof content === "string") return [content]
  if (!Array.isArray(content)) return []
  return content.flatMap((part: unknown) =>
    typeof part === "object" && part !== null && "text" in part && typeof part.text === "string" ? [part.text] : []
  )
}

/**
 * Finds special tokens in the content of messages: data to refuse, escape or log by. The rendered text is not changed.
 *
 * @category accessors
 * @since 0.1.0
 */
export const specialTokensIn = (
  messages: ReadonlyArray<{ readonly content?: unknown }>,
  tokens: Iterable<string>
): ReadonlyArray<Intrusion> => {
  const wanted = [...new Set(tokens)].filter((token) => token !== "")
  return messages.flatMap(({ content }, message) =>
    textsOf(content).flatMap((text) =>
      wanted.flatMap((token) => {
        const offset = text.indexOf(token)
        return offset < 0 ? [] : [{ message, token, offset }]
      })
    )
  )
}

/**
 * The first place where two texts differ, with up to 40 characters around it on either side.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  /** In UTF-16 units. */
  readonly offset: number
  readonly ours: string
  readonly theirs: string
}

/**
 * @category accessors
 * @since 0.1.0
 */
export const difference = (ours: string, theirs: string): Difference | undefined => {
  if (ours === theirs) return undefined
  let offset = 0
  while (offset < ours.length && ours[offset] === theirs[offset]) offset++
  const around = (text: string) => text.slice(Math.max(0, offset - 40), offset + 40)
  return { offset, ours: around(ours), theirs: around(theirs) }
}

/**
 * A request as the service takes it: special tokens come from the tokenizer.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServiceRequest extends Omit<Request, "specialTokens"> {
  /** Another template of the tokenizer by name, or the text of one. */
  readonly template?: string | undefined
  readonly bos?: BosRule | undefined
}

/**
 * @category services
 * @since 0.1.0
 */
export class ChatTemplate extends Context.Service<ChatTemplate, {
  /** Renders a conversation, with the time of Effect's `Clock` for `strftime_now`. */
  readonly render: (request: ServiceRequest) => Effect.Effect<Rendered, TemplateError>
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
  readonly limits?: Limits | undefined
}

const failed = (method: string) => (reason: Reason): TemplateError => new TemplateError({ method, reason })

const localOffset = (epochMillis: number): number => -new Date(epochMillis).getTimezoneOffset()

/**
 * The service over the files of a tokenizer. Fails at once when there is no template or when it cannot be parsed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  options: Options & { readonly files: TemplateFiles.Files; readonly subject?: string | undefined }
): Effect.fn.Return<ChatTemplate["Service"], TemplateError> {
  const { files, limits, processor, subject } = options
  const own = yield* Effect.fromResult(Result.mapError(TemplateFiles.specialTokens(files), failed("load")))
  const specialTokens = { ...own, ...options.specialTokens }
  const token = specialTokens.bos_token
  const serverAdds = options.serverAddsBos ?? (token === undefined
    ? undefined
    : yield* Effect.fromResult(Result.mapError(TemplateFiles.addsBos(files, token), failed("load"))))
  const choose = (request: Pick<ServiceRequest, "template" | "tools">) =>
    Result.flatMap(
      Result.mapError(
        TemplateFiles.resolve(
          files,
          { template: request.template, tools: request.tools !== undefined && request.tools !== null, processor },
          subject
        ),
        failed("choose")
      ),
      compile
    )
  // a tokenizer with named templates only is usable by name; one without any, or with a broken one, is not
  yield* Effect.catchReason(
    Effect.fromResult(choose({})),
    "TemplateError",
    "MissingTemplate",
    (reason, error) => reason.available.length > 0 ? Effect.void : Effect.fail(error)
  )
  const renderRequest = Effect.fn("ChatTemplate.render")(function*({ bos, template, ...request }: ServiceRequest) {
    const epochMillis = yield* Clock.currentTimeMillis
    const now = { epochMillis, offsetMinutes: options.offsetMinutes ?? localOffset(epochMillis) }
    const chosen = yield* Effect.fromResult(choose({ template, tools: request.tools }))
    const text = yield* Effect.fromResult(apply(chosen, { ...request, specialTokens }, { now, limits }))
    return withoutDoubleBos(text, { token, serverAdds, rule: bos ?? options.bos })
  })
  return { render: renderRequest, specialTokens }
})

/**
 * From the text of a template.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerText = (options: Options & { readonly template: string }): Layer.Layer<ChatTemplate, TemplateError> =>
  layerFiles({ ...options, files: { "chat_template.jinja": options.template } })

/**
 * From the files of a tokenizer, by their paths: `tokenizer_config.json`, `chat_template.jinja`,
 * `additional_chat_templates/….jinja`, `special_tokens_map.json`, `tokenizer.json`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFiles = (
  options: Options & { readonly files: TemplateFiles.Files }
): Layer.Layer<ChatTemplate, TemplateError> => Layer.effect(ChatTemplate, make(options))

/**
 * From a repository of the Hub, at a revision (default `main`). Loaded once, when the layer is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHub = (
  options: Options & { readonly tokenizerId: string; readonly revision?: string | undefined }
): Layer.Layer<ChatTemplate, TemplateError, Hub> =>
  Layer.effect(
    ChatTemplate,
    Effect.flatMap(Hub, (hub) =>
      Effect.flatMap(
        Effect.mapError(loadFiles(hub, options), failed("load")),
        (files) => make({ ...options, files, subject: options.tokenizerId })
      ))
  )

/**
 * Renders here and at an oracle (`/chat_tokenize`, a server's render route, Python) and compares; `undefined` when the
 * texts are equal.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = Effect.fn("ChatTemplate.verify")(function*<E, R>(
  request: ServiceRequest,
  oracle: (messages: unknown) => Effect.Effect<string, E, R>
) {
  const template = yield* ChatTemplate
  const [{ text }, theirs] = yield* Effect.all([template.render(request), oracle(request.messages)], { concurrency: 2 })
  return difference(text, theirs)
})

/**
 * The template that these files hold and the special tokens beside it: see `TemplateFiles`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const { resolve, specialTokens } = TemplateFiles
