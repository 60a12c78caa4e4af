// An object of 3,000 tokens from TGI, which generates 1,024 at once and then starts its grammar over; then a response that
// was cut elsewhere, continued from its longest valid beginning.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

const Catalogue = Schema.Struct({
  entries: Schema.Array(Schema.Struct({ id: Schema.Int, title: Schema.String, price: Schema.NullOr(Schema.Finite) }))
})

const catalogue = {
  entries: Array.from({ length: 130 }, (_, id) => ({
    id,
    title: `Entry "${id}" of the catalogue`,
    price: id % 3 === 0 ? null : id * 1.5
  }))
}
const written = JSON.stringify(catalogue)

// a model that writes this catalogue, and continues a prompt that holds part of it
const Server = Simulator.layer({
  maxTotalTokens: 16_000,
  script: (_request, prompt) => {
    const begun = prompt.slice(prompt.lastIndexOf("assistant\n") + "assistant\n".length)
    return { text: written.slice(begun.length) }
  }
})

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const simulator = yield* Simulator.Simulator
  const requests = Effect.map(
    simulator.journal.entries,
    (entries) => entries.filter(({ request }) => request.method === "POST").length
  )

  const { generation, value } = yield* llm.generateObject("The catalogue", { schema: Catalogue, maxNewTokens: 8000 })
  yield* Console.log(
    `${value.entries.length} entries, ${generation.statistics.outputTokens} tokens, ${yield* requests} requests, one generation`
  )

  const events = yield* Stream.runCollect(
    llm.stream("The catalogue", { structuredOutput: { format: "json", schema: Catalogue }, maxNewTokens: 8000 })
  )
  const text = events.map((event) => event._tag === "Text" ? event.text : "").join("")
  yield* Console.log(`as a stream: ${text === written ? "the same text" : "another text"}, ${events.at(-1)?._tag}`)

  const good = written.slice(0, written.indexOf("{\"id\":60"))
  const broken = `${good}Sorry, that is all I can`
  const { generations: [salvaged] } = yield* llm.generate("The catalogue", {
    structuredOutput: { format: "json", schema: Catalogue },
    maxNewTokens: 8000,
    continueFrom: broken
  })
  yield* Console.log(
    `salvaged behind ${good.length} of ${broken.length} characters: ${
      salvaged?.text === written ? "whole" : "not whole"
    }`
  )
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
  Layer.provideMerge(Server)
)

await Effect.runPromise(program.pipe(Effect.provide(Model)))
