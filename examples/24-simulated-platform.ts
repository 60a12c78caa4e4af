// All of Hugging Face on one port, and a balancer that loses its workers: what a client sees, without an account.
import { Console, Effect, Layer, Stream } from "effect"
import { EndpointsApi, Hub, InferenceEndpointsLLM, Message } from "effect-inference-endpoints"
import { NodeInferenceEndpoints, PlatformServer } from "effect-inference-endpoints/node"
import { Balancer, SamplePlatform } from "effect-inference-endpoints/simulator"

// Hub, router, management API and endpoints that sleep; a start takes two seconds here
const platform = PlatformServer.layer({
  hub: SamplePlatform.hub,
  router: SamplePlatform.router,
  endpoints: SamplePlatform.endpoints("vllm", 2000),
  server: { engine: "vllm", modelId: SamplePlatform.model }
})

const endpoints = Effect.gen(function*() {
  const { managementUrl, url } = yield* PlatformServer.PlatformServer
  const apiKey = "hf_any"
  const services = EndpointsApi.layer({ token: apiKey, baseUrl: managementUrl }).pipe(
    Layer.provideMerge(Hub.layer({ token: apiKey, baseUrl: url })),
    Layer.provideMerge(NodeInferenceEndpoints.platform())
  )
  const model = InferenceEndpointsLLM.layer({
    endpointName: "asleep",
    endpointNamespace: SamplePlatform.namespace,
    managementUrl,
    apiKey
  })
  yield* Effect.gen(function*() {
    const api = yield* EndpointsApi.EndpointsApi
    const name = { name: "asleep", namespace: SamplePlatform.namespace }
    yield* Console.log(`before: ${(yield* api.get(name)).status.state}`)
    const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
    const { generations } = yield* llm.generate([Message.user("Hello")], { maxNewTokens: 8 })
    yield* Console.log(`it woke and said ${generations[0]?.statistics.outputTokens} tokens`)
    yield* Console.log(`after: ${(yield* api.get(name)).status.state}`)
    const [cheapest] = (yield* api.hardware({ namespace: SamplePlatform.namespace })).filter(({ accelerator }) =>
      accelerator === "gpu"
    )
    yield* Console.log(`a GPU costs $${cheapest?.pricePerHour} an hour here`)
  }).pipe(Effect.provide(Layer.provideMerge(model, services)))
})

// vLLM behind vllm-router, which drops `strict` of tools; then both workers die in the middle of a stream
const behind = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { kill } = yield* Balancer.Balancer
  const tools = [{ name: "f", description: "d", parameters: { type: "object", properties: {} } }]
  const refused = yield* Effect.flip(llm.generate([Message.user("Hello")], { tools, toolChoice: "required" }))
  yield* Console.log(refused.message)
  const cut = yield* llm.stream([Message.user("Hello")], { maxNewTokens: 50 }).pipe(
    Stream.tap(() => Effect.all([kill(0), kill(1)])),
    Stream.runDrain,
    Effect.flip
  )
  yield* Console.log(`the stream was ${cut._tag === "InferenceError" ? cut.ending : cut._tag}`)
}).pipe(Effect.provide(
  Layer.provideMerge(
    InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8000", apiKey: false }),
    Balancer.layer("vllm-router", { modelId: "org/model", latency: { perToken: "20 millis" } })
  )
))

await Effect.runPromise(Effect.andThen(Effect.provide(endpoints, platform), behind))
