/** Hugging Face in memory, as one HTTP client. */
import { ConfigProvider, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import * as Double from "../../src/simulator/Double.ts"
import * as EndpointsApi from "../../src/simulator/EndpointsApi.ts"
import * as Hub from "../../src/simulator/Hub.ts"
import * as Router from "../../src/simulator/Router.ts"

export const token = "hf_secretsecretsecret"
export const commit = "a".repeat(40)

export interface Options {
  readonly hub?: Hub.Options
  readonly router?: Router.Options
  readonly endpoints?: EndpointsApi.Options
  readonly hosts?: Readonly<Record<string, Double.Handler>>
}

export const users: NonNullable<Hub.Options["users"]> = {
  [token]: { name: "ada", access: ["org/secret"] },
  hf_org: { name: "acme", type: "org" },
  hf_stranger: { name: "bob" }
}

export const make = (options: Options = {}) =>
  Effect.gen(function*() {
    const hub = yield* Hub.make({ users, ...options.hub })
    const router = yield* Router.make(options.router)
    const endpoints = yield* EndpointsApi.make({ tokens: [token], ...options.endpoints })
    const client = Double.client({
      ...hub.handlers,
      [Router.host]: router.handler,
      ...endpoints.handlers,
      ...options.hosts
    })
    return {
      hub: hub.hub,
      cdn: hub.cdn,
      router,
      endpoints,
      client,
      layer: Layer.succeed(HttpClient.HttpClient, client)
    }
  })

/** An environment of exactly these variables. */
export const env = (variables: Readonly<Record<string, string>> = {}) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...variables } }))
