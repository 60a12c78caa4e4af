/**
 * The engine that runs chat templates. There are two: `PythonJinja`, which reproduces Python's bytes, and
 * `HuggingFaceJinja`, the smaller engine of Hugging Face's own JavaScript libraries. What prepares messages for a
 * template knows neither of them.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Result from "effect/Result"
import type { Limits, Now } from "../jinja/values/Machine.ts"
import type { TemplateError } from "../TemplateError.ts"
import type { Rules } from "./Compatibility.ts"

/**
 * A part of a rendered text, from `start` up to but not including `end`, in UTF-16 units.
 *
 * @category models
 * @since 0.2.0
 */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Output {
  readonly text: string
  /**
   * The text between `{% generation %}` and `{% endgeneration %}`; always empty from an engine that does not keep it.
   */
  readonly assistant: ReadonlyArray<Span>
}

/**
 * What a render may read and use besides its variables.
 *
 * @category models
 * @since 0.2.0
 */
export interface Surroundings {
  /** What `strftime_now` reads. */
  readonly now: Now
  /** Default: those of the engine. An engine that cannot count its work enforces none of them. */
  readonly limits?: Limits | undefined
  readonly rules: Rules
}

/**
 * A parsed template.
 *
 * @category models
 * @since 0.1.0
 */
export interface Template {
  readonly source: string
  readonly render: (
    variables: ReadonlyMap<string, unknown>,
    surroundings: Surroundings
  ) => Result.Result<Output, TemplateError>
}

/**
 * @category services
 * @since 0.2.0
 */
export class TemplateEngine extends Context.Service<TemplateEngine, {
  /** Parses a template. Fails with `InvalidTemplate` or `TooMuchWork`. */
  readonly compile: (source: string) => Result.Result<Template, TemplateError>
}>()("effect-inference-endpoints/template/TemplateEngine") {}
