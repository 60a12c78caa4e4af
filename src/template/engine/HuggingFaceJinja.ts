/**
 * `@huggingface/jinja` as the engine: a third of the size, for programs that count kilobytes and trust their templates.
 *
 * Its text differs from Python's on a good part of real templates (text before `break`, `strip(chars)`, printing of lists
 * and booleans, loose equality, integer keys, …): see `CrossCheck` for a comparison on your own template. It bounds
 * neither time nor memory, reads the clock by itself, and keeps no spans of `{% generation %}`.
 *
 * @since 0.2.0
 */
import { Template as Engine } from "@huggingface/jinja"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { InvalidTemplate, RenderError, TemplateError } from "../TemplateError.ts"
import { type Template, TemplateEngine } from "./TemplateEngine.ts"

const detailOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/**
 * A template object for what the engine parsed; everything it throws is a `RenderError`, since it does not distinguish
 * causes.
 */
const renderer = (source: string, engine: Engine): Template => ({
  source,
  render: (variables) =>
    Result.try({
      try: () => ({ text: engine.render(Object.fromEntries(variables)), assistant: [] }),
      catch: (cause) => new TemplateError({ method: "render", reason: new RenderError({ detail: detailOf(cause) }) })
    })
})

/**
 * Parses a template.
 *
 * @category constructors
 * @since 0.2.0
 */
export const compile = (source: string): Result.Result<Template, TemplateError> =>
  Result.map(
    Result.try({
      try: () => new Engine(source.replace(/\r\n?/g, "\n")),
      catch: (cause) =>
        new TemplateError({ method: "compile", reason: new InvalidTemplate({ detail: detailOf(cause) }) })
    }),
    (engine) => renderer(source, engine)
  )

/**
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<TemplateEngine> = Layer.succeed(TemplateEngine, { compile })
