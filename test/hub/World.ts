/** Hugging Face in memory, with people on it. */
import { ConfigProvider, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import type { Create } from "../../src/endpoint/dedicated/DedicatedEndpoint.ts"
import * as Platform from "../../src/simulator/Platform.ts"
import type * as Hub from "../../src/simulator/platform/Hub.ts"

export const token = "hf_secretsecretsecret"
export const commit = "a".repeat(40)

export type Options = Platform.Options

const users: NonNullable<Hub.Options["users"]> = {
  [token]: { name: "ada", access: ["org/secret"] },
  hf_org: { name: "acme", type: "org" },
  hf_stranger: { name: "bob" }
}

export const make = (options: Options = {}) =>
  Effect.map(
    Platform.make({
      ...options,
      hub: { users, ...options.hub },
      endpoints: { tokens: [token], ...options.endpoints }
    }),
    (platform) => ({ ...platform, layer: Layer.succeed(HttpClient.HttpClient, platform.client) })
  )

/** A new endpoint, as the management API takes it. */
export const create: Create = {
  name: "new",
  type: "private",
  provider: { vendor: "aws", region: "us-east-1" },
  compute: {
    accelerator: "gpu",
    instanceType: "nvidia-a10g",
    instanceSize: "x1",
    scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }
  },
  model: { repository: "org/m", framework: "pytorch", image: { vLLM: {} } }
}

/** An environment of exactly these variables. */
export const env = (variables: Readonly<Record<string, string>> = {}) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...variables } }))
