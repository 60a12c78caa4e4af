/**
 * The `effect/ai` provider: language models, tokenizers and embeddings on Hugging Face endpoints.
 *
 * @since 0.1.0
 */

/** Language models. @since 0.1.0 */
export * as HuggingFaceLanguageModel from "./HuggingFaceLanguageModel.ts"

/** Tokenizers. @since 0.1.0 */
export * as HuggingFaceTokenizer from "./HuggingFaceTokenizer.ts"

/** Embedding models. @since 0.1.0 */
export * as HuggingFaceEmbeddingModel from "./HuggingFaceEmbeddingModel.ts"

/** Decisions: classifications, ratings, probabilities. @since 0.2.0 */
export * as HuggingFaceDecisionModel from "./HuggingFaceDecisionModel.ts"

/** What prompts, responses and errors carry under the key `huggingface`. @since 0.1.0 */
export type * as HuggingFaceOptions from "./HuggingFaceOptions.ts"
