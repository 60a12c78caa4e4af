/**
 * text-embeddings-inference: vectors of texts, and their ranks for a query.
 *
 * @since 0.1.0
 */
import * as Embeddings from "../model/Embeddings.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import * as Serde from "../wire/Serde.ts"

const fields = new Set(["inputs", "truncate", "normalize", "dimensions"])
const openAiFields = new Set(["input", "encoding_format", "dimensions"])
const maxBatch = 32

interface Request {
  readonly inputs: ReadonlyArray<string>
  readonly truncate: boolean
  readonly base64: boolean
  /** How many numbers of a vector to keep. */
  readonly dimensions?: number | undefined
}

const strings = Serde.array(Serde.string)

const inputs: Serde.Reader<ReadonlyArray<string>> = (node, path) =>
  node.kind === "string" ? [node.value] : strings(node, path)

const reader: Serde.Reader<Request> = (node, path) => {
  const self = Serde.struct(node, path, "struct EmbedRequest", fields)
  return {
    inputs: Serde.required(self, "inputs", inputs),
    truncate: Serde.optional(self, "truncate", Serde.boolean) ?? false,
    base64: false,
    dimensions: Serde.optional(self, "dimensions", Serde.usize)
  }
}

const openAiReader: Serde.Reader<Request> = (node, path) => {
  const self = Serde.struct(node, path, "struct OpenAICompatRequest", openAiFields)
  const format = Serde.optional(self, "encoding_format", Serde.string)
  return {
    inputs: Serde.required(self, "input", inputs),
    truncate: false,
    base64: format === "base64",
    dimensions: Serde.optional(self, "dimensions", Serde.usize)
  }
}

const failed = (status: number, message: string, type: string): Reply.Unary =>
  Reply.json(status, JSON.stringify({ error: message, error_type: type }))

const check = (turn: Turn, request: Request): Reply.Unary | undefined => {
  if (request.inputs.length === 0 || request.inputs.includes("")) {
    return failed(422, "`inputs` cannot be empty", "Validation")
  }
  if (request.inputs.length > maxBatch) {
    return failed(422, `batch size ${request.inputs.length} > maximum allowed batch size ${maxBatch}`, "Validation")
  }
  const limit = turn.settings.maxInputTokens
  const longest = Math.max(...request.inputs.map((text) => Tokenizer.count(text) + 1))
  if (request.truncate || longest <= limit) return undefined
  const message = `Input validation error: \`inputs\` must have less than ${limit} tokens. Given: ${longest}`
  return failed(413, message, "Validation")
}

type Answer = (turn: Turn, request: Request, vectors: ReadonlyArray<string>) => string

const post = (read: Serde.Reader<Request>, write: Answer) => (turn: Turn): Reply.Reply => {
  const body = Serde.read(turn.request.body, read)
  if (body._tag === "Refused") return Reply.text(body.status, body.text)
  const refused = check(turn, body.value)
  if (refused !== undefined) return refused
  const { dimensions, seed } = turn.settings
  const vectors = body.value.inputs.map((text) => {
    const vector = Embeddings.vector(text, body.value.dimensions ?? dimensions, seed)
    return body.value.base64 ? `"${Embeddings.base64(vector)}"` : Embeddings.json(vector)
  })
  return Reply.json(200, write(turn, body.value, vectors))
}

const rankFields = new Set(["query", "texts", "raw_scores", "return_text", "truncate", "truncation_direction"])

interface Ranking extends Request {
  readonly query: string
  readonly returnText: boolean
}

const rankReader: Serde.Reader<Ranking> = (node, path) => {
  const self = Serde.struct(node, path, "struct RerankRequest", rankFields)
  return {
    query: Serde.required(self, "query", Serde.string),
    inputs: Serde.required(self, "texts", strings),
    truncate: Serde.optional(self, "truncate", Serde.boolean) ?? false,
    returnText: Serde.optional(self, "return_text", Serde.boolean) ?? false,
    base64: false
  }
}

/** Texts by their similarity to the query, the most similar first. */
const rerank = (turn: Turn): Reply.Reply => {
  const body = Serde.read(turn.request.body, rankReader)
  if (body._tag === "Refused") return Reply.text(body.status, body.text)
  const { inputs: texts, query, returnText } = body.value
  if (texts.length === 0) return failed(422, "`texts` cannot be empty", "Validation")
  const refused = check(turn, body.value)
  if (refused !== undefined) return refused
  const { dimensions, seed } = turn.settings
  const asked = Embeddings.vector(query, dimensions, seed)
  const ranks = texts.map((text, index) => {
    const vector = Embeddings.vector(text, dimensions, seed)
    const product = vector.reduce((sum, value, at) => sum + value * (asked[at] ?? 0), 0)
    return { index, ...(returnText && { text }), score: (1 + product) / 2 }
  })
  return Reply.json(200, JSON.stringify(ranks.toSorted((left, right) => right.score - left.score)))
}

const predictFields = new Set(["inputs", "truncate", "truncation_direction", "raw_scores"])

const predictReader: Serde.Reader<Request & { readonly isOne: boolean }> = (node, path) => {
  const self = Serde.struct(node, path, "struct PredictRequest", predictFields)
  const texts = Serde.required(self, "inputs", inputs)
  return {
    inputs: texts,
    isOne: Serde.optional(self, "inputs", Serde.string) !== undefined,
    truncate: Serde.optional(self, "truncate", Serde.boolean) ?? false,
    base64: false
  }
}

/** Two classes for a text by its vector, the likelier first. */
const predict = (turn: Turn): Reply.Reply => {
  const body = Serde.read(turn.request.body, predictReader)
  if (body._tag === "Refused") return Reply.text(body.status, body.text)
  const refused = check(turn, body.value)
  if (refused !== undefined) return refused
  const classes = body.value.inputs.map((text) => {
    const [first = 0] = Embeddings.vector(text, 1 + turn.settings.dimensions, turn.settings.seed)
    const score = (1 + first) / 2
    return [{ score, label: "LABEL_1" }, { score: 1 - score, label: "LABEL_0" }].toSorted((a, b) => b.score - a.score)
  })
  return Reply.json(200, JSON.stringify(body.value.isOne ? classes[0] : classes))
}

const openAi: Answer = (turn, request, vectors) => {
  const data = vectors.map((vector, index) => `{"object":"embedding","embedding":${vector},"index":${index}}`)
  const tokens = request.inputs.reduce((total, text) => total + Tokenizer.count(text) + 1, 0)
  return `{"object":"list","data":[${data.join(",")}],"model":${JSON.stringify(turn.settings.modelId)},` +
    `"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`
}

const tokenized: Answer = (_turn, request) =>
  JSON.stringify(
    request.inputs.map((text) =>
      Tokenizer.encode(text, true).map((piece) => ({ ...piece, special: piece.text === "" }))
    )
  )

const info = ({ settings }: Turn): Reply.Reply =>
  Reply.json(
    200,
    JSON.stringify({
      model_id: settings.modelId,
      model_sha: null,
      model_dtype: "float32",
      model_type: { embedding: { pooling: "mean" } },
      max_concurrent_requests: settings.maxConcurrentRequests,
      max_input_length: settings.maxInputTokens,
      max_batch_tokens: settings.maxTotalTokens * 4,
      max_batch_requests: null,
      max_client_batch_size: maxBatch,
      auto_truncate: false,
      tokenization_workers: settings.validationWorkers,
      version: settings.version,
      sha: null,
      docker_label: "simulator"
    })
  )

const embed = post(reader, (_turn, _request, vectors) => `[${vectors.join(",")}]`)

const gets = new Map<string, (turn: Turn) => Reply.Reply>([
  ["/health", () => Reply.empty(200)],
  ["/ping", () => Reply.empty(200)],
  ["/info", info],
  [
    "/metrics",
    ({ counters }) => Reply.text(200, `# TYPE te_request_count counter\nte_request_count ${counters.requests}\n`)
  ]
])

const posts = new Map<string, (turn: Turn) => Reply.Reply>([
  ["/", embed],
  ["/embed", embed],
  ["/v1/embeddings", post(openAiReader, openAi)],
  ["/rerank", rerank],
  ["/predict", predict],
  ["/tokenize", post(reader, tokenized)]
])

/**
 * Responds to a request to text-embeddings-inference.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const { headers, method } = turn.request
  const path = turn.request.path.split("?", 1)[0] ?? ""
  const key = turn.settings.apiKey
  if (key !== undefined && path !== "/health" && headers["authorization"] !== `Bearer ${key}`) return Reply.empty(401)
  const handler = method === "POST" ? posts.get(path) : gets.get(path)
  if (handler !== undefined) return handler(turn)
  return Reply.empty(gets.has(path) || posts.has(path) ? 405 : 404)
}
