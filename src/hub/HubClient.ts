/**
 * What the service of the Hub does, over a given Hub.
 *
 * @since 0.2.0
 */
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as HubCache from "./HubCache.ts"
import type * as HubError from "./HubError.ts"
import * as HubFile from "./HubFile.ts"
import * as HubHttp from "./HubHttp.ts"
import * as HubModels from "./HubModels.ts"
import type * as Info from "./ModelInfo.ts"

const named = HubHttp.named("Hub")

/**
 * The methods of the service. Uses the `HubCache` in the context, or else one in memory.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = Effect.fnUntraced(function*(client: HttpClient.HttpClient, settings: HubHttp.Settings) {
  const cache = Option.getOrUndefined(yield* Effect.serviceOption(HubCache.HubCache)) ?? (yield* HubCache.makeMemory)
  const send = (request: HubHttp.Request) => HubHttp.send(client, settings, request)
  const means: HubFile.Means = { cache, send, baseUrl: settings.baseUrl, offline: settings.offline }
  const providers = yield* Cache.makeWith((repo: string) => named("providers")(HubModels.providers(send, repo)), {
    capacity: 256,
    timeToLive: (exit) => Exit.isSuccess(exit) ? "5 minutes" : Duration.zero
  })

  const whoami = yield* Cache.makeWith<"owner", Info.WhoAmI, HubError.HubError>(
    () => named("whoami")(HubModels.whoami(send)),
    {
      capacity: 1,
      timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.infinity : "10 seconds"
    }
  )

  return {
    file: (file: HubFile.Options) => named("file")(HubFile.fetch(means, file)),
    listFiles: (tree: HubModels.Tree) => named("listFiles")(HubModels.listFiles(means, tree)),
    modelInfo: (repo: string, asked?: HubModels.Asked) => named("modelInfo")(HubModels.modelInfo(send, repo, asked)),
    providers: (repo: string) => Cache.get(providers, repo),
    whoami: Cache.get(whoami, "owner")
  }
})
