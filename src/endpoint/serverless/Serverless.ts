/**
 * From a model id to the serverless router: who serves the model, under which name, and if nobody does, why.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as RoundTrip from "../../http/RoundTrip.ts"
import type * as Hub from "../../hub/Hub.ts"
import type { Provider, ProviderMapping } from "../../hub/ModelInfo.ts"
import * as EndpointError from "../EndpointError.ts"
import * as HubVerdict from "../HubVerdict.ts"
import * as Router from "./Router.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly modelId: string
  /** A provider, or a policy: `fastest`, `cheapest`, `preferred`. */
  readonly provider?: string | undefined
  readonly token: Redacted.Redacted<string> | undefined
  readonly routerUrl: URL
}

/**
 * A model as the router serves it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Served {
  /** The model's current id: different from the given one if it was renamed. */
  readonly modelId: string
  /** What goes into `model`: the id, with `:provider` or `:policy` where one was given. */
  readonly modelName: string
  /** What the router publishes about the providers that may serve the model. */
  readonly offers: ReadonlyArray<Router.Offer>
  /** Whether some provider takes messages. */
  readonly isChat: boolean
  /**
   * Where raw prompts go, and the model's name there; absent if no provider is known to take them. `isNative`: in the
   * form of TGI's native route.
   */
  readonly raw?: { readonly url: URL; readonly modelName: string; readonly isNative: boolean }
}

/**
 * The routes for raw prompts of the providers that have one, below the router. Official clients post raw prompts there, with
 * the provider's own name of the model, and never to the router's own `/v1/completions`.
 */
const completionPaths: { readonly [provider: string]: (model: string) => string } = {
  together: () => "/together/v1/completions",
  "featherless-ai": () => "/featherless-ai/v1/completions",
  novita: () => "/novita/v3/openai/completions",
  deepinfra: () => "/deepinfra/v1/openai/completions",
  "hf-inference": (model) => `/hf-inference/models/${model.split("/").map(encodeURIComponent).join("/")}`
}

/** The providers that take `inputs` and `parameters`, as TGI's native route does. */
const NATIVE = "hf-inference"

const policies: ReadonlySet<string> = new Set(["fastest", "cheapest", "preferred"])

const decodeListing = RoundTrip.json(Router.Listing)

/**
 * A refusal of the router as a reason: 401, 402 and 403 have advice of their own.
 *
 * @category errors
 * @since 0.1.0
 */
export const refusal = (
  subject: string,
  status: number,
  detail: string,
  requestId: string | undefined
): EndpointError.Reason => {
  const facts = { subject, detail, ...(requestId !== undefined && { requestId }) }
  if (status === 401) return new EndpointError.Unauthorized(facts)
  if (status === 402) return new EndpointError.PaymentRequired(facts)
  if (status === 403) return new EndpointError.Forbidden({ ...facts, permission: "inference.serverless.write" })
  if (status === 429) return new EndpointError.RateLimited(facts)
  return new EndpointError.Unreachable({ ...facts, status })
}

/** What the router publishes; undefined if it does not know the model or cannot be reached now. */
const listing = Effect.fnUntraced(function*(client: HttpClient.HttpClient, options: Options, modelId: string) {
  const path = modelId.split("/").map(encodeURIComponent).join("/")
  const answer = yield* RoundTrip.run(client, {
    method: "GET",
    url: `${options.routerUrl.href.replace(/\/+$/, "")}/v1/models/${path}`,
    token: options.token
  }).pipe(
    Effect.mapError((fault) => EndpointError.unreachable("the serverless router", fault))
  )
  if (answer.status === 404) return undefined
  if (answer.status !== 200) {
    const { message } = RoundTrip.failure(answer)
    return yield* refusal(modelId, answer.status, message, RoundTrip.requestId(answer))
  }
  const decoded = decodeListing(answer)
  return Result.isSuccess(decoded) ? Router.entry(decoded.success, modelId) : undefined
})

const isChat = ({ task }: Provider): boolean => task === undefined || task === "conversational"

const isText = (offer: Provider): boolean => isChat(offer) || offer.task === "text-generation"

const takesRaw = (offer: Provider): boolean => isText(offer) && Object.hasOwn(completionPaths, offer.provider)

const best = (offers: ReadonlyArray<Provider>): Provider | undefined =>
  offers.find(({ status }) => status === "live") ?? offers[0]

interface Choice {
  /** The provider that is tried first. */
  readonly provider: Provider
  readonly isChat: boolean
  readonly raw: Provider | undefined
}

/** Chooses by the Hub's mapping, or says why that is impossible. */
const choose = (
  mapping: ProviderMapping,
  wanted: string | undefined
): Result.Result<Choice, EndpointError.Reason> => {
  const model = mapping.id
  const { providers } = mapping
  const named = wanted === undefined || policies.has(wanted) ? undefined : wanted
  const mine = named === undefined ? providers : providers.filter(({ provider }) => provider === named)
  const provider = named === undefined ? {} : { provider: named }
  const available = providers.filter(isText).map((offer) => offer.provider)
  if (mine.length === 0) return Result.fail(new EndpointError.ModelNotServed({ model, ...provider, available }))
  const chat = best(mine.filter(isChat))
  // a mapping for raw text is meant for it; one for conversations has that route as well
  const raw = best(mine.filter((offer) => takesRaw(offer) && !isChat(offer))) ?? best(mine.filter(takesRaw))
  const first = chat ?? raw
  if (first !== undefined) return Result.succeed({ provider: first, isChat: chat !== undefined, raw })
  const tasks = [...new Set(mine.flatMap(({ task }) => task ?? []))]
  return Result.fail(new EndpointError.TaskMismatch({ model, ...provider, tasks }))
}

/**
 * Resolves a model id. The Hub's mapping decides; while the Hub cannot be reached, the router's own listing does.
 *
 * @category running
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  hub: Hub.Hub["Service"],
  options: Options
): Effect.fn.Return<Served, EndpointError.Reason> {
  if (options.token === undefined) return yield* new EndpointError.MissingToken({ subject: "the serverless router" })
  const { provider } = options
  const mapping = yield* Effect.result(hub.providers(options.modelId))
  let choice: Choice | undefined = undefined
  if (Result.isFailure(mapping)) {
    const reason = HubVerdict.verdict(mapping.failure)
    if (reason !== undefined) return yield* reason
    yield* Effect.logWarning(`only the router says who serves ${options.modelId}: ${mapping.failure.message}`)
  } else {
    const chosen = choose(mapping.success, provider)
    if (Result.isFailure(chosen)) return yield* chosen.failure
    choice = chosen.success
    const { provider: first, status } = choice.provider
    if (status !== "live") {
      yield* Effect.logWarning(`${mapping.success.id} at ${first} has the status ${status}: it may fail`)
    }
  }
  const modelId = Result.isSuccess(mapping) ? mapping.success.id : options.modelId
  const listed = yield* listing(client, options, modelId).pipe(
    // the listing is useful, but the model can be used without it
    Effect.catchTag(
      ["Unreachable", "RateLimited"],
      (reason) => Result.isSuccess(mapping) ? Effect.void : Effect.fail(reason)
    )
  )
  const named = provider === undefined || policies.has(provider) ? undefined : provider
  const offers = (listed?.providers ?? []).filter((offer) => named === undefined || offer.provider === named)
  if (Result.isFailure(mapping) && offers.length === 0) {
    const available = (listed?.providers ?? []).map((offer) => offer.provider)
    return yield* new EndpointError.ModelNotServed({
      model: modelId,
      ...(named !== undefined && { provider: named }),
      available
    })
  }
  return {
    modelId,
    modelName: provider === undefined ? modelId : `${modelId}:${provider}`,
    offers,
    isChat: choice?.isChat ?? true,
    ...rawOf(options.routerUrl, modelId, choice?.raw)
  }
})

const rawOf = (routerUrl: URL, modelId: string, offer: Provider | undefined): Pick<Served, "raw"> => {
  const path = offer === undefined ? undefined : completionPaths[offer.provider]
  if (offer === undefined || path === undefined) return {}
  return {
    raw: {
      url: new URL(`${routerUrl.href.replace(/\/+$/, "")}${path(modelId)}`),
      modelName: offer.providerId ?? modelId,
      isNative: offer.provider === NATIVE
    }
  }
}
