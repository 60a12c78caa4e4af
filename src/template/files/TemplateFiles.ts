/**
 * The template and the special tokens in the files of a tokenizer, by the rules of transformers.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { InvalidInput, InvalidTemplate, MissingTemplate, type Reason } from "../TemplateError.ts"

/**
 * Files by their path in the repository; the JSON ones as text or parsed.
 *
 * @category models
 * @since 0.1.0
 */
export type Files = Readonly<Record<string, unknown>>

/**
 * @category models
 * @since 0.1.0
 */
export interface Ask {
  /** The name of a template, or the text of one. */
  readonly template?: string | undefined
  /** Whether tools are given, even an empty list: chooses `tool_use` if there is one. */
  readonly tools?: boolean | undefined
  /** Load as a processor (multimodal models) does, which looks at other files. Default false. */
  readonly processor?: boolean | undefined
}

const extra = "additional_chat_templates/"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A JSON file as an object; `{}` if it does not exist. */
const json = (files: Files, path: string): Result.Result<Readonly<Record<string, unknown>>, Reason> => {
  const file = Object.hasOwn(files, path) ? files[path] : undefined
  if (file === undefined || file === null) return Result.succeed({})
  if (typeof file !== "string") {
    return isRecord(file)
      ? Result.succeed(file)
      : Result.fail(new InvalidTemplate({ detail: `${path} is not a JSON object` }))
  }
  return Result.flatMap(
    Result.try({
      try: (): unknown => JSON.parse(file),
      catch: () => new InvalidTemplate({ detail: `${path} is not valid JSON` })
    }),
    (parsed) =>
      isRecord(parsed)
        ? Result.succeed(parsed)
        : Result.fail(new InvalidTemplate({ detail: `${path} is not a JSON object` }))
  )
}

type Loaded = string | ReadonlyMap<string, string> | undefined

/** `chat_template` of a configuration: a text, a list of named texts, or a map of them. */
const configured = (value: unknown): Loaded => {
  if (typeof value === "string") return value
  const named = new Map<string, string>()
  if (Array.isArray(value)) {
    for (const item of value) {
      if (isRecord(item) && typeof item.name === "string" && typeof item.template === "string") {
        named.set(item.name, item.template)
      }
    }
  } else if (isRecord(value)) {
    for (const [name, template] of Object.entries(value)) if (typeof template === "string") named.set(name, template)
  }
  return named.size === 0 ? undefined : named
}

/** `chat_template.jinja` as `default` and each additional template by its name. */
const separate = (files: Files): ReadonlyMap<string, string> => {
  const named = new Map<string, string>()
  for (const [path, text] of Object.entries(files)) {
    if (typeof text !== "string") continue
    if (path === "chat_template.jinja") named.set("default", text)
    else if (path.startsWith(extra) && path.endsWith(".jinja")) {
      named.set(path.slice(extra.length, -".jinja".length), text)
    }
  }
  return named
}

/** One template that is called `default` is as good as a text without a name. */
const flattened = (named: ReadonlyMap<string, string>): Loaded => {
  if (named.size === 0) return undefined
  const only = named.size === 1 ? named.get("default") : undefined
  return only ?? named
}

const processorTemplates = (files: Files): Result.Result<Loaded, Reason> => {
  const named = separate(files)
  return Result.flatMap(json(files, "chat_template.json"), (legacy): Result.Result<Loaded, Reason> => {
    const text = configured(legacy.chat_template)
    if (text !== undefined) {
      const mixed = [...named.keys()].some((name) => name !== "default")
      return mixed
        ? Result.fail(new InvalidInput({ detail: `chat_template.json and ${extra} cannot be combined` }))
        : Result.succeed(text)
    }
    if (named.size > 0) return Result.succeed(flattened(named))
    return Result.map(json(files, "processor_config.json"), (config) => configured(config.chat_template))
  })
}

const tokenizerTemplates = (files: Files): Result.Result<Loaded, Reason> => {
  const named = separate(files)
  if (named.size > 0) return Result.succeed(flattened(named))
  return Result.map(json(files, "tokenizer_config.json"), (config) => configured(config.chat_template))
}

const choose = (loaded: Loaded, ask: Ask, subject: string): Result.Result<string, Reason> => {
  if (loaded === undefined || typeof loaded === "string") {
    const text = ask.template ?? loaded
    return text === undefined ? Result.fail(new MissingTemplate({ subject, available: [] })) : Result.succeed(text)
  }
  if (ask.template !== undefined) return Result.succeed(loaded.get(ask.template) ?? ask.template)
  const text = (ask.tools === true ? loaded.get("tool_use") : undefined) ?? loaded.get("default")
  return text === undefined
    ? Result.fail(new MissingTemplate({ subject, available: [...loaded.keys()].toSorted() }))
    : Result.succeed(text)
}

/**
 * The text of the chat template to use.
 *
 * Separate files (`chat_template.jinja`, `additional_chat_templates/*.jinja`) replace what `tokenizer_config.json` says.
 * Of several templates the named one is used, else `tool_use` when tools are given and it exists, else
 * `default`. A `template` that does not name one is itself the text. Source: transformers 5,
 * `PreTrainedTokenizerBase.get_chat_template`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const resolve = (files: Files, ask: Ask = {}, subject = "the tokenizer"): Result.Result<string, Reason> =>
  Result.flatMap(
    ask.processor === true ? processorTemplates(files) : tokenizerTemplates(files),
    (loaded) => choose(loaded, ask, subject)
  )

/** The content of a token: a text, or an `AddedToken` object. */
const tokenText = (value: unknown): string | undefined =>
  typeof value === "string" ? value : isRecord(value) && typeof value.content === "string" ? value.content : undefined

/**
 * The special tokens that a template sees as variables: every `…_token` that has a text, and the entries of
 * `extra_special_tokens` when that is an object. `special_tokens_map.json` counts only where `tokenizer_config.json` has
 * no `added_tokens_decoder`. Defaults of a tokenizer's Python class are in no file and must be given by the caller.
 *
 * @category accessors
 * @since 0.1.0
 */
export const specialTokens = (files: Files): Result.Result<Readonly<Record<string, string>>, Reason> =>
  Result.flatMap(json(files, "tokenizer_config.json"), (config) =>
    Result.map(
      "added_tokens_decoder" in config ? Result.succeed({}) : json(files, "special_tokens_map.json"),
      (map) => {
        const tokens: Record<string, string> = {}
        const all: Readonly<Record<string, unknown>> = { ...config, ...map }
        for (const [name, value] of Object.entries(all)) {
          const text = name.endsWith("_token") ? tokenText(value) : undefined
          if (text !== undefined) tokens[name] = text
        }
        const { extra_special_tokens: more } = all
        if (isRecord(more)) {
          for (const [name, value] of Object.entries(more)) {
            const text = tokenText(value)
            if (text !== undefined) tokens[name] = text
          }
        }
        return tokens
      }
    ))

/**
 * A token that the tokenizer matches before anything else.
 *
 * @category models
 * @since 0.2.0
 */
export interface AddedToken {
  readonly content: string
  readonly special: boolean
}

/**
 * The added tokens: `added_tokens` of `tokenizer.json`, else `added_tokens_decoder` of `tokenizer_config.json`; `undefined`
 * if neither file has them.
 *
 * @category accessors
 * @since 0.2.0
 */
export const addedTokens = (files: Files): Result.Result<ReadonlyArray<AddedToken> | undefined, Reason> =>
  Result.flatMap(
    json(files, "tokenizer.json"),
    (tokenizer) =>
      Result.map(json(files, "tokenizer_config.json"), (config) => {
        const found = Array.isArray(tokenizer.added_tokens)
          ? tokenizer.added_tokens
          : isRecord(config.added_tokens_decoder)
          ? Object.values(config.added_tokens_decoder)
          : undefined
        return found?.flatMap((token: unknown) => {
          const content = tokenText(token)
          return content === undefined ? [] : [{ content, special: isRecord(token) && token.special === true }]
        })
      })
  )

/** Whether a post-processor of `tokenizer.json` puts this token before the text. */
const processorAdds = (processor: unknown, bos: string): boolean => {
  if (!isRecord(processor)) return false
  if (processor.type === "Sequence" && Array.isArray(processor.processors)) {
    return processor.processors.some((part) => processorAdds(part, bos))
  }
  if (processor.type === "TemplateProcessing" && Array.isArray(processor.single)) {
    const [first]: ReadonlyArray<unknown> = processor.single
    const special = isRecord(first) ? first.SpecialToken : undefined
    return isRecord(special) && special.id === bos
  }
  if (processor.type === "BertProcessing" || processor.type === "RobertaProcessing") {
    return Array.isArray(processor.cls) && processor.cls[0] === bos
  }
  return false
}

/**
 * Whether the tokenizer itself puts its BOS before a raw text, as with `/generate`; `undefined` if the files do not
 * say. `add_bos_token` in `tokenizer_config.json` decides, else the post-processor of `tokenizer.json`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const addsBos = (files: Files, bos: string): Result.Result<boolean | undefined, Reason> =>
  Result.flatMap(json(files, "tokenizer_config.json"), (config) => {
    if (typeof config.add_bos_token === "boolean") return Result.succeed(config.add_bos_token)
    return Result.map(
      json(files, "tokenizer.json"),
      (tokenizer) => "post_processor" in tokenizer ? processorAdds(tokenizer.post_processor, bos) : undefined
    )
  })
