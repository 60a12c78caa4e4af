/**
 * The columns of a row that make up a request, as programs with and without Effect name them.
 *
 * @since 0.2.0
 */

/**
 * Where the parts of a request are in a row.
 *
 * @category models
 * @since 0.1.0
 */
export interface Columns {
  /** A string or an integer, distinct in the whole input. Default: `id`, or the row's index if that is absent. */
  readonly id?: string | undefined
  /** A conversation. Default: `messages`. */
  readonly messages?: string | undefined
  /** Text to send as one user message. Default: `prompt`, if there are no messages. */
  readonly prompt?: string | undefined
  /**
   * A Jinja template over the row's columns that makes the text; it wins over columns. A column that it names but the
   * row does not have fails the row, unless the template itself tests for it or gives it a default.
   */
  readonly template?: string | undefined
  /** Text that becomes a system message before the prompt or the conversation. */
  readonly system?: string | undefined
  /** Tools of the row, in OpenAI's form. Default: `tools`, if there are `messages`. */
  readonly tools?: string | undefined
  /** Text that other texts are scored against; a row that has it requests scores for `texts`. Default: none. */
  readonly query?: string | undefined
  /** The texts to score: one, or a list. Default: `texts`, if there is a `query`. */
  readonly texts?: string | undefined
  /** Sends the text as it is, without a chat template. Default false. */
  readonly raw?: boolean | undefined
  /** Options of the row, over those of the batch. */
  readonly options?: string | undefined
}
