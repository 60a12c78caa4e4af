/**
 * Embeddings, classes and ranks of SGLang, which a server that was started to generate refuses.
 *
 * @since 0.2.0
 */
import * as Embeddings from "../../model/Embeddings.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body
type Answered = Reply.Reply | SglangRefusal.Refused

const notEmbedding = SglangRefusal.refused(
  "This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching the " +
    "server or try another model."
)

const isWord = (text: unknown): boolean => typeof text !== "string" || text.trim() !== ""

/** What is wrong with the texts to embed. */
const embeddable = (body: Pydantic.Body): SglangRefusal.Refused | undefined => {
  const problems: Array<Pydantic.Problem> = []
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, reader, ["body"], problems)
  const input = Pydantic.required(body, "input", embeddingInput, ["body"], problems)
  maybe("model", Pydantic.text)
  maybe("encoding_format", Pydantic.text)
  maybe("dimensions", Pydantic.nullable(Pydantic.integer))
  maybe("user", Pydantic.nullable(Pydantic.text))
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const format = body["encoding_format"] ?? "float"
  if (format !== "float" && format !== "base64") {
    return SglangRefusal.refused(`encoding_format must be either 'float' or 'base64', got ${Pydantic.repr(format)}`)
  }
  if (input === "" || (Array.isArray(input) && input.length === 0)) {
    return SglangRefusal.refused("Input cannot be empty")
  }
  if (!isWord(input)) return SglangRefusal.refused("Input cannot be empty or whitespace only")
  const blank = Array.isArray(input) ? input.findIndex((text) => !isWord(text)) : -1
  return blank === -1
    ? undefined
    : SglangRefusal.refused(`Input at index ${blank} cannot be empty or whitespace only`)
}

const embeddingInput = Pydantic.union<unknown>(
  ["list[int]", Pydantic.list(Pydantic.integer)],
  ["list[list[int]]", Pydantic.list(Pydantic.list(Pydantic.integer))],
  ["str", Pydantic.text],
  ["list[str]", Pydantic.list(Pydantic.text)],
  ["list[MultimodalEmbeddingInput]", Pydantic.list(Pydantic.record)]
)

/** `POST /v1/classify`. @category answering @since 0.2.0 */
export const classify = (_turn: Turn, body: Body): Answered => embeddable(body) ?? notEmbedding

const nativeText = Pydantic.union<unknown>(
  ["list[list[str]]", Pydantic.list(Pydantic.list(Pydantic.text))],
  ["list[str]", Pydantic.list(Pydantic.text)],
  ["str", Pydantic.text]
)

const inputs = ["text", "input_ids", "image_data", "video_data", "audio_data"]

/** `POST /encode` and `POST /classify`, the server's own routes. @category answering @since 0.2.0 */
export const encode = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  Pydantic.optional(body, "text", Pydantic.nullable(nativeText), ["body"], problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const { dimensions, embeddings: started, seed } = turn.settings
  if (inputs.every((name) => body[name] == null)) {
    return failed("At least one of text, input_ids, image, video, or audio should be provided")
  }
  if (!started) return failed(notEmbedding.message)
  const given = body["text"] ?? ""
  const all = (Array.isArray(given) ? given : [given]).map((text) => ({
    embedding: Embeddings.vector(String(text), dimensions, seed),
    meta_info: { prompt_tokens: Tokenizer.count(String(text)) + 1 }
  }))
  return SglangJson.ok(Array.isArray(given) ? all : all[0])
}

const failed = (message: string): Reply.Unary =>
  Reply.json(400, JSON.stringify({ error: { message } }), SglangJson.headers)

/** `POST /v1/rerank`. @category answering @since 0.2.0 */
export const rerank = (_turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const query = Pydantic.required(body, "query", Pydantic.anything, ["body"], problems)
  const documents = Pydantic.required(body, "documents", Pydantic.list(Pydantic.anything), ["body"], problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  if (query === "") return SglangRefusal.refused("Query cannot be empty")
  if (!isWord(query)) return SglangRefusal.refused("Query cannot be empty or whitespace only")
  if (documents?.length === 0) return SglangRefusal.refused("Documents cannot be empty")
  if (documents?.includes("") === true) return SglangRefusal.refused("Each document must be a non-empty string")
  if (documents?.every(isWord) === false) {
    return SglangRefusal.refused("Each document cannot be empty or whitespace only")
  }
  return notEmbedding
}

/** `POST /v1/embeddings`. @category answering @since 0.2.0 */
export const embeddings = (turn: Turn, body: Body): Answered => {
  const { dimensions, embeddings: started, modelId, seed } = turn.settings
  const wrong = embeddable(body)
  if (wrong !== undefined) return wrong
  if (!started) return notEmbedding
  const input: ReadonlyArray<unknown> = Array.isArray(body["input"]) ? body["input"] : [body["input"]]
  const texts = input.map(String)
  const size = typeof body["dimensions"] === "number" ? body["dimensions"] : dimensions
  const base64 = body["encoding_format"] === "base64"
  const tokens = texts.reduce((total, text) => total + Tokenizer.count(text) + 1, 0)
  return SglangJson.ok({
    data: texts.map((text, index) => {
      const vector = Embeddings.vector(text, size, seed)
      return { embedding: base64 ? Embeddings.base64(vector) : vector, index, object: "embedding" }
    }),
    model: typeof body["model"] === "string" ? body["model"] : modelId,
    object: "list",
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  })
}

/** How the server embeds, as its description says. @category answering @since 0.2.0 */
export const plan = ({ embeddings: enabled }: Turn["settings"]): object => ({
  family: "none",
  task: "none",
  execution: "none",
  attention: "none",
  pooling: "model_defined",
  normalize: false,
  postprocessor: "none",
  tokenizer_special_tokens: "model_default",
  supports_dimensions: false,
  supports_token_embeddings: false,
  supports_multimodal: false,
  requires_embedding_flag: false,
  auto_enable_embedding: false,
  bcg_eligibility: "disabled",
  safe_disable_kv_cache: false,
  safe_disable_radix_cache: false,
  safe_disable_chunked_prefill: false,
  enabled,
  matryoshka_dimensions: [],
  bcg: { prefill_backend: "disabled", enabled: false, capture_token_budget: 4096, capture_batch_sizes: [4, 8, 16] },
  cache: { kv_cache_disabled: false, radix_cache_disabled: false, chunked_prefill_disabled: false }
})
