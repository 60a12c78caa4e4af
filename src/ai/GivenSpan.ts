/**
 * One span for one generation: `effect/ai` opens one of its own, and the service below it would open another with the same
 * content, so that sums of tokens would count them twice.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/** The name of the service's span: the operation, then the model. */
const ofService = /^(?:chat|text_completion) /

/**
 * A tracer that gives the service the span of `effect/ai` instead of one of its own. Attributes and events land there, and
 * HTTP spans below it; whoever opened it ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tracer = (span: Tracer.Span): Effect.Effect<Tracer.Tracer> =>
  Effect.map(Effect.tracer, (current) =>
    Tracer.make({
      span: (options) =>
        options.kind === "client" && ofService.test(options.name) ? shared(span) : current.span(options),
      context: current.context
    }))

const shared = (span: Tracer.Span): Tracer.Span => ({
  _tag: "Span",
  name: span.name,
  spanId: span.spanId,
  traceId: span.traceId,
  parent: span.parent,
  annotations: span.annotations,
  get status() {
    return span.status
  },
  attributes: span.attributes,
  links: span.links,
  sampled: span.sampled,
  kind: span.kind,
  end: () => undefined,
  attribute: (key, value) => span.attribute(key, value),
  event: (name, startTime, attributes) => span.event(name, startTime, attributes),
  addLinks: (links) => span.addLinks(links)
})
