/**
 * A Jinja template over the columns of a row, as Python renders it.
 *
 * The columns are variables. Block tags leave no blank lines behind (`trim_blocks`, `lstrip_blocks`); what a hostile
 * template can cost is bounded.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as ChatTemplate from "../../template/ChatTemplate.ts"
import type { Render } from "./Row.ts"

/**
 * Compiles a template once for all rows; fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (source: string): Result.Result<Render, string> => {
  const compiled = ChatTemplate.compile(source)
  if (Result.isFailure(compiled)) return Result.fail(compiled.failure.message)
  const template = compiled.success
  return Result.succeed((columns) => Result.mapError(ChatTemplate.render(template, columns), ({ message }) => message))
}
