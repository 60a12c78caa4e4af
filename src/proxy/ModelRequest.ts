/**
 * The bodies of the three routes → calls to the service.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as EmbeddingRoutes from "../ai/EmbeddingRoutes.ts"
import * as Message from "../Message.ts"
import * as Fields from "./Fields.ts"
import { invalid, type Refusal } from "./Refusal.ts"

/**
 * A request to generate: for each prompt, as many choices as the options say.
 *
 * @category models
 * @since 0.2.0
 */
export interface Generating extends Fields.Read {
  readonly route: "chat" | "completion"
  readonly inputs: ReadonlyArray<Message.Input>
}

/**
 * A request to embed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Embedding {
  readonly texts: ReadonlyArray<string>
  readonly options: EmbeddingRoutes.Options
  readonly base64: boolean
}

/** What other vendors' clients keep in a history but no template reads. */
const foreign = new Set(["annotations", "audio", "reasoning_details", "refusal"])

const isRecord = (value: unknown): value is Fields.Body => typeof value === "object" && value !== null

/** A message without nulls, which only have a meaning as content, and without other vendors' fields. */
const kept = (message: unknown): unknown =>
  isRecord(message)
    ? Object.fromEntries(
      Object.entries(message).filter(([key, value]) => !foreign.has(key) && (value !== null || key === "content"))
    )
    : message

const decode = Schema.decodeUnknownResult(Schema.NonEmptyArray(Message.Message))
const format = SchemaIssue.makeFormatterStandardSchemaV1()

const messages = (given: unknown): Result.Result<ReadonlyArray<Message.Message>, Refusal> =>
  Result.mapError(decode(Array.isArray(given) ? given.map(kept) : given), ({ issue }) => {
    const [first] = format(issue).issues
    const path = ["messages", ...(first?.path ?? []).map((key) => String(typeof key === "object" ? key.key : key))]
      .join(".")
    return invalid(path, `${path} cannot be translated: ${first?.message ?? "it is not a list of messages"}`)
  })

/**
 * `POST /v1/chat/completions`
 *
 * @category decoding
 * @since 0.2.0
 */
export const chat = (body: Fields.Body): Result.Result<Generating, Refusal> =>
  Result.gen(function*() {
    const input = yield* messages(body["messages"])
    return { route: "chat" as const, inputs: [input], ...(yield* Fields.read(body)) }
  })

/**
 * `POST /v1/completions`
 *
 * @category decoding
 * @since 0.2.0
 */
export const completion = (body: Fields.Body): Result.Result<Generating, Refusal> =>
  Result.gen(function*() {
    const { prompt } = body
    const prompts: ReadonlyArray<unknown> = Array.isArray(prompt) ? prompt : [prompt]
    if (prompts.length === 0 || !prompts.every((one) => typeof one === "string")) {
      return yield* Result.fail(
        invalid("prompt", "prompt must be a string or a list of strings: token ids cannot be translated")
      )
    }
    return {
      route: "completion" as const,
      inputs: prompts.map((raw) => ({ raw })),
      ...(yield* Fields.read(body))
    }
  })

/**
 * `POST /v1/embeddings`
 *
 * @category decoding
 * @since 0.2.0
 */
export const embedding = (body: Fields.Body): Result.Result<Embedding, Refusal> => {
  const { dimensions, encoding_format: encoding, input, model: _model, user: _user, ...extra } = body
  const texts: ReadonlyArray<unknown> = Array.isArray(input) ? input : [input]
  if (texts.length === 0 || !texts.every((text) => typeof text === "string")) {
    return Result.fail(invalid("input", "input must be a string or a list of strings: token ids cannot be translated"))
  }
  if (dimensions !== undefined && dimensions !== null && typeof dimensions !== "number") {
    return Result.fail(invalid("dimensions", "dimensions must be a number"))
  }
  if (encoding !== undefined && encoding !== null && encoding !== "float" && encoding !== "base64") {
    return Result.fail(invalid("encoding_format", `encoding_format must be "float" or "base64"`))
  }
  return Result.succeed({
    texts,
    base64: encoding === "base64",
    options: { ...(typeof dimensions === "number" && { dimensions }), extra }
  })
}
