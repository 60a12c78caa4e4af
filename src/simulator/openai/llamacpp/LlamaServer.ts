/**
 * The routes of llama.cpp that describe the server, count tokens, tokenize or render.
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

/** The slots; one that was used shows what for. @category routes @since 0.2.0 */
export const slots = ({ busy, counters, settings }: Turn): Reply.Reply =>
  LlamaJson.ok(Array.from({ length: settings.slots }, (_, id) => ({
    id,
    n_ctx: settings.maxTotalTokens,
    speculative: false,
    is_processing: id < busy(),
    ...(id < counters.succeeded && {
      id_task: id,
      n_prompt_tokens: 0,
      n_prompt_tokens_processed: 0,
      n_prompt_tokens_cache: 0,
      params: LlamaJson.settings({}, [], false),
      next_token: [{ has_next_token: id < busy(), has_new_line: false, n_remain: -1, n_decoded: 0 }]
    })
  })))

const gauge = (name: string, help: string, type: string, value: number): string =>
  `# HELP llamacpp:${name} ${help}\n# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`

/** @category routes @since 0.2.0 */
export const metrics = ({ counters, running }: Turn): Reply.Reply =>
  Reply.unary(
    200,
    { ...LlamaJson.headers, "content-type": "text/plain; version=0.0.4" },
    [
      gauge("prompt_tokens_total", "Number of prompt tokens processed, excluding cached tokens", "counter", 0),
      gauge("prompt_tokens_cached_total", "Number of prompt tokens reused from the cache", "counter", 0),
      gauge("prompt_seconds_total", "Total time spent processing prompts", "counter", 0),
      gauge("tokens_predicted_total", "Number of generation tokens processed", "counter", counters.tokens),
      gauge("tokens_predicted_seconds_total", "Total time spent generating tokens", "counter", 0),
      gauge(
        "n_decode_total",
        "Total number of llama_decode() calls, excluding speculative decoding and multimodal decoding",
        "counter",
        counters.tokens
      ),
      gauge("n_tokens_max", "Largest observed sequence length (prompt + generation)", "counter", 0),
      gauge("spec_decode_num_draft_tokens_total", "Speculative: Total draft tokens generated", "counter", 0),
      gauge(
        "spec_decode_num_accepted_tokens_total",
        "Speculative: Total draft tokens accepted by the target model",
        "counter",
        0
      ),
      gauge("spec_decode_num_drafts_total", "Speculative: Total speculative decoding verification steps", "counter", 0),
      gauge("prompt_tokens_seconds", "Average prompt throughput in tokens/s", "gauge", 0),
      gauge("predicted_tokens_seconds", "Average generation throughput in tokens/s", "gauge", 0),
      gauge("requests_processing", "Number of requests processing", "gauge", running()),
      gauge("requests_deferred", "Number of requests deferred", "gauge", 0),
      gauge("n_busy_slots_per_decode", "Average number of busy slots per llama_decode() call", "gauge", 0)
    ].join("")
  )

type Piece = { readonly id: number; readonly piece: string }

const piecesOf = (content: unknown, special: boolean): ReadonlyArray<Piece> => {
  if (typeof content === "string") {
    return Tokenizer.encode(content, special).map(({ id, text }) => ({ id, piece: text }))
  }
  const id = idOf(content)
  return [{ id, piece: Tokenizer.known(id) }]
}

/** A number, or a flag read as one; anything else is refused. */
const idOf = (token: unknown): number =>
  typeof token === "number" || typeof token === "boolean"
    ? Math.trunc(Number(token))
    : broken(typeError("number", token))

/** @category routes @since 0.2.0 */
export const tokenize = (_turn: Turn, body: Body): Reply.Reply => {
  const { content } = body
  const pieces = content === undefined
    ? []
    : Array.isArray(content)
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
  const ids = tokens.map(idOf)
  const none = ids.find((id) => id < 0 || id >= Tokenizer.vocabulary)
  return none === undefined
    ? LlamaJson.ok({ content: ids.map(Tokenizer.known).join("") })
    : broken(
      `vector::_M_range_check: __n (which is ${BigInt.asUintN(64, BigInt(none))}) >= this->size() ` +
        `(which is ${Tokenizer.vocabulary})`
    )
}

/** @category routes @since 0.2.0 */
export const adapters = ({ request }: Turn): Reply.Reply =>
  Array.isArray(request.json)
    ? LlamaJson.ok({ success: true })
    : LlamaJson.failed(400, "Request body must be an array")

const without = (what: string, flag: string): Reply.Unary =>
  LlamaJson.failed(501, `This server does not support ${what}. Start it with \`${flag}\``)

/** Refusals of what the server was not started for. @category routes @since 0.2.0 */
export const refusals = {
  metrics: without("metrics endpoint", "--metrics"),
  reranking: without("reranking", "--reranking"),
  embeddings: without("embeddings", "--embeddings"),
  properties: without("changing global properties", "--props"),
  slots: without("slots action", "--slot-save-path"),
  audio: LlamaJson.failed(501, "The current model does not support audio input."),
  conversation: LlamaJson.failed(400, "Missing conversation id in path"),
  disabled: LlamaJson.text(403, "{\"error\":{\"message\":\"this feature is disabled\",\"type\":\"feature_disabled\"}}"),
  infill: LlamaJson.failed(
    501,
    "Infill is not supported by this model: prefix token is missing. suffix token is missing. middle token is missing. "
  )
}

/**
 * Embeddings, if the server was started for them; a requested number of dimensions is ignored.
 *
 * @category routes
 * @since 0.2.0
 */
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
