/**
 * The whole platform on one port of the loopback interface: Hub, router, management API, and dedicated endpoints that sleep
 * and wake, for any client in any language.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Platform from "./Platform.ts"
import * as Port from "./platform/Port.ts"
import * as SimulatorServer from "./SimulatorServer.ts"
import type * as Exchange from "./wire/Exchange.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options extends Platform.Options, SimulatorServer.ListenOptions {
  /**
   * The platform's address in its own URLs, if that differs from where it listens: in a container, for instance.
   * Without a path.
   */
  readonly publicUrl?: string | undefined
}

/**
 * Where the platform listens.
 *
 * @category services
 * @since 0.2.0
 */
export class PlatformServer extends Context.Service<PlatformServer, {
  /** The Hub (`HF_ENDPOINT`) and the router (`INFERENCE_ROUTER_URL`). Without a trailing slash. */
  readonly url: string
  /** The management API (`INFERENCE_MANAGEMENT_URL`). */
  readonly managementUrl: string
  readonly port: number
}>()("effect-inference-endpoints/simulator/PlatformServer") {}

/**
 * Serves a platform until the scope closes.
 *
 * @category serving
 * @since 0.2.0
 */
export const serve = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<
  { readonly platform: Platform.Platform["Service"]; readonly server: PlatformServer["Service"] },
  SimulatorServer.ListenError,
  Scope.Scope
> {
  // the platform's URLs contain its own address, which is known once it listens
  const handler = yield* Deferred.make<Exchange.Handler>()
  const listening = yield* SimulatorServer.serve(
    (request) => Effect.flatMap(Deferred.await(handler), (handle) => handle(request)),
    options
  )
  const origins = Port.origins(
    options.publicUrl ?? listening.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
  )
  const platform = yield* Platform.make({ ...options, origins })
  yield* Deferred.succeed(handler, Port.make(platform, origins))
  const server = PlatformServer.of({
    url: origins.origin,
    managementUrl: `${origins.origin}/v2`,
    port: listening.port
  })
  return { platform, server }
})

/**
 * The platform with its controls, and where it listens.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Platform.Platform | PlatformServer, SimulatorServer.ListenError> =>
  Layer.effectContext(
    Effect.map(serve(options), ({ platform, server }) =>
      Context.make(Platform.Platform, platform).pipe(Context.add(PlatformServer, server)))
  )
