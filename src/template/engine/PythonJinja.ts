/**
 * Jinja as Python's transformers runs it: the engine that prompts are rendered with unless another one is chosen.
 *
 * @since 0.2.0
 */
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Jinja from "../jinja/Template.ts"
import { defaultLimits } from "../jinja/values/Machine.ts"
import { fromProblem, type TemplateError } from "../TemplateError.ts"
import { type Template, TemplateEngine } from "./TemplateEngine.ts"

const toResult = <A>(method: string, outcome: Jinja.Outcome<A>): Result.Result<A, TemplateError> =>
  outcome.ok ? Result.succeed(outcome.value) : Result.fail(fromProblem(method, outcome.problem))

const renderer = (template: Jinja.Template): Template => ({
  source: template.source,
  render: (variables, { limits = defaultLimits, now, rules }) =>
    toResult("render", Jinja.render(template, variables, { limits, now, plainNames: rules.plainData }))
})

const compiled = new Map<string, Template>()
/** Compiled templates by their text: as many as a program that serves several models needs. */
const capacity = 64

/** Moves a template to the end of the cache, and the oldest out of it. */
const remember = (template: Template): Template => {
  compiled.delete(template.source)
  compiled.set(template.source, template)
  const [oldest] = compiled.keys()
  if (compiled.size > capacity && oldest !== undefined) compiled.delete(oldest)
  return template
}

/**
 * Parses a template without keeping it, with the given whitespace control (transformers: both on).
 *
 * @category constructors
 * @since 0.2.0
 */
export const parse = (
  source: string,
  whiteSpace: Partial<Pick<Jinja.CompileOptions, "trimBlocks" | "lstripBlocks">> = {}
): Result.Result<Template, TemplateError> =>
  Result.map(toResult("compile", Jinja.compile(source, { ...Jinja.defaultOptions, ...whiteSpace })), renderer)

/**
 * Parses a template, once per text. Fails with `InvalidTemplate` or `TooMuchWork`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const compile = (source: string): Result.Result<Template, TemplateError> => {
  const known = compiled.get(source)
  return known === undefined ? Result.map(parse(source), remember) : Result.succeed(remember(known))
}

/**
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<TemplateEngine> = Layer.succeed(TemplateEngine, { compile })
