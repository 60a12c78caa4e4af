/**
 * The routes of llama.cpp that describe the server, count, cut into tokens or render.
 *
 * @since 0.2.0
 */
import * as Embeddings from "../../model/Embeddings.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Reply from "../../wire/Reply.ts"
import { type Body, broken, isBody, typeError } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"

/** @category routes @since 0.2.0 */
export const health = (): Reply.Reply => LlamaJson.ok({ status: "ok" })

/** @category routes @since 0.2.0 */
export const models = ({ now, settings }: Turn): Reply.Reply => {
  const { maxTotalTokens, modelId } = settings
  return LlamaJson.ok({
    models: [{
      name: modelId,
      model: modelId,
      modified_at: "",
      size: "",
      digest: "",
      type: "model",
      description: "",
      tags: [""],
      capabilities: ["completion"],
      parameters: "",
      details: {
        parent_model: "",
        format: "gguf",
        family: "",
        families: [""],
        parameter_size: "",
        quantization_level: ""
      }
    }],
    object: "list",
    data: [{
      id: modelId,
      aliases: [modelId],
      tags: [],
      object: "model",
      created: Math.trunc(now / 1000),
      owned_by: "llamacpp",
      meta: {
        vocab_type: 2,
        n_vocab: 32_000,
        n_ctx: maxTotalTokens,
        n_ctx_train: maxTotalTokens,
        n_embd: 64,
        n_params: 0,
        size: 0,
        ftype: "simulated"
      }
    }]
  })
}

/** @category routes @since 0.2.0 */
export const props = ({ settings }: Turn): Reply.Reply =>
  LlamaJson.ok({
    default_generation_settings: { params: LlamaJson.settings({}, [], false), n_ctx: settings.maxTotalTokens },
    total_slots: settings.slots,
    model_alias: settings.modelId,
    model_ftype: "simulated",
    model_path: settings.modelId,
    modalities: { vision: false, video: false, audio: false },
    media_marker: "<__media__>",
    endpoint_slots: true,
    endpoint_props: false,
    endpoint_metrics: false,
    ui: true,
    ui_settings: {},
    chat_template: "(the simulator renders ChatML)",
    chat_template_caps: {
      supports_object_arguments: false,
      supports_parallel_tool_calls: false,
      supports_preserve_reasoning: false,
      supports_reasoning_effort: false,
      supports_string_content: true,
      supports_system_role: true,
      supports_tool_calls: true,
      supports_tools: true,
      supports_typed_content: false
    },
    bos_token: Tokenizer.bos.text,
    eos_token: Tokenizer.eos.text,
    build_info: settings.version,
    is_sleeping: false,
    cors_proxy_enabled: false
  })

/** @category routes @since 0.2.0 */
export const slots = ({ busy, settings }: Turn): Reply.Reply =>
  LlamaJson.ok(Array.from({ length: settings.slots }, (_, id) => ({
    id,
    n_ctx: settings.maxTotalTokens,
    speculative: false,
    is_processing: id < busy()
  })))

const gauge = (name: string, type: string, value: number): string =>
  `# HELP llamacpp:${name} ${name}\n# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`

/** @category routes @since 0.2.0 */
export const metrics = ({ counters, running }: Turn): Reply.Reply =>
  Reply.unary(
    200,
    { ...LlamaJson.headers, "content-type": "text/plain; version=0.0.4" },
    [
      gauge("prompt_tokens_total", "counter", 0),
      gauge("tokens_predicted_total", "counter", counters.tokens),
      gauge("n_decode_total", "counter", counters.tokens),
      gauge("requests_processing", "gauge", running()),
      gauge("requests_deferred", "gauge", 0)
    ].join("")
  )

type Piece = { readonly id: number; readonly piece: string }

const piecesOf = (content: unknown, special: boolean): ReadonlyArray<Piece> => {
  if (typeof content === "string") {
    return Tokenizer.encode(content, special).map(({ id, text }) => ({ id, piece: text }))
  }
  if (typeof content === "number") return [{ id: content, piece: Tokenizer.known(content) }]
  return broken(typeError("string", content))
}

/** @category routes @since 0.2.0 */
export const tokenize = (_turn: Turn, body: Body): Reply.Reply => {
  const { content } = body
  const mixed = Array.isArray(content) && content.some((item) => typeof item === "number")
  const pieces = content === undefined
    ? []
    : mixed
    ? content.flatMap((item: unknown) => piecesOf(item, false))
    : typeof content === "string"
    ? piecesOf(content, body["add_special"] === true)
    : broken(typeError("string", content))
  return LlamaJson.ok({ tokens: body["with_pieces"] === true ? pieces : pieces.map(({ id }) => id) })
}

/** @category routes @since 0.2.0 */
export const detokenize = (_turn: Turn, body: Body): Reply.Reply => {
  const { tokens } = body
  if (tokens === undefined) return LlamaJson.ok({ content: "" })
  if (!Array.isArray(tokens)) return broken(typeError("array", tokens))
  return LlamaJson.ok({
    content: tokens.map((token: unknown) => typeof token === "number" ? Tokenizer.known(token) : "").join("")
  })
}

const without = (what: string, flag: string): Reply.Unary =>
  LlamaJson.failed(501, `This server does not support ${what}. Start it with \`${flag}\``)

/** Refusals of what the server was not started for. @category routes @since 0.2.0 */
export const refusals = {
  metrics: without("metrics endpoint", "--metrics"),
  reranking: without("reranking", "--reranking"),
  embeddings: without("embeddings", "--embeddings"),
  properties: without("changing global properties", "--props"),
  slots: without("slots action", "--slot-save-path"),
  infill: LlamaJson.failed(
    501,
    "Infill is not supported by this model: prefix token is missing. suffix token is missing. middle token is missing. "
  )
}

/** Embeddings, where the server was started for them; a wanted number of dimensions is ignored. @category routes @since 0.2.0 */
export const embeddings = ({ settings }: Turn, body: Body): Reply.Reply => {
  const given = body["input"] ?? body["content"]
  if (given === undefined) return LlamaJson.failed(400, "\"input\" or \"content\" must be provided")
  const inputs: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  if (inputs.length === 0 || inputs.some((input) => typeof input !== "string" && !Array.isArray(input))) {
    return LlamaJson.failed(
      400,
      "\"prompt\" elements must be a string, a list of tokens, a JSON object containing a prompt string, or a list of " +
        "mixed strings & tokens."
    )
  }
  const texts = inputs.map((input) => typeof input === "string" ? input : JSON.stringify(input))
  const tokens = texts.reduce((total, text) => total + Tokenizer.count(text), 0)
  const base64 = body["encoding_format"] === "base64"
  return LlamaJson.ok({
    model: isBody(body) && typeof body["model"] === "string" ? body["model"] : settings.modelId,
    object: "list",
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    data: texts.map((text, index) => {
      const vector = Embeddings.vector(text, settings.dimensions, settings.seed)
      return {
        embedding: base64 ? Embeddings.base64(vector) : vector,
        index,
        object: "embedding",
        ...(base64 && { encoding_format: "base64" })
      }
    })
  })
}
