// Any server by its address: here two, of different engines, which are recognised by what they say about themselves. The
// address may be written in any way: with /v1, with a route, with a query. Runs on simulated servers.
import { Console, Effect, Layer } from "effect"
import { Endpoint, InferenceEndpointsLLM, Message } from "effect-inference-endpoints"
import { Double, Platform, Simulator } from "effect-inference-endpoints/simulator"

const program = Effect.gen(function*() {
  const { target } = yield* Endpoint.Endpoint
  const { engine, modelName, url } = yield* target
  yield* Console.log(`${url.href} is ${engine.kind} ${engine.version} with ${modelName}`)
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations } = yield* llm.generate([Message.user("Why is the sky blue?")], { maxNewTokens: 16 })
  for (const { text } of generations) yield* Console.log(text)
})

const Servers = Layer.unwrap(Effect.gen(function*() {
  const tgi = yield* Simulator.make({ engine: "tgi" })
  const vllm = yield* Simulator.make({ engine: "vllm" })
  return Platform.layer({
    hosts: { "localhost:8080": Double.fromServer(tgi.handle), "localhost:8000": Double.fromServer(vllm.handle) }
  })
}))

for (const baseUrl of ["http://localhost:8080", "http://localhost:8000/v1/chat/completions?trace=on"]) {
  const Model = InferenceEndpointsLLM.layer({ baseUrl, apiKey: false })
  await Effect.runPromise(program.pipe(Effect.provide(Model.pipe(Layer.provide(Servers)))))
}
