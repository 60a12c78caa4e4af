// A limit on thinking that holds on any engine: here on one that has none of its own.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const Verdict = Schema.Struct({ safe: Schema.Boolean, reason: Schema.String })

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const simulator = yield* Simulator.Simulator
  const limits = { maxNewTokens: 400, thinkingBudget: 12 }

  // one stream of two requests: the thought, which is cut and closed, then the answer after it
  yield* llm.stream("Is it safe to swim in the Danube?", limits).pipe(
    Stream.runForEach((event) =>
      event._tag === "Reasoning" ? Console.log(`thinking: ${event.text}`) : event._tag === "Finish"
        ? Console.log(
          `answer: ${event.generation.text}\n${event.generation.statistics.reasoningTokens} tokens of thinking, ` +
            `${event.generation.statistics.outputTokens} in all`
        )
        : Effect.void
    )
  )

  const { value } = yield* llm.generateObject("Is it safe to swim in the Danube?", { schema: Verdict, ...limits })
  yield* Console.log(`a value under a budget: safe is a ${typeof value.safe}`)

  const prompts = (yield* simulator.journal.entries).map(({ request }) => String(request.body))
  yield* Console.log(`closed for the model: ${prompts.some((body) => body.includes("will answer now.\\n</think>"))}`)

  const refused = yield* Effect.flip(llm.generate("hi", { maxNewTokens: 12, thinkingBudget: 12 }))
  yield* Console.log(`refused before sending: ${refused.message}`)
})

// The simulator is not a model: it thinks for ever, and answers when its thought is closed.
const Model = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  chatTemplate: "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|><think>\n"
}).pipe(
  Layer.provideMerge(Simulator.layer({
    script: (request, prompt) =>
      !prompt.includes("</think>")
        ? { text: " Hmm, let me see.".repeat(200) }
        : request.body.includes("grammar")
        ? undefined
        : { text: "Mostly, away from the cities." }
  }))
)

await Effect.runPromise(program.pipe(Effect.provide(Model)))
