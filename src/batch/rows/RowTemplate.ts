/**
 * A Jinja template over the columns of a row, as Python renders it.
 *
 * The columns are variables, with the digits that the row's text has. Block tags leave no blank lines behind
 * (`trim_blocks`, `lstrip_blocks`); what a hostile template can cost is bounded. A column that is named but absent is
 * an error, although Jinja itself would print nothing.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as ChatTemplate from "../../template/ChatTemplate.ts"
import * as TemplateVariables from "../../template/TemplateVariables.ts"
import type { Render } from "./Row.ts"

/** A template that is compiled, and the columns that it needs. */
export interface Compiled {
  readonly render: Render
  /** What it needs but these columns do not have, such as `topic` or `user.name`. */
  readonly missing: (columns: Readonly<Record<string, unknown>>) => string | undefined
}

const SHOWN = 20

/**
 * Compiles a template once for all rows; fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (source: string): Result.Result<Compiled, string> => {
  const compiled = ChatTemplate.compile(source)
  if (Result.isFailure(compiled)) return Result.fail(compiled.failure.message)
  const template = compiled.success
  const required = TemplateVariables.required(source)
  const missing = (columns: Readonly<Record<string, unknown>>) => TemplateVariables.missing(required, columns)
  const render: Render = ({ columns, text }) => {
    const absent = missing(columns)
    if (absent !== undefined) {
      const known = Object.keys(columns).slice(0, SHOWN).join(", ")
      return Result.fail(
        `the row has no column ${absent} (it has ${known}); if that is intended, write {{ ${absent} | default("") }}`
      )
    }
    return Result.mapError(
      text === undefined
        ? ChatTemplate.render(template, columns)
        : Result.flatMap(ChatTemplate.variablesOf(text), (variables) => ChatTemplate.render(template, variables)),
      ({ message }) => message
    )
  }
  return Result.succeed({ render, missing })
}
