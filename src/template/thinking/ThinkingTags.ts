/**
 * The tags with which model families delimit their thoughts, and which of them a chat template uses.
 *
 * @since 0.2.0
 */

/**
 * The tags of one family of models.
 *
 * @category models
 * @since 0.2.0
 */
export interface Family {
  readonly open: string
  readonly close: string
  /** Whether the closing tag alone means that the text before it was thinking: not if other models end a turn with it. */
  readonly alone: boolean
}

const family = (open: string, close: string, alone = true): Family => ({ open, close, alone })

/**
 * The tags as the templates of these models write them.
 *
 * @category constants
 * @since 0.2.0
 */
export const families: ReadonlyArray<Family> = [
  // Qwen, DeepSeek, GLM, Hunyuan, ERNIE and most others
  family("<think>", "</think>"),
  // Magistral
  family("[THINK]", "[/THINK]"),
  // Seed-OSS
  family("<seed:think>", "</seed:think>"),
  // MiniMax M3
  family("<mm:think>", "</mm:think>"),
  // Command A Reasoning
  family("<|START_THINKING|>", "<|END_THINKING|>"),
  // gpt-oss
  family("<|channel|>analysis<|message|>", "<|end|>", false),
  // Gemma 4
  family("<|channel>thought", "<channel|>", false),
  // Kimi
  family("◁think▷", "◁/think▷"),
  // Apertus
  family("<|inner_prefix|>", "<|inner_suffix|>"),
  // EXAONE, and instruction-tuned models that were told to use it
  family("<thought>", "</thought>"),
  family("<thinking>", "</thinking>"),
  family("<reasoning>", "</reasoning>")
]

/** Models whose own templates open the thought in every prompt, whatever the variables. */
const thinkers: ReadonlyArray<RegExp> = [
  // DeepSeek R1, its second version, and what was distilled from it
  /\bdeepseek-r1\b/i,
  /\bqwq-32b\b/i,
  // the models of Qwen that only think
  /\bqwen3\b.*-thinking\b/i
]

/**
 * The family of a model whose template opens the thought in every prompt, by the model's name; `undefined` if that
 * depends on the template's variables, or is not known.
 *
 * @category accessors
 * @since 0.2.0
 */
export const opensAlways = (model: string): Family | undefined =>
  thinkers.some((pattern) => pattern.test(model)) ? families[0] : undefined

/**
 * The tags in a template's own text; `undefined` if there are none. If it has those of several families, pairs of which
 * it writes both tags come first, then those that it opens.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = (source: string): Family | undefined =>
  families.find(({ close, open }) => source.includes(open) && source.includes(close)) ??
    families.find(({ open }) => source.includes(open)) ??
    families.find(({ alone, close }) => alone && source.includes(close))
