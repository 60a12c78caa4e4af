import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { EndpointsApi, Hub } from "../../src/index.ts"
import { SamplePlatform } from "../../src/simulator/index.ts"
import * as PlatformServer from "../../src/simulator/PlatformServer.ts"

const served = PlatformServer.layer({ hub: SamplePlatform.hub, endpoints: SamplePlatform.endpoints("tgi", 0) })

layer(served, { excludeTestServices: true })("the platform on a socket", (it) => {
  it.effect("tells its own address: in endpoints, and in redirects to its storage", () =>
    Effect.gen(function*() {
      const { managementUrl, port, url } = yield* PlatformServer.PlatformServer
      assert.strictEqual(url, `http://127.0.0.1:${port}`)
      const token = "hf_anybodys"
      const { file, woken } = yield* Effect.gen(function*() {
        const hub = yield* Hub.Hub
        const api = yield* EndpointsApi.EndpointsApi
        return {
          file: yield* hub.file({ repo: SamplePlatform.model, path: "model.safetensors" }),
          woken: yield* api.wait({ name: "asleep", namespace: "simulator" }, { endpointHosts: ["127.0.0.1"] })
        }
      }).pipe(
        Effect.provide(
          EndpointsApi.layer({ token, baseUrl: managementUrl }).pipe(
            Layer.provideMerge(Hub.layer({ token, baseUrl: url })),
            Layer.provide(FetchHttpClient.layer)
          )
        )
      )
      assert.strictEqual(new TextDecoder().decode(file), "simulated weights")
      assert.strictEqual(woken.url.href, `${url}/endpoints/simulator/asleep`)
    }))
})
