/**
 * Magpie: an aligned model that is given nothing but the beginning of a user's turn writes that turn itself, and so
 * generates instructions from nothing.
 *
 * Zhangchen Xu, Fengqing Jiang, Luyao Niu, Yuntian Deng, Radha Poovendran, Yejin Choi, Bill Yuchen Lin (2024): "Magpie:
 * Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing", arXiv:2406.08464.
 *
 * The rule for adding the pre-query template, its aliases and its validation are those of distilabel 1.5.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"

/**
 * Pre-query templates by the name of the model family: the text before a user's words.
 *
 * @category constants
 * @since 0.1.0
 */
export const aliases = {
  llama3: "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
  qwen2: "<|im_start|>user\n"
} as const

/**
 * @category models
 * @since 0.1.0
 */
export interface Config {
  readonly useMagpieTemplate?: boolean | undefined
  /** `llama3`, `qwen2`, or the text itself; any other name is a text too. */
  readonly magpiePreQueryTemplate?: string | undefined
  /** Where the chat template comes from: without it nothing renders the messages before the pre-query template. */
  readonly tokenizerId?: string | undefined
}

/**
 * What is wrong with a configuration, and at which of its fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Issue {
  readonly field: "magpiePreQueryTemplate" | "tokenizerId"
  readonly message: string
}

/**
 * An alias → its text; anything else is the text itself, including an empty one.
 *
 * @example
 * ```ts
 * import { InferenceEndpointsLLM } from "effect-inference-endpoints"
 *
 * // the model writes both sides of a conversation
 * const Model = InferenceEndpointsLLM.layer({
 *   modelId: "Qwen/Qwen3-8B",
 *   useMagpieTemplate: true,
 *   magpiePreQueryTemplate: "qwen2"
 * })
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const preQueryTemplate = (nameOrText: string): string =>
  nameOrText === "llama3" || nameOrText === "qwen2" ? aliases[nameOrText] : nameOrText

/**
 * The pre-query text of a configuration; `undefined` when Magpie is off. Fails when it is on without a pre-query template,
 * or without a tokenizer whose chat template could render messages. A pre-query template alone is fine and unused.
 *
 * @category conversions
 * @since 0.1.0
 */
export const validate = (config: Config): Result.Result<string | undefined, Issue> => {
  if (config.useMagpieTemplate !== true) return Result.succeed(undefined)
  if (config.magpiePreQueryTemplate === undefined) {
    return Result.fail({
      field: "magpiePreQueryTemplate",
      message:
        "useMagpieTemplate needs magpiePreQueryTemplate: \"llama3\", \"qwen2\", or the text before a user's words"
    })
  }
  if (config.tokenizerId === undefined) {
    return Result.fail({
      field: "tokenizerId",
      message: "useMagpieTemplate needs tokenizerId: the repository whose chat template renders the messages"
    })
  }
  return Result.succeed(preQueryTemplate(config.magpiePreQueryTemplate))
}

/**
 * The prompt for Magpie. `prompt` is the rendered conversation with its generation prompt, `""` for no messages.
 *
 * After a final user message, the prompt stays as it is and the model responds. Otherwise the pre-query text follows
 * the assistant's header of the generation prompt, as in the original.
 *
 * @category conversions
 * @since 0.1.0
 */
export const apply = (
  { messages, preQuery, prompt }: {
    readonly prompt: string
    readonly messages: ReadonlyArray<{ readonly role: string }>
    /** The result of `validate`. */
    readonly preQuery: string | undefined
  }
): string => preQuery === undefined || messages.at(-1)?.role === "user" ? prompt : prompt + preQuery
