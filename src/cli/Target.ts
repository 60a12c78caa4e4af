/**
 * The flags that name the endpoint, for every command that talks to one.
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import * as NodeInferenceEndpoints from "../node/NodeInferenceEndpoints.ts"

export const flags = {
  model: Flag.String("model").pipe(
    Flag.withAlias("m"),
    Flag.withDescription("A model id: an inference provider of the Hub serves it"),
    Flag.optional
  ),
  endpoint: Flag.String("endpoint").pipe(Flag.withDescription("The name of a dedicated endpoint"), Flag.optional),
  namespace: Flag.String("namespace").pipe(Flag.withDescription("Whose endpoint it is"), Flag.optional),
  baseUrl: Flag.String("base-url").pipe(
    Flag.withAlias("u"),
    Flag.withDescription("The address of a server, with or without /v1"),
    Flag.optional
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("Better said as HF_TOKEN, or by `hf auth login`"),
    Flag.optional
  )
}

export interface Target {
  readonly model: Option.Option<string>
  readonly endpoint: Option.Option<string>
  readonly namespace: Option.Option<string>
  readonly baseUrl: Option.Option<string>
  readonly token: Option.Option<Redacted.Redacted<string>>
}

/** The configuration that the flags say. */
export const optionsOf = (target: Target): EndpointConfig.Options => ({
  ...(Option.isSome(target.model) && { modelId: target.model.value }),
  ...(Option.isSome(target.endpoint) && { endpointName: target.endpoint.value }),
  ...(Option.isSome(target.namespace) && { endpointNamespace: target.namespace.value }),
  ...(Option.isSome(target.baseUrl) && { baseUrl: target.baseUrl.value }),
  ...(Option.isSome(target.token) && { apiKey: target.token.value })
})

/** The service for the endpoint that the flags name. */
export const layer = (target: Target) => NodeInferenceEndpoints.layer(optionsOf(target))
