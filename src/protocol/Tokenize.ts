/**
 * `POST /tokenize` and `POST /chat_tokenize` of TGI.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A token of the input. `start` and `stop` are offsets in UTF-8 bytes; a special token that was added has empty text and
 * both at 0, and a server with a slow tokenizer says that of every token.
 *
 * @category models
 * @since 0.1.0
 */
export const SimpleToken = Schema.Struct({
  id: Schema.Number,
  text: Schema.String,
  start: Schema.Number,
  stop: Schema.Number
})

/**
 * @category models
 * @since 0.1.0
 */
export type SimpleToken = typeof SimpleToken.Type

/**
 * The response of `/tokenize`. Special tokens are included.
 *
 * @category models
 * @since 0.1.0
 */
export const Tokens = Schema.Array(SimpleToken)

/**
 * The response of `/chat_tokenize`: the rendered prompt and its tokens, without added special tokens.
 *
 * @category models
 * @since 0.1.0
 */
export const ChatTokens = Schema.Struct({ tokenize_response: Tokens, templated_text: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type ChatTokens = typeof ChatTokens.Type

/**
 * The response of `/tokenize` of vLLM, SGLang and llama.cpp.
 *
 * @category models
 * @since 0.1.0
 */
export const TokenIds = Schema.Struct({ tokens: Schema.mutable(Schema.Array(Schema.Finite)) })

/**
 * The response of llama.cpp's `/apply-template`: messages as the server renders them.
 *
 * @category models
 * @since 0.1.0
 */
export const Applied = Schema.Struct({ prompt: Schema.String })
