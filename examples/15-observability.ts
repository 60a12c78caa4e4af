// What a program can see: spans and metrics by the conventions for generative AI, log probabilities, and thinking apart
// from the answer.
import { Console, Effect, Layer, Metric, Tracer } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const spans: Array<Tracer.Span> = []
const Recorded = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
)

const program = Effect.gen(function*() {
  const simulator = yield* Simulator.Simulator
  yield* simulator.answer({ text: "<think>Scattering.</think>Because blue light is scattered more." })
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations: [first] } = yield* llm.generate("Why is the sky blue?", {
    logprobs: true,
    topLogprobs: 2,
    splitReasoning: true,
    maxNewTokens: 40
  })
  yield* Console.log("thought:", first?.reasoning)
  yield* Console.log("said:   ", first?.text)
  yield* Console.log("token:  ", first?.tokens?.at(-2))
  for (const span of spans.filter(({ name }) => name.startsWith("chat"))) {
    yield* Console.log(span.name, Object.fromEntries(span.attributes))
  }
  for (const { attributes, id } of (yield* Metric.snapshot).filter(({ id }) => id.startsWith("gen_ai"))) {
    yield* Console.log(id, attributes?.["gen_ai.token.type"] ?? "")
  }
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false })

await Effect.runPromise(
  program.pipe(Effect.provide(Layer.mergeAll(Model.pipe(Layer.provideMerge(Simulator.layer({}))), Recorded)))
)
