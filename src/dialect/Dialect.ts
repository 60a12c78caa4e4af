/**
 * A dialect is data: for each route, what happens to each option. Encoding a request, refusing what an engine would
 * silently drop, and the table in the documentation all use the same rules.
 *
 * @since 0.1.0
 */
import type { Kind } from "../endpoint/address/Engine.ts"
import type { GenerationOptions, Issue, Name } from "../GenerationOptions.ts"
import type { Message } from "../Message.ts"
import type * as ChatCompletion from "../protocol/ChatCompletion.ts"
import type * as Completion from "../protocol/Completion.ts"
import type * as Generate from "../protocol/Generate.ts"

/**
 * The routes that generate: TGI's native one, the chat route, and the legacy completions route.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = "generate" | "chat" | "completion"

/**
 * The fields that an option adds to a body. `undefined` if the value means "off" and needs no field.
 *
 * @category models
 * @since 0.1.0
 */
export type Encode<V> = (value: V) => Readonly<Record<string, unknown>> | undefined

/**
 * What happens to an option on a route: sent under a field, as it is where there is no `encode`, silently ignored by
 * the engine, or refused by it. `neutral` values change nothing and need no support.
 *
 * @category models
 * @since 0.1.0
 */
export type Rule<V> =
  | { readonly _tag: "Sent"; readonly field: string; readonly encode: Encode<V> | undefined }
  | { readonly _tag: "Ignored" | "Refused"; readonly why: string; readonly neutral: (value: V) => boolean }

/**
 * A rule for every option.
 *
 * @category models
 * @since 0.1.0
 */
export type Rules = { readonly [N in Name]: Rule<NonNullable<GenerationOptions[N]>> }

/**
 * How to speak to one engine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dialect {
  readonly engine: Kind
  /** The route of a rendered prompt. */
  readonly raw: "generate" | "completion"
  readonly rules: { readonly [R in Route]?: Rules }
  /** Messages in the form of this engine's chat route. */
  readonly messages: (messages: ReadonlyArray<Message>) => ReadonlyArray<ChatCompletion.Message>
  /** A final change to a body, for options that depend on each other. */
  readonly finish?: ((body: Record<string, unknown>, request: GenerateRequest, route: Route) => void) | undefined
  /** Combinations that the engine refuses, so that they are not sent. */
  readonly conflicts?: ((request: GenerateRequest) => ReadonlyArray<Issue>) | undefined
  /** Whether a response with these options is better requested as a whole, unless the caller wants a stream. */
  readonly whole?: ((options: GenerationOptions) => boolean) | undefined
  /** Why nothing at all is streamed from this engine: every response is requested as a whole, and a stream has one chunk. */
  readonly unstreamed?: string | undefined
}

/**
 * One request model for all engines.
 *
 * @category models
 * @since 0.1.0
 */
export interface GenerateRequest {
  readonly input:
    | {
      readonly _tag: "Prompt"
      readonly text: string
      /** Whether it contains its special tokens, so that the engine must not add any. */
      readonly isComplete?: boolean
      /** The tags of its template's thoughts, if a budget needs them. */
      readonly tags?: { readonly open: string; readonly close: string; readonly alone: boolean } | undefined
    }
    | { readonly _tag: "Messages"; readonly messages: ReadonlyArray<Message> }
  /** The name under which the server knows the model. */
  readonly model: string
  readonly options: GenerationOptions
  /** Fields of a grammar, already in this engine's form. */
  readonly constraint?: Readonly<Record<string, unknown>> | undefined
  readonly stream: boolean
}

/**
 * A body for a route, and the options that this engine would ignore or refuse there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Encoded {
  readonly call: Call
  readonly unsupported: ReadonlyArray<Issue>
  /** What the engine would refuse, regardless of the caller's setting for dropped options. */
  readonly conflicts: ReadonlyArray<Issue>
}

/**
 * A body and the route that it was made for.
 *
 * @category models
 * @since 0.1.0
 */
export type Call =
  | { readonly route: "generate"; readonly body: Generate.Request }
  | { readonly route: "chat"; readonly body: ChatCompletion.Request }
  | { readonly route: "completion"; readonly body: Completion.Request }

/**
 * An option that is sent, as it is or converted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sent = <V>(field: string, encode?: Encode<V>): Rule<V> => ({ _tag: "Sent", field, encode })

/**
 * An option that is sent unless its value means "off".
 *
 * @category constructors
 * @since 0.1.0
 */
export const sentUnless = <V>(off: V, field: string): Rule<V> =>
  sent(field, (value) => value === off ? undefined : { [field]: value })

/**
 * An option that the engine silently drops.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ignored = <V>(why: string, ...neutral: ReadonlyArray<V>): Rule<V> => ({
  _tag: "Ignored",
  why,
  neutral: (value) => neutral.includes(value)
})

/**
 * An option that makes the engine refuse the request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refused = <V>(why: string, ...neutral: ReadonlyArray<V>): Rule<V> => ({
  _tag: "Refused",
  why,
  neutral: (value) => neutral.includes(value)
})

/**
 * The route that a request takes in a dialect.
 *
 * @category accessors
 * @since 0.1.0
 */
export const routeOf = (dialect: Dialect, input: GenerateRequest["input"]): Route =>
  input._tag === "Messages" ? "chat" : dialect.raw

/**
 * Request → body. Pure: what cannot be expressed is listed in `unsupported`, and the caller decides whether that is an
 * error.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (dialect: Dialect, request: GenerateRequest): Encoded => {
  const route = routeOf(dialect, request.input)
  const rules = dialect.rules[route]
  const fields: Record<string, unknown> = {}
  const unsupported: Array<Issue> = []
  if (rules !== undefined) {
    // in the order of the rules: if two options share a field, the later rule wins
    for (const name of namesOf(rules)) {
      const value = request.options[name]
      if (value === undefined) continue
      // the compiler cannot see that a defined value of option N is what the rule of N accepts
      const rule = rules[name] as Rule<unknown>
      if (rule._tag === "Sent") {
        if (rule.encode === undefined) fields[rule.field] = value
        else Object.assign(fields, rule.encode(value))
      } else if (!rule.neutral(value)) {
        const message = `${name} is ${rule._tag.toLowerCase()} by ${names[dialect.engine]} on ${
          paths[route]
        }: ${rule.why}`
        unsupported.push({ path: [name], message })
      }
    }
  }
  dialect.finish?.(fields, request, route)
  const conflicts = rules === undefined
    ? [{
      path: [],
      message: `${names[dialect.engine]} has no route for ${
        route === "chat" ? "messages" : "a rendered prompt: send messages, and give no tokenizerId or chatTemplate"
      }`
    }]
    : dialect.conflicts?.(request) ?? []
  return { call: assemble(dialect, request, fields), unsupported, conflicts }
}

/** The names in the order of the rules, made once. */
const ordered = new WeakMap<Rules, ReadonlyArray<Name>>()

const namesOf = (rules: Rules): ReadonlyArray<Name> => {
  const known = ordered.get(rules)
  if (known !== undefined) return known
  const made = Object.keys(rules).filter((name) => isName(rules, name))
  ordered.set(rules, made)
  return made
}

const isName = (rules: Rules, name: string): name is Name => Object.hasOwn(rules, name)

/**
 * The engines' names as people write them.
 *
 * @category constants
 * @since 0.1.0
 */
export const names: { readonly [K in Kind]: string } = {
  tgi: "TGI",
  vllm: "vLLM",
  sglang: "SGLang",
  llamacpp: "llama.cpp",
  "hf-serve": "hf-serve",
  transformers: "transformers serve",
  router: "the router",
  openai: "the OpenAI dialect"
}

/**
 * The routes' paths.
 *
 * @category constants
 * @since 0.1.0
 */
export const paths: { readonly [R in Route]: string } = {
  generate: "/generate",
  chat: "/v1/chat/completions",
  completion: "/v1/completions"
}

const assemble = (dialect: Dialect, request: GenerateRequest, fields: Readonly<Record<string, unknown>>): Call => {
  const { constraint, input, model, options: { extra }, stream } = request
  if (input._tag === "Prompt" && dialect.raw === "generate") {
    return {
      route: "generate",
      body: { inputs: input.text, parameters: { ...fields, details: true, ...constraint, ...extra } }
    }
  }
  const rest = { ...fields, ...constraint, ...(stream && { stream_options: { include_usage: true } }), ...extra }
  // the router may route from a prefix of the body, so the model comes first
  const named = model === "" ? {} : { model }
  return input._tag === "Messages"
    ? { route: "chat", body: { ...named, messages: dialect.messages(input.messages), ...rest } }
    : {
      route: "completion",
      body: {
        ...named,
        prompt: input.text,
        ...(input.isComplete === true && dialect.engine === "vllm" && { add_special_tokens: false }),
        ...rest
      }
    }
}
