/**
 * `Tokenizer` of `effect/ai` by the server's own tokenizer: TGI, vLLM, SGLang and llama.cpp have a route for it.
 *
 * @since 0.1.0
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tokenizer from "effect/ai/Tokenizer"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Dialect from "../dialect/Dialect.ts"
import * as Dialects from "../dialect/Dialects.ts"
import * as Endpoint from "../endpoint/Endpoint.ts"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import { InferenceError, InvalidRequest } from "../InferenceError.ts"
import * as Message from "../Message.ts"
import type * as TargetClients from "../pipeline/TargetClients.ts"
import * as Tokenize from "../protocol/Tokenize.ts"
import type { TgiClient } from "../transport/TgiClient.ts"
import * as AiFailure from "./AiFailure.ts"
import * as EndpointRoutes from "./EndpointRoutes.ts"
import * as ModelRequest from "./ModelRequest.ts"
import * as PromptMessages from "./PromptMessages.ts"

/**
 * The options of a tokenizer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * What is counted. `text` (default): the texts of the messages, one line each, and the special tokens that the
   * tokenizer adds: it works on any part of a conversation, and leaves out what the chat template adds to every
   * message. `chat`: the prompt as the server renders it, exact to the token; templates that require alternating roles
   * refuse other parts of a conversation, and `truncate` then fails too.
   */
  readonly render?: "text" | "chat" | undefined
  /** Limits, retries and the user agent of the transport. */
  readonly client?: TargetClients.Options | undefined
}

const PLACE = { module: "HuggingFaceTokenizer", method: "tokenize" }

/**
 * Makes the tokenizer over an `Endpoint`. Images are not counted. Fails on engines that have no route for it: the router,
 * and servers that were not recognised.
 *
 * `truncate` sends one request per message that it keeps.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const use = yield* EndpointRoutes.make(options.client)
  return Tokenizer.make({
    tokenize: Effect.fnUntraced(function*(prompt: Prompt.Prompt) {
      const messages = yield* ModelRequest.fromResult(PromptMessages.make(prompt), PLACE)
      if (messages.length === 0) return []
      return yield* use((client, target) =>
        options.render === "chat" ? chat(client, target, messages) : text(client, target, messages)
      ).pipe(Effect.mapError((error) => AiFailure.fromError(error, PLACE)))
    })
  })
})

type Ids = Effect.Effect<Array<number>, InferenceError>
type Client = TgiClient["Service"]
type Messages = ReadonlyArray<Message.Message>

const ids = (client: Client, body: Readonly<Record<string, unknown>>): Ids =>
  Effect.map(client.json(Tokenize.TokenIds, "/tokenize", body), ({ value }) => value.tokens)

const text = (client: Client, { engine, modelName }: Endpoint.Target, messages: Messages): Ids => {
  const prompt = messages.map(Message.text).join("\n")
  switch (engine.kind) {
    case "tgi":
      return Effect.map(client.tokenize(prompt), (tokens) => tokens.map(({ id }) => id))
    case "vllm":
    case "sglang":
      return ids(client, { model: modelName, prompt })
    case "llamacpp":
      return ids(client, llamaCpp(prompt))
    default:
      return none(engine.kind)
  }
}

const chat = (client: Client, { engine, modelName }: Endpoint.Target, said: Messages): Ids => {
  const messages = Dialects.all[engine.kind].messages(said)
  switch (engine.kind) {
    case "tgi":
      return Effect.map(
        client.chatTokenize({ messages }),
        ({ tokenize_response }) => tokenize_response.map(({ id }) => id)
      )
    case "vllm":
    case "sglang":
      return ids(client, { model: modelName, messages })
    case "llamacpp":
      return Effect.flatMap(
        client.json(Tokenize.Applied, "/apply-template", { messages }),
        ({ value }) => ids(client, llamaCpp(value.prompt))
      )
    default:
      return none(engine.kind)
  }
}

/** As llama.cpp itself reads a prompt: special tokens are added, and recognised in the text. */
const llamaCpp = (content: string) => ({ content, add_special: true, parse_special: true })

const none = (kind: keyof typeof Dialect.names): Ids => {
  const message = `${Dialect.names[kind]} has no route that tokenizes; set engine if the server was not recognised`
  return Effect.fail(
    new InferenceError({
      method: "POST /tokenize",
      reason: new InvalidRequest({ issues: [{ path: ["engine"], message }] }),
      attempts: 0
    })
  )
}

/**
 * The tokenizer over an existing `Endpoint`, such as that of `InferenceEndpointsLLM`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Options = {}
): Layer.Layer<Tokenizer.Tokenizer, never, Endpoint.Endpoint | HttpClient.HttpClient> =>
  Layer.effect(Tokenizer.Tokenizer, make(options))

/**
 * The tokenizer of the endpoint that the options name.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends Options & EndpointConfig.Options>(
  options: O & EndpointConfig.OneTarget<O, Options & EndpointConfig.Options>
): Layer.Layer<Tokenizer.Tokenizer, EndpointError, HttpClient.HttpClient> =>
  layerWith(options).pipe(Layer.provide(Endpoint.layer<EndpointConfig.Options>(options)))
