/**
 * What serves a resolved endpoint, as data: for provenance, for plans, and where models must not be mixed.
 *
 * @since 0.2.0
 */
import type * as Engine from "../endpoint/address/Engine.ts"
import type { Target } from "../endpoint/EndpointTarget.ts"

/**
 * What serves the endpoint, as far as is known.
 *
 * @category models
 * @since 0.2.0
 */
export interface About {
  readonly model: string
  /** The name under which the server knows it, where that is known. */
  readonly served?: string | undefined
  /** The revision of the model's repository. */
  readonly revision?: string | undefined
  /** The provider that serves it on the router, if it can only be one. */
  readonly provider?: string | undefined
  readonly engine: Engine.Kind
  readonly engineVersion?: string | undefined
  /** What renders prompts here: the text of a template, or the repository that holds it. */
  readonly template?: string | undefined
  /** Requests that the server accepts at once. */
  readonly capacity?: number | undefined
  /** Tokens of prompt and response together. */
  readonly contextLength?: number | undefined
  /** US dollars per million tokens, read and written. */
  readonly pricing?: { readonly input: number; readonly output: number } | undefined
  /** Whether every request goes to one model of one provider. */
  readonly isPinned: boolean
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const of = (target: Target, template: string | undefined): About => {
  const { engine, offers = [] } = target
  const only = offers.length === 1 ? offers[0] : undefined
  return {
    model: target.repository ?? target.modelName,
    served: target.modelName,
    revision: target.revision,
    provider: only?.provider,
    engine: engine.kind,
    engineVersion: engine.version,
    template,
    capacity: engine.limits?.maxConcurrentRequests,
    contextLength: engine.limits?.maxTotalTokens ?? engine.limits?.contextLength ?? only?.contextLength ?? undefined,
    pricing: target.pricing,
    isPinned: target.kind !== "serverless" || only !== undefined
  }
}
