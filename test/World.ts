/** The service over a simulated server and an endpoint made by hand. */
import { Duration, Effect, Layer, Redacted, Stream } from "effect"
import type { HttpClient } from "effect/http"
import type { Kind } from "../src/endpoint/address/Engine.ts"
import * as Endpoint from "../src/endpoint/Endpoint.ts"
import * as Retry from "../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../src/InferenceEndpointsLLM.ts"
import { Simulator } from "../src/simulator/index.ts"
import type * as Options from "../src/simulator/model/Options.ts"

export type Simulated = "tgi" | "vllm" | "sglang" | "llamacpp" | "hf-serve"

export const engines: ReadonlyArray<Simulated> = ["tgi", "vllm", "sglang", "llamacpp"]

export const target = (kind: Kind, rest: Partial<Endpoint.Target> = {}): Endpoint.Target => ({
  kind: "url",
  url: new URL("http://server:8080/"),
  search: "",
  headers: {},
  token: undefined,
  modelName: `simulator/${kind}`,
  engine: { kind, source: "override" },
  displayName: "the model",
  ...rest
})

export const token = "hf_verysecrettoken1234567"

/** An endpoint that always has the same target; `revive` says what to do when it sleeps. */
export const endpoint = (
  target: Endpoint.Target,
  revive: Endpoint.Endpoint["Service"]["revive"] = () => Effect.die("nothing was to be revived")
): Layer.Layer<Endpoint.Endpoint> =>
  Layer.succeed(Endpoint.Endpoint, {
    config: { baseUrl: "http://server:8080", waitTimeout: Duration.seconds(300) },
    target: Effect.succeed(target),
    refresh: Effect.succeed(target),
    revive,
    progress: Stream.empty,
    displayName: Effect.succeed(target.displayName)
  })

export interface Setup {
  readonly engine?: Simulated
  readonly server?: Options.Options
  readonly service?: InferenceEndpointsLLM.Options
  readonly target?: Partial<Endpoint.Target>
  readonly revive?: Endpoint.Endpoint["Service"]["revive"]
}

/** The service, the simulated server and its client. Nothing is retried unless the test says so. */
export const layer = (
  { engine = "tgi", revive, server, service, target: rest }: Setup = {}
): Layer.Layer<InferenceEndpointsLLM.InferenceEndpointsLLM | Simulator.Simulator | HttpClient.HttpClient> =>
  Layer.orDie(InferenceEndpointsLLM.layerWith({ client: { retry: Retry.none }, ...service })).pipe(
    Layer.provide(endpoint(target(engine, rest), revive)),
    Layer.provideMerge(Simulator.layer({ engine, ...server }))
  )

export const secret = Redacted.make(token)

/** The bodies of the generating requests that the server received, in order. */
export const bodies = Effect.flatMap(
  Simulator.Simulator,
  ({ journal }) =>
    Effect.map(
      journal.entries,
      (entries) =>
        entries.filter(({ request }) => request.method === "POST").map(({ request }): Record<string, unknown> =>
          typeof request.json === "object" && request.json !== null ? { ...request.json } : {}
        )
    )
)

/** The service without a wire. */
export const scripted = (answer: (index: number) => string) =>
  InferenceEndpointsLLM.layerTest((_, index) => answer(index))
