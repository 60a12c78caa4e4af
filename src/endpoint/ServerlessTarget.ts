/**
 * A model id as a target: the name under which the router serves it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as EndpointUrl from "./address/EndpointUrl.ts"
import type * as Engine from "./address/Engine.ts"
import * as EndpointError from "./EndpointError.ts"
import type { Means, Target } from "./EndpointTarget.ts"
import * as Serverless from "./serverless/Serverless.ts"

/**
 * Resolves a model id through the router.
 *
 * @category resolving
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function*({ client, config, hub, token }: Means, modelId: string) {
  const routerUrl = URL.parse(config.routerUrl ?? "https://router.huggingface.co")
  const problem = routerUrl === null ? "it is not a URL" : EndpointUrl.tokenProblem(routerUrl)
  if (routerUrl === null || problem !== undefined) {
    return yield* new EndpointError.InvalidConfig({ problem: `routerUrl: ${problem}`, given: ["routerUrl"] })
  }
  const served = yield* Serverless.resolve(client, hub, { modelId, provider: config.provider, token, routerUrl })
  const only = served.offers.length === 1 ? served.offers[0] : undefined
  const engine: Engine.Engine = {
    kind: config.engine ?? "router",
    modelName: served.modelName,
    ...(config.engineLimits !== undefined
      ? { limits: config.engineLimits }
      : typeof only?.contextLength === "number" && { limits: { contextLength: only.contextLength } }),
    source: config.engine === undefined ? "target" : "override"
  }
  const target: Target = {
    kind: "serverless",
    url: routerUrl,
    search: "",
    headers: config.billTo === undefined ? {} : { "x-hf-bill-to": config.billTo },
    token,
    modelName: served.modelName,
    engine,
    repository: served.modelId,
    ...(config.revision !== undefined && { revision: config.revision }),
    displayName: config.modelDisplayName ?? modelId,
    ...(only?.pricing !== undefined && only.pricing !== null && { pricing: only.pricing }),
    offers: served.offers,
    ...(served.raw !== undefined && (served.raw.isNative
      ? { nativeUrl: served.raw.url }
      : { completionUrl: served.raw.url, completionModel: served.raw.modelName })),
    ...(!served.isChat && { isRawOnly: true })
  }
  return target
})
