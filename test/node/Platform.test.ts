/** A program of a user against the whole platform on one port: every request goes through a socket. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Stream } from "effect"
import { Endpoint, InferenceEndpointsLLM } from "../../src/index.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import { Platform, SamplePlatform } from "../../src/simulator/index.ts"
import * as PlatformServer from "../../src/simulator/PlatformServer.ts"

const token = "hf_anybodys"

const platform = (engine: "tgi" | "vllm") =>
  PlatformServer.layer({
    hub: SamplePlatform.hub,
    router: SamplePlatform.router,
    endpoints: SamplePlatform.endpoints(engine, 0),
    server: { engine, modelId: SamplePlatform.model },
    provider: { modelId: SamplePlatform.model }
  })

type Where = { readonly endpointName: string } | { readonly modelId: string }

/** The service of a program that is told where that port is, as its environment would. */
const service = (where: Where, options: InferenceEndpointsLLM.Options = {}) =>
  Layer.unwrap(
    Effect.map(PlatformServer.PlatformServer, ({ managementUrl, url }) =>
      InferenceEndpointsLLM.layer({ apiKey: token, routerUrl: url, managementUrl, ...options, ...where }).pipe(
        Layer.provide(NodeTransport.layer),
        Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { HF_ENDPOINT: url } })))
      ))
  )

const say = InferenceEndpointsLLM.InferenceEndpointsLLM.use((llm) => llm.generate("Hello"))

describe("a platform on a loopback port", () => {
  for (const [engine, name, state] of [["tgi", "asleep", "scaledToZero"], ["vllm", "paused", "paused"]] as const) {
    it.live(
      `has a dedicated endpoint with ${engine} that is found ${name}, started, recognised, and generates`,
      () =>
        Effect.gen(function*() {
          const { endpoints } = yield* Platform.Platform
          assert.strictEqual(yield* endpoints.state(`simulator/${name}`), state)
          yield* Effect.gen(function*() {
            const { engine: found } = yield* Endpoint.Endpoint.use(({ target }) => target)
            const whole = yield* say
            const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
            const events = yield* Stream.runCollect(llm.stream("Hello", { maxNewTokens: 8 }))
            assert.strictEqual(found.kind, engine)
            assert.isNotEmpty(whole.generations[0]?.text)
            assert.strictEqual(events.at(-1)?._tag, "Finish")
          }).pipe(Effect.provide(service({ endpointName: name })))
          assert.strictEqual(yield* endpoints.state(`simulator/${name}`), "running")
        }).pipe(Effect.provide(platform(engine))),
      30_000
    )
  }

  it.live(
    "has a serverless model, for messages and for prompts that are rendered here by its template",
    () =>
      Effect.gen(function*() {
        const { router } = yield* Platform.Platform
        const model = SamplePlatform.model
        yield* Effect.provide(say, service({ modelId: model }))
        yield* Effect.provide(say, service({ modelId: model }, { tokenizerId: model }))
        const paths = (yield* router.received).map(({ url }) => url.pathname)
        assert.include(paths, "/v1/chat/completions")
        assert.isTrue(
          paths.some((path) => path !== "/v1/completions" && path.endsWith("/completions") && !path.includes("chat"))
        )
      }).pipe(Effect.provide(platform("vllm"))),
    30_000
  )
})
