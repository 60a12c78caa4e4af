/**
 * A dedicated endpoint as a target: woken, awaited and recognised.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { CurrentDeadline } from "../http/Deadline.ts"
import * as Retry from "../http/Retry.ts"
import * as EndpointUrl from "./address/EndpointUrl.ts"
import * as EngineProbe from "./address/EngineProbe.ts"
import type * as EndpointName from "./dedicated/EndpointName.ts"
import type * as EndpointConfig from "./EndpointConfig.ts"
import type * as EndpointError from "./EndpointError.ts"
import { holdHeader, type Means, type Target } from "./EndpointTarget.ts"

/**
 * A status that means "not yet" may be temporary. A server that cannot be reached has already been retried by the
 * policy.
 */
const notYet = (reason: EndpointError.Reason): Retry.Verdict => ({
  tag: reason._tag,
  message: reason.message,
  retry: reason._tag === "Unreachable" && reason.status !== undefined,
  throttled: true
})

/** A management API on this machine is a simulated one, and may name addresses on this machine. */
const simulatedHosts = ({ managementUrl }: EndpointConfig.EndpointConfig): ReadonlyArray<string> => {
  const url = managementUrl === undefined ? null : URL.parse(managementUrl)
  return url !== null && EndpointUrl.isLoopback(url) ? EndpointUrl.LOOPBACK : []
}

/**
 * Resolves a dedicated endpoint by name, waking and awaiting it.
 *
 * @category resolving
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function*(
  means: Means,
  name: EndpointName.Name,
  asleep: boolean
) {
  const { api, client, config, onProgress, retry, token, userAgent } = means
  const { endpoint, url } = yield* api.wait(name, {
    timeout: config.waitTimeout,
    asleep,
    onProgress,
    endpointHosts: [...(config.endpointHosts ?? []), ...simulatedHosts(config)]
  }).pipe(Effect.mapError(({ reason }) => reason))
  const probe = EngineProbe.detect(client, {
    url,
    search: "",
    token,
    image: endpoint.model.image,
    override: config.engine,
    limits: config.engineLimits,
    modelName: config.modelName,
    retry,
    userAgent
  })
  // the first replica responded, the next one may still be starting
  const engine = yield* Retry.run(
    () => probe,
    { subject: EndpointUrl.show(url), policy: retry, deadline: yield* CurrentDeadline, verdict: notYet },
    (reason) => reason
  )
  const { repository } = endpoint.model
  const revision = config.revision ?? endpoint.model.revision
  const target: Target = {
    kind: "dedicated",
    url,
    search: "",
    headers: EndpointUrl.isDedicated(url) ? holdHeader(config) : {},
    token,
    // TGI accepts any model name, the others only their own
    modelName: engine.kind === "tgi" ? repository : engine.modelName ?? repository,
    engine,
    repository,
    ...(typeof revision === "string" && { revision }),
    displayName: config.modelDisplayName ?? repository
  }
  return target
})
