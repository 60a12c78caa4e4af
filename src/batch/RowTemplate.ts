/**
 * A Jinja template over the columns of a row, as Python renders it.
 *
 * The columns are variables. Block tags leave no blank lines behind (`trim_blocks`, `lstrip_blocks`); what a hostile
 * template can cost is bounded.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Json from "../template/jinja/Json.ts"
import { defaultLimits } from "../template/jinja/Machine.ts"
import * as Template from "../template/jinja/Template.ts"
import { Dict, type Value } from "../template/jinja/Value.ts"
import type { Render } from "./Row.ts"

/** `strftime_now` is for chat templates; here the same row gives the same prompt on every run. */
const NOW = { epochMillis: 0, offsetMinutes: 0 }

const problemOf = ({ line, message }: Template.Problem): string =>
  line === undefined ? message : `line ${line}: ${message}`

const variables = (columns: Readonly<Record<string, unknown>>): ReadonlyMap<string, Value> => {
  // columns are what JSON.parse made, so their text is JSON again
  const value = Json.parse(JSON.stringify(columns))
  return value instanceof Dict
    ? new Map(Array.from(value.pairs(), ([name, column]) => [String(name), column]))
    : new Map()
}

/**
 * Compiles a template once for all rows; fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (source: string): Result.Result<Render, string> => {
  const compiled = Template.compile(source)
  if (!compiled.ok) return Result.fail(problemOf(compiled.problem))
  const template = compiled.value
  const options = { limits: defaultLimits, now: NOW }
  return Result.succeed((columns) => {
    const rendered = Template.render(template, variables(columns), options)
    return rendered.ok ? Result.succeed(rendered.value) : Result.fail(problemOf(rendered.problem))
  })
}
